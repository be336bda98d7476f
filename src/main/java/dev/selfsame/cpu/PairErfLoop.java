package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** {@link PairErf}'s loop, for each width. */
interface PairErfLoop {
  /**
   * (a·x + b) · 0.5 · (1 + erf(x·0.70710678f)) for whole vectors, at most a block of them. A NaN
   * reaches the result by way of the first factor.
   *
   * @param open set to the undecided lanes of each vector
   * @return a bit for each vector that has an undecided lane
   */
  long products(
      MemorySegment x,
      long xAt,
      float a,
      float b,
      MemorySegment y,
      long yAt,
      int count,
      long[] open);
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** {@link PairExp}, for each width. x and y must not overlap. */
interface PairLoops {
  /** y = e^(x − m). */
  long exp(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] open);

  /** y = 1 / (1 + e⁻ˣ). */
  long sigmoid(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open);

  /** y = tanh x. */
  long tanh(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open);

  /**
   * dx = dy · fma(x, exp((−0.5·x)·x) · 0.3989423f, cdf).
   *
   * @param at position in x and dy
   * @param cdf the distribution function, a block
   * @param open in: the undecided lanes of cdf; out: also those of the exponential
   */
  long geluSlopes(
      MemorySegment x,
      MemorySegment dy,
      long at,
      MemorySegment cdf,
      MemorySegment dx,
      long dxAt,
      int count,
      long[] open);
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** {@link PairExp}, for each width. x and y must not overlap. */
interface PairLoops {
  /** y = e^(x − m). */
  long exp(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] open);

  /**
   * y = e^(x − m).
   *
   * @param ahead position in x of as many other elements
   * @param maxima at {@code row} becomes the maximum of these and of what is there; with a NaN
   *     among them any value, of zeros of both signs either
   */
  long expAhead(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      int count,
      long[] open,
      long ahead,
      float[] maxima,
      int row);

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

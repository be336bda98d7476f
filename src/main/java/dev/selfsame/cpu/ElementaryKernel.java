package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The contract's elementary functions over contiguous floats: {@code y[yAt + i] = f(x[xAt + i])}
 * for i in 0 … {@code n} − 1, positions in elements. x and y may be the same memory at the same
 * position; they must not overlap otherwise. Every element has the bits of {@link
 * dev.selfsame.contract.ExactMath}.
 */
public interface ElementaryKernel {
  /** y = eˣ. */
  void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /**
   * y = e^(x − m), and the contract's sum of y, as one block.
   *
   * @param n 1 to 1,024
   * @param lanes working memory, 32 floats
   */
  float expSum(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes);

  /**
   * y = e^(x − m) for rows of one length that lie behind each other, each less its maximum. While a
   * row is computed, the one after it is read for its maximum, so that neither memory nor the
   * processor waits for the other.
   *
   * @param columns 1 to 1,024
   * @param next where the row begins that the caller comes to after these
   * @param maxima of each row; the first is given, the others are written here, and after them that
   *     of the row at {@code next}. If a row has a NaN, any value; of zeros of both signs, either
   */
  void expRows(
      MemorySegment x,
      long xAt,
      int rows,
      int columns,
      long next,
      float[] maxima,
      MemorySegment y,
      long yAt);

  /** y = eˣ − 1. */
  void expm1(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = tanh x. */
  void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = 1 / (1 + e⁻ˣ). */
  void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = the error function of x. */
  void erf(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = 1 / √x. */
  void rsqrt(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = log x. */
  void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = log(1 + x). */
  void log1p(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = sin x. */
  void sin(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = cos x. */
  void cos(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);
}

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

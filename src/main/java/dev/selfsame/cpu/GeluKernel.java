package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * GELU, the distribution function in it, and its gradient, over contiguous floats. What is written
 * may be the memory of what is read at the same position; they must not overlap otherwise.
 */
public interface GeluKernel {
  /** y = (0.5·x) · (1 + erf(x·0.70710678f)). */
  void gelu(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /** y = 0.5 · (1 + erf(x·0.70710678f)) for finite x, NaN for NaN; for ±∞, any value. */
  void normal(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);

  /**
   * dx = dy · fma(x, exp((−0.5·x)·x) · 0.3989423f, 0.5 · (1 + erf(x·0.70710678f))), for elements
   * {@code from} to {@code from} + {@code n} − 1 of all three.
   */
  void gradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long n);

  /** The kernel for a vector width: the fastest there is. */
  static GeluKernel on(int bits) {
    return bits >= 256
        ? Lanes.kernel(PairErf.class, GeluKernel.class, bits)
        : Lanes.kernel(GeluByErf.class, GeluKernel.class, bits);
  }
}

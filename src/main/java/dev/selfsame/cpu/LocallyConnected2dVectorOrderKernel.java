package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** Vector loops of {@link LocallyConnected2dInOrder}. Offsets and steps are in elements. */
interface LocallyConnected2dVectorOrderKernel {
  /** Samples that one pass of {@link #reach} takes at most. */
  int SAMPLES = 4;

  /** Filters that {@link #plane} takes at once. */
  int FILTERS = 4;

  /** Floats in a vector. */
  int lanes();

  /**
   * Takes the chains of rows of pixels on by one row of taps: chain ← fma(dy[dyAt + tapDy[i]],
   * w[wAt + tapW[i]] where the mask has a bit, else +0, chain) for i in [0, taps), in order.
   *
   * @param samples 1, or as many as {@link #SAMPLES}
   * @param dyAt where each sample's row of outputs begins that meets the first row of pixels
   * @param dyRow from row to row of pixels in dy, as {@code wRow} in w and {@code chainRow} in the
   *     chains
   * @param mask for each tap and vector of a row, a word for each lane: all bits or none
   * @param vectors of a row
   * @param chainAt where each sample's chains of the first row begin
   */
  void reach(
      int samples,
      MemorySegment dy,
      long[] dyAt,
      long dyRow,
      long[] tapDy,
      MemorySegment w,
      long wAt,
      long wRow,
      long[] tapW,
      int[] mask,
      int taps,
      int rows,
      int vectors,
      MemorySegment chains,
      long[] chainAt,
      long chainRow);

  /** What a term +0·+0 does to vectors of chains: −0 becomes +0. */
  void addZero(MemorySegment chains, long at, int vectors);

  /**
   * dw[dwAt[j] + p·width + q] = chain over n of x[n·xImage + xAt + rowAt[p] + q]·dy[n·dyImage +
   * dyAt[j] + p·width + q] from +0, for four filters j, p in [0, rows), q in [0, width). Reads up
   * to a vector from a row's first element on where a row is narrower than a vector.
   */
  void plane(
      MemorySegment x,
      long xAt,
      long[] rowAt,
      long xImage,
      MemorySegment dy,
      long[] dyAt,
      long dyImage,
      long samples,
      MemorySegment dw,
      long[] dwAt,
      int filters,
      int rows,
      int width);
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** The tile of {@link Conv2dVectorImages}, for one vector width. */
interface Conv2dVectorImagesKernel {
  /** Rows of the larger tile. */
  int ROWS = 8;

  /** Rows of the smaller one. */
  int FEW = 6;

  /** Floats in a vector. */
  int lanes();

  /** Rows of the smallest tile with at least so many. */
  static int rows(int wanted) {
    return wanted > FEW ? ROWS : FEW;
  }

  /**
   * Computes the chains of a tile: c[i][j] ← +0, then ← fma(window[place[t] + j], a[t][i], c[i][j])
   * for t = 0 … n − 1 in order, with j two vectors of images.
   *
   * @param rows {@link #ROWS} or {@link #FEW}
   * @param a filters; term t of row i at {@code at + t * rows + i}
   * @param window native memory, so that the compiler sees one kind of segment
   * @param position byte in the window that places count from
   * @param place bytes
   * @param out native memory; row i at byte {@code outAt + i * step}
   */
  void tile(
      int rows,
      float[] a,
      int at,
      MemorySegment window,
      long position,
      long[] place,
      int n,
      MemorySegment out,
      long outAt,
      long step);

  /**
   * Writes a channel's results to memory, after adding the bias, if there is one, and the
   * activation: image i's lie at {@code i * positions}, and go to element {@code at + i * step}.
   */
  void finish(
      float[] results,
      int positions,
      int images,
      MemorySegment to,
      long at,
      long step,
      boolean biased,
      float bias,
      boolean relu);
}

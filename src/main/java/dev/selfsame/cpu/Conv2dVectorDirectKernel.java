package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** The tile of {@link Conv2dVectorDirect}, for one vector width. */
interface Conv2dVectorDirectKernel {
  /** Rows of a tile, and vectors in each: accumulators for 32 registers. */
  int ROWS = 8;

  int VECTORS = 3;

  /** Floats in a vector. */
  int lanes();

  /**
   * Takes terms into the chains of a tile: c[i][j] ← start[i][j], then ← fma(window[place[t] + j],
   * a[t][i], c[i][j]) for t = first … first + n − 1 in order.
   *
   * @param a filters; term t of row i at {@code at + (t - first) * ROWS + i}
   * @param window native memory, so that the compiler sees one kind of segment
   * @param lane byte in the window that places count from: the tile's first position
   * @param place bytes
   * @param start row i at {@code st + i * startStep}; may be c
   * @param c row i at {@code ct + i * step}
   */
  void tile(
      float[] a,
      int at,
      MemorySegment window,
      long lane,
      long[] place,
      int first,
      int n,
      float[] start,
      int st,
      int startStep,
      float[] c,
      int ct,
      int step);

  /**
   * total ← total + chain for {@code rows} rows of a tile's vectors, the totals' {@code step}
   * floats apart, the chains' end to end.
   */
  void fold(float[] total, int tt, int step, float[] chain, int rows);
}

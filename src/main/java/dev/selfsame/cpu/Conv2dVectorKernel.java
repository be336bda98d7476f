package dev.selfsame.cpu;

/** What the convolution drivers call of a vector width. */
interface Conv2dVectorKernel {
  /**
   * Contraction steps that a panel of scalars holds: the shortest chunk, so that chunks end where
   * panels end.
   */
  int STEPS = 512;

  /** Distance of a panel's rows. Not a power of two: its rows would share cache sets. */
  int LDA = STEPS + 16;

  /** Floats in a vector. */
  int lanes();

  /**
   * Continues chains of a tile: c[i][j] ← fma(a[i][t], b[base[from + t] + j], c[i][j]) for t = 0 …
   * n−1 in order.
   *
   * @param rows 12, 8, 6 or 4 with two vectors; 6 with four; 1 with eight
   * @param vectors vectors in a row of the tile
   * @param a scalars; row i at {@code at + i * LDA}
   * @param j offset in b of the tile's first lane
   * @param c accumulators; row i at {@code ct + i * ld}
   */
  void tile(
      int rows,
      int vectors,
      float[] a,
      int at,
      float[] b,
      int[] base,
      int from,
      int j,
      int n,
      float[] c,
      int ct,
      int ld);

  /** Vectors in the rows of tiles for so many output rows. */
  default int tileVectors(int rows) {
    if (rows < 4) {
      return 8;
    }
    // 6 rows of four fill the registers where there are 32, and read less for each product.
    return lanes() == 16 && rows <= 6 ? 4 : 2;
  }

  /**
   * Rows of the next tile when {@code left} rows are to do; a tile may have more rows than are
   * left.
   */
  default int tileRows(int left, int vectors) {
    if (vectors == 8) {
      return 1;
    }
    if (vectors == 4) {
      return 6;
    }
    // 8 rows of two vectors need 32 registers; with 16, twelve are done in two halves.
    boolean eight = lanes() == 16;
    if (left == 8 || left == 16 && eight) {
      return eight ? 8 : 4;
    }
    return left > 6 ? (left == 7 && eight ? 8 : 12) : left > 4 ? 6 : 4;
  }
}

package dev.selfsame.cpu;

/**
 * The inner parts of a contraction on packed operands, for one vector width. Convolution may use
 * them, too.
 *
 * <p>Packed a: panels of {@link #rows} rows; a panel's term k of row i at {@code k * rows() + i}.
 * Packed b: panels of up to {@link #columns} columns; a panel's term k of column j at {@code k *
 * width(columns) + j}. Chains: row i, column j of a tile at {@code i * width(columns) + j}. Rows
 * and columns that only fill up a panel hold anything; their outputs are dropped.
 */
interface GemmKernel {
  /** Most terms in one call; chunks are multiples of it. */
  int DEPTH = 512;

  /** Rows of a full tile. */
  int rows();

  /** Columns of a full tile: two vectors. */
  int columns();

  /** Columns that a panel of {@code columns} columns is padded to: one vector or two. */
  int width(int columns);

  /**
   * Takes {@code depth} terms, in order, into the chains of a tile, each by one fused multiply-add.
   *
   * @param rows rows wanted, 1 to {@link #rows}; c must have room for {@link #rows}
   * @param columns columns wanted, 1 to {@link #columns}
   */
  void tile(
      int rows, int columns, float[] a, int aAt, float[] b, int bAt, int depth, float[] c, int cAt);
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

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

  /**
   * Packs a panel whose rows or columns lie side by side in memory: term k of number j at {@code at
   * + k * step + j}.
   *
   * @param count how many there are; the panel is {@code width} wide
   */
  void packAdjacent(
      MemorySegment from,
      long at,
      long step,
      int count,
      int width,
      int depth,
      float[] packed,
      int packedAt);

  /**
   * Ends a chunk: adds a tile's chains to the totals in {@code out} (or starts them) and, after the
   * last chunk, adds the bias and applies ReLU. The chains are used up.
   *
   * @param first whether these are the first chunk's chains
   * @param bias null for none or before the last chunk
   * @param relu false before the last chunk
   */
  void finish(
      float[] c,
      int cAt,
      int rows,
      int columns,
      boolean first,
      @Nullable MemorySegment bias,
      long biasAt,
      boolean relu,
      MemorySegment out,
      long outAt,
      long outStep);
}

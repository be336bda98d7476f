package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The inner part of a contraction on packed operands that adds its chains to totals, for one vector
 * width.
 *
 * <p>Packed a: panels of {@link #rows} rows; a panel's term k of row i at {@code k * rows() + i}.
 * Packed b: panels of up to {@link #columns} columns; a panel's term k of column j at {@code k *
 * width(columns) + j}, native memory, from a cache line on: from arrays, whose vectors mostly lie
 * across two lines, a tile is 8 % slower. Chains: row i, column j of a tile at {@code i *
 * width(columns) + j}. Rows and columns that only fill up a panel hold anything; their outputs are
 * dropped.
 */
interface GemmKernel {
  /** Most terms in one call; chunks are multiples of it. */
  int DEPTH = 512;

  /** The tiles of a vector width. */
  static GemmKernel on(int bits) {
    var tiles = bits == 512 ? GemmTiles.class : SixRowGemmTiles.class;
    return Lanes.kernel(tiles, GemmKernel.class, bits);
  }

  /** Most chains of a tile. */
  int MOST_FLOATS = 12 * 32;

  /** Rows of a full tile. */
  int rows();

  /** Columns of a full tile: two vectors. */
  int columns();

  /** Columns that a panel of {@code columns} columns is padded to: one vector or two. */
  int width(int columns);

  /**
   * Takes {@code depth} terms, in order, into the chains of a tile, each by one fused multiply-add,
   * and adds the chains to a total: c[j] ← total[j] + chain[j]. All three are laid out as chains
   * are, and c may be one of the others.
   *
   * @param rows rows wanted, 1 to {@link #rows}; start, total and c must have room for {@link
   *     #rows}
   * @param columns columns wanted, 1 to {@link #columns}
   * @param start what the chains begin with; {@link #PLUS_ZEROS} for new ones
   * @param total {@link #MINUS_ZEROS} where c is to be the chains themselves
   */
  void tile(
      int rows,
      int columns,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      int depth,
      float[] start,
      int startAt,
      float[] total,
      int totalAt,
      float[] c,
      int cAt);

  /** A tile of +0. Nobody writes it. */
  float[] PLUS_ZEROS = new float[MOST_FLOATS];

  /** A tile of −0, which leaves what is added to it as it is. Nobody writes it. */
  float[] MINUS_ZEROS = minusZeros();

  private static float[] minusZeros() {
    float[] zeros = new float[MOST_FLOATS];
    Arrays.fill(zeros, -0f);
    return zeros;
  }
}

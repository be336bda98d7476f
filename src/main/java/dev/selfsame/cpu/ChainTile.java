package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The inner part of a contraction whose chains are taken up again and again, for one vector width:
 * between calls they wait in an array, from where a tile loads them as quickly as zeros. {@link
 * OutputTile} is for chains that mostly end in one call.
 *
 * <p>Packed a: term k of row i at {@code k * rows + i}. Packed b: term k of column j at {@code k *
 * columns() + j}, native memory. Chains: row i, column j at {@code i * columns() + j}.
 */
interface ChainTile {
  /** A tile of +0, which new chains start from. Nobody writes it. */
  float[] ZEROS = new float[12 * 32];

  /** The tiles of a vector width. */
  static ChainTile on(int bits) {
    return Lanes.kernel(ChainTiles.class, ChainTile.class, bits);
  }

  /**
   * Most terms of a call, at which many tiles run fastest one after the other: then the panel of b
   * is still in the first-level cache. Chunks are multiples of it.
   */
  int depth();

  /** Rows of the largest tile. */
  int rows();

  /** Columns of every tile: two vectors. */
  int columns();

  /** Rows of the smallest tile with at least {@code wanted} rows, 1 to {@link #rows()}. */
  int rows(int wanted);

  /**
   * Takes {@code depth} terms, in order, into the chains of a tile, each by one fused multiply-add.
   *
   * @param rows a number that {@link #rows(int)} returns; all of them are computed and written
   * @param start what the chains go on from; may be c
   * @param c takes the chains
   */
  void tile(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      int depth,
      float[] start,
      int startAt,
      float[] c,
      int cAt);
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The inner part of a contraction that reads one operand where it lies and writes its chains where
 * they go, for one vector width. For GEMM; convolution may use it, too.
 *
 * <p>Packed a: term k of row i at {@code k * rows + i}, rows as given to {@link #tile}. b: term k
 * of column j at {@code bAt + k * bStep + j}: a packed panel ({@code bStep} = {@link #columns}), or
 * a matrix in place. b and out are native memory (not an array's), so that the compiler sees one
 * kind of segment; b on 64-byte lines is up to 8 % faster, which arrays can't promise.
 */
interface OutputTile {
  /** Most terms in one call; chunks are multiples of it. */
  int DEPTH = 512;

  /** The tiles of a vector width. */
  static OutputTile on(int bits) {
    var tiles = bits == 512 ? OutputTiles.class : SixRowTiles.class;
    return Lanes.kernel(tiles, OutputTile.class, bits);
  }

  /**
   * Terms of a call at which many tiles run fastest one after the other: then what the first one
   * read is still in the first-level cache. Divides {@link #DEPTH}.
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
   * All positions and steps are in elements.
   *
   * @param rows a number that {@link #rows(int)} returns; all of them are computed and written
   * @param goesOn whether chains go on from what is in out; else they begin at +0, which is quicker
   * @param out takes row i, column j at {@code outAt + i * outStep + j}
   */
  void tile(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      long bStep,
      int depth,
      boolean goesOn,
      MemorySegment out,
      long outAt,
      long outStep);

  /**
   * The same where only the first half of the columns is wanted: the others are computed or left as
   * they are, whichever is quicker.
   */
  void half(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      long bStep,
      int depth,
      boolean goesOn,
      MemorySegment out,
      long outAt,
      long outStep);
}

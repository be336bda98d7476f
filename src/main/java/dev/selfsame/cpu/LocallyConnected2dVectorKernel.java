package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Register tiles of {@link LocallyConnected2dVector}: chains of four rows and two or four columns,
 * each a vector of neighbouring places. Offsets and steps are in elements. Whole vectors are read,
 * so an operand has some lanes more before its first and after its last one that counts.
 */
interface LocallyConnected2dVectorKernel {
  /** Rows of a tile. */
  int ROWS = 4;

  /** Most columns of a tile; the other width is 2. */
  int MAX_COLUMNS = 4;

  /** Floats in a vector. */
  int lanes();

  /** Columns of a tile: as many as registers hold. */
  int columns();

  /**
   * Chains over terms that differ in place: chains[i][j] = fold of a[row i + aAt[t]]·b[column j +
   * bAt[t]] for t in [0, count), from +0, in order.
   *
   * @param rows where the four rows of a begin
   * @param columns where the columns of b begin
   * @param width columns of the tile, 2 or {@link #columns}
   * @param chains [4, width, lanes], written
   */
  void overTerms(
      MemorySegment a,
      long[] rows,
      long[] aAt,
      MemorySegment b,
      long[] columns,
      long[] bAt,
      int count,
      int width,
      float[] chains);

  /**
   * Chains over samples: chains[i][j] = fold of a[row i + n·aStep]·b[column j + n·bStep] for n in
   * [0, count), from +0, in order.
   *
   * @param rows where the four rows of a begin
   * @param columns where the columns of b begin
   * @param width columns of the tile, 2 or {@link #columns}
   * @param chains [4, width, lanes], written
   */
  void overSamples(
      MemorySegment a,
      long[] rows,
      long aStep,
      MemorySegment b,
      long[] columns,
      long bStep,
      long count,
      int width,
      float[] chains);

  /**
   * Copies a vector for each term, with +0 in the lanes outside of [low, high): to[toAt + t·step] =
   * from[base + at[t]]. Of a term with low = high nothing is read.
   */
  void pack(
      MemorySegment from,
      long base,
      long[] at,
      int[] low,
      int[] high,
      int count,
      MemorySegment to,
      long toAt,
      long step);

  /**
   * Stores a tile's chains, or adds them to what is there; then the bias and ReLU.
   *
   * @param width columns of the tile
   * @param rows of the tile that are outputs
   * @param columns of the tile that are outputs
   * @param out where lane 0 of the first output goes; rows are {@code rowStep} apart, columns
   *     {@code columnStep}
   * @param low first lane that is an output
   * @param high end of the lanes that are outputs
   * @param first whether this is the first chunk
   * @param bias of output [row][column] at {@code biasAt + column·biasStep}, or null
   */
  void put(
      float[] chains,
      int width,
      int rows,
      int columns,
      MemorySegment to,
      long out,
      long rowStep,
      long columnStep,
      int low,
      int high,
      boolean first,
      @Nullable MemorySegment bias,
      long biasAt,
      long biasStep,
      boolean relu);
}

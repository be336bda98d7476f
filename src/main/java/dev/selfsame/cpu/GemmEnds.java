package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What lies at both ends of {@link OutputTile}, for one vector width: packing, and taking chains to
 * the output.
 */
interface GemmEnds {
  /**
   * Packs rows or columns that lie side by side in memory: term k of number i at {@code at + k *
   * step + i}.
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
   * The same for the rows of several whole panels in one sweep: lines of memory that they share are
   * fetched once.
   *
   * @param panelFloats from one panel to the next
   */
  void packAdjacent(
      MemorySegment from,
      long at,
      long step,
      int panels,
      int width,
      int depth,
      float[] packed,
      int packedAt,
      int panelFloats);

  /**
   * Packs columns that lie side by side in memory into panels as wide as a tile, in one sweep: term
   * k of column j at {@code at + k * step + j}.
   *
   * @param panelFloats from one panel to the next
   */
  void packColumns(
      MemorySegment from,
      long at,
      long step,
      int count,
      int depth,
      MemorySegment packed,
      long packedAt,
      long panelFloats);

  /**
   * Ends a chunk: adds a tile's chains to the totals in {@code out} (or starts them) and, after the
   * last chunk, adds the bias and applies ReLU.
   *
   * @param c the chains, {@code cStep} apart; used up
   * @param moved whether c is elsewhere; else c is out, and the chunk the first
   * @param first whether these are the first chunk's chains
   * @param bias null for none or before the last chunk
   * @param relu false before the last chunk
   */
  void finish(
      MemorySegment c,
      long cAt,
      long cStep,
      boolean moved,
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

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What lies at both ends of {@link GemmKernel}, for one vector width: packing, and taking chains to
 * the output.
 */
interface GemmEnds {
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

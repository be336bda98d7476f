package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Packs rows that are contiguous in memory into a panel that holds them side by side: a transpose
 * in registers. For GEMM and convolution; moves values only.
 *
 * <p>Use: {@code PanelPack.on(bits).transpose(from, at, step, count, depth, to, toAt, width)}. Term
 * t of row j is read at element {@code at + j * step + t} and goes to {@code to[toAt + t * width +
 * j]}, for j &lt; count and t &lt; depth. Lanes {@code count} to {@code width} − 1 hold copies of
 * row {@code count} − 1. Nothing is read beyond a row's {@code depth} terms, and nothing is written
 * outside {@code toAt} … {@code toAt + depth * width} − 1, so panels may lie end to end and be
 * packed by several threads.
 */
final class PanelPack {
  private static final @Nullable PanelPack[] BY_WIDTH = new @Nullable PanelPack[3];

  private final Square fours;
  private final Square eights;
  private final @Nullable Square sixteens;
  private final @Nullable Square twelves;
  private final boolean wide;

  private PanelPack(int bits) {
    wide = bits > 128;
    fours = Lanes.kernel(PanelTransposes.class, Square.class, 128);
    eights = wide ? Lanes.kernel(PanelTransposes.class, Square.class, 256) : fours;
    sixteens = bits == 512 ? new PanelSixteens() : null;
    twelves = bits == 512 ? new PanelTwelves() : null;
  }

  /** Packing for kernels of a vector width. */
  static PanelPack on(int bits) {
    int i = bits >> 8;
    PanelPack made = BY_WIDTH[i];
    if (made == null) {
      // Of two threads that both make it, one wins; they are the same.
      made = new PanelPack(bits);
      BY_WIDTH[i] = made;
    }
    return made;
  }

  /** As many rows as a vector has lanes, for one vector width; {@link PanelTwelves} takes 12. */
  interface Square {
    /**
     * Packs rows {@code j} … {@code j} + lanes − 1 of a panel; rows after {@code last} are copies
     * of it. {@code depth} and {@code width} − {@code j} are no less than the lanes, or rows.
     */
    void transpose(
        MemorySegment from,
        long at,
        long step,
        int j,
        int last,
        int depth,
        float[] to,
        int toAt,
        int width);
  }

  /**
   * Packs {@code count} rows of {@code depth} terms, {@code step} elements apart, into a panel that
   * is {@code width} wide.
   *
   * @param count 1 to {@code width}
   */
  void transpose(
      MemorySegment from,
      long at,
      long step,
      int count,
      int depth,
      float[] to,
      int toAt,
      int width) {
    int last = count - 1;
    if (width < 4 || depth < 4) {
      one(from, at, step, last, depth, to, toAt, width);
      return;
    }
    if (twelves != null && width == 12 && depth >= 16) {
      twelves.transpose(from, at, step, 0, last, depth, to, toAt, width);
      return;
    }
    int j = 0;
    if (sixteens != null && width > 8 && depth >= (width < 16 ? 17 : 16)) {
      // A panel narrower than a vector: what lies beyond its width, the next term overwrites. The
      // last term has none behind it.
      int whole = width < 16 ? depth - 1 : depth;
      for (; j < width; j += 16) {
        int first = Math.max(0, Math.min(j, width - 16));
        sixteens.transpose(from, at, step, first, last, whole, to, toAt, width);
      }
      one(from, at + whole, step, last, depth - whole, to, toAt + whole * width, width);
      return;
    }
    if (wide && width >= 8 && depth >= 8) {
      for (; width - j > 4; j += 8) {
        eights.transpose(from, at, step, Math.min(j, width - 8), last, depth, to, toAt, width);
      }
    }
    for (; j < width; j += 4) {
      fours.transpose(from, at, step, Math.min(j, width - 4), last, depth, to, toAt, width);
    }
  }

  private static void one(
      MemorySegment from,
      long at,
      long step,
      int last,
      int depth,
      float[] to,
      int toAt,
      int width) {
    for (int j = 0; j < width; j++) {
      long row = at + Math.min(j, last) * step;
      for (int t = 0; t < depth; t++) {
        to[toAt + t * width + j] = f32(from, row + t);
      }
    }
  }
}

package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Packs the operands of a contraction for {@link GemmKernel}; moves values only, so it has no
 * width.
 */
final class GemmPack {
  /**
   * Floats between staged rows: one cache line more than needed, so that rows don't share cache
   * sets.
   */
  private static final int STRIDE = GemmKernel.DEPTH + 16;

  private GemmPack() {}

  /**
   * Packs a panel whose rows or columns are each contiguous in memory: term k of number j at {@code
   * at + j * step + k}.
   */
  static void interleave(
      MemorySegment from,
      long at,
      long step,
      int count,
      int width,
      int depth,
      float[] packed,
      int packedAt) {
    float[] staged = Scratch.of().staging(width * STRIDE);
    for (int j = 0; j < count; j++) {
      MemorySegment.copy(
          from, JAVA_FLOAT_UNALIGNED, (at + j * step) << 2, staged, j * STRIDE, depth);
    }
    if (width == 12) {
      interleave12(staged, depth, packed, packedAt);
      return;
    }
    for (int k = 0; k < depth; k++) {
      int to = packedAt + k * width;
      for (int j = 0; j < width; j++) {
        packed[to + j] = staged[j * STRIDE + k];
      }
    }
  }

  /** Spelled out because it is twice as fast. */
  private static void interleave12(float[] staged, int depth, float[] packed, int packedAt) {
    for (int k = 0; k < depth; k++) {
      int to = packedAt + k * 12;
      packed[to] = staged[k];
      packed[to + 1] = staged[k + STRIDE];
      packed[to + 2] = staged[k + 2 * STRIDE];
      packed[to + 3] = staged[k + 3 * STRIDE];
      packed[to + 4] = staged[k + 4 * STRIDE];
      packed[to + 5] = staged[k + 5 * STRIDE];
      packed[to + 6] = staged[k + 6 * STRIDE];
      packed[to + 7] = staged[k + 7 * STRIDE];
      packed[to + 8] = staged[k + 8 * STRIDE];
      packed[to + 9] = staged[k + 9 * STRIDE];
      packed[to + 10] = staged[k + 10 * STRIDE];
      packed[to + 11] = staged[k + 11 * STRIDE];
    }
  }

  /** A thread's buffers, kept between calls. */
  static final class Scratch {
    private static final ThreadLocal<Scratch> MINE = ThreadLocal.withInitial(Scratch::new);

    private float[] staging = {};
    private float[] tile = {};
    private float[] panel = {};
    private float[] a = {};
    private float[] b = {};
    private float[] chains = {};

    private Scratch() {}

    static Scratch of() {
      return MINE.get();
    }

    float[] staging(int length) {
      return staging = atLeast(staging, length);
    }

    float[] tile(int length) {
      return tile = atLeast(tile, length);
    }

    float[] panel(int length) {
      return panel = atLeast(panel, length);
    }

    float[] a(int length) {
      return a = atLeast(a, length);
    }

    float[] b(int length) {
      return b = atLeast(b, length);
    }

    float[] chains(int length) {
      return chains = atLeast(chains, length);
    }

    private static float[] atLeast(float[] held, int length) {
      return held.length >= length ? held : new float[length];
    }
  }
}

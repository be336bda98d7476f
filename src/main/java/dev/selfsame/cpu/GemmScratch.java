package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A thread's buffers for {@link GemmProduct}, kept between calls. Native ones begin on a cache
 * line.
 */
final class GemmScratch {
  private static final ThreadLocal<GemmScratch> MINE = ThreadLocal.withInitial(GemmScratch::new);

  private float[] rows = {};
  private float[] shared = {};
  private float[] staging = {};
  private MemorySegment columns = MemorySegment.NULL;
  private MemorySegment sharedColumns = MemorySegment.NULL;
  private MemorySegment chains = MemorySegment.NULL;
  private MemorySegment tile = MemorySegment.NULL;
  private MemorySegment turned = MemorySegment.NULL;

  private GemmScratch() {}

  static GemmScratch of() {
    return MINE.get();
  }

  /** A task's own packed rows. */
  float[] rows(int length) {
    return rows = atLeast(rows, length);
  }

  /** Packed rows that all tasks read. */
  float[] sharedRows(int length) {
    return shared = atLeast(shared, length);
  }

  float[] staging(int length) {
    return staging = atLeast(staging, length);
  }

  /** A task's own packed columns. */
  MemorySegment columns(long length) {
    return columns = atLeast(columns, length);
  }

  /** Packed columns that all tasks read. */
  MemorySegment sharedColumns(long length) {
    return sharedColumns = atLeast(sharedColumns, length);
  }

  /** Unfinished chains of all tiles of a block. */
  MemorySegment chains(long length) {
    return chains = atLeast(chains, length);
  }

  /** Chains of a tile that can't go straight to the output. */
  MemorySegment tile(int length) {
    return tile = atLeast(tile, length);
  }

  /** The transpose of a narrow product's results. */
  MemorySegment turned(long length) {
    return turned = atLeast(turned, length);
  }

  private static float[] atLeast(float[] held, int length) {
    return held.length >= length ? held : new float[length];
  }

  private static MemorySegment atLeast(MemorySegment held, long length) {
    return held.byteSize() >= length * Float.BYTES
        ? held
        : Arena.ofAuto().allocate(length * JAVA_FLOAT.byteSize(), 64);
  }
}

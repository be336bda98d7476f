package dev.selfsame.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Off-heap working memory of a thread, small enough to stay in the first-level cache: what a fused
 * kernel stores between two passes over a block of elements.
 */
final class BlockScratch {
  /** Elements of a block. */
  static final int FLOATS = 1024;

  /** Blocks of a thread. */
  static final int BLOCKS = 2;

  /** Where a vector's worth of elements begins that the elementary functions use for tails. */
  static final int TAIL = BLOCKS * FLOATS;

  private static final int TAIL_FLOATS = 16;

  /** Four blocks of zeros, to copy from; nobody writes it. */
  static final MemorySegment ZEROS =
      Arena.global().allocate(4L * FLOATS * Float.BYTES, 64).asReadOnly();

  private static final ThreadLocal<MemorySegment> MINE =
      ThreadLocal.withInitial(
          () -> Arena.ofAuto().allocate((long) (TAIL + TAIL_FLOATS) * Float.BYTES, 64));

  private BlockScratch() {}

  private static final ThreadLocal<float[]> MY_ARRAY =
      ThreadLocal.withInitial(() -> new float[BLOCKS * FLOATS]);

  /** As many floats on the heap, for kernels that run through it in many places at once. */
  static float[] myArray() {
    return MY_ARRAY.get();
  }

  /** The calling thread's blocks, one after the other. */
  static MemorySegment mine() {
    return MINE.get();
  }
}

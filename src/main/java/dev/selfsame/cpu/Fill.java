package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;

/**
 * Sets words of memory: a block in the first-level cache, and the rest by copies of it. The
 * platform's copy routine stores whole vectors; its fill routine stores 8 bytes at a time, so that
 * fewer cache lines are on their way at once.
 */
public final class Fill {
  /** Words of a block. */
  private static final int BLOCK = 1 << 12;

  /** Blocks of a task. */
  private static final int TASK = 16;

  private Fill() {}

  /**
   * Sets all words.
   *
   * @param bits of a 32-bit word
   */
  public static void words(MemorySegment memory, int bits, Workers workers) {
    long count = memory.byteSize() / Integer.BYTES;
    for (int i = 0; i < Math.min(BLOCK, count); i++) {
      Mem.i32(memory, i, bits);
    }
    if (count > BLOCK) {
      long blocks = Math.ceilDiv(count, BLOCK);
      workers.run(
          Math.ceilDiv(blocks, TASK),
          task -> {
            long end = Math.min(blocks, (task + 1) * TASK);
            for (long block = Math.max(1, task * TASK); block < end; block++) {
              long first = block * BLOCK;
              long bytes = Math.min(BLOCK, count - first) * Integer.BYTES;
              MemorySegment.copy(memory, 0, memory, first * Integer.BYTES, bytes);
            }
          });
    }
  }
}

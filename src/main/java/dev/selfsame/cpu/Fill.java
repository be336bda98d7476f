package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;

/**
 * Sets words of memory. A chunk at a time, so that the compiler sees the loop and takes its own
 * store routine: one call for a whole tensor would stay in the interpreter's, which is three times
 * slower.
 */
public final class Fill {
  private static final int CHUNK = 1 << 14;

  private Fill() {}

  /**
   * Sets all words.
   *
   * @param bits of a 32-bit word
   */
  public static void words(MemorySegment memory, int bits, Workers workers) {
    long count = memory.byteSize() / Integer.BYTES;
    workers.run(
        Math.ceilDiv(count, CHUNK),
        task -> {
          long first = task * CHUNK;
          int words = (int) Math.min(CHUNK, count - first);
          chunk(memory.asSlice(first * Integer.BYTES, words * (long) Integer.BYTES), words, bits);
        });
  }

  private static void chunk(MemorySegment chunk, int words, int bits) {
    if (bits == 0) {
      chunk.fill((byte) 0);
    } else {
      for (int i = 0; i < words; i++) {
        Mem.i32(chunk, i, bits);
      }
    }
  }
}

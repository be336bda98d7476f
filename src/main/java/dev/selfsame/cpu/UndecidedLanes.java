package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;

/**
 * The end of a block of results of which a fast path decided most: where it did not, y still holds
 * the argument, and the definition finishes it. The fast loop only notes such lanes, one word for
 * each vector, for a branch in the loop would be mispredicted whenever there is one, and would stop
 * the loads that run ahead.
 */
final class UndecidedLanes {
  /** Lanes of a vector. */
  private static final int W = 16;

  /** The word of a vector without an undecided lane. */
  static final long NONE = (1 << W) - 1;

  private static final ThreadLocal<long[]> MINE =
      ThreadLocal.withInitial(() -> new long[BlockScratch.FLOATS / W]);

  private UndecidedLanes() {}

  /** The scalar definition of a function. */
  interface Definition {
    float of(float x);
  }

  /** A function over whole vectors by a slower way that knows no undecided lanes, in place. */
  interface Slow {
    void run(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);
  }

  /** The calling thread's words, one for each vector of a block. */
  static long[] mine() {
    return MINE.get();
  }

  /**
   * Finishes a block.
   *
   * @param y arguments where a bit of {@code decided} is 0, results elsewhere
   */
  static void finish(
      MemorySegment y, long at, int count, long[] decided, Definition definition, Slow slow) {
    for (int v = 0; v < count / W; v++) {
      long open = ~decided[v] & NONE;
      if (open == NONE) {
        slow.run(y, at + (long) v * W, y, at + (long) v * W, W);
        continue;
      }
      for (; open != 0; open &= open - 1) {
        long i = at + (long) v * W + Long.numberOfTrailingZeros(open);
        f32(y, i, definition.of(f32(y, i)));
      }
    }
  }
}

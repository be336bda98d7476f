package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a fast loop over blocks left open. The loop only notes them, for a branch in it would be
 * mispredicted whenever there is an undecided lane, and would stop the loads that run ahead. The
 * others are brought together over many blocks and then done by a slower kernel that decides all.
 * One object for each thread, with its working memory.
 */
final class UndecidedLanes {
  /** Most lanes of a vector; the slower kernels get whole vectors. */
  private static final int W = 16;

  private static final int BLOCK = BlockScratch.FLOATS;

  /** With more arguments than this it is time to finish: later, results are far from the cache. */
  private static final int MANY = BLOCK / 4;

  private static final ThreadLocal<UndecidedLanes> MINE =
      ThreadLocal.withInitial(UndecidedLanes::new);

  /** The undecided lanes of a block, one word for each vector. */
  final long[] lanes = new long[Long.SIZE];

  /** A block of results. */
  final MemorySegment results = Arena.ofAuto().allocate((long) BLOCK * Float.BYTES, 64);

  private final MemorySegment arguments = Arena.ofAuto().allocate(2L * BLOCK * Float.BYTES, 64);
  private final MemorySegment factors = Arena.ofAuto().allocate(2L * BLOCK * Float.BYTES, 64);
  private final MemorySegment differences = Arena.ofAuto().allocate((long) BLOCK * Float.BYTES, 64);
  private final long[] places = new long[2 * BLOCK];
  private int count;

  private UndecidedLanes() {}

  /** The calling thread's, empty. */
  static UndecidedLanes mine() {
    UndecidedLanes mine = MINE.get();
    mine.count = 0;
    return mine;
  }

  /** A function of whole vectors by a slower way that knows no undecided lanes. */
  interface Slow {
    void run(MemorySegment x, long xAt, MemorySegment y, long yAt, long n);
  }

  /**
   * Keeps the arguments of a block's undecided lanes, less m.
   *
   * @param open bits of the block's vectors
   * @param place of the block in y, where the results will go
   * @param width lanes of a vector
   */
  void keep(MemorySegment x, long xAt, float m, long place, long open, int width) {
    int n = count;
    for (; open != 0; open &= open - 1) {
      int v = Long.numberOfTrailingZeros(open);
      for (long word = lanes[v]; word != 0; word &= word - 1) {
        int i = v * width + Long.numberOfTrailingZeros(word);
        f32(arguments, n, f32(x, xAt + i) - m);
        places[n] = place + i;
        n++;
      }
    }
    count = n;
  }

  /** Keeps the arguments of a gradient's undecided lanes, all at one place. */
  void keep(MemorySegment x, MemorySegment dy, long at, long open, int width) {
    int n = count;
    keep(x, at, 0f, at, open, width);
    for (int i = n; i < count; i++) {
      f32(factors, i, f32(dy, places[i]));
    }
  }

  /** Whether it is time to finish. Room for another block is left until then. */
  boolean isDue() {
    return count > MANY;
  }

  /** Writes the results of all kept arguments. */
  void finish(MemorySegment y, Slow slow) {
    if (count > 0) {
      slow.run(arguments, 0, arguments, 0, whole());
      write(y);
    }
  }

  /** Writes the gradients of all kept arguments. */
  void finishGradient(MemorySegment dx, GeluKernel slow) {
    if (count > 0) {
      slow.gradient(arguments, factors, arguments, 0, whole());
      write(dx);
    }
  }

  /** Whole vectors of arguments. */
  private int whole() {
    int whole = (count + W - 1) & -W;
    for (int i = count; i < whole; i++) {
      f32(arguments, i, 0f);
      f32(factors, i, 0f);
    }
    return whole;
  }

  private void write(MemorySegment y) {
    for (int i = 0; i < count; i++) {
      f32(y, places[i], f32(arguments, i));
    }
    count = 0;
  }

  /** A whole block by the slower way. */
  void slowly(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, Slow slow) {
    for (int i = 0; i < count; i++) {
      f32(differences, i, f32(x, xAt + i) - m);
    }
    slow.run(differences, 0, y, yAt, count);
  }
}

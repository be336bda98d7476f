package dev.selfsame.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread's working memory, kept between calls: the loops allocate nothing. */
final class Conv2dVectorScratch {
  private static final ThreadLocal<Conv2dVectorScratch> MINE =
      ThreadLocal.withInitial(Conv2dVectorScratch::new);

  /** Input window or panels of lanes, of a task. */
  static final int WINDOW = 0;

  /** Totals of a task. */
  static final int TOTAL = 1;

  /** Chains of a task. */
  static final int CHAIN = 2;

  /** Scalars of a task. */
  static final int SCALARS = 3;

  /** What the calling thread prepares for all tasks. */
  static final int SHARED = 4;

  /** Image rows of a task of the weight gradient. */
  static final int PIXELS = 5;

  /** Sums that outlive a task, of the calling thread. */
  static final int SUMS = 6;

  /** Native: panels of lanes of a task. */
  static final int PANELS = 0;

  /** Native: totals of a task. */
  static final int TOTALS = 1;

  /** Native: chains of a task. */
  static final int CHAINS = 2;

  /** Native: what the calling thread prepares for all tasks. */
  static final int PREPARED = 3;

  private final float[][] floats = new float[7][0];
  private final MemorySegment[] natives = {
    MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL
  };
  private final Conv2dVectorWindow.Block block = new Conv2dVectorWindow.Block();
  private final Conv2dVectorProduct.State state = new Conv2dVectorProduct.State();
  private final Conv2dVectorOutputs.Pieces pieces = new Conv2dVectorOutputs.Pieces();
  private int[] ints = new int[0];
  private int[] places = new int[0];
  private long[] longs = new long[0];

  private Conv2dVectorScratch() {}

  /** The calling thread's. */
  static Conv2dVectorScratch mine() {
    return MINE.get();
  }

  /** At least {@code count} floats of any value. */
  float[] floats(int slot, long count) {
    if (floats[slot].length < count) {
      floats[slot] = new float[Math.toIntExact(count)];
    }
    return floats[slot];
  }

  /** At least {@code count} floats of any value in native memory, from a cache line on. */
  MemorySegment natives(int slot, long count) {
    if (natives[slot].byteSize() < count * Float.BYTES) {
      natives[slot] = Arena.ofAuto().allocate(count * Float.BYTES, 64);
    }
    return natives[slot];
  }

  /** What a task's window is of. */
  Conv2dVectorWindow.Block block() {
    return block;
  }

  /** What a task's steps work on. */
  Conv2dVectorProduct.State state() {
    return state;
  }

  /** Where a task's outputs go. */
  Conv2dVectorOutputs.Pieces pieces() {
    return pieces;
  }

  /** At least {@code count} ints of any value, for a task. */
  int[] places(int count) {
    if (places.length < count) {
      places = new int[count];
    }
    return places;
  }

  /**
   * At least {@code count} ints of any value, for what the calling thread prepares for all tasks.
   */
  int[] ints(long count) {
    if (ints.length < count) {
      ints = new int[Math.toIntExact(count)];
    }
    return ints;
  }

  /**
   * At least {@code count} longs of any value, for what the calling thread prepares for all tasks.
   */
  long[] longs(int count) {
    if (longs.length < count) {
      longs = new long[count];
    }
    return longs;
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread's working memory of {@link LocallyConnected2dVector}, kept between calls. */
final class LocallyConnected2dScratch {
  private static final ThreadLocal<LocallyConnected2dScratch> MINE =
      ThreadLocal.withInitial(LocallyConnected2dScratch::new);

  /** Where the rows and columns of a tile begin, and its chains. */
  final long[] rows = new long[LocallyConnected2dVectorKernel.ROWS];

  final long[] columns = new long[LocallyConnected2dVectorKernel.MAX_COLUMNS];
  final float[] chains =
      new float
          [LocallyConnected2dVectorKernel.ROWS * LocallyConnected2dVectorKernel.MAX_COLUMNS * 16];

  /** Where in a sample the rows of a tile over samples begin. */
  final long[] rowAt = new long[LocallyConnected2dVectorKernel.ROWS];

  /** Where each tap's first lane lies in both operands, and the lanes of the second that count. */
  long[] tapAAt = {};

  long[] tapBAt = {};
  int[] tapLow = {};
  int[] tapHigh = {};

  /** The same of each term of a chunk. */
  long[] aAt = {};

  long[] bAt = {};
  int[] bLow = {};
  int[] bHigh = {};

  /** Where each term lies in a panel. */
  long[] panelAt = {};

  /** Filter rows and columns that reach a pixel. */
  int[] tapH = {};

  int[] tapW = {};

  private MemorySegment planes = MemorySegment.NULL;
  private MemorySegment ended = MemorySegment.NULL;
  private MemorySegment panel = MemorySegment.NULL;
  private MemorySegment run = MemorySegment.NULL;
  private int[] masks = {};
  private long[] rowsAt = {};

  private LocallyConnected2dScratch() {}

  /** The calling thread's. */
  static LocallyConnected2dScratch mine() {
    return MINE.get();
  }

  /** Makes room for the taps of a filter; returns how many. */
  int taps(long count) {
    if (tapAAt.length < count) {
      int room = Math.toIntExact(count);
      tapAAt = new long[room];
      tapBAt = new long[room];
      tapLow = new int[room];
      tapHigh = new int[room];
    }
    return (int) count;
  }

  /**
   * Spells out a chunk's terms [begin, begin + count). Their taps go round; with each round the
   * operands move on by {@code aStep} and {@code bStep}.
   */
  void terms(long begin, int count, int taps, long aStep, long bStep) {
    if (aAt.length < count) {
      aAt = new long[count];
      bAt = new long[count];
      bLow = new int[count];
      bHigh = new int[count];
      panelAt = new long[count];
    }
    if (count == 0) {
      return;
    }
    int tap = (int) (begin % taps);
    long round = begin / taps;
    for (int t = 0; t < count; t++) {
      aAt[t] = tapAAt[tap] + round * aStep;
      bAt[t] = tapBAt[tap] + round * bStep;
      bLow[t] = tapLow[tap];
      bHigh[t] = tapHigh[tap];
      if (++tap == taps) {
        tap = 0;
        round++;
      }
    }
  }

  /** At least that many floats of any value, for what the calling thread prepares. */
  MemorySegment planes(long floats) {
    return planes = atLeast(planes, floats);
  }

  /** A copy with {@code lanes} floats of room after it. */
  MemorySegment withEnd(MemorySegment memory, int lanes) {
    ended = atLeast(ended, memory.byteSize() / Float.BYTES + lanes);
    MemorySegment.copy(memory, 0, ended, 0, memory.byteSize());
    return ended;
  }

  /** A copy of part of the memory with that many floats of room before and after it. */
  MemorySegment withRoom(MemorySegment memory, long from, long count, long before, long after) {
    run = atLeast(run, before + count + after);
    MemorySegment.copy(memory, from * 4, run, before * 4, count * 4);
    return run;
  }

  /** At least that many words of any value. */
  int[] masks(int count) {
    return masks = masks.length >= count ? masks : new int[count];
  }

  /** At least that many places of rows. */
  long[] rowsAt(long count) {
    return rowsAt = rowsAt.length >= count ? rowsAt : new long[Math.toIntExact(count)];
  }

  /** At least that many floats of any value, of a task. */
  MemorySegment panel(long floats) {
    return panel = atLeast(panel, floats);
  }

  private static MemorySegment atLeast(MemorySegment held, long floats) {
    long bytes = Math.multiplyExact(floats, Float.BYTES);
    return held.byteSize() >= bytes ? held : Arena.ofAuto().allocate(bytes, 64);
  }

  /** Finds the filter rows of a padded row's stride phase; returns how many. */
  int tapsH(long padded, long taps, long dilation, long stride) {
    tapH = room(tapH, taps);
    return find(tapH, padded, taps, dilation, stride);
  }

  /** Finds the filter columns of a padded column's stride phase; returns how many. */
  int tapsW(long padded, long taps, long dilation, long stride) {
    tapW = room(tapW, taps);
    return find(tapW, padded, taps, dilation, stride);
  }

  private static int[] room(int[] held, long count) {
    return held.length >= count ? held : new int[Math.toIntExact(count)];
  }

  private static int find(int[] to, long padded, long taps, long dilation, long stride) {
    int count = 0;
    for (long tap = 0; tap < taps; tap++) {
      if ((padded - tap * dilation) % stride == 0) {
        to[count++] = (int) tap;
      }
    }
    return count;
  }
}

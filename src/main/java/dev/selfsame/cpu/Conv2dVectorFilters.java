package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorKernel.STEPS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Copies the weights of a correlation into the panels of scalars that its tiles read:
 * [group][step][row][term].
 */
final class Conv2dVectorFilters {
  private static final int ROWS = 12;

  private final Conv2dVectorRowKernel kernel;
  private final Conv2dVectorCorrelation.Taps taps;
  private final long groups;
  private final long terms;
  private final int rowFloats;
  private final int tapCount;
  private final boolean tapsInOrder;
  private final boolean rowsInOrder;

  /**
   * With rows of {@code rowFloats}: at least a vector more than a step has terms, for copies run
   * over their end.
   */
  Conv2dVectorFilters(
      Conv2dVectorRowKernel kernel,
      Conv2dVectorCorrelation.Taps taps,
      long groups,
      long terms,
      int rowFloats) {
    this.kernel = kernel;
    this.taps = taps;
    this.groups = groups;
    this.terms = terms;
    this.rowFloats = rowFloats;
    tapCount = taps.row().length * taps.col().length;
    boolean inOrder = true;
    for (int tap = 0; tap < tapCount; tap++) {
      inOrder &= place(tap) == tap;
    }
    tapsInOrder = inOrder;
    rowsInOrder = inOrder && taps.channelStride() == tapCount;
  }

  private long place(int tap) {
    int width = taps.col().length;
    return taps.kernelRow()[tap / width] * taps.kernelWidth() + taps.kernelCol()[tap % width];
  }

  /** Rows {@code first} … {@code first + count} − 1 of every group. */
  void pack(MemorySegment weights, int first, int count, float[] to, Workers workers) {
    int steps = (int) Math.ceilDiv(terms, STEPS);
    workers.run(
        groups * steps,
        id -> {
          int t = (int) (id % steps) * STEPS;
          int n = (int) Math.min(STEPS, terms - t);
          int at = (int) (id * count * rowFloats);
          for (int row = 0; row < count; row += ROWS) {
            long from = id / steps * taps.groupStride() + (first + row) * taps.rowStride();
            tile(weights, from, Math.min(ROWS, count - row), t, n, to, at + row * rowFloats);
          }
        });
  }

  private void tile(MemorySegment weights, long from, int rows, int t, int n, float[] to, int at) {
    if (rowsInOrder) {
      for (int row = 0; row < rows; row++) {
        kernel.copy(weights, from + row * taps.rowStride() + t, 1, to, at + row * rowFloats, n);
      }
      return;
    }
    long channel = from + t / tapCount * taps.channelStride();
    int tap = t % tapCount;
    for (int i = 0; i < n; ) {
      int run = Math.min(tapCount - tap, n - i);
      if (tapsInOrder && tapCount > 2) {
        for (int row = 0; row < rows; row++) {
          kernel.copy(
              weights,
              channel + row * taps.rowStride() + tap,
              1,
              to,
              at + row * rowFloats + i,
              run);
        }
      } else {
        for (int j = 0; j < run; j++) {
          column(weights, channel + place(tap + j), rows, to, at + i + j);
        }
      }
      i += run;
      tap = 0;
      channel += taps.channelStride();
    }
  }

  private void column(MemorySegment weights, long from, int rows, float[] to, int at) {
    for (int row = 0; row < rows; row++) {
      to[at + row * rowFloats] =
          weights.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + row * taps.rowStride()) * 4);
    }
  }
}

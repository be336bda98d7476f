package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Packs filters for the tiles of {@link GemmKernel}: [tile of rows][term][row]. */
final class Conv2dVectorFilterPanels {
  private final GemmEnds ends;
  private final PanelPack pack;
  private final Conv2dVectorCorrelation.Taps taps;
  private final int tileRows;
  private final int tapCount;
  private final int[] places;
  private final boolean tapsInOrder;
  private final boolean rowsInOrder;
  private final boolean rowsAdjacent;

  Conv2dVectorFilterPanels(
      GemmEnds ends, PanelPack pack, Conv2dVectorCorrelation.Taps taps, int tileRows) {
    this.ends = ends;
    this.pack = pack;
    this.taps = taps;
    this.tileRows = tileRows;
    int width = taps.col().length;
    tapCount = taps.row().length * width;
    places = new int[tapCount];
    boolean inOrder = true;
    for (int tap = 0; tap < tapCount; tap++) {
      places[tap] =
          (int)
              (taps.kernelRow()[tap / width] * taps.kernelWidth() + taps.kernelCol()[tap % width]);
      inOrder &= places[tap] == tap;
    }
    tapsInOrder = inOrder;
    rowsInOrder = inOrder && taps.channelStride() == tapCount;
    rowsAdjacent = tapCount == 1 && taps.rowStride() == 1;
  }

  /** Terms t … t+n−1 of {@code count} rows of a group from {@code first} on. */
  void pack(MemorySegment weights, long group, int first, int count, long t, int n, float[] to) {
    for (int row = 0; row < count; row += tileRows) {
      long from = group * taps.groupStride() + (first + row) * taps.rowStride();
      int tile = Math.min(tileRows, count - row);
      int at = row * n;
      if (rowsInOrder) {
        pack.transpose(weights, from + t, taps.rowStride(), tile, n, to, at, tileRows);
      } else if (rowsAdjacent) {
        long place = from + places[0] + t * taps.channelStride();
        ends.packAdjacent(weights, place, taps.channelStride(), tile, tileRows, n, to, at);
      } else if (tapsInOrder && tapCount > 3) {
        channels(weights, from, tile, t, n, to, at);
      } else {
        gather(weights, from, tile, t, n, to, at);
      }
    }
  }

  /** The taps of a channel are neighbours. */
  private void channels(
      MemorySegment weights, long from, int rows, long t, int n, float[] to, int at) {
    long channel = from + t / tapCount * taps.channelStride();
    int tap = (int) (t % tapCount);
    for (int i = 0; i < n; channel += taps.channelStride()) {
      int run = Math.min(tapCount - tap, n - i);
      long place = channel + tap;
      pack.transpose(weights, place, taps.rowStride(), rows, run, to, at + i * tileRows, tileRows);
      i += run;
      tap = 0;
    }
  }

  private void gather(
      MemorySegment weights, long from, int rows, long t, int n, float[] to, int at) {
    long channel = from + t / tapCount * taps.channelStride();
    int tap = (int) (t % tapCount);
    for (int i = 0, place = at; i < n; i++, place += tileRows) {
      for (int row = 0; row < rows; row++) {
        long element = channel + places[tap] + row * taps.rowStride();
        to[place + row] = weights.get(ValueLayout.JAVA_FLOAT_UNALIGNED, element * 4);
      }
      if (++tap == tapCount) {
        tap = 0;
        channel += taps.channelStride();
      }
    }
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Packs filters for the tiles of {@link GemmKernel}: [tile of rows][term][row]. */
final class Conv2dVectorFilterPanels {
  private final GemmEnds ends;
  private final PanelPack pack;
  private final Conv2dVectorCorrelation.Taps taps;
  private final int tileRows;
  private final int tapCount;
  private final Conv2dVectorRowKernel rowKernel;
  private final int[] places;

  /** Where term (tap, row) of a channel lies, counted from the tile's first row. */
  private final int[] map;

  private final int reach;
  private final int nearFloats;
  private final boolean rowsInOrder;
  private final boolean rowsAdjacent;

  Conv2dVectorFilterPanels(
      GemmEnds ends,
      PanelPack pack,
      Conv2dVectorRowKernel rowKernel,
      Conv2dVectorCorrelation.Taps taps,
      int tileRows) {
    this.ends = ends;
    this.pack = pack;
    this.rowKernel = rowKernel;
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
    reach = Arrays.stream(places).max().orElse(0) + 1;
    nearFloats = (int) ((tileRows - 1) * taps.rowStride()) + reach + rowKernel.lanes();
    map = new int[tapCount * tileRows + rowKernel.lanes()];
    for (int i = 0; i < tapCount * tileRows; i++) {
      map[i] = places[i / tileRows] + (int) (i % tileRows * taps.rowStride());
    }
    rowsInOrder = inOrder && taps.channelStride() == tapCount;
    rowsAdjacent = tapCount == 1 && taps.rowStride() == 1;
  }

  /**
   * Terms t … t+n−1 of {@code count} rows of a group from {@code first} on. May overwrite less than
   * a vector after them.
   */
  void pack(
      MemorySegment weights,
      long group,
      int first,
      int count,
      long t,
      int n,
      float[] to,
      int toAt) {
    for (int row = 0; row < count; row += tileRows) {
      long from = group * taps.groupStride() + (first + row) * taps.rowStride();
      int tile = Math.min(tileRows, count - row);
      int at = toAt + row * n;
      if (rowsInOrder) {
        pack.transpose(weights, from + t, taps.rowStride(), tile, n, to, at, tileRows);
      } else if (rowsAdjacent) {
        long place = from + places[0] + t * taps.channelStride();
        ends.packAdjacent(weights, place, taps.channelStride(), tile, tileRows, n, to, at);
      } else {
        pick(weights, from, tile, t, n, to, at);
      }
    }
  }

  /** A channel's taps of all rows lie close together: they are copied first, then picked. */
  private void pick(MemorySegment weights, long from, int rows, long t, int n, float[] to, int at) {
    int floats = (int) ((rows - 1) * taps.rowStride()) + reach;
    float[] near = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.PIXELS, nearFloats);
    long channel = from + t / tapCount * taps.channelStride();
    int tap = (int) (t % tapCount);
    for (int i = 0; i < n; channel += taps.channelStride()) {
      int run = Math.min(tapCount - tap, n - i);
      rowKernel.copy(weights, channel, 1, near, 0, floats);
      rowKernel.pick(near, map, tap * tileRows, run * tileRows, to, at + i * tileRows);
      i += run;
      tap = 0;
    }
  }
}

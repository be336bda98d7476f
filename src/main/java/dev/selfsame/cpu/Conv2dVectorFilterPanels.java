package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

/**
 * Packs filters for the tiles of {@link OutputTile}: [tile of rows][term][row]. The last tile of a
 * group may be narrower, as {@link OutputTile#rows(int)} has it.
 */
final class Conv2dVectorFilterPanels {
  private final GemmEnds ends;
  private final PanelPack pack;
  private final Conv2dVectorCorrelation.Taps taps;
  private final int tileRows;
  private final int tapCount;
  private final Conv2dVectorRowKernel rowKernel;
  private final int[] places;

  private final IntUnaryOperator height;

  /** Where term (tap, row) of a channel lies, counted from the tile's first row. */
  private final int[] map;

  /** The same for the last tile of a group, where it is narrower. */
  private final int[] lastMap;

  private final int reach;
  private final int nearFloats;
  private final boolean rowsInOrder;
  private final boolean rowsAdjacent;

  /** Most floats of all filters. */
  static final long MOST = 1 << 30;

  /** Floats that packing may overwrite after a tile. */
  static final int GAP = 16;

  private final int rows;
  private final long terms;

  Conv2dVectorFilterPanels(
      GemmVector on,
      Conv2dVectorRowKernel rowKernel,
      Conv2dVectorCorrelation.Taps taps,
      long rows,
      long terms) {
    this(on, on.kernel.rows(), on.kernel::rows, rowKernel, taps, rows, terms);
  }

  /**
   * For other tiles.
   *
   * @param height rows of the smallest tile with at least so many
   */
  Conv2dVectorFilterPanels(
      GemmVector on,
      int tileRows,
      IntUnaryOperator height,
      Conv2dVectorRowKernel rowKernel,
      Conv2dVectorCorrelation.Taps taps,
      long rows,
      long terms) {
    ends = on.ends;
    pack = on.pack;
    this.height = height;
    this.tileRows = tileRows;
    this.rowKernel = rowKernel;
    this.taps = taps;
    this.rows = Math.toIntExact(rows);
    this.terms = terms;
    int width = taps.col().length;
    tapCount = taps.row().length * width;
    places = new int[tapCount];
    boolean inOrder = true;
    int last = 0;
    for (int tap = 0; tap < tapCount; tap++) {
      places[tap] =
          (int)
              (taps.kernelRow()[tap / width] * taps.kernelWidth() + taps.kernelCol()[tap % width]);
      inOrder &= places[tap] == tap;
      last = Math.max(last, places[tap]);
    }
    reach = last + 1;
    nearFloats = (int) ((tileRows - 1) * taps.rowStride()) + reach + rowKernel.lanes();
    rowsInOrder = inOrder && taps.channelStride() == tapCount;
    rowsAdjacent = tapCount == 1 && taps.rowStride() == 1;
    int lastRows = height.applyAsInt((this.rows - 1) % tileRows + 1);
    map = rowsInOrder || rowsAdjacent ? places : map(tileRows);
    lastMap = rowsInOrder || rowsAdjacent || lastRows == tileRows ? map : map(lastRows);
  }

  /** Floats of all filters, packed: a tile of rows is followed by a gap. */
  static long floats(OutputTile kernel, long groups, long rows, long terms) {
    return groups * Math.ceilDiv(rows, kernel.rows()) * (terms * kernel.rows() + GAP);
  }

  /** Where a tile of rows begins among all filters. */
  long tile(long group, int row) {
    long tile = group * Math.ceilDiv(rows, tileRows) + row / tileRows;
    return tile * (terms * tileRows + GAP);
  }

  /** Packs all filters, each tile of rows with all of its terms. */
  void packAll(MemorySegment weights, long groups, float[] to, Workers workers) {
    long tiles = Math.ceilDiv(rows, tileRows);
    workers.run(
        groups * tiles,
        tile -> {
          int row = (int) (tile % tiles) * tileRows;
          int count = Math.min(tileRows, rows - row);
          int at = (int) tile(tile / tiles, row);
          pack(weights, tile / tiles, row, count, 0, (int) terms, to, at);
        });
  }

  private int[] map(int width) {
    int[] made = new int[tapCount * width + rowKernel.lanes()];
    for (int i = 0; i < tapCount * width; i++) {
      made[i] = places[i / width] + (int) (i % width * taps.rowStride());
    }
    return made;
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
      int width = height.applyAsInt(tile);
      int at = toAt + row * n;
      if (rowsInOrder) {
        pack.transpose(weights, from + t, taps.rowStride(), tile, n, to, at, width);
      } else if (rowsAdjacent) {
        long place = from + places[0] + t * taps.channelStride();
        ends.packAdjacent(weights, place, taps.channelStride(), tile, width, n, to, at);
      } else {
        pick(weights, from, tile, width, t, n, to, at);
      }
    }
  }

  /** A channel's taps of all rows lie close together: they are copied first, then picked. */
  private void pick(
      MemorySegment weights, long from, int rows, int width, long t, int n, float[] to, int at) {
    int floats = (int) ((rows - 1) * taps.rowStride()) + reach;
    float[] near = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.PIXELS, nearFloats);
    int[] places = width == tileRows ? map : lastMap;
    long channel = from + t / tapCount * taps.channelStride();
    int tap = (int) (t % tapCount);
    for (int i = 0; i < n; channel += taps.channelStride()) {
      int run = Math.min(tapCount - tap, n - i);
      rowKernel.copy(weights, channel, 1, near, 0, floats);
      rowKernel.pick(near, places, tap * width, run * width, to, at + i * width);
      i += run;
      tap = 0;
    }
  }
}

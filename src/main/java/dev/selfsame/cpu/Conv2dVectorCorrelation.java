package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorKernel.LDA;
import static dev.selfsame.cpu.Conv2dVectorKernel.STEPS;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * out[n, g, row, u, v] = Σ over (channel, tap) of weight[g, row, channel, tap] · image[n, g,
 * channel, u·strideH + tapRow, v·strideW + tapCol], for all (u, v) of a grid.
 *
 * <p>A task is a block of the grid of one image and group. It copies the part of the image that it
 * reads into a padded window, split by stride phase, so that neighbouring positions are neighbours
 * in the window whatever the stride: the lanes of a tile are consecutive window places from the
 * block's first position on. Lanes that run over the end of a row compute values that nobody reads.
 */
final class Conv2dVectorCorrelation {
  private static final long WINDOW_FLOATS = 1 << 16;
  private static final long TOTAL_FLOATS = 1 << 17;
  private static final long SHARED_FLOATS = 1 << 25;
  private static final long MIN_TASKS = 8;

  /** The input: n images of groups × channels planes h × w. */
  record Image(long n, long groups, long channels, long h, long w, long strideH, long strideW) {}

  /**
   * The output: rows planes a group of h × w pixels, of which this writes (u·stepH + atH, v·stepW +
   * atW) for u &lt; u(), v &lt; v().
   */
  record Grid(
      long rows, long h, long w, long u, long v, long atH, long atW, long stepH, long stepW) {}

  /**
   * The taps: every pair of a row and a column offset, with its place kernelRow·kernelWidth +
   * kernelCol in the filter, and the weights' distances from group to group, output row to output
   * row, channel to channel.
   */
  record Taps(
      long[] row,
      long[] col,
      long[] kernelRow,
      long[] kernelCol,
      long kernelWidth,
      long groupStride,
      long rowStride,
      long channelStride) {
    long firstRow() {
      return least(row, row.length);
    }

    long firstCol() {
      return least(col, col.length);
    }

    /** From the first row to the last. */
    long reachRows() {
      return most(row, row.length) - firstRow();
    }

    /** From the first column to the last. */
    long reachCols() {
      return most(col, col.length) - firstCol();
    }

    // Loops: a stream would be a dozen objects for each call of a convolution.

    /** The least of the first {@code count} offsets, of which there is one. */
    static long least(long[] offsets, int count) {
      long least = offsets[0];
      for (int i = 1; i < count; i++) {
        least = Math.min(least, offsets[i]);
      }
      return least;
    }

    /** The largest of the first {@code count} offsets, of which there is one. */
    static long most(long[] offsets, int count) {
      long most = offsets[0];
      for (int i = 1; i < count; i++) {
        most = Math.max(most, offsets[i]);
      }
      return most;
    }
  }

  private final Conv2dVectorKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Image in;
  private final Grid out;
  private final Taps taps;
  private final int tapCount;
  private final int rows;
  private final long terms;
  private final long chunk;
  private final int steps;
  private final int vectors;
  private final int aStride;

  // The window: planes of offsets (planeRow, planeCol), and each tap's plane and place in it.
  private int planes;
  private final long[] planeRow;
  private final long[] planeCol;
  private final int[] tapPlane;
  private final int[] shiftRow;
  private final int[] shiftCol;
  private int extraRows;
  private int extraCols;

  // The partition.
  private int blockU;
  private int blockV;
  private int blockRows;
  private int windowW;
  private int planeFloats;
  private int windowFloats;
  private int ld;

  Conv2dVectorCorrelation(
      Conv2dVectorKernel kernel, Conv2dVectorRowKernel rowKernel, Image in, Grid out, Taps taps) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.in = in;
    this.out = out;
    this.taps = taps;
    tapCount = Math.multiplyExact(taps.row.length, taps.col.length);
    rows = Math.toIntExact(out.rows);
    terms = in.channels * tapCount;
    chunk = Contract.chunk(terms);
    steps = Math.toIntExact(Math.ceilDiv(terms, STEPS));
    vectors = kernel.tileVectors(rows);
    aStride = vectors == 8 ? (int) Math.min(STEPS, terms) + 16 : LDA;
    planeRow = new long[tapCount];
    planeCol = new long[tapCount];
    tapPlane = new int[tapCount];
    shiftRow = new int[tapCount];
    shiftCol = new int[tapCount];
    if (tapCount > 0) {
      planWindow();
      planBlocks();
    }
  }

  // ---- planning
  // -----------------------------------------------------------------------------------------------

  private void planWindow() {
    long firstRow = taps.firstRow();
    long firstCol = taps.firstCol();
    long moreRows = taps.reachRows() / in.strideH;
    long moreCols = taps.reachCols() / in.strideW;
    // Taps share a plane unless much of its width would be computed in vain, or it would not fit a
    // cache.
    int panel = vectors * kernel.lanes();
    long sharedSpan = Math.ceilDiv((out.u - 1) * (out.v + moreCols) + out.v, panel);
    long denseSpan = Math.ceilDiv(out.u * out.v, panel);
    boolean shared =
        (rows < 64 || sharedSpan * 4 <= denseSpan * 5)
            && (moreRows + 1) * (Math.min(out.v, 64) + moreCols) * windowChannels()
                <= 2 * WINDOW_FLOATS;
    extraRows = shared ? (int) moreRows : 0;
    extraCols = shared ? (int) moreCols : 0;
    for (int tap = 0; tap < tapCount; tap++) {
      long row = taps.row[tap / taps.col.length];
      long col = taps.col[tap % taps.col.length];
      if (shared) {
        shiftRow[tap] = (int) ((row - firstRow) / in.strideH);
        shiftCol[tap] = (int) ((col - firstCol) / in.strideW);
        row -= shiftRow[tap] * in.strideH;
        col -= shiftCol[tap] * in.strideW;
      }
      tapPlane[tap] = shared ? plane(row, col) : planes;
      if (tapPlane[tap] == planes) {
        planeRow[planes] = row;
        planeCol[planes++] = col;
      }
    }
  }

  private int plane(long row, long col) {
    for (int f = 0; f < planes; f++) {
      if (planeRow[f] == row && planeCol[f] == col) {
        return f;
      }
    }
    return planes;
  }

  /** Most channels that one panel of steps reads. */
  private long windowChannels() {
    return Math.min(in.channels, STEPS / tapCount + 2);
  }

  private void planBlocks() {
    int panel = vectors * kernel.lanes();
    long perPlace = windowChannels() * planes;
    long widest = Math.max(64, WINDOW_FLOATS / perPlace / panel * panel);
    long parts = Math.ceilDiv(out.v, widest);
    blockV =
        Math.toIntExact(
            parts == 1 ? out.v : Math.ceilDiv(Math.ceilDiv(out.v, parts), panel) * panel);
    windowW = blockV + extraCols;
    long most = Math.max(1, WINDOW_FLOATS / (perPlace * windowW) - extraRows);
    most = Math.max(1, Math.min(most, TOTAL_FLOATS / 16 / windowW));
    blockU = Math.toIntExact(Math.ceilDiv(out.u, Math.ceilDiv(out.u, most)));
    while (blocks() < MIN_TASKS && blockU > 1 && (long) blockU * windowW > 128) {
      blockU = Math.ceilDiv(blockU, 2);
    }
    ld = Math.ceilDiv((blockU - 1) * windowW + blockV, panel) * panel;
    long fitting = Math.max(12, TOTAL_FLOATS / ld / 12 * 12);
    long wanted = Math.min(Math.ceilDiv(MIN_TASKS, blocks()), Math.ceilDiv(rows, 24));
    blockRows =
        (int) Math.min(rows, Math.min(fitting, Math.ceilDiv(Math.ceilDiv(rows, wanted), 12) * 12));
    planeFloats = Math.multiplyExact(blockU + extraRows, windowW);
    windowFloats = Math.toIntExact(Math.multiplyExact(perPlace, planeFloats));
  }

  private long blocks() {
    return in.n * in.groups * Math.ceilDiv(out.u, blockU) * Math.ceilDiv(out.v, blockV);
  }

  // ---- running
  // ------------------------------------------------------------------------------------------------

  void run(
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    if (tapCount == 0) {
      zero(to);
      return;
    }
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int[] base = mine.ints(terms);
    for (int t = 0; t < terms; t++) {
      int firstChannel = t / STEPS * STEPS / tapCount;
      int tap = t % tapCount;
      base[t] =
          ((t / tapCount - firstChannel) * planes + tapPlane[tap]) * planeFloats
              + shiftRow[tap] * windowW
              + shiftCol[tap];
    }
    var filters = new Conv2dVectorFilters(rowKernel, taps, in.groups, terms, aStride);
    long perRow = in.groups * steps * aStride;
    int pass = (int) Math.min(rows, Math.max(12, SHARED_FLOATS / perRow / 12 * 12));
    for (int first = 0; first < rows; first += pass) {
      int count = Math.min(pass, rows - first);
      float[] a = mine.floats(Conv2dVectorScratch.SHARED, perRow * count + 12 * LDA);
      filters.pack(weights, first, count, a, workers);
      int begin = first;
      long rowBlocks = Math.ceilDiv(count, blockRows);
      workers.run(
          blocks() * rowBlocks,
          id ->
              block(
                  id / rowBlocks,
                  begin,
                  count,
                  (int) (id % rowBlocks),
                  image,
                  a,
                  base,
                  bias,
                  relu,
                  to));
    }
  }

  private void block(
      long id,
      int begin,
      int count,
      int rowBlock,
      MemorySegment image,
      float[] a,
      int[] base,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    long partsV = Math.ceilDiv(out.v, blockV);
    long partsU = Math.ceilDiv(out.u, blockU);
    long v = id % partsV * blockV;
    long u = id / partsV % partsU * blockU;
    long plane = id / (partsV * partsU);
    long group = plane % in.groups;
    int countV = (int) Math.min(blockV, out.v - v);
    int countU = (int) Math.min(blockU, out.u - u);
    int span = (countU - 1) * windowW + countV;
    int firstRow = rowBlock * blockRows;
    int rowCount = Math.min(blockRows, count - firstRow);
    int panel = vectors * kernel.lanes();
    boolean oneStep = chunk == STEPS;

    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] window = mine.floats(Conv2dVectorScratch.WINDOW, windowFloats + panel);
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, (long) (rowCount + 12) * ld);
    float[] chains =
        mine.floats(Conv2dVectorScratch.CHAIN, (long) (oneStep ? 12 : rowCount + 12) * ld);
    Arrays.fill(total, 0, rowCount * ld, 0f);

    for (int step = 0; step < steps; step++) {
      int t = step * STEPS;
      int n = (int) Math.min(STEPS, terms - t);
      boolean first = t < chunk;
      boolean starts = !first && t % chunk == 0;
      boolean ends = !first && ((t + n) % chunk == 0 || t + n == terms);
      fill(image, plane, t / tapCount, (t + n - 1) / tapCount, u, countU, v, countV, window);
      int panelA = (int) ((group * steps + step) * count + firstRow) * aStride;
      for (int row = 0; row < rowCount; ) {
        int tileRows = kernel.tileRows(rowCount - row, vectors);
        float[] c = first ? total : chains;
        int at = first || !oneStep ? row * ld : 0;
        if (starts) {
          Arrays.fill(chains, at, at + tileRows * ld, 0f);
        }
        for (int j = 0; j < span; j += panel) {
          kernel.tile(
              tileRows, vectors, a, panelA + row * aStride, window, base, t, j, n, c, at + j, ld);
        }
        if (ends) {
          rowKernel.fold(total, row * ld, chains, at, tileRows * ld);
        }
        row += tileRows;
      }
    }
    write(plane, group, begin + firstRow, rowCount, u, countU, v, countV, total, bias, relu, to);
  }

  /**
   * Copies what channels {@code first} … {@code last} of a group's planes give a block, with +0
   * outside of the image.
   */
  private void fill(
      MemorySegment image,
      long plane,
      int first,
      int last,
      long u,
      int countU,
      long v,
      int countV,
      float[] window) {
    int width = countV + extraCols;
    int height = countU + extraRows;
    // In the window's order: a copy may run over its row's end, which the next row then overwrites.
    int start = 0;
    for (int channel = first; channel <= last; channel++) {
      long from = (plane * in.channels + channel) * in.h;
      for (int f = 0; f < planes; f++, start += planeFloats) {
        long left = v * in.strideW + planeCol[f];
        int lo = Math.clamp(Math.ceilDiv(-left, in.strideW), 0, width);
        int hi = Math.clamp(Math.floorDiv(in.w - 1 - left, in.strideW) + 1, lo, width);
        int top = Math.clamp(Math.ceilDiv(-planeRow[f], in.strideH) - u, 0, height);
        int end =
            Math.clamp(Math.floorDiv(in.h - 1 - planeRow[f], in.strideH) + 1 - u, top, height);
        long h = (u + top) * in.strideH + planeRow[f];
        long pixel = (from + h) * in.w + left + lo * in.strideW;
        Arrays.fill(window, start, start + top * windowW, 0f);
        rowKernel.copyRows(
            image,
            pixel,
            in.strideH * in.w,
            in.strideW,
            end - top,
            window,
            start + top * windowW,
            windowW,
            lo,
            hi);
        Arrays.fill(window, start + end * windowW, start + height * windowW, 0f);
      }
    }
  }

  private void write(
      long plane,
      long group,
      int firstRow,
      int rowCount,
      long u,
      int countU,
      long v,
      int countV,
      float[] total,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    boolean adjacent = out.stepH == 1 && out.stepW == 1 && countV == out.w;
    for (int i = 0; i < rowCount; i++) {
      float b =
          bias == null
              ? 0f
              : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (group * rows + firstRow + i) * 4);
      long channel = (plane * rows + firstRow + i) * out.h;
      if (adjacent) {
        long at = (channel + u + out.atH) * out.w;
        rowKernel.finishRows(total, i * ld, windowW, countU, to, at, countV, bias != null, b, relu);
        continue;
      }
      for (int y = 0; y < countU; y++) {
        long at = (channel + (u + y) * out.stepH + out.atH) * out.w + v * out.stepW + out.atW;
        int from = i * ld + y * windowW;
        if (out.stepW == 1) {
          rowKernel.finish(total, from, to, at, countV, bias != null, b, relu);
        } else {
          for (int x = 0; x < countV; x++) {
            to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + x * out.stepW) * 4, total[from + x]);
          }
        }
      }
    }
  }

  /** A grid that no tap reaches. */
  private void zero(MemorySegment to) {
    for (long plane = 0; plane < in.n * in.groups * out.rows; plane++) {
      for (long y = 0; y < out.u; y++) {
        long at = (plane * out.h + y * out.stepH + out.atH) * out.w + out.atW;
        for (long x = 0; x < out.v; x++) {
          to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + x * out.stepW) * 4, 0f);
        }
      }
    }
  }
}

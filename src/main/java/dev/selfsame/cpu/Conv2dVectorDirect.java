package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorDirectKernel.ROWS;
import static dev.selfsame.cpu.Conv2dVectorDirectKernel.VECTORS;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A correlation whose tiles read a padded window where it lies, without packing positions: lanes
 * are consecutive places of the window, whose rows follow each other, so that one place serves all
 * taps, each at its own distance.
 *
 * <p>A task is a block of grid rows of one image and group, and of output rows. Rows of the window
 * share their zeros: those on the right of a row are those on the left of the next. Lanes between
 * the rows compute values that nobody reads: one in {@code pitch}, which is little for wide images.
 */
final class Conv2dVectorDirect {
  /**
   * Terms of a call: what a tile's positions read for so many stays in the first-level cache while
   * all filters pass. Chunks are multiples.
   */
  private static final int STEPS = 256;

  /** Most floats of a task's window, and of its totals: half and a quarter of a cache. */
  private static final long WINDOW = 1 << 18;

  private static final long TOTALS = 1 << 17;

  private static final long SHARED_FLOATS = 1 << 25;

  /** What new chains start from: a row of a tile, for all rows; for vectors of 512 bits. */
  private static final float[] ZEROS = new float[VECTORS * 16];

  /** Columns of a window that is worth a try. */
  private static final long MOST_REACH = 1 << 12;

  private final Conv2dVectorDirectKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dVectorFilterPanels filters;
  private final Image in;
  private final Grid out;
  private final int tapCount;
  private final int rows;
  private final long terms;
  private final long chunk;
  private final int panel;

  // The window: planes of offsets (planeRow, planeCol) split by stride phase, their columns inside
  // of the image, and each tap's plane and place in it.
  private int planes;
  private final long[] planeRow;
  private final long[] planeCol;
  private final int[] lo;
  private final int[] hi;
  private final int[] tapPlane;
  private final int[] shiftRow;
  private final int[] shiftCol;
  private final int extraRows;
  private final int pitch;

  /** Zeros that a row shares with the next one. */
  private final int overlap;

  // The partition.
  private int blockU;
  private int blockRows;
  private double best = Double.MAX_VALUE;

  Conv2dVectorDirect(
      GemmVector on,
      Conv2dVectorDirectKernel kernel,
      Conv2dVectorRowKernel rowKernel,
      Image in,
      Grid out,
      Taps taps) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.in = in;
    this.out = out;
    int across = taps.col().length;
    tapCount = taps.row().length * across;
    rows = Math.toIntExact(out.rows());
    terms = in.channels() * tapCount;
    chunk = Contract.chunk(terms);
    panel = VECTORS * kernel.lanes();
    filters = new Conv2dVectorFilterPanels(on, ROWS, i -> ROWS, rowKernel, taps, rows, terms);
    planeRow = new long[tapCount];
    planeCol = new long[tapCount];
    lo = new int[tapCount];
    hi = new int[tapCount];
    tapPlane = new int[tapCount];
    shiftRow = new int[tapCount];
    shiftCol = new int[tapCount];
    long firstRow = taps.firstRow();
    long firstCol = taps.firstCol();
    extraRows = (int) (taps.reachRows() / in.strideH());
    long extraCols = taps.reachCols() / in.strideW();
    for (int tap = 0; tap < tapCount; tap++) {
      long row = taps.row()[tap / across];
      long col = taps.col()[tap % across];
      shiftRow[tap] = (int) ((row - firstRow) / in.strideH());
      shiftCol[tap] = (int) ((col - firstCol) / in.strideW());
      tapPlane[tap] = plane(row - shiftRow[tap] * in.strideH(), col - shiftCol[tap] * in.strideW());
    }
    int width = Math.toIntExact(out.v() + extraCols);
    int shared = (int) extraCols;
    for (int f = 0; f < planes; f++) {
      lo[f] = Math.clamp(Math.ceilDiv(-planeCol[f], in.strideW()), 0, width);
      hi[f] = Math.clamp(Math.floorDiv(in.w() - 1 - planeCol[f], in.strideW()) + 1, lo[f], width);
      shared = Math.min(shared, Math.min(lo[f], width - hi[f]));
    }
    overlap = shared;
    pitch = width - shared;
    choose();
  }

  /** Whether the sizes are such that indices fit and this way can be the faster one. */
  static boolean takes(Image in, Grid out, Taps taps, int lanes) {
    long tapCount = (long) taps.row().length * taps.col().length;
    return lanes == 16
        && in.channels() > 0
        && tapCount > 1
        && tapCount <= STEPS
        && (out.rows() % ROWS == 0 || out.rows() > 4 * ROWS)
        && out.u() == out.h()
        && out.v() == out.w()
        && out.v() <= MOST_REACH
        && in.groups() * Math.ceilDiv(out.rows(), ROWS) * (in.channels() * tapCount + 2) * ROWS
            <= SHARED_FLOATS
        && taps.reachRows() <= MOST_REACH
        && taps.reachCols() <= MOST_REACH;
  }

  private int plane(long row, long col) {
    int f = 0;
    while (f < planes && (planeRow[f] != row || planeCol[f] != col)) {
      f++;
    }
    if (f == planes) {
      planeRow[planes] = row;
      planeCol[planes++] = col;
    }
    return f;
  }

  // ---- the partition
  // ----------------------------------------------------------------------------------------------

  private void choose() {
    long tiles = Math.ceilDiv(rows, ROWS);
    for (long parts = 1; parts <= Math.min(out.u(), 64); parts++) {
      long u = Math.ceilDiv(out.u(), parts);
      if (Math.ceilDiv(out.u(), u) < parts) {
        continue;
      }
      for (long rowParts = 1; rowParts <= Math.min(tiles, 8); rowParts++) {
        long count = Math.ceilDiv(tiles, rowParts) * ROWS;
        if (windowFloats(u) > WINDOW || count * ld(u) > TOTALS) {
          continue;
        }
        double cost = cost(u, Math.ceilDiv(out.u(), u), count, Math.ceilDiv(tiles * ROWS, count));
        if (cost < best) {
          best = cost;
          blockU = (int) u;
          blockRows = (int) count;
        }
      }
    }
  }

  /** Cycles, roughly, of two threads. */
  private double cost(long u, long parts, long count, long rowParts) {
    double window = 0.7 * in.channels() * planes * planeFloats(u);
    double tile = (double) count * ld(u) * terms / 27;
    double calls = 300.0 * count / ROWS * ld(u) / panel * Math.ceilDiv(terms, STEPS);
    double totals = 1.0 * count * ld(u) * Math.ceilDiv(terms, chunk);
    long tasks = in.n() * in.groups() * parts * rowParts;
    double idle =
        0.6 + 0.3 * Conv2dVectorBlocks.waste(tasks, 2) + 0.1 * Conv2dVectorBlocks.waste(tasks, 4);
    return tasks * (window + tile + calls + totals + 3000) * idle;
  }

  /** Whether few enough lanes are in vain, beside what packing positions takes. */
  boolean pays() {
    if (blockU == 0) {
      return false;
    }
    long parts = Math.ceilDiv(out.u(), blockU);
    long lanes = in.n() * ((parts - 1) * ld(blockU) + ld(out.u() - (parts - 1) * blockU));
    long packed = Math.ceilDiv(in.n() * out.u() * out.v(), 32) * 32;
    // With strides, a window is split by phase: two passes over what each row reads.
    long gain = in.strideH() == 1 && in.strideW() == 1 ? 16 : 2;
    return (double) lanes * Math.ceilDiv(rows, ROWS) * ROWS <= (double) packed * (rows + gain);
  }

  private long planeFloats(long u) {
    return (u + extraRows) * pitch;
  }

  private long windowFloats(long u) {
    return in.channels() * planes * planeFloats(u);
  }

  /** Positions of a block of {@code u} grid rows, in whole tiles. */
  private long ld(long u) {
    return Math.ceilDiv((u - 1) * pitch + out.v(), panel) * panel;
  }

  // ---- running
  // ----------------------------------------------------------------------------------------------

  void run(
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    long[] place = mine.longs((int) terms);
    for (int t = 0; t < terms; t++) {
      int tap = t % tapCount;
      long planesBefore = (long) t / tapCount * planes + tapPlane[tap];
      place[t] = (planesBefore * planeFloats(blockU) + shiftRow[tap] * pitch + shiftCol[tap]) * 4;
    }
    float[] a =
        mine.floats(
            Conv2dVectorScratch.SHARED,
            in.groups() * Math.ceilDiv(rows, ROWS) * (terms * ROWS + Conv2dVectorFilterPanels.GAP));
    filters.packAll(weights, in.groups(), a, workers);
    long rowBlocks = Math.ceilDiv(rows, blockRows);
    workers.run(
        in.n() * in.groups() * Math.ceilDiv(out.u(), blockU) * rowBlocks,
        id -> block(id / rowBlocks, (int) (id % rowBlocks), image, a, place, bias, relu, to));
  }

  private void block(
      long id,
      int rowBlock,
      MemorySegment image,
      float[] a,
      long[] place,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    long parts = Math.ceilDiv(out.u(), blockU);
    long u = id % parts * blockU;
    long plane = id / parts;
    long group = plane % in.groups();
    int countU = (int) Math.min(blockU, out.u() - u);
    int firstRow = rowBlock * blockRows;
    int rowCount = Math.min(blockRows, rows - firstRow);
    int ld = (int) ld(countU);
    int floats = Math.ceilDiv(rowCount, ROWS) * ROWS * ld;

    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    // Lanes after the last position read over the window's end.
    MemorySegment window =
        mine.natives(
            Conv2dVectorScratch.PANELS, windowFloats(blockU) + overlap + panel + 2L * pitch);
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, floats + panel);
    float[] chains = mine.floats(Conv2dVectorScratch.CHAIN, (long) (blockRows + ROWS) * panel);
    fill(image, plane, u, countU, window, mine);
    // All terms of a tile's positions at once: chains, and what positions read, stay near.
    for (int j = 0; j < ld; j += panel) {
      for (int t = 0; t < terms; t += STEPS) {
        int n = (int) Math.min(STEPS, terms - t);
        boolean first = t < chunk;
        for (int row = 0; row < rowCount; row += ROWS) {
          int at = (int) filters.tile(group, firstRow + row) + t * ROWS;
          float[] c = first ? total : chains;
          int ct = first ? row * ld + j : row * panel;
          int step = first ? ld : panel;
          if (t % chunk == 0) {
            kernel.tile(a, at, window, j * 4L, place, t, n, ZEROS, 0, 0, c, ct, step);
          } else {
            kernel.tile(a, at, window, j * 4L, place, t, n, c, ct, step, c, ct, step);
          }
        }
        if (!first && ((t + n) % chunk == 0 || t + n == terms)) {
          kernel.fold(total, j, ld, chains, rowCount);
        }
      }
    }
    for (int i = 0; i < rowCount; i++) {
      long channel = group * rows + firstRow + i;
      float b = bias == null ? 0f : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, channel * 4);
      long at = ((plane * rows + firstRow + i) * out.h() + u) * out.w();
      rowKernel.finishRows(
          total, i * ld, pitch, countU, to, at, (int) out.v(), bias != null, b, relu);
    }
  }

  /** Copies what the channels of a group's planes give a block. */
  private void fill(
      MemorySegment image,
      long plane,
      long u,
      int countU,
      MemorySegment window,
      Conv2dVectorScratch mine) {
    int height = countU + extraRows;
    int floats = height * pitch;
    float[] near = mine.floats(Conv2dVectorScratch.WINDOW, floats + overlap + kernel.lanes());
    Arrays.fill(near, floats, floats + overlap, 0f);
    long start = 0;
    for (int channel = 0; channel < in.channels(); channel++) {
      long from = (plane * in.channels() + channel) * in.h();
      for (int f = 0; f < planes; f++, start += planeFloats(blockU) * 4) {
        int top = Math.clamp(Math.ceilDiv(-planeRow[f], in.strideH()) - u, 0, height);
        int end =
            Math.clamp(Math.floorDiv(in.h() - 1 - planeRow[f], in.strideH()) + 1 - u, top, height);
        long h = (u + top) * in.strideH() + planeRow[f];
        long pixel = (from + h) * in.w() + planeCol[f] + lo[f] * in.strideW();
        Arrays.fill(near, 0, top * pitch, 0f);
        rowKernel.copyRows(
            image,
            pixel,
            in.strideH() * in.w(),
            in.strideW(),
            end - top,
            near,
            top * pitch,
            pitch,
            lo[f],
            hi[f]);
        // With the zeros on the right of the last row, which the next plane's first row overwrites.
        Arrays.fill(near, end * pitch, floats + overlap, 0f);
        MemorySegment.copy(near, 0, window, ValueLayout.JAVA_FLOAT, start, floats + overlap);
      }
    }
  }
}

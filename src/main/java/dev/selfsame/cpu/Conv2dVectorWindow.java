package dev.selfsame.cpu;

import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What a block of positions reads: the rows of its images, padded with +0 and split by stride
 * phase, so that neighbouring positions are neighbours in the window whatever the stride. Panels of
 * lanes are packed from it.
 *
 * <p>Where every position reads the one pixel in its place, and a block lies in one image, there is
 * no window: panels are packed from the image.
 */
final class Conv2dVectorWindow {
  private final Conv2dVectorRowKernel kernel;
  private final Conv2dVectorSpread spread;
  private final GemmEnds ends;
  private final Image in;
  private final Grid out;
  private final Conv2dVectorBlocks blocks;
  private final boolean direct;
  private final int tapCount;
  private final int lanes;

  // Planes of offsets (planeRow, planeCol), and each tap's plane and place in it.
  private int planes;
  private final long[] planeRow;
  private final long[] planeCol;
  private final int[] tapPlane;
  private final int[] shiftRow;
  private final int[] shiftCol;
  private final int extraRows;
  private final int extraCols;

  /** A task's block, kept in the thread's scratch. */
  static final class Block {
    private long group;
    private long first;
    private long firstImage;
    private long lastImage;
    private long firstRow;
    private long lastRow;
    private long left;
    private int width;
    private int planeFloats;
    private float[] window = {};
    private int[] places = {};
    private final int[] base = new int[Conv2dVectorProduct.FILL];
    private final float[] pattern = new float[32];

    // Of each plane: its columns inside the image. Of each part of each plane: floats above the
    // image, rows in it, floats below it, and the place of the first pixel in channel 0.
    private int parts;
    private long step;
    private int[] lo = {};
    private int[] hi = {};
    private int[] above = {};
    private int[] inside = {};
    private int[] below = {};
    private long[] place = {};

    private void reserve(int planes, int parts) {
      if (lo.length < planes) {
        lo = new int[planes];
        hi = new int[planes];
      }
      if (above.length < planes * parts) {
        above = new int[planes * parts];
        inside = new int[planes * parts];
        below = new int[planes * parts];
        place = new long[planes * parts];
      }
    }
  }

  Conv2dVectorWindow(
      Conv2dVectorRowKernel kernel,
      GemmEnds ends,
      Image in,
      Grid out,
      Taps taps,
      Conv2dVectorBlocks blocks) {
    this.kernel = kernel;
    this.ends = ends;
    this.in = in;
    this.out = out;
    this.blocks = blocks;
    lanes = kernel.lanes();
    spread = Conv2dVectorSpread.on(lanes * Float.SIZE);
    int across = taps.col().length;
    tapCount = taps.row().length * across;
    planeRow = new long[tapCount];
    planeCol = new long[tapCount];
    tapPlane = new int[tapCount];
    shiftRow = new int[tapCount];
    shiftCol = new int[tapCount];
    direct =
        tapCount == 1
            && blocks.byRow()
            && in.strideW() == 1
            && taps.col()[0] >= 0
            && taps.col()[0] + out.v() <= in.w()
            && taps.row()[0] >= 0
            && taps.row()[0] + (out.u() - 1) * in.strideH() < in.h();
    long firstRow = least(taps.row());
    long firstCol = least(taps.col());
    long moreRows = (most(taps.row()) - firstRow) / in.strideH();
    long moreCols = (most(taps.col()) - firstCol) / in.strideW();
    // Taps share a plane unless most of it would only be there for the distance between them.
    long positions = blocks.positions(0);
    long rows = blocks.byRow() ? 1 : Math.min(out.u(), Math.ceilDiv(positions, out.v()));
    long cols = blocks.byRow() ? positions : out.v();
    boolean shared = (rows + moreRows) * (cols + moreCols) <= rows * cols * tapCount + 64;
    extraRows = shared ? (int) moreRows : 0;
    extraCols = shared ? (int) moreCols : 0;
    for (int tap = 0; tap < tapCount; tap++) {
      long row = taps.row()[tap / across];
      long col = taps.col()[tap % across];
      if (shared) {
        shiftRow[tap] = (int) ((row - firstRow) / in.strideH());
        shiftCol[tap] = (int) ((col - firstCol) / in.strideW());
        row -= shiftRow[tap] * in.strideH();
        col -= shiftCol[tap] * in.strideW();
      }
      tapPlane[tap] = shared ? plane(row, col) : planes;
      if (tapPlane[tap] == planes) {
        planeRow[planes] = row;
        planeCol[planes++] = col;
      }
    }
  }

  private static long least(long[] offsets) {
    long least = offsets[0];
    for (long offset : offsets) {
      least = Math.min(least, offset);
    }
    return least;
  }

  private static long most(long[] offsets) {
    long most = offsets[0];
    for (long offset : offsets) {
      most = Math.max(most, offset);
    }
    return most;
  }

  private int plane(long row, long col) {
    for (int f = 0; f < planes; f++) {
      if (planeRow[f] == row && planeCol[f] == col) {
        return f;
      }
    }
    return planes;
  }

  /** Starts a task. Its last panel is filled up with whatever follows in the window. */
  void begin(Block block, long id, int count, int padded) {
    block.group = blocks.group(id);
    block.first = blocks.first(id);
    if (direct) {
      return;
    }
    long last = block.first + count - 1;
    block.firstImage = block.first / (out.u() * out.v());
    block.lastImage = last / (out.u() * out.v());
    block.firstRow = block.first / out.v() % out.u();
    block.lastRow = last / out.v() % out.u();
    block.left = blocks.byRow() ? block.first % out.v() : 0;
    block.width = Math.toIntExact((blocks.byRow() ? count : out.v()) + extraCols);
    if (block.places.length < padded) {
      block.places = new int[padded];
    }
    int at = 0;
    int line = 0;
    for (long image = block.firstImage; image <= block.lastImage; image++) {
      long u = image == block.firstImage ? block.firstRow : 0;
      long end = image == block.lastImage ? block.lastRow : out.u() - 1;
      for (; u <= end; u++, line++) {
        long v = at == 0 ? block.first % out.v() - block.left : 0;
        int stop = Math.min(count, at + (int) (block.width - extraCols - v));
        for (int place = Math.toIntExact(line * (long) block.width + v); at < stop; at++) {
          block.places[at] = place++;
        }
      }
      line += extraRows;
    }
    for (; at < padded; at++) {
      block.places[at] = block.places[at - 1] + 1;
    }
    block.planeFloats = Math.multiplyExact(line, block.width);
    plan(block);
  }

  /** Fills the window for terms t … t+n−1. */
  void fill(Block block, MemorySegment image, long t, int n) {
    long first = t / tapCount;
    long last = (t + n - 1) / tapCount;
    long floats = (last - first + 1) * planes * block.planeFloats + 4L * lanes;
    if (block.window.length < floats) {
      block.window = new float[Math.toIntExact(floats)];
    }
    int channelBase = 0;
    int tap = (int) (t % tapCount);
    int channelFloats = planes * block.planeFloats;
    for (int i = 0; i < n; i++) {
      block.base[i] =
          channelBase
              + tapPlane[tap] * block.planeFloats
              + shiftRow[tap] * block.width
              + shiftCol[tap];
      if (++tap == tapCount) {
        tap = 0;
        channelBase += channelFloats;
      }
    }
    // In the window's order: a copy may run over its row's end, which the next row then overwrites.
    int at = 0;
    for (long channel = first; channel <= last; channel++) {
      for (int f = 0; f < planes; f++) {
        at = fillPlane(block, image, block.group * in.channels() + channel, f, at);
      }
    }
  }

  /** Copies a channel's rows to plane {@code f}, part by part. */
  private int fillPlane(Block block, MemorySegment image, long plane, int f, int start) {
    int at = start;
    float[] window = block.window;
    int lo = block.lo[f];
    int hi = block.hi[f];
    int width = block.width;
    long pixel = plane * in.h() * in.w();
    long stride = in.strideW();
    for (int i = block.parts * f; i < block.parts * (f + 1); i++) {
      int above = block.above[i];
      int inside = block.inside[i];
      int below = block.below[i];
      if (above > 0) {
        Arrays.fill(window, at, at + above, 0f);
      }
      at += above;
      if (inside > 0) {
        kernel.copyRows(
            image, pixel + block.place[i], block.step, stride, inside, window, at, width, lo, hi);
        at += inside * width;
      }
      if (below > 0) {
        Arrays.fill(window, at, at + below, 0f);
      }
      at += below;
    }
    return at;
  }

  /**
   * Cuts a block into parts with rows above the image, in it and below it: one for each image, or
   * one for all where each has one row.
   */
  private void plan(Block block) {
    int images = (int) (block.lastImage - block.firstImage + 1);
    boolean oneRow =
        out.u() == 1 && extraRows == 0 && planes == 1 && planeRow[0] >= 0 && planeRow[0] < in.h();
    long planeFloats = in.h() * in.w();
    long imageFloats = in.groups() * in.channels() * planeFloats;
    block.parts = oneRow ? 1 : images;
    block.step = oneRow ? imageFloats : in.strideH() * in.w();
    block.reserve(planes, block.parts);
    for (int f = 0; f < planes; f++) {
      long left = block.left * in.strideW() + planeCol[f];
      int lo = Math.clamp(Math.ceilDiv(-left, in.strideW()), 0, block.width);
      block.lo[f] = lo;
      block.hi[f] = Math.clamp(Math.floorDiv(in.w() - 1 - left, in.strideW()) + 1, lo, block.width);
      long column = left + lo * in.strideW();
      for (int part = 0; part < block.parts; part++) {
        int i = block.parts * f + part;
        long image = block.firstImage + part;
        long u = image == block.firstImage ? block.firstRow : 0;
        long end = (image == block.lastImage ? block.lastRow : out.u() - 1) + extraRows + 1;
        long top = Math.clamp(Math.ceilDiv(-planeRow[f], in.strideH()), u, end);
        long bottom =
            Math.clamp(Math.floorDiv(in.h() - 1 - planeRow[f], in.strideH()) + 1, top, end);
        block.above[i] = (int) (top - u) * block.width;
        block.inside[i] = oneRow ? images : (int) (bottom - top);
        block.below[i] = (int) (end - bottom) * block.width;
        block.place[i] = image * imageFloats + (top * in.strideH() + planeRow[f]) * in.w() + column;
      }
    }
  }

  /** Whether a block's positions lie side by side in the image: then there is no window. */
  boolean direct() {
    return direct;
  }

  /**
   * Packs terms t … t+n−1 of all positions of a block straight from the image, in one sweep.
   *
   * @param panelFloats from one panel to the next
   */
  void packDirect(
      Block block,
      MemorySegment image,
      long t,
      int n,
      int columns,
      MemorySegment to,
      long panelFloats) {
    long line = block.first / out.v();
    long plane = (line / out.u() * in.groups() + block.group) * in.channels() + t;
    long h = line % out.u() * in.strideH() + planeRow[0];
    long place = (plane * in.h() + h) * in.w() + block.first % out.v() + planeCol[0];
    ends.packColumns(image, place, in.h() * in.w(), columns, n, to, 0, panelFloats);
  }

  /**
   * Packs terms t … t+n−1 of positions {@code first} … {@code first + columns} − 1 into a panel of
   * two vectors.
   */
  void pack(
      Block block,
      MemorySegment image,
      long t,
      int n,
      int first,
      int columns,
      MemorySegment to,
      long at) {
    float[] window = block.window;
    if (spread.spreadPair(window, block.base, n, block.places, first, block.pattern, to, at)) {
      return;
    }
    for (int lane = 0; lane < 2 * lanes; lane += lanes) {
      spread.spread(
          window, block.base, n, block.places, first + lane, block.pattern, to, at + lane);
    }
  }
}

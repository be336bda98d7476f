package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorImagesKernel.ROWS;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A correlation of a few filters with many small images, as in LeNet: lanes across images. A
 * position of two vectors of images is a tile's lanes, so that none is lost between rows however
 * small they are (Krizhevsky 2012, cuda-convnet, keeps all activations so: [C, H, W, N]).
 *
 * <p>A task is a block of grid rows of one group and of as many images as two vectors hold. It
 * turns what it reads of them into a padded window [channel, row, column, image], and its results
 * back. All terms are one chunk, and all filters of a group stay in the first-level cache.
 */
final class Conv2dVectorImages {
  /** Most floats of a group's filters: half of a first-level cache. */
  private static final long FILTERS = 1 << 12;

  /** Positions of the largest images: larger ones lose few lanes between rows. */
  private static final long POSITIONS = 1 << 10;

  /** Most floats of a task's window and of its results: a quarter of a cache each. */
  private static final long FLOATS = 1 << 17;

  /** Terms of a result that make up for turning it. */
  private static final long LEAST_TERMS = 48;

  /**
   * Tasks for which what neighbouring blocks of rows both read is turned twice. With four, LeNet's
   * second layer lost 6 % for 64 images.
   */
  private static final long TASKS = 2;

  private final Conv2dVectorImagesKernel kernel;
  private final PanelPack pack;
  private final Conv2dVectorFilterPanels filters;
  private final Image in;
  private final Grid out;
  private final Taps taps;
  private final int rows;
  private final int terms;
  private final int images;
  private final long firstRow;
  private final long firstCol;
  private final int reachRows;
  private final int width;

  /** Grid rows of a task; 0 if not one fits. */
  private final int blockU;

  Conv2dVectorImages(
      GemmVector on,
      Conv2dVectorImagesKernel kernel,
      Conv2dVectorRowKernel rowKernel,
      Image in,
      Grid out,
      Taps taps) {
    this.kernel = kernel;
    this.pack = on.pack;
    this.in = in;
    this.out = out;
    this.taps = taps;
    rows = (int) out.rows();
    terms = (int) in.channels() * taps.row().length * taps.col().length;
    images = 2 * kernel.lanes();
    filters =
        new Conv2dVectorFilterPanels(
            on, ROWS, Conv2dVectorImagesKernel::rows, rowKernel, taps, rows, terms);
    firstRow = taps.firstRow();
    firstCol = taps.firstCol();
    reachRows = (int) taps.reachRows();
    long reachCols = taps.reachCols();
    width = (int) ((out.v() - 1) * in.strideW() + reachCols + 1);
    long tasks = Math.ceilDiv(in.n(), images) * in.groups();
    long u = Math.ceilDiv(out.u(), Math.min(out.u(), Math.ceilDiv(TASKS, tasks)));
    while (u > 0 && Math.max(windowFloats(u), rows * u * out.v() * images) > FLOATS) {
      u--;
    }
    blockU = (int) u;
  }

  /** Whether the sizes are such that this way can be the fastest one. */
  static boolean takes(Image in, Grid out, Taps taps, int lanes) {
    long tapCount = (long) taps.row().length * taps.col().length;
    return lanes == 16
        // Few lanes without an image.
        && in.n() * 4 >= Math.ceilDiv(in.n(), 2L * lanes) * 2 * lanes * 3
        && out.rows() >= 4
        && tapCount > 1
        && in.channels() > 0
        && in.channels() * tapCount >= LEAST_TERMS
        && in.channels() * tapCount <= Contract.chunk(1)
        && in.channels() * tapCount * out.rows() <= FILTERS
        && out.u() == out.h()
        && out.v() == out.w()
        && out.u() * out.v() <= POSITIONS
        && out.u() * out.v() >= lanes
        && in.h() * in.w() * in.channels() <= FLOATS
        && reach(taps.row()) <= POSITIONS
        && reach(taps.col()) <= POSITIONS;
  }

  private static long reach(long[] offsets) {
    long least = offsets[0];
    long most = offsets[0];
    for (long offset : offsets) {
      least = Math.min(least, offset);
      most = Math.max(most, offset);
    }
    return most - least;
  }

  /** Whether the window of a row of results fits a cache. */
  boolean fits() {
    return blockU > 0;
  }

  private long planeFloats(long u) {
    return ((u - 1) * in.strideH() + reachRows + 1) * width * images;
  }

  private long windowFloats(long u) {
    return in.channels() * planeFloats(u);
  }

  void run(
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    long[] place = mine.longs(terms);
    int across = taps.col().length;
    int tapCount = taps.row().length * across;
    for (int t = 0; t < terms; t++) {
      int tap = t % tapCount;
      long row = taps.row()[tap / across] - firstRow;
      long col = taps.col()[tap % across] - firstCol;
      place[t] = (t / tapCount * planeFloats(blockU) + (row * width + col) * images) * Float.BYTES;
    }
    long tileFloats = (long) terms * ROWS + Conv2dVectorFilterPanels.GAP;
    float[] a =
        mine.floats(
            Conv2dVectorScratch.SHARED, in.groups() * Math.ceilDiv(rows, ROWS) * tileFloats);
    filters.packAll(weights, in.groups(), a, workers);
    long blocks = Math.ceilDiv(out.u(), blockU);
    workers.run(
        Math.ceilDiv(in.n(), images) * in.groups() * blocks,
        id ->
            block(
                id / blocks / in.groups() * images,
                id / blocks % in.groups(),
                id % blocks * blockU,
                image,
                a,
                place,
                bias,
                relu,
                to));
  }

  private void block(
      long n,
      long group,
      long u,
      MemorySegment image,
      float[] a,
      long[] place,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    int count = (int) Math.min(images, in.n() - n);
    int countU = (int) Math.min(blockU, out.u() - u);
    int positions = countU * (int) out.v();
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    MemorySegment window = mine.natives(Conv2dVectorScratch.PANELS, windowFloats(blockU));
    MemorySegment sums =
        mine.natives(
            Conv2dVectorScratch.TOTALS,
            (long) Math.ceilDiv(rows, ROWS) * ROWS * positions * images);
    fill(image, n, count, group, u, countU, window);
    long step = (long) positions * images * Float.BYTES;
    long at = 0;
    for (int y = 0; y < countU; y++) {
      for (int x = 0; x < out.v(); x++, at += (long) images * Float.BYTES) {
        long pixel = y * in.strideH() * width + x * in.strideW();
        for (int row = 0; row < rows; row += ROWS) {
          kernel.tile(
              Conv2dVectorImagesKernel.rows(rows - row),
              a,
              (int) filters.tile(group, row),
              window,
              pixel * images * Float.BYTES,
              place,
              terms,
              sums,
              row * step + at,
              step);
        }
      }
    }
    float[] turned = mine.floats(Conv2dVectorScratch.TOTAL, (long) positions * images);
    for (int row = 0; row < rows; row++) {
      long channel = group * rows + row;
      float b = bias == null ? 0f : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, channel * 4);
      pack.transpose(
          sums, (long) row * positions * images, images, positions, images, turned, 0, positions);
      kernel.finish(
          turned,
          positions,
          count,
          to,
          ((n * in.groups() * rows + channel) * out.h() + u) * out.w(),
          in.groups() * rows * out.h() * out.w(),
          bias != null,
          b,
          relu);
    }
  }

  /** Turns what the channels of a group give a block, with +0 around the images. */
  private void fill(
      MemorySegment image,
      long n,
      int count,
      long group,
      long u,
      int countU,
      MemorySegment window) {
    int height = (int) ((countU - 1) * in.strideH() + reachRows + 1);
    long above = firstRow + u * in.strideH();
    int top = Math.clamp(-above, 0, height);
    int end = Math.clamp(in.h() - above, top, height);
    int left = Math.clamp(-firstCol, 0, width);
    int right = Math.clamp(in.w() - firstCol, left, width);
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int pixels = (end - top) * (int) in.w();
    float[] near = mine.floats(Conv2dVectorScratch.WINDOW, (long) pixels * images);
    float[] zeros = mine.floats(Conv2dVectorScratch.CHAIN, (long) width * images);
    Arrays.fill(zeros, 0, width * images, 0f);
    for (int channel = 0; channel < in.channels(); channel++) {
      long plane = (n * in.groups() + group) * in.channels() + channel;
      long from = (plane * in.h() + above + top) * in.w();
      if (pixels > 0) {
        long step = in.groups() * in.channels() * in.h() * in.w();
        pack.transpose(image, from, step, count, pixels, near, 0, images);
      }
      long row = channel * planeFloats(blockU);
      for (int y = 0; y < height; y++, row += (long) width * images) {
        if (y < top || y >= end) {
          copy(zeros, 0, window, row, width);
          continue;
        }
        long pixel = (y - top) * in.w() + firstCol + left;
        copy(zeros, 0, window, row, left);
        copy(near, pixel, window, row + (long) left * images, right - left);
        copy(zeros, 0, window, row + (long) right * images, width - right);
      }
    }
  }

  private void copy(float[] from, long pixel, MemorySegment window, long at, int pixels) {
    if (pixels > 0) {
      MemorySegment.copy(
          from,
          (int) pixel * images,
          window,
          ValueLayout.JAVA_FLOAT,
          at * Float.BYTES,
          pixels * images);
    }
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Depthwise correlation with 3×3 taps and stride 1, plane by plane: rows of a plane are copied to a
 * window with +0 around them, rows of results go down (or up) through it. A task is a block of rows
 * of a plane, or some small planes.
 */
final class Conv2dVectorPlanes {
  /** Floats of a window: with its results about two thirds of a first cache. */
  private static final int WINDOW_FLOATS = 4096;

  /** Results of a task, at least, where planes are small. */
  private static final long TASK_FLOATS = 4096;

  private static final long MAX_WIDTH = 1 << 16;

  private final Conv2dVectorPlaneKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dVectorCorrelation.Image in;
  private final Conv2dVectorCorrelation.Grid out;
  private final Conv2dVectorCorrelation.Taps taps;
  private final int width;
  private final int pitch;
  private final int ld;
  private final int blockRows;
  private final long blocks;

  Conv2dVectorPlanes(
      Conv2dVectorPlaneKernel kernel,
      Conv2dVectorRowKernel rowKernel,
      Conv2dVectorCorrelation.Image in,
      Conv2dVectorCorrelation.Grid out,
      Conv2dVectorCorrelation.Taps taps) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.in = in;
    this.out = out;
    this.taps = taps;
    width = (int) out.v();
    pitch = (int) (width + taps.reachCols());
    ld = Math.ceilDiv(width, kernel.lanes()) * kernel.lanes();
    long most = Math.max(4, WINDOW_FLOATS / pitch - 2);
    blocks = Math.ceilDiv(out.u(), most);
    blockRows = (int) Math.ceilDiv(out.u(), blocks);
  }

  /** Whether this is such a correlation. */
  static boolean takes(
      Conv2dVectorCorrelation.Image in,
      Conv2dVectorCorrelation.Grid out,
      Conv2dVectorCorrelation.Taps taps) {
    return in.channels() == 1
        && out.rows() == 1
        && in.groups() > 1
        && in.strideH() == 1
        && in.strideW() == 1
        && out.u() == out.h()
        && out.v() == out.w()
        && out.v() <= MAX_WIDTH
        && taps.row().length == 3
        && taps.col().length == 3
        && taps.reachCols() <= MAX_WIDTH
        && Math.abs(taps.row()[1] - taps.row()[0]) == 1
        && taps.row()[2] - taps.row()[1] == taps.row()[1] - taps.row()[0];
  }

  void run(
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    long planes = in.n() * in.groups();
    long some = Math.max(1, TASK_FLOATS / (out.u() * out.v()));
    workers.run(
        Math.ceilDiv(planes, some) * blocks,
        task -> {
          long first = task / blocks * some;
          long u = task % blocks * blockRows;
          for (long plane = first; plane < Math.min(planes, first + some); plane++) {
            block(plane, u, image, weights, bias, relu, to);
          }
        });
  }

  private void block(
      long plane,
      long u,
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    int rows = (int) Math.min(blockRows, out.u() - u);
    long group = plane % in.groups();
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int lanes = kernel.lanes();
    float[] window =
        mine.floats(Conv2dVectorScratch.WINDOW, (long) (blockRows + 2) * pitch + 2L * lanes);
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, (long) blockRows * ld + lanes);
    float[] w = mine.floats(Conv2dVectorScratch.SCALARS, 9);
    for (int r = 0; r < 3; r++) {
      for (int s = 0; s < 3; s++) {
        long at =
            group * taps.groupStride()
                + taps.kernelRow()[r] * taps.kernelWidth()
                + taps.kernelCol()[s];
        w[3 * r + s] = weights.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at * 4);
      }
    }
    fill(plane, u + taps.firstRow(), rows + 2, image, window);
    boolean down = taps.row()[0] < taps.row()[2];
    int half = (rows + 1) / 2;
    // Going up, the first row of outputs is the last, and what it reads first, too.
    int step = down ? pitch : -pitch;
    int yStep = down ? ld : -ld;
    int x = down ? 0 : (rows + 1) * pitch;
    int y = down ? 0 : (rows - 1) * ld;
    int col0 = (int) (taps.col()[0] - taps.firstCol());
    int col1 = (int) (taps.col()[1] - taps.firstCol());
    int col2 = (int) (taps.col()[2] - taps.firstCol());
    int skip = rows - half;
    for (int v = 0; v < width; v += lanes) {
      kernel.rows(
          window,
          x + v,
          x + v + skip * step,
          step,
          col0,
          col1,
          col2,
          w,
          half,
          total,
          y + v,
          y + v + skip * yStep,
          yStep);
    }
    float b = bias == null ? 0f : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, group * Float.BYTES);
    long at = (plane * out.h() + u) * out.w();
    rowKernel.finishRows(total, 0, ld, rows, to, at, width, bias != null, b, relu);
  }

  /** Rows of a plane from {@code h} on, with +0 outside of the image. */
  private void fill(long plane, long h, int rows, MemorySegment image, float[] window) {
    long left = taps.firstCol();
    int lo = (int) Math.clamp(-left, 0L, (long) pitch);
    int hi = (int) Math.clamp(in.w() - left, (long) lo, (long) pitch);
    int top = (int) Math.clamp(-h, 0L, (long) rows);
    int end = (int) Math.clamp(in.h() - h, (long) top, (long) rows);
    Arrays.fill(window, 0, top * pitch, 0f);
    rowKernel.copyRows(
        image,
        (plane * in.h() + h + top) * in.w() + left + lo,
        in.w(),
        1,
        end - top,
        window,
        top * pitch,
        pitch,
        lo,
        hi);
    Arrays.fill(window, end * pitch, rows * pitch, 0f);
  }
}

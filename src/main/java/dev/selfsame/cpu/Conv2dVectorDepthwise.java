package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorRowKernel.TAPS;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Weight gradient of a depthwise convolution, lanes across channels. A task is one chunk of as many
 * channels as a vector has lanes: it turns the image rows and the output gradients that it reads so
 * that channels are neighbours. All chains are stored, and added in order afterwards.
 */
final class Conv2dVectorDepthwise {
  /** Outputs turned at once; divides the shortest chunk. */
  private static final int STEPS = 256;

  private static final long MAX_WINDOW_FLOATS = 1 << 19;
  private static final long MAX_PARTIAL_FLOATS = 1 << 26;

  private final int lanes;
  private final Conv2dVectorPanelKernel mover;
  private final Conv2dVectorRowKernel kernel;
  private final Conv2dSizes z;
  private final int taps;
  private final long terms;
  private final long chunk;
  private final int chunks;
  private final int windowW;
  private final int size;

  Conv2dVectorDepthwise(
      Conv2dVectorPanelKernel mover, Conv2dVectorRowKernel kernel, Conv2dSizes z) {
    lanes = mover.lanes();
    this.mover = mover;
    this.kernel = kernel;
    this.z = z;
    taps = (int) (z.r() * z.s());
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);
    chunks = (int) Math.ceilDiv(terms, chunk);
    windowW = (int) width(z);
    size = Math.ceilDiv(taps, TAPS) * TAPS * lanes;
  }

  /**
   * Whether the convolution is depthwise, its window fits a cache and its partial results are few.
   */
  static boolean takes(Conv2dSizes z) {
    return z.groupC() == 1
        && z.groupK() == 1
        && z.groups() > 1
        && z.r() <= MAX_WINDOW_FLOATS
        && z.s() <= MAX_WINDOW_FLOATS
        && width(z) <= MAX_WINDOW_FLOATS
        && height(z, STEPS) <= MAX_WINDOW_FLOATS
        && width(z) * height(z, STEPS) * 16 <= MAX_WINDOW_FLOATS
        && (z.c() + 16) * (z.r() * z.s() + TAPS) * Contract.MAX_CHUNKS <= MAX_PARTIAL_FLOATS;
  }

  private static long width(Conv2dSizes z) {
    return (z.q() - 1) * z.strideW() + (z.s() - 1) * z.dilationW() + 1;
  }

  /** Most image rows under that many consecutive outputs. */
  private static long height(Conv2dSizes z, long outputs) {
    long rows = Math.min(z.p(), (outputs - 2) / z.q() + 2);
    return (rows - 1) * z.strideH() + (z.r() - 1) * z.dilationH() + 1;
  }

  void run(MemorySegment x, MemorySegment dy, MemorySegment dw, Workers workers) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int[] offset = mine.ints(size / lanes);
    for (int i = 0; i < size / lanes; i++) {
      // The last tile's spare taps repeat the last one.
      long tap = Math.min(i, taps - 1);
      offset[i] =
          (int) (tap / z.s() * z.dilationH() * windowW + tap % z.s() * z.dilationW()) * lanes;
    }
    long blocks = Math.ceilDiv(z.c(), lanes);
    float[] partials = mine.floats(Conv2dVectorScratch.SHARED, blocks * chunks * size);
    workers.run(
        blocks * chunks,
        id ->
            chunk(
                x,
                dy,
                id / chunks * lanes,
                id % chunks * chunk,
                offset,
                partials,
                (int) (id * size)));
    workers.run(
        blocks,
        block -> {
          int at = (int) (block * chunks * size);
          for (int i = 1; i < chunks; i++) {
            kernel.fold(partials, at, partials, at + i * size, size);
          }
          for (int lane = 0; lane < Math.min(lanes, z.c() - block * lanes); lane++) {
            for (int tap = 0; tap < taps; tap++) {
              dw.set(
                  ValueLayout.JAVA_FLOAT_UNALIGNED,
                  ((block * lanes + lane) * taps + tap) * 4,
                  partials[at + tap * lanes + lane]);
            }
          }
        });
  }

  private void chunk(
      MemorySegment x,
      MemorySegment dy,
      long channel,
      long begin,
      int[] offset,
      float[] to,
      int at) {
    Arrays.fill(to, at, at + size, 0f);
    int count = (int) Math.min(lanes, z.c() - channel);
    long image = z.p() * z.q();
    long end = Math.min(terms, begin + chunk);
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] window =
        mine.floats(Conv2dVectorScratch.WINDOW, (width(z) * height(z, STEPS) + lanes) * lanes);
    float[] outputs = mine.floats(Conv2dVectorScratch.SCALARS, (long) (STEPS + lanes) * lanes);
    int[] places = mine.places(STEPS);
    for (long t = begin; t < end; ) {
      long n = t / image;
      long position = t - n * image;
      int steps = (int) Math.min(Math.min(STEPS, end - t), image - position);
      long firstP = position / z.q();
      int rows = (int) ((position + steps - 1) / z.q() - firstP + 1);
      turnImage(x, (n * z.c() + channel) * z.h() * z.w(), count, firstP, rows, window);
      turn(dy, (n * z.c() + channel) * image + position, image, count, steps, outputs, 0);
      int q = (int) (position - firstP * z.q());
      int row = 0;
      for (int i = 0; i < steps; i++) {
        places[i] = (int) (row * z.strideH() * windowW + q * z.strideW()) * lanes;
        if (++q == z.q()) {
          q = 0;
          row++;
        }
      }
      for (int tap = 0; tap < taps; tap += TAPS) {
        kernel.taps(window, places, offset, tap, outputs, steps, to, at + tap * lanes);
      }
      t += steps;
    }
  }

  /**
   * The image rows under output rows from {@code firstP} on, with +0 outside of the image, channels
   * as lanes.
   */
  private void turnImage(MemorySegment x, long from, int count, long firstP, int rows, float[] to) {
    int height = (int) ((rows - 1) * z.strideH() + (z.r() - 1) * z.dilationH() + 1);
    int lo = (int) Math.min(z.paddingW(), windowW);
    int hi = (int) Math.clamp(z.w() + z.paddingW(), lo, (long) windowW);
    for (int y = 0; y < height; y++) {
      long h = firstP * z.strideH() - z.paddingH() + y;
      int at = y * windowW * lanes;
      if (h < 0 || h >= z.h()) {
        Arrays.fill(to, at, at + windowW * lanes, 0f);
        continue;
      }
      Arrays.fill(to, at, at + lo * lanes, 0f);
      turn(
          x,
          from + h * z.w() + lo - z.paddingW(),
          z.h() * z.w(),
          count,
          hi - lo,
          to,
          at + lo * lanes);
      // After turning, which writes more columns.
      Arrays.fill(to, at + hi * lanes, at + windowW * lanes, 0f);
    }
  }

  /**
   * Rows {@code stride} apart to columns: to[at + i·lanes + lane] = from[first + lane·stride + i].
   */
  private void turn(
      MemorySegment from, long first, long stride, int count, int n, float[] to, int at) {
    if (first >= lanes && first + (count - 1) * stride + n + 2L * lanes <= from.byteSize() >> 2) {
      mover.turn(from, first, stride, count - 1, n, to, at, lanes);
      return;
    }
    // At the ends of memory, where vectors would be read from beyond.
    for (int lane = 0; lane < count; lane++) {
      for (int i = 0; i < n; i++) {
        to[at + i * lanes + lane] =
            from.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (first + lane * stride + i) * 4);
      }
    }
  }
}

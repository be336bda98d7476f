package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorFilterKernel.TAPS;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Weight gradient of a few filters of five columns, as in LeNet: lanes across filters, a filter's
 * taps read their pixels where they lie in the padded image. Only dy is turned; panels of pixels
 * would cost more than what so few filters do with them.
 *
 * <p>A task is a chunk of one group; chains are stored, and added in order afterwards.
 */
final class Conv2dVectorFewFilters {
  /** Terms of a panel; divides the shortest chunk. */
  private static final int DEPTH = 256;

  private static final long MAX_WINDOW_FLOATS = 1 << 15;

  private final Conv2dVectorFilterKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dVectorOperands operands;
  private final Conv2dSizes z;
  private final MemorySegment x;
  private final MemorySegment dw;
  private final int lanes;
  private final long terms;
  private final long chunk;
  private final int width;
  private final int filterRows;
  private final int size;

  Conv2dVectorFewFilters(
      Conv2dVectorFilterKernel kernel,
      Conv2dVectorPanelKernel mover,
      Conv2dVectorTurnKernel turns,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment dw) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.z = z;
    this.x = x;
    this.dw = dw;
    operands = new Conv2dVectorOperands(mover, turns, rowKernel, z, x, dy, DEPTH);
    lanes = rowKernel.lanes();
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);
    width = (int) width(z);
    filterRows = (int) (z.groupC() * z.r());
    size = Math.ceilDiv(filterRows, TAPS) * TAPS * TAPS * lanes;
  }

  /** Whether this way is the faster one. */
  static boolean takes(Conv2dSizes z, int lanes) {
    return lanes == 16
        && z.s() == TAPS
        && z.dilationW() == 1
        && z.groupK() <= lanes
        && z.groupC() <= 16
        && z.r() <= 16
        && width(z) <= MAX_WINDOW_FLOATS
        && floats(z) <= MAX_WINDOW_FLOATS;
  }

  private static long width(Conv2dSizes z) {
    return (z.q() - 1) * z.strideW() + TAPS;
  }

  private static long height(Conv2dSizes z) {
    return (Math.min(z.p(), DEPTH / z.q() + 2) - 1) * z.strideH() + (z.r() - 1) * z.dilationH() + 1;
  }

  private static long floats(Conv2dSizes z) {
    return Math.multiplyHigh(height(z), width(z)) != 0
        ? Long.MAX_VALUE
        : Math.min(height(z) * width(z), MAX_WINDOW_FLOATS + 1) * z.groupC();
  }

  void run(Workers workers) {
    int chunks = (int) Math.ceilDiv(terms, chunk);
    float[] chains =
        Conv2dVectorScratch.mine()
            .floats(Conv2dVectorScratch.SUMS, (z.groups() * chunks * size) + 2L * lanes);
    workers.run(
        z.groups() * chunks,
        task -> chain(task / chunks, task % chunks * chunk, chains, (int) (lanes + task * size)));
    workers.run(
        z.groups(),
        group -> {
          int total = (int) (lanes + group * chunks * size);
          for (int i = 1; i < chunks; i++) {
            rowKernel.fold(chains, total, chains, total + i * size, size);
          }
          store(group, chains, total);
        });
  }

  private void chain(long group, long begin, float[] c, int ct) {
    Arrays.fill(c, ct, ct + size, 0f);
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int image = (int) (z.p() * z.q());
    int channelFloats = (int) height(z) * width;
    float[] window = mine.floats(Conv2dVectorScratch.WINDOW, channelFloats * z.groupC() + lanes);
    float[] outputs = mine.floats(Conv2dVectorScratch.PIXELS, (long) (DEPTH + lanes) * lanes);
    int[] place = mine.places(DEPTH + (size / lanes));
    for (int i = 0; i < size / lanes / TAPS; i++) {
      int row = Math.min(i, filterRows - 1);
      place[DEPTH + i] =
          row / (int) z.r() * channelFloats + row % (int) z.r() * (int) z.dilationH() * width;
    }
    long end = Math.min(terms, begin + chunk);
    for (long t = begin; t < end; ) {
      int position = (int) (t % image);
      int n = (int) Math.min(Math.min(DEPTH, end - t), image - position);
      operands.outputs(group, 0, (int) z.groupK(), t, n, outputs, 0, lanes);
      int p = position / (int) z.q();
      int q = position % (int) z.q();
      fill(t / image, group, p, (position + n - 1) / (int) z.q(), window, channelFloats);
      int row = 0;
      for (int i = 0; i < n; i++) {
        place[i] = row * width + q * (int) z.strideW();
        if (++q == z.q()) {
          q = 0;
          row += (int) z.strideH();
        }
      }
      for (int i = 0; i < size / lanes / TAPS; i += TAPS) {
        kernel.taps(window, place, place, DEPTH + i, outputs, n, c, ct + i * TAPS * lanes);
      }
      t += n;
    }
  }

  /** The padded rows of a group's channels that output rows {@code p} to {@code lastP} read. */
  private void fill(long n, long group, int p, int lastP, float[] window, int channelFloats) {
    int height = (int) ((lastP - p) * z.strideH() + (z.r() - 1) * z.dilationH() + 1);
    int lo = (int) Math.min(z.paddingW(), width);
    int hi = (int) Math.clamp(z.w() + z.paddingW(), lo, (long) width);
    for (int c = 0; c < z.groupC(); c++) {
      long plane = (n * z.c() + group * z.groupC() + c) * z.h();
      for (int i = 0; i < height; i++) {
        int at = c * channelFloats + i * width;
        long h = p * z.strideH() - z.paddingH() + i;
        boolean inside = h >= 0 && h < z.h();
        Arrays.fill(window, at, at + (inside ? lo : width), 0f);
        if (inside) {
          long from = (plane + h) * z.w() + lo - z.paddingW();
          rowKernel.copy(x, from, 1, window, at + lo, hi - lo);
          Arrays.fill(window, at + hi, at + width, 0f);
        }
      }
    }
  }

  /** Filters are neighbours in the sums, weights are in memory. */
  private void store(long group, float[] total, int at) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int weights = filterRows * TAPS;
    MemorySegment filters =
        mine.natives(Conv2dVectorScratch.PANELS, (long) (lanes + lanes / 2) * weights + lanes);
    int[] row = mine.ints(weights + lanes);
    for (int i = 0; i < weights + lanes; i++) {
      row[i] = Math.min(i, weights - 1) * lanes;
    }
    int count = (int) z.groupK();
    operands.turnArray(total, at, row, count, filters, 0, weights);
    MemorySegment.copy(
        filters,
        0,
        dw,
        group * count * weights * Float.BYTES,
        (long) count * weights * Float.BYTES);
  }
}

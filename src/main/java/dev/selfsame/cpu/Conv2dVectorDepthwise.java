package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorRowKernel.TAPS;

import dev.selfsame.contract.Contract;
import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Weight gradient of a depthwise convolution, lanes across channels. A task is some chunks of as
 * many channels as a vector has lanes: it turns the image rows and the output gradients that it
 * reads so that channels are neighbours, into native memory, where vectors lie in cache lines. All
 * chains are stored, and added in order afterwards.
 */
final class Conv2dVectorDepthwise {
  /** Outputs turned at once; divides the shortest chunk. */
  private static final int STEPS = 256;

  private static final long MIN_TASKS = 16;
  private static final long MAX_WINDOW_FLOATS = 1 << 19;
  private static final long MAX_PARTIAL_FLOATS = 1 << 26;

  private final int lanes;
  private final Conv2dVectorTurnKernel turns;
  private final Conv2dVectorRowKernel kernel;
  private final Conv2dSizes z;
  private final int taps;
  private final long terms;
  private final long chunk;
  private final int chunks;
  private final int windowW;
  private final int size;

  /** Chunks of a task, which turns rows of an image once for all of them. */
  private final int together;

  Conv2dVectorDepthwise(Conv2dVectorTurnKernel turns, Conv2dVectorRowKernel kernel, Conv2dSizes z) {
    lanes = kernel.lanes();
    this.turns = turns;
    this.kernel = kernel;
    this.z = z;
    taps = (int) (z.r() * z.s());
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);
    chunks = (int) Math.ceilDiv(terms, chunk);
    windowW = (int) width(z);
    size = Math.ceilDiv(taps, TAPS) * TAPS * lanes;
    together = (int) Math.max(1, Math.ceilDiv(z.c(), lanes) * chunks / MIN_TASKS);
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
    int parts = Math.ceilDiv(chunks, together);
    workers.run(
        blocks * parts,
        id -> {
          long block = id / parts;
          int first = (int) (id % parts) * together;
          int end = Math.min(chunks, first + together);
          chunks(x, dy, block * lanes, first, end, offset, partials, (int) (block * chunks * size));
        });
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

  /** The chains of chunks {@code first} … {@code last} − 1 of the channels from one on. */
  private void chunks(
      MemorySegment x,
      MemorySegment dy,
      long channel,
      int first,
      int last,
      int[] offset,
      float[] to,
      int at) {
    Arrays.fill(to, at + first * size, at + last * size, 0f);
    int count = (int) Math.min(lanes, z.c() - channel);
    long image = z.p() * z.q();
    long end = Math.min(terms, last * chunk);
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    MemorySegment window =
        mine.natives(Conv2dVectorScratch.PANELS, (width(z) * height(z, STEPS) + lanes) * lanes);
    MemorySegment outputs =
        mine.natives(Conv2dVectorScratch.TOTALS, (long) (STEPS + lanes) * lanes);
    int[] places = mine.places(STEPS);
    long heldImage = -1;
    long heldP = 0;
    int held = 0;
    for (long t = first * chunk; t < end; ) {
      long n = t / image;
      long position = t - n * image;
      long chunkEnd = Math.min(end, (t / chunk + 1) * chunk);
      int steps = (int) Math.min(Math.min(STEPS, chunkEnd - t), image - position);
      long firstP = position / z.q();
      int rows = (int) ((position + steps - 1) / z.q() - firstP + 1);
      // Rows that the piece before has turned are moved to the window's beginning.
      int gone = heldImage == n ? (int) Math.min(held, (firstP - heldP) * z.strideH()) : held;
      int kept = held - gone;
      if (gone > 0 && kept > 0) {
        long row = (long) windowW * lanes * Float.BYTES;
        MemorySegment.copy(window, gone * row, window, 0, kept * row);
      }
      held = (int) ((rows - 1) * z.strideH() + (z.r() - 1) * z.dilationH() + 1);
      heldImage = n;
      heldP = firstP;
      turnImage(x, (n * z.c() + channel) * z.h() * z.w(), count, firstP, kept, held, window);
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
      int sums = at + (int) (t / chunk) * size;
      for (int tap = 0; tap < taps; tap += TAPS) {
        kernel.taps(window, places, offset, tap, outputs, steps, to, sums + tap * lanes);
      }
      t += steps;
    }
  }

  /**
   * Rows {@code from} … {@code height} − 1 of those under output rows from {@code firstP} on, with
   * +0 outside of the image, channels as lanes.
   */
  private void turnImage(
      MemorySegment x, long plane, int count, long firstP, int from, int height, MemorySegment to) {
    int lo = (int) Math.min(z.paddingW(), windowW);
    int hi = (int) Math.clamp(z.w() + z.paddingW(), lo, (long) windowW);
    for (int y = from; y < height; y++) {
      long h = firstP * z.strideH() - z.paddingH() + y;
      long at = (long) y * windowW * lanes;
      if (h < 0 || h >= z.h()) {
        kernel.zero(to, at, windowW);
        continue;
      }
      kernel.zero(to, at, lo);
      turn(
          x,
          plane + h * z.w() + lo - z.paddingW(),
          z.h() * z.w(),
          count,
          hi - lo,
          to,
          at + (long) lo * lanes);
      // After turning, which writes more columns.
      kernel.zero(to, at + (long) hi * lanes, windowW - hi);
    }
  }

  /**
   * Rows {@code stride} apart to columns: to[at + i·lanes + lane] = from[first + lane·stride + i].
   */
  private void turn(
      MemorySegment from, long first, long stride, int count, int n, MemorySegment to, long at) {
    if (first >= lanes && first + (count - 1) * stride + n + 2L * lanes <= from.byteSize() >> 2) {
      turns.turn(from, first, stride, count - 1, n, to, at, lanes);
      return;
    }
    // At the ends of memory, where vectors would be read from beyond.
    for (int lane = 0; lane < count; lane++) {
      for (int i = 0; i < n; i++) {
        Mem.f32(to, at + (long) i * lanes + lane, Mem.f32(from, first + lane * stride + i));
      }
    }
  }
}

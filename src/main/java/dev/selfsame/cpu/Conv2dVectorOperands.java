package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The two operands of a weight gradient's matrix product, dy[k][term] and pixel[(c, r, s)][term],
 * and how rows of them are turned into panels [term][row].
 */
final class Conv2dVectorOperands {
  /** Terms turned at once, of rows that were copied side by side. */
  private static final int STAGED = 128;

  /** Distance of staged rows: not a power of two, they would share cache sets. */
  private static final int STAGED_STEP = STAGED + 16;

  private final Conv2dVectorPanelKernel mover;
  private final Conv2dVectorTurnKernel turns;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dSizes z;
  private final MemorySegment x;
  private final MemorySegment dy;
  private final int lanes;
  private final int depth;
  private final Conv2dVectorRuns runs;

  /** Whether each term's pixel is the one in its own place. */
  private final boolean flat;

  // Of the prepared terms.
  private long begin;
  private boolean windowed;
  private float[] window = {};

  /**
   * @param depth most terms of a panel
   */
  Conv2dVectorOperands(
      Conv2dVectorPanelKernel mover,
      Conv2dVectorTurnKernel turns,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z,
      MemorySegment x,
      MemorySegment dy,
      int depth) {
    this.mover = mover;
    this.turns = turns;
    this.rowKernel = rowKernel;
    this.z = z;
    this.x = x;
    this.dy = dy;
    this.depth = depth;
    lanes = rowKernel.lanes();
    runs = new Conv2dVectorRuns(z, rowKernel, lanes, depth);
    flat = z.r() * z.s() == 1 && z.strideH() * z.strideW() == 1 && z.paddingH() + z.paddingW() == 0;
  }

  /** Floats that are prepared for {@code n} terms, about. */
  long preparedFloats(long n) {
    return z.r() * z.s() == 1 ? 0 : runs.floats(n);
  }

  Conv2dVectorRuns runs() {
    return runs;
  }

  /** Prepares for terms t … t+n−1: says how many tasks {@link #prepare} is to be called with. */
  long plan(long t, long n) {
    begin = t;
    windowed = runs.plan(t, n);
    if (!windowed) {
      return 0;
    }
    window =
        Conv2dVectorScratch.mine()
            .floats(Conv2dVectorScratch.PIXELS, runs.channelFloats() * z.c() + 3L * lanes);
    return z.c();
  }

  /** One of the tasks of {@link #plan}. */
  void prepare(long task) {
    runs.fill(x, task, window, place(task));
  }

  /**
   * Turns dy of filters {@code first} … {@code first} + {@code count} − 1 of a group at terms t …
   * t+n−1 into a panel of {@code size} rows, in an array. Writes up to half a vector more terms,
   * and up to a vector beyond them.
   */
  void outputs(long group, int first, int count, long t, int n, float[] to, int at, int size) {
    long k = group * z.groupK() + first;
    long plane = z.p() * z.q();
    for (int done = 0; done < n; ) {
      long position = (t + done) % plane;
      int run = (int) Math.min(n - done, plane - position);
      long start = ((t + done) / plane * z.k() + k) * plane + position;
      int place = at + done * size;
      if (inside(dy, start, plane, count, run)) {
        for (int i = 0; i < size; i += lanes) {
          int column = Math.max(0, Math.min(i, size - lanes));
          int row = Math.min(column, count - 1);
          long from = start + row * plane;
          mover.turn(dy, from, plane, count - 1 - row, run, to, place + column, size);
        }
      } else {
        MemorySegment turned =
            Conv2dVectorScratch.mine().natives(Conv2dVectorScratch.PANELS, panelFloats(size));
        turnRows(dy, start, plane, count, run, turned, 0, size);
        MemorySegment.copy(turned, ValueLayout.JAVA_FLOAT, 0, to, place, run * size);
      }
      done += run;
    }
  }

  /** Floats of native memory that turning {@code size} rows takes, more than a panel holds. */
  long panelFloats(int size) {
    return (long) (depth + lanes) * size + lanes;
  }

  /**
   * Turns the pixels that weights {@code first}, … of a filter meet. Writes up to half a vector
   * more terms, and up to a vector beyond them.
   */
  void pixels(
      long group, int first, int count, long t, int n, MemorySegment to, long at, int size) {
    if (flat) {
      long c = group * z.groupC() + first;
      turnPlanes(x, c, z.c(), z.h() * z.w(), count, t, n, to, at, size);
    } else if (windowed) {
      turnWindow(group, first, count, (int) ((t - begin) / depth), to, at, size);
    } else {
      turnScanned(group, first, count, t, n, to, at, size);
    }
  }

  /** Turns planes of as many images as the terms span, of channels {@code first}, …. */
  private void turnPlanes(
      MemorySegment from,
      long first,
      long channels,
      long plane,
      int count,
      long t,
      int n,
      MemorySegment to,
      long at,
      int size) {
    for (int done = 0; done < n; ) {
      long position = (t + done) % plane;
      int run = (int) Math.min(n - done, plane - position);
      long start = ((t + done) / plane * channels + first) * plane + position;
      turnRows(from, start, plane, count, run, to, at + (long) done * size, size);
      done += run;
    }
  }

  /** Turns rows in memory, directly where the vectors that are read lie in the segment. */
  private void turnRows(
      MemorySegment from,
      long start,
      long step,
      int count,
      int n,
      MemorySegment to,
      long at,
      int size) {
    if (inside(from, start, step, count, n)) {
      int first = 0;
      for (; first < size - lanes; first += lanes) {
        turnDirectly(from, start, step, first, count, n, to, at, size);
      }
      turnDirectly(from, start, step, Math.max(0, size - lanes), count, n, to, at, size);
      return;
    }
    float[] staged = staged(size);
    int[] place = places(size, count);
    for (int done = 0; done < n; done += STAGED) {
      int some = Math.min(STAGED, n - done);
      for (int i = 0; i < count; i++) {
        rowKernel.copy(from, start + i * step + done, 1, staged, lanes + i * STAGED_STEP, some);
      }
      turnArray(staged, 0, place, some, to, at + (long) done * size, size);
    }
  }

  /** Whether the vectors that are read lie in the segment. */
  private boolean inside(MemorySegment from, long start, long step, int count, int n) {
    return start >= lanes && start + (count - 1) * step + n + 2L * lanes <= from.byteSize() >> 2;
  }

  private void turnDirectly(
      MemorySegment from,
      long start,
      long step,
      int first,
      int count,
      int n,
      MemorySegment to,
      long at,
      int size) {
    int row = Math.min(first, count - 1);
    turns.turn(from, start + row * step, step, count - 1 - row, n, to, at + first, size);
  }

  private float[] staged(int size) {
    return Conv2dVectorScratch.mine()
        .floats(Conv2dVectorScratch.SCALARS, STAGED_STEP * (size + 1L));
  }

  /** Places of staged rows; those beyond the last one repeat it. */
  private int[] places(int size, int count) {
    int[] place = Conv2dVectorScratch.mine().ints(size + lanes);
    for (int i = 0; i < size + lanes; i++) {
      place[i] = lanes + Math.min(i, count - 1) * STAGED_STEP;
    }
    return place;
  }

  /** Turns {@code size} rows; row i is at {@code base + place[i]}. */
  void turnArray(float[] from, int base, int[] place, int n, MemorySegment to, long at, int size) {
    int first = 0;
    for (; first < size - lanes; first += lanes) {
      turns.turn(from, base, place, first, n, to, at + first, size);
    }
    // Rows that don't fill a vector: the last one must not write beside its terms.
    first = Math.max(0, size - lanes);
    turns.turn(from, base, place, first, n, to, at + first, size);
  }

  /** Where a channel's planes are in the window. */
  private int place(long channel) {
    return lanes + (int) channel * runs.channelFloats();
  }

  private void turnWindow(
      long group, int first, int count, int block, MemorySegment to, long at, int size) {
    int[] place = Conv2dVectorScratch.mine().ints(size + lanes);
    long s = first % z.s();
    long r = first / z.s() % z.r();
    long c = group * z.groupC() + first / (z.s() * z.r());
    for (int i = 0; i < size + lanes; i++) {
      place[i] = place(c) + runs.offset(r, s);
      if (i < count - 1 && ++s == z.s()) {
        s = 0;
        if (++r == z.r()) {
          r = 0;
          c++;
        }
      }
    }
    int end = runs.firstRun(block + 1);
    int term = 0;
    for (int run = runs.firstRun(block); run < end; run++) {
      int n = runs.length(run);
      turnArray(window, runs.place(run), place, n, to, at + (long) term * size, size);
      term += n;
    }
  }

  private void turnScanned(
      long group, int first, int count, long t, int n, MemorySegment to, long at, int size) {
    float[] staged = staged(size);
    int[] place = places(size, count);
    for (int done = 0; done < n; done += STAGED) {
      int some = Math.min(STAGED, n - done);
      for (int i = 0; i < count; i++) {
        scan(group, first + i, t + done, some, staged, lanes + i * STAGED_STEP);
      }
      turnArray(staged, 0, place, some, to, at + (long) done * size, size);
    }
  }

  /**
   * The pixels that weight {@code column} = (c, r, s) meets at terms t … t+n−1; +0 outside of the
   * image.
   */
  private void scan(long group, int column, long t, int n, float[] to, int at) {
    long s = column % z.s();
    long r = column / z.s() % z.r();
    long channel = group * z.groupC() + column / (z.s() * z.r());
    long left = s * z.dilationW() - z.paddingW();
    long inside = Math.ceilDiv(-left, z.strideW());
    long outside = Math.floorDiv(z.w() - 1 - left, z.strideW()) + 1;
    long q = t % z.q();
    long p = t / z.q() % z.p();
    long image = t / (z.q() * z.p());
    for (int done = 0; done < n; ) {
      int run = (int) Math.min(n - done, z.q() - q);
      int place = at + done;
      long h = p * z.strideH() - z.paddingH() + r * z.dilationH();
      if (q == 0 && run == z.q() && h >= 0 && h < z.h()) {
        // Whole rows of the image together.
        long most = Math.min(z.p() - p, (z.h() - 1 - h) / z.strideH() + 1);
        int rows = (int) Math.min(most, (n - done) / run);
        int first = Math.clamp(inside, 0, run);
        int end = Math.clamp(outside, first, run);
        long pixel = ((image * z.c() + channel) * z.h() + h) * z.w() + left + first * z.strideW();
        long step = z.strideH() * z.w();
        rowKernel.copyRows(x, pixel, step, z.strideW(), rows, to, place, run, first, end);
        done += rows * run;
        p += rows;
        image += p / z.p();
        p %= z.p();
        continue;
      }
      int lo = h < 0 || h >= z.h() ? run : Math.clamp(inside - q, 0, run);
      int hi = Math.clamp(outside - q, lo, run);
      for (int i = 0; i < lo; i++) {
        to[place + i] = 0f;
      }
      long from = ((image * z.c() + channel) * z.h() + h) * z.w() + left + (q + lo) * z.strideW();
      rowKernel.copy(x, from, z.strideW(), to, place + lo, hi - lo);
      for (int i = hi; i < run; i++) {
        to[place + i] = 0f;
      }
      done += run;
      q = 0;
      if (++p == z.p()) {
        p = 0;
        image++;
      }
    }
  }
}

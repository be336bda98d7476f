package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The pixels that the taps of some channels meet at consecutive outputs: the image rows that are
 * read, padded with +0, its columns split by stride phase, so that every tap meets a run of
 * neighbours in each output row.
 *
 * <p>A task has one; it lives in the thread's scratch.
 */
final class Conv2dVectorRuns {
  private static final long MAX_FLOATS = 1 << 19;

  private final Conv2dSizes z;
  private final Conv2dVectorRowKernel kernel;
  private final int slack;
  private final Conv2dVectorScratch scratch;
  private final int phases;
  private final long width;
  private final int[] tapColumn;

  // Of the current steps: each run's place in a channel and length, and its segments of one image.
  private int[] runs = {};
  private int runCount;
  private int rows;
  private int planeFloats;
  private float[] window = {};

  Conv2dVectorRuns(Conv2dSizes z, Conv2dVectorRowKernel kernel, int lanes) {
    this.z = z;
    this.kernel = kernel;
    slack = lanes;
    scratch = Conv2dVectorScratch.mine();
    phases = (int) Math.min(z.strideW(), z.s());
    width = z.q() + (z.s() - 1) * z.dilationW() / z.strideW();
    tapColumn = new int[(int) z.s()];
  }

  /**
   * Whether rows can be read through a window: it is of use, and small. Then it holds the channels.
   */
  boolean fill(MemorySegment x, long group, int firstChannel, int channels, long t, int n) {
    if (z.r() * z.s() == 1) {
      return false;
    }
    plan(t, n);
    if (rows < 0 || rows * width * phases * channels > MAX_FLOATS) {
      return false;
    }
    planeFloats = (int) (rows * width);
    window =
        scratch.floats(
            Conv2dVectorScratch.PIXELS, (long) planeFloats * phases * channels + 3L * slack);
    for (int s = 0; s < tapColumn.length; s++) {
      long column = s * z.dilationW();
      tapColumn[s] = phase(column % z.strideW()) * planeFloats + (int) (column / z.strideW());
    }
    int at = slack;
    for (int channel = 0; channel < channels; channel++) {
      for (int phase = 0; phase < phases; phase++) {
        at =
            fillPlane(
                x,
                group * z.groupC() + firstChannel + channel,
                offset(phase) - z.paddingW(),
                t,
                n,
                at);
      }
    }
    return true;
  }

  /** Index of the window's plane for columns that leave {@code remainder} by the stride. */
  private int phase(long remainder) {
    int index = 0;
    while (offset(index) != remainder) {
      index++;
    }
    return index;
  }

  /** The remainder of a plane's columns: that of the tap which is the first to need it. */
  private long offset(int phase) {
    return phase * z.dilationW() % z.strideW();
  }

  private void plan(long t, int n) {
    runs = scratch.places(2 * (n + 1));
    runCount = 0;
    long height = 0;
    long image = z.p() * z.q();
    for (int done = 0; done < n; ) {
      long position = (t + done) % image;
      int steps = (int) Math.min(n - done, image - position);
      long firstP = position / z.q();
      long q = position % z.q();
      for (int i = 0; i < steps; runCount++) {
        int length = (int) Math.min(steps - i, z.q() - q);
        long row = height + ((position + i) / z.q() - firstP) * z.strideH();
        runs[2 * runCount] = (int) Math.min(Integer.MAX_VALUE, row * width + q);
        runs[2 * runCount + 1] = length;
        i += length;
        q = 0;
      }
      height += segmentRows(position, steps);
      done += steps;
    }
    rows = height * width > MAX_FLOATS ? -1 : (int) height;
  }

  private long segmentRows(long position, int steps) {
    long spanned = (position + steps - 1) / z.q() - position / z.q();
    return spanned * z.strideH() + (z.r() - 1) * z.dilationH() + 1;
  }

  private int fillPlane(MemorySegment x, long channel, long left, long t, int n, int start) {
    int at = start;
    int lo = Math.clamp(Math.ceilDiv(-left, z.strideW()), 0, (int) width);
    int hi = Math.clamp(Math.floorDiv(z.w() - 1 - left, z.strideW()) + 1, lo, (int) width);
    long image = z.p() * z.q();
    for (int done = 0; done < n; ) {
      long position = (t + done) % image;
      int steps = (int) Math.min(n - done, image - position);
      long from = ((t + done) / image * z.c() + channel) * z.h();
      long first = position / z.q() * z.strideH() - z.paddingH();
      long end = first + segmentRows(position, steps);
      for (long h = first; h < end; h++, at += (int) width) {
        boolean inside = h >= 0 && h < z.h();
        zero(at, inside ? lo : (int) width);
        if (inside) {
          kernel.copy(
              x,
              (from + h) * z.w() + left + lo * z.strideW(),
              z.strideW(),
              window,
              at + lo,
              hi - lo);
          zero(at + hi, (int) width - hi);
        }
      }
      done += steps;
    }
    return at;
  }

  private void zero(int at, int count) {
    for (int i = 0; i < count; i++) {
      window[at + i] = 0f;
    }
  }

  /** Where the pixels are: those of a tap's run i at its {@link #offset} + {@link #place}. */
  float[] window() {
    return window;
  }

  /** Runs that the filled steps are cut into. */
  int count() {
    return runCount;
  }

  int place(int run) {
    return runs[2 * run];
  }

  int length(int run) {
    return runs[2 * run + 1];
  }

  /** Of tap (r, s) of a channel, counted from the first one filled. */
  int offset(int channel, int r, int s) {
    return slack
        + channel * phases * planeFloats
        + (int) (r * z.dilationH() * width)
        + tapColumn[s];
  }
}

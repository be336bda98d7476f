package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The pixels that a convolution's taps meet at consecutive outputs: the image rows that are read,
 * padded with +0, its columns split by stride phase, so that every tap meets a run of neighbours in
 * each output row.
 *
 * <p>It belongs to a call, which plans it for some outputs, has tasks fill its channels, and then
 * reads it in others.
 */
final class Conv2dVectorRuns {
  /** More is not worth it, and indices are ints. */
  private static final long MAX_FLOATS = 1 << 27;

  private final Conv2dSizes z;
  private final Conv2dVectorRowKernel kernel;
  private final int slack;
  private final int cut;
  private final Conv2dVectorScratch scratch;
  private final int phases;
  private final long width;
  private final int[] tapColumn;

  // Of the planned outputs: each run's place in a plane and length, and what is to be filled.
  private long first;
  private int outputs;
  private int[] runs = {};
  private int blocks;
  private int planeFloats;
  private int channelFloats;

  /**
   * @param lanes floats in a vector; that many may be read before the first pixel and after the
   *     last
   * @param cut outputs of a block: no run goes over a block's end
   */
  Conv2dVectorRuns(Conv2dSizes z, Conv2dVectorRowKernel kernel, int lanes, int cut) {
    this.z = z;
    this.kernel = kernel;
    this.cut = cut;
    slack = lanes;
    scratch = Conv2dVectorScratch.mine();
    phases = (int) Math.min(z.strideW(), z.s());
    width = z.q() + (z.s() - 1) * z.dilationW() / z.strideW();
    tapColumn = new int[(int) z.s()];
  }

  /** Floats that all channels take at {@code n} outputs, about. */
  long floats(long n) {
    long images = Math.ceilDiv(n, z.p() * z.q());
    long rows = Math.ceilDiv(n, z.q()) * z.strideH() + images * z.r() * z.dilationH();
    return rows * width * phases * z.c();
  }

  /** Whether {@code n} outputs can be planned. */
  boolean fits(long n) {
    return z.r() * z.s() > 1 && n <= MAX_FLOATS && floats(n) <= MAX_FLOATS;
  }

  /** Prepares for outputs t … t+n−1. False if pixels had better be read where they lie. */
  boolean plan(long t, long n) {
    if (!fits(n)) {
      return false;
    }
    first = t;
    outputs = (int) n;
    blocks = Math.ceilDiv(outputs, cut);
    int rows = cutRuns();
    planeFloats = (int) (rows * width);
    // Copies write up to a vector more: that must not be another task's channel.
    channelFloats = planeFloats * phases + slack;
    for (int s = 0; s < tapColumn.length; s++) {
      long column = s * z.dilationW();
      tapColumn[s] = phase(column % z.strideW()) * planeFloats + (int) (column / z.strideW());
    }
    return true;
  }

  /** Finds the runs, and returns the image rows that are read. */
  private int cutRuns() {
    long image = z.p() * z.q();
    long most = blocks + 1 + 2 * (outputs / z.q() + outputs / cut + outputs / image + 3);
    runs = scratch.places((int) most);
    int count = 0;
    long height = 0;
    for (int done = 0; done < outputs; ) {
      long position = (first + done) % image;
      int steps = (int) Math.min(outputs - done, image - position);
      long firstP = position / z.q();
      long q = position % z.q();
      for (int i = 0; i < steps; count++) {
        int block = (done + i) / cut;
        if ((done + i) % cut == 0) {
          runs[block] = count;
        }
        int length = (int) Math.min(Math.min(steps - i, z.q() - q), (block + 1L) * cut - done - i);
        long row = height + ((position + i) / z.q() - firstP) * z.strideH();
        runs[blocks + 1 + 2 * count] = (int) (row * width + q);
        runs[blocks + 2 + 2 * count] = length;
        i += length;
        q = (q + length) % z.q();
      }
      height += segmentRows(position, steps);
      done += steps;
    }
    runs[blocks] = count;
    return (int) height;
  }

  private long segmentRows(long position, int steps) {
    long spanned = (position + steps - 1) / z.q() - position / z.q();
    return spanned * z.strideH() + (z.r() - 1) * z.dilationH() + 1;
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

  /** Floats of a channel's planes, and as many more as filling them may overwrite. */
  int channelFloats() {
    return channelFloats;
  }

  /** Fills a channel's planes, which are at {@code to[at]} …. */
  void fill(MemorySegment x, long channel, float[] to, int at) {
    for (int phase = 0; phase < phases; phase++) {
      fillPlane(x, channel, offset(phase) - z.paddingW(), to, at + phase * planeFloats);
    }
  }

  private void fillPlane(MemorySegment x, long channel, long left, float[] to, int start) {
    int at = start;
    int lo = Math.clamp(Math.ceilDiv(-left, z.strideW()), 0, (int) width);
    int hi = Math.clamp(Math.floorDiv(z.w() - 1 - left, z.strideW()) + 1, lo, (int) width);
    long image = z.p() * z.q();
    for (int done = 0; done < outputs; ) {
      long position = (first + done) % image;
      int steps = (int) Math.min(outputs - done, image - position);
      long from = ((first + done) / image * z.c() + channel) * z.h();
      long top = position / z.q() * z.strideH() - z.paddingH();
      long end = top + segmentRows(position, steps);
      long above = Math.clamp(0L, top, end);
      long below = Math.clamp(z.h(), above, end);
      int inside = at + (int) ((above - top) * width);
      int outside = inside + (int) ((below - above) * width);
      Arrays.fill(to, at, inside, 0f);
      long pixel = (from + above) * z.w() + left + lo * z.strideW();
      int rows = (int) (below - above);
      kernel.copyRows(x, pixel, z.w(), z.strideW(), rows, to, inside, (int) width, lo, hi);
      at = outside + (int) ((end - below) * width);
      Arrays.fill(to, outside, at, 0f);
      done += steps;
    }
  }

  /** First run of a block; that of the next block is the end. */
  int firstRun(int block) {
    return runs[block];
  }

  /** Where a run begins in a channel's planes, for the tap whose {@link #offset} is 0. */
  int place(int run) {
    return runs[blocks + 1 + 2 * run];
  }

  int length(int run) {
    return runs[blocks + 2 + 2 * run];
  }

  /** How far after its {@link #place} a run begins for tap (r, s). */
  int offset(long r, long s) {
    return (int) (r * z.dilationH() * width) + tapColumn[(int) s];
  }
}

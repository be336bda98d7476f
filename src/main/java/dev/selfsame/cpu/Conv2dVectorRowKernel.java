package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * What the convolution drivers do to rows of floats, and the taps of a depthwise weight gradient.
 */
interface Conv2dVectorRowKernel {
  /** Taps that {@link #taps} takes at once. */
  int TAPS = 9;

  /** Floats in a vector. */
  int lanes();

  /**
   * to[at + i] ← from[map[first + i]] for i &lt; n. Reads the map, and writes, up to a vector more.
   */
  void pick(float[] from, int[] map, int first, int n, float[] to, int at);

  /** total ← total + chain for a multiple of the lanes. */
  void fold(float[] total, int tt, float[] chain, int ct, int count);

  /**
   * The same for {@code rows} rows of two vectors in native memory, the totals' {@code step} floats
   * apart, the chains' end to end.
   */
  void fold(MemorySegment total, long tt, long step, MemorySegment chain, long ct, int rows);

  /**
   * Copies {@code count} floats, {@code stride} apart, from element {@code at} of a segment on. May
   * overwrite what follows in {@code to}, one float less than a vector: rows are copied in
   * ascending order.
   */
  void copy(MemorySegment from, long at, long stride, float[] to, int t, int count);

  /**
   * Copies {@code rows} rows of {@code width} floats to where they lie end to end: in each, floats
   * lo … hi−1 are {@code stride} apart in the segment, from element {@code at} on, rows {@code
   * step} apart; the others are +0. May overwrite what follows, less than a vector.
   */
  void copyRows(
      MemorySegment from,
      long at,
      long step,
      long stride,
      int rows,
      float[] to,
      int t,
      int width,
      int lo,
      int hi);

  /** Writes totals to memory, after adding the bias, if there is one, and the activation. */
  void finish(
      float[] total,
      int t,
      MemorySegment to,
      long at,
      int count,
      boolean biased,
      float bias,
      boolean relu);

  /** As the other {@code finish}, from native memory. */
  void finish(
      MemorySegment total,
      long t,
      MemorySegment to,
      long at,
      int count,
      boolean biased,
      float bias,
      boolean relu);

  /**
   * The same for {@code rows} rows that lie end to end in memory, {@code step} floats apart in the
   * totals. Reads up to a vector after a row.
   */
  void finishRows(
      float[] total,
      int t,
      int step,
      int rows,
      MemorySegment to,
      long at,
      int count,
      boolean biased,
      float bias,
      boolean relu);

  /**
   * Continues the chains of nine taps of as many channels as there are lanes: c[i] ← fma(x[place[t]
   * + offset[first + i]], dy[t], c[i]) for t = 0 … n−1 in order, everything a vector of channels.
   */
  void taps(
      MemorySegment x,
      int[] place,
      int[] offset,
      int first,
      MemorySegment dy,
      int n,
      float[] c,
      int ct);

  /** Writes +0 to that many vectors. */
  void zero(MemorySegment to, long at, int vectors);
}

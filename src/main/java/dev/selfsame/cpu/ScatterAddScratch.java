package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A thread's arrays for scatter-add, kept between calls up to {@link #KEPT} elements each; larger
 * ones are the call's own. What they hold at first is anything.
 */
final class ScatterAddScratch {
  private static final ThreadLocal<ScatterAddScratch> MINE =
      ThreadLocal.withInitial(ScatterAddScratch::new);

  /** 16 MB. */
  static final int KEPT = 1 << 22;

  private int[] counts = {};
  private int[] order = {};
  private int[] rows = {};
  private int[] starts = {};
  private int[] seen = {};
  private float[] partials = {};
  private MemorySegment runs = MemorySegment.NULL;
  private MemorySegment finished = MemorySegment.NULL;

  private ScatterAddScratch() {}

  static ScatterAddScratch mine() {
    return MINE.get();
  }

  /** Terms of each row. */
  int[] counts(int length) {
    int[] some = atLeast(counts, length);
    counts = length <= KEPT ? some : counts;
    return some;
  }

  /** Source positions of a sort. */
  int[] order(int length) {
    int[] some = atLeast(order, length);
    order = length <= KEPT ? some : order;
    return some;
  }

  /** Rows of a sort. */
  int[] rows(int length) {
    int[] some = atLeast(rows, length);
    rows = length <= KEPT ? some : rows;
    return some;
  }

  /** Where a sort's rows begin. */
  int[] starts(int length) {
    int[] some = atLeast(starts, length);
    starts = length <= KEPT ? some : starts;
    return some;
  }

  /** Terms of each row that a task has met so far. */
  int[] seen(int length) {
    int[] some = atLeast(seen, length);
    seen = length <= KEPT ? some : seen;
    return some;
  }

  /** Sums of the blocks of long rows. */
  float[] partials(int length) {
    float[] some = partials.length >= length ? partials : new float[length];
    partials = length <= KEPT ? some : partials;
    return some;
  }

  /** Sums of runs that more terms may join; at most {@link #KEPT} floats. */
  MemorySegment runs(int length) {
    return runs = atLeast(runs, length);
  }

  /** Sums of runs that are complete; at most {@link #KEPT} floats. */
  MemorySegment finished(int length) {
    return finished = atLeast(finished, length);
  }

  private static int[] atLeast(int[] held, int length) {
    return held.length >= length ? held : new int[length];
  }

  private static MemorySegment atLeast(MemorySegment held, long length) {
    return held.byteSize() >= length * Float.BYTES
        ? held
        : Arena.ofAuto().allocate(length * JAVA_FLOAT.byteSize(), 64);
  }
}

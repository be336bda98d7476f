package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** {@link PairLoops#expAhead} for one row after the other; a thread keeps one. */
final class ExpAhead implements PairBlocks.Loop {
  private final PairLoops loops;
  private float[] maxima = {};
  private long distance;
  private int row;

  ExpAhead(PairLoops loops) {
    this.loops = loops;
  }

  /**
   * The row to read ahead.
   *
   * @param distance of its elements from those that are computed
   * @param row where in {@code maxima} its maximum goes
   */
  void set(long distance, float[] maxima, int row) {
    this.distance = distance;
    this.maxima = maxima;
    this.row = row;
  }

  @Override
  public long run(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] open) {
    return loops.expAhead(x, xAt, m, y, yAt, count, open, xAt + distance, maxima, row);
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** Turns rows into panels in native memory, which tiles read fastest from cache lines on. */
interface Conv2dVectorTurnKernel {
  /**
   * Turns as many rows as a vector has lanes: to[tt + t·width + i] = from[at + row[first + i] + t]
   * for t = 0 … n−1.
   *
   * <p>Reads half a vector before the rows and a vector after them; writes up to half a vector more
   * terms, of any value. A width below the lanes is allowed: what is written beside a term, the
   * next term overwrites.
   */
  void turn(
      float[] from, int at, int[] row, int first, int n, MemorySegment to, long tt, int width);

  /**
   * As the other {@code turn}, from rows in memory, row i at {@code at + min(i, last) · step}.
   *
   * <p>The caller sees to it that what is read lies in the segment.
   */
  void turn(
      MemorySegment from,
      long at,
      long step,
      int last,
      int n,
      MemorySegment to,
      long tt,
      int width);
}

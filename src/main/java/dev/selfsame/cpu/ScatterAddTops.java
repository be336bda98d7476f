package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;

/**
 * The upper levels of scatter-add's long rows: a 1,024th of the work, in loops that the compiler
 * turns into vectors.
 */
final class ScatterAddTops {
  /** Columns of a task. */
  private static final int STRIP = 64;

  private ScatterAddTops() {}

  /**
   * Adds the sums of long rows to the destination, by tasks of one row and a strip of columns.
   *
   * @param partials the sums of their blocks, a row of the strip {@code all} for each; used up
   */
  static void add(
      ScatterAddVectorSort sorted,
      float[] partials,
      ScatterAddStrip all,
      MemorySegment dst,
      Workers workers) {
    int room = (int) (all.end() - all.first());
    int strips = Math.ceilDiv(room, STRIP);
    int[] longRows = sorted.longRows();
    int[] slots = sorted.slots();
    workers.run(
        (long) longRows.length * strips,
        task -> {
          int row = (int) (task / strips);
          int first = (int) (task % strips) * STRIP;
          int width = Math.min(STRIP, room - first);
          int base = slots[row] * room + first;
          sum(partials, base, room, slots[row + 1] - slots[row], width);
          long to = sorted.rows()[longRows[row]] * all.columns() + all.first() + first;
          for (int j = 0; j < width; j++) {
            Mem.f32(dst, to + j, Mem.f32(dst, to + j) + partials[base + j]);
          }
        });
  }

  /** Sums {@code count} rows of partials, in runs, into the first. */
  private static void sum(float[] partials, int base, int room, int count, int width) {
    // Each run's sum takes the place of its first term, so a level's terms lie `step` rows apart.
    int terms = count;
    for (int step = 1; terms > 1; step *= RUN) {
      for (int run = 0; run < terms; run += RUN) {
        int to = base + run * step * room;
        int end = Math.min(terms, run + RUN);
        for (int i = run + 1; i < end; i++) {
          int from = base + i * step * room;
          for (int j = 0; j < width; j++) {
            partials[to + j] += partials[from + j];
          }
        }
      }
      terms = Math.ceilDiv(terms, RUN);
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;

/**
 * Shares the rows of a matrix among threads in blocks of 1,024 elements: the contract's blocks of a
 * long row, or as many whole short rows as fit. The partition depends on the shape only.
 */
final class RowBlocks {
  /** Groups of short rows in a task: 8,192 elements. */
  private static final int TASK = 8;

  /** Blocks of a run of short rows, whose first row alone is not read ahead. */
  private static final int RUN = 16;

  /** Rows from here on are shared by the threads; shorter ones are a task each. */
  static final long SHARED_ROW = 64L * BLOCK;

  private RowBlocks() {}

  // ---- rows of at most one block, in groups

  /** Hands out groups of short rows: first row, and their number. */
  interface Group {
    void run(long first, int rows, float[] lanes);
  }

  static void groups(long rows, long columns, Workers workers, Group group) {
    int size = (int) (BLOCK / columns);
    if (workers.threads() == 1) {
      groups(0, rows, size, group);
    } else {
      workers.ranges(rows, (long) size * TASK, (first, count) -> groups(first, count, size, group));
    }
  }

  private static void groups(long first, long count, int size, Group group) {
    float[] lanes = LongRow.lanes();
    long end = first + count;
    for (long row = first; row < end; row += size) {
      group.run(row, (int) Math.min(size, end - row), lanes);
    }
  }

  /** Hands out runs of neighbouring short rows, {@value #RUN} blocks long. */
  static void runs(long rows, long columns, Workers workers, Workers.Range run) {
    workers.ranges(rows, RUN * (BLOCK / columns), run);
  }

  // ---- rows of more than one block

  /** Does a row: its number, and the thread's passes over blocks. */
  interface Row {
    void run(long r, LongRow row);
  }

  static void rows(long rows, long columns, Workers workers, Row each) {
    if (columns >= SHARED_ROW || workers.threads() == 1) {
      LongRow row = LongRow.mine(columns, workers);
      for (long r = 0; r < rows; r++) {
        each.run(r, row.at(r * columns));
      }
    } else {
      workers.run(rows, r -> each.run(r, LongRow.mine(columns, null).at(r * columns)));
    }
  }
}

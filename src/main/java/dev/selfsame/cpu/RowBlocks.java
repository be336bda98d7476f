package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;

import java.util.function.LongConsumer;

/**
 * Shares the rows of a matrix among threads in blocks of 1,024 elements: the contract's blocks of a
 * long row, or as many whole short rows as fit. The partition depends on the shape only.
 */
final class RowBlocks {
  /** Groups of short rows in a task, and blocks of a long row in one: 8,192 elements. */
  private static final int TASK = 8;

  /** Blocks of a run of short rows, whose first row alone is not read ahead. */
  private static final int RUN = 16;

  /** Rows from here on are shared by the threads; shorter ones are a task each. */
  private static final long SHARED_ROW = 64L * BLOCK;

  /** The lanes of a block's sum: used up before a thread begins another block. */
  private static final ThreadLocal<float[]> MY_LANES =
      ThreadLocal.withInitial(() -> new float[LANES]);

  private RowBlocks() {}

  // ---- rows of at most one block, in groups

  /** Hands out groups of short rows: first row, and their number. */
  interface Group {
    void run(long first, int rows, float[] lanes);
  }

  static void groups(long rows, long columns, Workers workers, Group group) {
    int size = (int) (BLOCK / columns);
    workers.run(
        Math.ceilDiv(rows, (long) size * TASK),
        task -> {
          float[] lanes = MY_LANES.get();
          long end = Math.min(rows, (task + 1) * size * TASK);
          for (long row = task * size * TASK; row < end; row += size) {
            group.run(row, (int) Math.min(size, end - row), lanes);
          }
        });
  }

  /**
   * Hands out runs of neighbouring short rows, {@value #RUN} blocks long: first row, and number.
   */
  interface Run {
    void run(long first, int rows);
  }

  static void runs(long rows, long columns, Workers workers, Run run) {
    long size = RUN * (BLOCK / columns);
    workers.run(
        Math.ceilDiv(rows, size),
        task -> run.run(task * size, (int) Math.min(size, rows - task * size)));
  }

  // ---- rows of more than one block

  static void rows(long rows, long columns, Workers workers, LongConsumer row) {
    if (columns >= SHARED_ROW) {
      for (long r = 0; r < rows; r++) {
        row.accept(r);
      }
    } else {
      // What a row hands to the team from inside a task runs on the task's own thread.
      workers.run(rows, row);
    }
  }

  /** Hands out the blocks of a row: first element and number of elements. */
  interface Block {
    void run(long from, int count, int block, float[] lanes);
  }

  static void blocks(long row, long columns, Workers workers, Block block) {
    long count = Math.ceilDiv(columns, BLOCK);
    workers.run(
        Math.ceilDiv(count, TASK),
        task -> {
          float[] lanes = MY_LANES.get();
          long end = Math.min(count, (task + 1) * TASK);
          for (long b = task * TASK; b < end; b++) {
            long from = b * BLOCK;
            block.run(row + from, (int) Math.min(BLOCK, columns - from), (int) b, lanes);
          }
        });
  }

  static float[] partials(long columns) {
    return new float[(int) Math.ceilDiv(columns, BLOCK)];
  }
}

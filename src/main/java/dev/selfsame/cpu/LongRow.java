package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A row of more than one block of 1,024 elements: passes over its blocks, and what earlier passes
 * leave for later ones. A thread has one and keeps it, so that rows make no objects; a kernel's
 * passes are made once a call, or once for all.
 */
final class LongRow implements LongConsumer {
  /** Blocks of a task, 8,192 elements, where threads share a row. */
  private static final int TASK = 8;

  private static final ThreadLocal<LongRow> MINE = ThreadLocal.withInitial(LongRow::new);

  /** The lanes of a block's sum: used up before a thread begins another block. */
  private static final ThreadLocal<float[]> MY_LANES =
      ThreadLocal.withInitial(() -> new float[LANES]);

  /** Two matrices, for passes that are made once for all. */
  MemorySegment x = MemorySegment.NULL;

  MemorySegment y = MemorySegment.NULL;

  /** What the elements are divided by. */
  float divisor;

  float maximum;
  float sum;
  float log;

  /** Of the other matrix. */
  float otherMaximum;

  float otherSum;
  float otherLog;

  private float[] partials = {};
  private long first;
  private long columns;
  private int blocks;
  private @Nullable Workers team;
  private @Nullable Pass pass;

  private LongRow() {}

  /** What is done with each block. */
  interface Pass {
    /**
     * @param from the block's first element
     * @param count its elements, at most 1,024
     * @param lanes 32 floats for the contract's sum of a block
     * @return the block's partial, if the pass is for a sum or a maximum; else anything
     */
    float run(LongRow row, long from, int count, float[] lanes);
  }

  /**
   * The calling thread's, for rows of so many columns.
   *
   * @param team threads that share a row, or null
   */
  static LongRow mine(long columns, @Nullable Workers team) {
    LongRow row = MINE.get();
    row.columns = columns;
    row.blocks = Math.toIntExact(Math.ceilDiv(columns, (long) BLOCK));
    row.team = team;
    if (row.partials.length < row.blocks) {
      row.partials = new float[row.blocks];
    }
    return row;
  }

  /** The calling thread's 32 floats for the sum of a block. */
  static float[] lanes() {
    return MY_LANES.get();
  }

  /** Begins the row whose first element has that number. */
  LongRow at(long element) {
    first = element;
    return this;
  }

  /** Lets go of the matrices, which may be arrays of the caller. */
  void release() {
    x = MemorySegment.NULL;
    y = MemorySegment.NULL;
  }

  /** Runs a pass over all blocks. */
  void each(Pass of) {
    pass = of;
    if (team == null || team.threads() == 1) {
      blocks(0, blocks);
    } else {
      team.run(Math.ceilDiv(blocks, TASK), this);
    }
    pass = null;
  }

  /** Some blocks on the thread that calls. */
  @Override
  public void accept(long task) {
    blocks((int) task * TASK, Math.min(blocks, ((int) task + 1) * TASK));
  }

  private void blocks(int from, int end) {
    Pass each = pass;
    if (each == null) {
      return;
    }
    float[] lanes = lanes();
    for (int b = from; b < end; b++) {
      long skip = (long) b * BLOCK;
      partials[b] = each.run(this, first + skip, (int) Math.min(BLOCK, columns - skip), lanes);
    }
  }

  /** The contract's sum of the row, of a pass whose partials are the sums of blocks. */
  float sum(Pass of) {
    each(of);
    return total(partials, 0, blocks, lanes());
  }

  /** The maximum of a pass's partials. */
  float maximum(Pass of) {
    each(of);
    float m = partials[0];
    for (int b = 1; b < blocks; b++) {
      m = Math.max(m, partials[b]);
    }
    return m;
  }

  /**
   * The contract's sum of {@code count} partials of blocks, which it overwrites: blocks of them,
   * level by level, until one is left.
   */
  static float total(float[] partials, int from, int count, float[] lanes) {
    int left = count;
    do {
      int sums = Math.ceilDiv(left, BLOCK);
      for (int b = 0; b < sums; b++) {
        int some = Math.min(BLOCK, left - b * BLOCK);
        partials[from + b] = block(partials, from + b * BLOCK, some, lanes);
      }
      left = sums;
    } while (left > 1);
    return partials[from];
  }

  private static float block(float[] terms, int from, int count, float[] lanes) {
    int live = Math.min(count, LANES);
    System.arraycopy(terms, from, lanes, 0, live);
    for (int i = LANES; i < count; i++) {
      lanes[i % LANES] += terms[from + i];
    }
    return OrderedSum.combineLanes(lanes, live);
  }
}

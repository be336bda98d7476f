package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Source positions grouped by destination row, in source order within a row.
 *
 * @param order [n or more], source positions
 * @param segments rows that receive something
 * @param rows [segments or more], these rows, ascending
 * @param starts [segments + 1 or more], where each row's positions begin in {@code order}, then n
 * @param longRows the segments of more than {@link #TERMS} positions, ascending
 * @param slots where the partial sums of each long row's blocks begin in scratch, and at the end
 *     their number
 */
public record ScatterAddVectorSort(
    int[] order, int segments, int[] rows, int[] starts, int[] longRows, int[] slots) {
  /** Terms that one thread sums: two levels of the run sum. */
  static final int TERMS = RUN * RUN;

  private static final int BLOCK = 16_384;
  private static final int MAX_DIGIT_BITS = 11;

  /** Most rows for counting by row: the counts stay in a second-level cache. */
  private static final int COUNTED_ROWS = 1 << 18;

  /** Positions from here on are worth the threads' time, where they are counted by row. */
  private static final int COUNT_SHARED = 1 << 18;

  /** Source positions that take part. */
  int terms() {
    return starts[segments];
  }

  /** Groups sorted keys: {@code keys} [n] ascending, each with its source position. */
  public static ScatterAddVectorSort grouped(int[] keys, int[] order) {
    int n = keys.length;
    int[] rows = new int[n];
    int[] starts = new int[n + 1];
    int segments = 0;
    for (int i = 0; i < n; i++) {
      // Without a branch: where a row ends is hard to predict.
      rows[segments] = keys[i];
      starts[segments + 1] = i + 1;
      segments += i + 1 == n || keys[i] != keys[i + 1] ? 1 : 0;
    }
    return segmented(
        order, segments, Arrays.copyOf(rows, segments), Arrays.copyOf(starts, segments + 1));
  }

  /** The same without the positions of one row, which then receives nothing. */
  public ScatterAddVectorSort without(int row) {
    int at = Arrays.binarySearch(rows, 0, segments, row);
    if (at < 0) {
      return this;
    }
    int from = starts[at];
    int count = starts[at + 1] - from;
    int n = starts[segments];
    int[] kept = new int[n - count];
    System.arraycopy(order, 0, kept, 0, from);
    System.arraycopy(order, from + count, kept, from, n - count - from);
    int[] others = new int[segments - 1];
    int[] places = new int[segments];
    for (int s = 0, to = 0; s < segments; s++) {
      if (s != at) {
        others[to] = rows[s];
        places[to + 1] = places[to] + starts[s + 1] - starts[s];
        to++;
      }
    }
    return segmented(kept, segments - 1, others, places);
  }

  private static ScatterAddVectorSort segmented(
      int[] order, int segments, int[] rows, int[] starts) {
    int found = 0;
    for (int s = 0; s < segments; s++) {
      found += starts[s + 1] - starts[s] > TERMS ? 1 : 0;
    }
    int[] longRows = new int[found];
    int[] slots = new int[found + 1];
    for (int s = 0, at = 0; at < found; s++) {
      int count = starts[s + 1] - starts[s];
      if (count > TERMS) {
        longRows[at] = s;
        slots[at + 1] = slots[at] + Math.ceilDiv(count, TERMS);
        at++;
      }
    }
    return new ScatterAddVectorSort(order, segments, rows, starts, longRows, slots);
  }

  /**
   * A stable sort: by counts of each row where they fit the cache, else by digits.
   *
   * @param indices n of them, each in [0, rows)
   * @param padding a row that receives nothing, or −1
   * @param lasting whether it is used after the calling thread's next sort; else it may lie in that
   *     thread's scratch
   */
  public static ScatterAddVectorSort of(
      MemorySegment indices, int n, long rows, int padding, boolean lasting, Workers workers) {
    if (rows <= Math.min(COUNTED_ROWS, 8L * n)) {
      return counted(indices, n, (int) rows, padding, lasting, workers);
    }
    ScatterAddVectorSort all = sorted(indices, n, rows, workers);
    return padding < 0 ? all : all.without(padding);
  }

  /**
   * Each block of positions is counted, then placed, by a task of its own; where a block's
   * positions of a row begin, follows from the counts of all blocks before it.
   */
  private static ScatterAddVectorSort counted(
      MemorySegment indices, int n, int rows, int padding, boolean lasting, Workers workers) {
    ScatterAddScratch scratch = ScatterAddScratch.mine();
    // As many blocks as threads, if their counts cost no more than the positions; any number gives
    // the same order.
    long most = Math.min(4L * n, ScatterAddScratch.KEPT) / rows;
    int blocks = n < COUNT_SHARED ? 1 : Math.clamp(most, 1, workers.threads());
    int[] next = scratch.counts(blocks * rows);
    workers.run(
        blocks,
        block -> {
          int from = (int) (block * n / blocks);
          int end = (int) ((block + 1) * n / blocks);
          count(indices, from, end, next, (int) block * rows, rows, padding);
        });
    int segmentsAtMost = Math.min(n, rows);
    int[] found = lasting ? new int[segmentsAtMost + 1] : scratch.rows(segmentsAtMost + 1);
    int[] starts = lasting ? new int[segmentsAtMost + 1] : scratch.starts(segmentsAtMost + 1);
    starts[0] = 0;
    int segments = 0;
    int sum = 0;
    for (int row = 0; row < rows; row++) {
      int before = sum;
      for (int at = row; at < blocks * rows; at += rows) {
        int count = next[at];
        next[at] = sum;
        sum += count;
      }
      // Without a branch: which rows are empty is hard to predict.
      found[segments] = row;
      segments += before - sum >>> 31;
      starts[segments] = sum;
    }
    int[] order = lasting ? new int[n] : scratch.order(n);
    workers.run(
        blocks,
        block -> {
          int from = (int) (block * n / blocks);
          int end = (int) ((block + 1) * n / blocks);
          place(indices, from, end, next, (int) block * rows, padding, order);
        });
    return segmented(order, segments, found, starts);
  }

  /**
   * The terms of each row among positions {@code from … end − 1}, to {@code counts[base + row]}.
   */
  private static void count(
      MemorySegment indices, int from, int end, int[] counts, int base, int rows, int padding) {
    Arrays.fill(counts, base, base + rows, 0);
    for (int i = from; i < end; i++) {
      counts[base + Mem.i32(indices, i)]++;
    }
    if (padding >= 0) {
      counts[base + padding] = 0;
    }
  }

  /** Puts each position where its row's next one belongs. */
  private static void place(
      MemorySegment indices, int from, int end, int[] next, int base, int padding, int[] order) {
    for (int i = from; i < end; i++) {
      int row = Mem.i32(indices, i);
      if (row != padding) {
        order[next[base + row]++] = i;
      }
    }
  }

  /**
   * A radix sort of only the bits that the rows need, least significant digit first. A task counts,
   * then places, one block of positions.
   */
  private static ScatterAddVectorSort sorted(
      MemorySegment indices, int n, long rows, Workers workers) {
    int blocks = Math.ceilDiv(n, BLOCK);
    int[] keys = new int[n];
    int[] order = new int[n];
    workers.run(
        blocks,
        block -> {
          int end = (int) Math.min(n, (block + 1) * BLOCK);
          for (int i = (int) block * BLOCK; i < end; i++) {
            keys[i] = Mem.i32(indices, i);
            order[i] = i;
          }
        });
    int bits = 64 - Long.numberOfLeadingZeros(Math.min(rows, 1L << 31) - 1);
    int passes = Math.ceilDiv(bits, MAX_DIGIT_BITS);
    int digitBits = passes == 0 ? 0 : Math.ceilDiv(bits, passes);
    int[] fromKeys = keys;
    int[] fromOrder = order;
    int[] toKeys = new int[passes == 0 ? 0 : n];
    int[] toOrder = new int[passes == 0 ? 0 : n];
    for (int pass = 0; pass < passes; pass++) {
      pass(fromKeys, fromOrder, toKeys, toOrder, pass * digitBits, digitBits, workers);
      int[] swap = fromKeys;
      fromKeys = toKeys;
      toKeys = swap;
      swap = fromOrder;
      fromOrder = toOrder;
      toOrder = swap;
    }
    return grouped(fromKeys, fromOrder);
  }

  private static void pass(
      int[] keys,
      int[] order,
      int[] toKeys,
      int[] toOrder,
      int shift,
      int digitBits,
      Workers workers) {
    int n = keys.length;
    int digits = 1 << digitBits;
    int blocks = Math.ceilDiv(n, BLOCK);
    int[][] next = new int[blocks][digits];
    workers.run(
        blocks,
        block -> {
          int[] count = next[(int) block];
          int end = (int) Math.min(n, (block + 1) * BLOCK);
          for (int i = (int) block * BLOCK; i < end; i++) {
            count[keys[i] >>> shift & digits - 1]++;
          }
        });
    int sum = 0;
    for (int digit = 0; digit < digits; digit++) {
      for (int[] block : next) {
        int count = block[digit];
        block[digit] = sum;
        sum += count;
      }
    }
    workers.run(
        blocks,
        block -> {
          int[] at = next[(int) block];
          int end = (int) Math.min(n, (block + 1) * BLOCK);
          for (int i = (int) block * BLOCK; i < end; i++) {
            int to = at[keys[i] >>> shift & digits - 1]++;
            toKeys[to] = keys[i];
            toOrder[to] = order[i];
          }
        });
  }

  /** The segment that a place in {@code order} belongs to. */
  int segmentOf(int place) {
    int found = Arrays.binarySearch(starts, 0, segments + 1, place);
    return found >= 0 ? found : -found - 2;
  }

  /** Where the partial sums of a long segment begin. */
  int slotOf(int segment) {
    return slots[Arrays.binarySearch(longRows, segment)];
  }
}

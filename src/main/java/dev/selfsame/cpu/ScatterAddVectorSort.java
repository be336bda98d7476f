package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Source positions grouped by destination row, in source order within a row.
 *
 * @param order [n], source positions
 * @param rows the rows that receive something, ascending
 * @param starts where each row's positions begin in {@code order}, and at the end n
 * @param slots where the partial sums of each row's runs begin in scratch, and at the end their
 *     number; a row of one run has none
 */
public record ScatterAddVectorSort(int[] order, int[] rows, int[] starts, int[] slots) {
  private static final int BLOCK = 16_384;
  private static final int MAX_DIGIT_BITS = 11;

  /** Rows that receive something. */
  public int segments() {
    return rows.length;
  }

  /** Groups sorted keys: {@code keys} [n] ascending, each with its source position. */
  public static ScatterAddVectorSort grouped(int[] keys, int[] order) {
    int n = keys.length;
    int segments = 0;
    for (int i = 0; i < n; i++) {
      segments += i == 0 || keys[i] != keys[i - 1] ? 1 : 0;
    }
    int[] rows = new int[segments];
    int[] starts = new int[segments + 1];
    int s = 0;
    for (int i = 0; i < n; i++) {
      if (i == 0 || keys[i] != keys[i - 1]) {
        rows[s] = keys[i];
        starts[s++] = i;
      }
    }
    starts[s] = n;
    int[] slots = new int[segments + 1];
    for (s = 0; s < segments; s++) {
      int count = starts[s + 1] - starts[s];
      slots[s + 1] = slots[s] + (count <= RUN ? 0 : Math.ceilDiv(count, RUN));
    }
    return new ScatterAddVectorSort(order, rows, starts, slots);
  }

  /**
   * A stable radix sort of only the bits that the rows need, least significant digit first. A task
   * counts, then places, one block of positions.
   *
   * @param indices n of them, each in [0, rows)
   */
  public static ScatterAddVectorSort of(MemorySegment indices, int n, long rows, Workers workers) {
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
    int found = Arrays.binarySearch(starts, place);
    return found >= 0 ? found : -found - 2;
  }
}

package dev.selfsame.contract;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Contract.RUN;

import java.lang.foreign.MemorySegment;

/**
 * The two sum trees of the contract. Both depend on the number of terms only. Every addition is one
 * float add, rounded to nearest even.
 *
 * <ul>
 *   <li><b>Run sum</b>, for sums across rows: the terms in order are cut into runs of 32; each run
 *       is added left to right from its first term; the partials are again cut into runs of 32,
 *       until one is left.
 *   <li><b>Block sum</b>, for sums along a contiguous axis: blocks of 1,024 as 32 rows of 32 lanes.
 *       Lane j adds elements j, j + 32, … in order, from its first element; lanes combine by
 *       halving (lane j += lane j + 16, then + 8, + 4, + 2, + 1); a lane without an element takes
 *       no part. The block partials form a new sequence, summed the same way, until one is left.
 * </ul>
 *
 * <p>A sum of no terms has no first term and so no value here: a count below 1 throws {@link
 * IllegalArgumentException}. An op that allows empty sums says itself what they are (+0).
 */
public final class OrderedSum {
  private OrderedSum() {}

  /**
   * Run sum of {@code count} floats of {@code segment}, the i-th at element {@code offset + i *
   * stride}.
   */
  public static float runSum(MemorySegment segment, long offset, long stride, long count) {
    return runSum(i -> Mem.f32(segment, offset + i * stride), count);
  }

  /** Run sum of {@code count} floats of {@code array} from {@code offset} on. */
  public static float runSum(float[] array, int offset, int count) {
    return runSum(i -> array[(int) (offset + i)], count);
  }

  /** Run sum of {@code terms} 0 … {@code count} − 1. */
  public static float runSum(FloatAt terms, long count) {
    requireTerms(count);
    return runTree(terms, 0, count);
  }

  /** Block sum of {@code count} consecutive floats of {@code segment} from {@code offset} on. */
  public static float blockSum(MemorySegment segment, long offset, long count) {
    return blockSum(i -> Mem.f32(segment, offset + i), count);
  }

  /** Block sum of {@code count} floats of {@code array} from {@code offset} on. */
  public static float blockSum(float[] array, int offset, int count) {
    return blockSum(i -> array[(int) (offset + i)], count);
  }

  /** Block sum of {@code terms} 0 … {@code count} − 1. */
  public static float blockSum(FloatAt terms, long count) {
    requireTerms(count);
    return blockTree(terms, 0, count);
  }

  // A last child that is shorter than its siblings has fewer levels of its own; the levels that it
  // skips would only have passed a single partial on, unchanged.
  private static float runTree(FloatAt terms, long first, long count) {
    long child = childSpan(count, RUN);
    float sum = runChild(terms, first, Math.min(child, count), child);
    for (long done = child; done < count; done += child) {
      sum += runChild(terms, first + done, Math.min(child, count - done), child);
    }
    return sum;
  }

  private static float runChild(FloatAt terms, long first, long count, long span) {
    return span == 1 ? terms.at(first) : runTree(terms, first, count);
  }

  private static float blockTree(FloatAt terms, long first, long count) {
    long child = childSpan(count, BLOCK);
    if (child == 1) {
      return block(terms, first, (int) count);
    }
    FloatAt partials = c -> blockTree(terms, first + c * child, Math.min(child, count - c * child));
    return block(partials, 0, (int) Math.ceilDiv(count, child));
  }

  /** One block of 1 … 1,024 terms. */
  private static float block(FloatAt terms, long first, int count) {
    float[] lane = new float[LANES];
    int lanes = Math.min(count, LANES);
    for (int j = 0; j < lanes; j++) {
      lane[j] = terms.at(first + j);
    }
    for (int i = LANES; i < count; i++) {
      lane[i % LANES] += terms.at(first + i);
    }
    return combineLanes(lane, lanes);
  }

  /**
   * The end of a block sum: combines the sums of its first {@code lanes} lanes by halving.
   *
   * @param lane sums of the lanes, 32 of them; overwritten
   * @param lanes how many have an element, 1 … 32
   */
  public static float combineLanes(float[] lane, int lanes) {
    int live = lanes;
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int j = 0; j + half < live; j++) {
        lane[j] += lane[j + half];
      }
      live = Math.min(live, half);
    }
    return lane[0];
  }

  /** The terms under one child of the root: the largest power of {@code fan} below the count. */
  private static long childSpan(long count, int fan) {
    long span = 1;
    while (span < Math.ceilDiv(count, (long) fan)) {
      span *= fan;
    }
    return span;
  }

  private static void requireTerms(long count) {
    if (count < 1) {
      throw new IllegalArgumentException("count is " + count + "; a sum has 1 or more terms");
    }
  }
}

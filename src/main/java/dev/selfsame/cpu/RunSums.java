package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;
import static jdk.incubator.vector.VectorOperators.L2I;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Runs of a run sum (see {@link dev.selfsame.contract.OrderedSum}) eight at a time on vectors of
 * 512 bits: a run lies in the lanes of two vectors, so eight by eight pairs of its terms are turned
 * in registers until a vector holds one pair of each run, and is added in two steps, its lower
 * terms first. Turning single terms would take a fourth stage of shuffles, of which there is one a
 * cycle.
 */
final class RunSums {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final VectorSpecies<Long> L = LongVector.SPECIES_512;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
  static final int W = F.length();
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final Class<? extends LongVector> LONGS = Lanes.type(LongVector.zero(L));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** Runs of a group, and their terms. */
  private static final int GROUP = 8;

  private static final int TERMS = GROUP * RUN;

  /** Most terms brought together at once, with room for what is copied too much. */
  private static final int MOST = BlockScratch.BLOCKS * BlockScratch.FLOATS - TERMS;

  // Lanes of two vectors, the second's counted from 8 on: even and odd single lanes, pairs of
  // lanes,
  // and halves of both.
  private static final long[] EVEN_LANES = {0, 8, 2, 10, 4, 12, 6, 14};
  private static final long[] ODD_LANES = {1, 9, 3, 11, 5, 13, 7, 15};
  private static final long[] EVEN_PAIRS = {0, 1, 8, 9, 4, 5, 12, 13};
  private static final long[] ODD_PAIRS = {2, 3, 10, 11, 6, 7, 14, 15};
  private static final long[] LOW_HALVES = {0, 1, 2, 3, 8, 9, 10, 11};
  private static final long[] HIGH_HALVES = {4, 5, 6, 7, 12, 13, 14, 15};

  private RunSums() {}

  /**
   * Runs first … end − 1 of a channel of x [n, channels, space] to {@code partials} from {@code to}
   * + first on. Groups inside a plane are read in place; what planes cut is brought together in
   * scratch, its last run filled up with −0, which changes no sum.
   */
  static void channel(
      MemorySegment x,
      long n,
      long channels,
      long space,
      long channel,
      int first,
      int end,
      float[] partials,
      int to) {
    MemorySegment t = BlockScratch.mine();
    float[] sums = BlockScratch.myArray();
    int together = space < 2 * TERMS ? MOST : TERMS;
    for (int run = first; run < end; ) {
      long term = (long) run * RUN;
      long image = term / space;
      long inImage = term - image * space;
      int groups = (int) Math.min((space - inImage) / TERMS, (end - run) / GROUP);
      if (groups > 0) {
        long at = (image * channels + channel) * space + inImage << 2;
        groups(x.asSlice(at, (long) groups * TERMS << 2), groups, partials, to + run);
        run += groups * GROUP;
        continue;
      }
      int count = (int) Math.min(Math.min(together, (long) (end - run) * RUN), n * space - term);
      for (int i = 0; i < count; image++, inImage = 0) {
        int some = (int) Math.min(count - i, space - inImage);
        copy(x, (image * channels + channel) * space + inImage, t, i, some);
        i += some;
      }
      int runs = Math.ceilDiv(count, RUN);
      fill(t, count);
      groups(t, Math.ceilDiv(count, TERMS), sums, 0);
      System.arraycopy(sums, 0, partials, to + run, runs);
      run += runs;
    }
  }

  /** The run sum of {@code count} partials, which are overwritten. */
  static float fold(float[] partials, int from, int count) {
    MemorySegment t = BlockScratch.mine();
    float[] sums = BlockScratch.myArray();
    int left = count;
    for (; left > RUN; left = Math.ceilDiv(left, RUN)) {
      for (int done = 0; done < left; done += MOST) {
        int some = Math.min(MOST, left - done);
        MemorySegment.copy(partials, from + done, t, ValueLayout.JAVA_FLOAT, 0, some);
        fill(t, some);
        groups(t, Math.ceilDiv(some, TERMS), sums, 0);
        System.arraycopy(sums, 0, partials, from + done / RUN, Math.ceilDiv(some, RUN));
      }
    }
    float sum = partials[from];
    for (int i = 1; i < left; i++) {
      sum += partials[from + i];
    }
    return sum;
  }

  /** −0 from {@code count} to the end of its run; of the runs after it, nobody reads the sums. */
  private static void fill(MemorySegment t, int count) {
    for (int i = count; i < Math.ceilDiv(count, RUN) * RUN; i++) {
      Mem.f32(t, i, -0f);
    }
  }

  /** A piece of a plane, in whole vectors where there are as many: the next overwrites the rest. */
  private static void copy(MemorySegment x, long at, MemorySegment t, int i, int count) {
    long bytes = (long) (count + W) << 2;
    if ((at << 2) + bytes > x.byteSize()) {
      MemorySegment.copy(x, at << 2, t, (long) i << 2, (long) count << 2);
      return;
    }
    MemorySegment xs = x.asSlice(at << 2, bytes);
    MemorySegment ts = t.asSlice((long) i << 2, bytes);
    for (int j = 0; j < count; j += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, xs, (long) j << 2, ORDER))
          .intoMemorySegment(ts, (long) j << 2, ORDER);
    }
  }

  /** Sums of {@code groups} times eight whole runs of t. */
  private static void groups(MemorySegment t, int groups, float[] sums, int to) {
    LongVector even = LongVector.fromArray(L, EVEN_LANES, 0);
    LongVector odd = LongVector.fromArray(L, ODD_LANES, 0);
    LongVector evenPairs = LongVector.fromArray(L, EVEN_PAIRS, 0);
    LongVector oddPairs = LongVector.fromArray(L, ODD_PAIRS, 0);
    LongVector low = LongVector.fromArray(L, LOW_HALVES, 0);
    LongVector high = LongVector.fromArray(L, HIGH_HALVES, 0);
    for (int g = 0; g < groups; g++) {
      // −0 is what an addition leaves alone: a sum begins with its first term's own bits.
      FloatVector sum = FloatVector.broadcast(F, -0f);
      for (int half = 0; half < RUN; half += W) {
        long at = (long) (g * TERMS + half) << 2;
        LongVector r0 = LONGS.cast(LongVector.fromMemorySegment(L, t, at, ORDER));
        LongVector r1 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 4 * RUN, ORDER));
        LongVector r2 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 8 * RUN, ORDER));
        LongVector r3 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 12 * RUN, ORDER));
        LongVector r4 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 16 * RUN, ORDER));
        LongVector r5 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 20 * RUN, ORDER));
        LongVector r6 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 24 * RUN, ORDER));
        LongVector r7 = LONGS.cast(LongVector.fromMemorySegment(L, t, at + 28 * RUN, ORDER));
        LongVector a0 = even.selectFrom(r0, r1);
        LongVector a1 = odd.selectFrom(r0, r1);
        LongVector a2 = even.selectFrom(r2, r3);
        LongVector a3 = odd.selectFrom(r2, r3);
        LongVector a4 = even.selectFrom(r4, r5);
        LongVector a5 = odd.selectFrom(r4, r5);
        LongVector a6 = even.selectFrom(r6, r7);
        LongVector a7 = odd.selectFrom(r6, r7);
        // A name's number is that of the pair of terms, from here on two of them.
        LongVector b0 = evenPairs.selectFrom(a0, a2);
        LongVector c0 = evenPairs.selectFrom(a4, a6);
        LongVector b1 = evenPairs.selectFrom(a1, a3);
        LongVector c1 = evenPairs.selectFrom(a5, a7);
        LongVector b2 = oddPairs.selectFrom(a0, a2);
        LongVector c2 = oddPairs.selectFrom(a4, a6);
        LongVector b3 = oddPairs.selectFrom(a1, a3);
        LongVector c3 = oddPairs.selectFrom(a5, a7);
        LongVector p = low.selectFrom(b0, c0);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = low.selectFrom(b1, c1);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = low.selectFrom(b2, c2);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = low.selectFrom(b3, c3);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = high.selectFrom(b0, c0);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = high.selectFrom(b1, c1);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = high.selectFrom(b2, c2);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
        p = high.selectFrom(b3, c3);
        sum = sum.add(p.reinterpretAsFloats());
        sum = sum.add(p.lanewise(LSHR, 32).reinterpretAsFloats());
      }
      // The sums lie in the lower halves of the lanes of 64 bits.
      sum.reinterpretAsLongs()
          .convertShape(L2I, I, 0)
          .reinterpretAsFloats()
          .intoArray(sums, to + g * GROUP);
    }
  }
}

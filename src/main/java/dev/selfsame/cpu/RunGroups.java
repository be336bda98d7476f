package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;
import static jdk.incubator.vector.VectorOperators.L2I;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of whole runs, eight at a time, on vectors of 512 bits: a run lies in the lanes of two
 * vectors, so eight by eight pairs of its terms are turned in registers until a vector holds one
 * pair of each run, and is added in two steps, its lower terms first. Turning single terms would
 * take a fourth stage of shuffles, of which there is one a cycle.
 */
final class RunGroups {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final VectorSpecies<Long> L = LongVector.SPECIES_512;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
  private static final int W = F.length();
  private static final Class<? extends LongVector> LONGS = Lanes.type(LongVector.zero(L));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** Runs of a group. */
  static final int GROUP = 8;

  // Lanes of two vectors, the second's counted from 8 on: even and odd single lanes, pairs of
  // lanes, and halves of both.
  private static final long[] EVEN_LANES = {0, 8, 2, 10, 4, 12, 6, 14};
  private static final long[] ODD_LANES = {1, 9, 3, 11, 5, 13, 7, 15};
  private static final long[] EVEN_PAIRS = {0, 1, 8, 9, 4, 5, 12, 13};
  private static final long[] ODD_PAIRS = {2, 3, 10, 11, 6, 7, 14, 15};
  private static final long[] LOW_HALVES = {0, 1, 2, 3, 8, 9, 10, 11};
  private static final long[] HIGH_HALVES = {4, 5, 6, 7, 12, 13, 14, 15};

  private RunGroups() {}

  /**
   * Sums of {@code groups} times eight whole runs, which begin {@code apart} from each other,
   * groups {@code step}.
   */
  static void groups(
      MemorySegment x, long from, long apart, long step, int groups, float[] sums, int to) {
    LongVector even = LongVector.fromArray(L, EVEN_LANES, 0);
    LongVector odd = LongVector.fromArray(L, ODD_LANES, 0);
    LongVector evenPairs = LongVector.fromArray(L, EVEN_PAIRS, 0);
    LongVector oddPairs = LongVector.fromArray(L, ODD_PAIRS, 0);
    LongVector low = LongVector.fromArray(L, LOW_HALVES, 0);
    LongVector high = LongVector.fromArray(L, HIGH_HALVES, 0);
    long far = apart << 2;
    for (int g = 0; g < groups; g++) {
      // −0 is what an addition leaves alone: a sum begins with its first term's own bits.
      FloatVector sum = FloatVector.broadcast(F, -0f);
      for (int half = 0; half < RUN; half += W) {
        long at = (from + g * step + half) << 2;
        LongVector r0 = LONGS.cast(LongVector.fromMemorySegment(L, x, at, ORDER));
        LongVector r1 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + far, ORDER));
        LongVector r2 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 2 * far, ORDER));
        LongVector r3 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 3 * far, ORDER));
        LongVector r4 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 4 * far, ORDER));
        LongVector r5 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 5 * far, ORDER));
        LongVector r6 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 6 * far, ORDER));
        LongVector r7 = LONGS.cast(LongVector.fromMemorySegment(L, x, at + 7 * far, ORDER));
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

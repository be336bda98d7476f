package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairLogConstants.*;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.UGE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairMath}'s logarithm: x = 2ᵏ·m, and f = m·c − 1 is exact for a c of few bits near 1/m, so
 * that log x = (k·ln 2 − log c) + log(1 + f). For x near 1 the bracket is 0, and f is x − 1. There
 * are 32 factors c with vectors of 512 bits and 8 with 256, where f is up to four times as large.
 */
final class PairLog implements PairBlocks.Loop {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final long ALL = (1L << W) - 1;
  private static final int MIN_NORMAL = 0x00800000;
  private static final int INFINITY = 0x7f800000;

  private static final boolean WIDE = W == 16;
  private static final int[] FACTORS = WIDE ? RECIPROCALS : RECIPROCALS_8;
  private static final int[] HIGHS = WIDE ? LOGS : LOGS_8;
  private static final int[] LOWS = WIDE ? LOGS_LOW : LOGS_LOW_8;

  /** Where the second vector of a table begins; a table of one vector has none. */
  private static final int SECOND = WIDE ? W : 0;

  /** The bits below those that choose from a table. */
  private static final int SHIFT = WIDE ? 18 : 20;

  private static final int START = WIDE ? FIRST : FIRST_8;
  private static final float ERROR_2 = WIDE ? WIDTH_2 : WIDTH_8_2;

  PairLog() {}

  /**
   * Logarithms of whole vectors, at most a block of them.
   *
   * @param open set to the undecided lanes of each vector
   * @return a bit for each vector that has an undecided lane
   */
  @Override
  public long run(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector reciprocals0 = INTS.cast(IntVector.fromArray(I, FACTORS, 0));
    IntVector reciprocals1 = INTS.cast(IntVector.fromArray(I, FACTORS, SECOND));
    IntVector logs0 = INTS.cast(IntVector.fromArray(I, HIGHS, 0));
    IntVector logs1 = INTS.cast(IntVector.fromArray(I, HIGHS, SECOND));
    IntVector logsLow0 = INTS.cast(IntVector.fromArray(I, LOWS, 0));
    IntVector logsLow1 = INTS.cast(IntVector.fromArray(I, LOWS, SECOND));
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      IntVector bits = INTS.cast(v.reinterpretAsInts());
      IntVector above = bits.sub(START);
      IntVector exponent = above.and(0xff800000);
      IntVector j = above.lanewise(ASHR, SHIFT);
      FloatVector k = FLOATS.cast(exponent.convert(I2F, 0)); // 2²³·k
      FloatVector m = FLOATS.cast(bits.sub(exponent).reinterpretAsFloats());
      FloatVector f = m.fma(select(j, reciprocals0, reciprocals1), all(-1f));
      FloatVector high = k.fma(all(LN2_HI), select(j, logs0, logs1));
      FloatVector head = high.add(f);
      FloatVector lost = f.sub(head.sub(high));
      FloatVector rest = k.fma(all(LN2_LO), select(j, logsLow0, logsLow1)).add(lost);
      FloatVector f2 = f.mul(f);
      FloatVector q = q(f);
      FloatVector low = f2.fma(q, rest);
      FloatVector width = f2.fma(all(ERROR_2), head.abs().mul(WIDTH));
      FloatVector least = head.add(low.sub(width));
      FloatVector most = head.add(low.add(width));
      VectorMask<Float> unsure = least.compare(NE, most);
      unsure = unsure.or(bits.sub(MIN_NORMAL).compare(UGE, INFINITY - MIN_NORMAL).cast(F));
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = unsure.toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }

  private static FloatVector select(IntVector j, IntVector table0, IntVector table1) {
    IntVector bits = INTS.cast(WIDE ? j.selectFrom(table0, table1) : j.selectFrom(table0));
    return FLOATS.cast(bits.reinterpretAsFloats());
  }

  private static FloatVector q(FloatVector f) {
    FloatVector q =
        WIDE
            ? f.fma(all(LOG_5), all(LOG_4)).fma(f, all(LOG_3))
            : f.fma(all(LOG_8_7), all(LOG_8_6))
                .fma(f, all(LOG_8_5))
                .fma(f, all(LOG_8_4))
                .fma(f, all(LOG_8_3));
    return q.fma(f, all(LOG_2));
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }
}

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
 * that log x = (k·ln 2 − log c) + log(1 + f). For x near 1 the bracket is 0, and f is x − 1.
 */
final class PairLog {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final long ALL = (1L << W) - 1;
  private static final int MIN_NORMAL = 0x00800000;
  private static final int INFINITY = 0x7f800000;

  private PairLog() {}

  /**
   * Logarithms of whole vectors, at most a block of them.
   *
   * @param open set to the undecided lanes of each vector
   * @return a bit for each vector that has an undecided lane
   */
  static long log(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector reciprocals0 = INTS.cast(IntVector.fromArray(I, RECIPROCALS, 0));
    IntVector reciprocals1 = INTS.cast(IntVector.fromArray(I, RECIPROCALS, W));
    IntVector logs0 = INTS.cast(IntVector.fromArray(I, LOGS, 0));
    IntVector logs1 = INTS.cast(IntVector.fromArray(I, LOGS, W));
    IntVector logsLow0 = INTS.cast(IntVector.fromArray(I, LOGS_LOW, 0));
    IntVector logsLow1 = INTS.cast(IntVector.fromArray(I, LOGS_LOW, W));
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      IntVector bits = INTS.cast(v.reinterpretAsInts());
      IntVector above = bits.sub(FIRST);
      IntVector exponent = above.and(0xff800000);
      IntVector j = above.lanewise(ASHR, 18);
      FloatVector k = FLOATS.cast(exponent.convert(I2F, 0)); // 2²³·k
      FloatVector m = FLOATS.cast(bits.sub(exponent).reinterpretAsFloats());
      FloatVector f = m.fma(floats(j.selectFrom(reciprocals0, reciprocals1)), all(-1f));
      FloatVector high = k.fma(all(LN2_HI), floats(j.selectFrom(logs0, logs1)));
      FloatVector head = high.add(f);
      FloatVector lost = f.sub(head.sub(high));
      FloatVector rest = k.fma(all(LN2_LO), floats(j.selectFrom(logsLow0, logsLow1))).add(lost);
      FloatVector f2 = f.mul(f);
      FloatVector q = f.fma(all(LOG_5), all(LOG_4)).fma(f, all(LOG_3)).fma(f, all(LOG_2));
      FloatVector low = f2.fma(q, rest);
      FloatVector width = f2.fma(all(WIDTH_2), head.abs().mul(WIDTH));
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

  private static FloatVector floats(IntVector bits) {
    return FLOATS.cast(INTS.cast(bits).reinterpretAsFloats());
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }
}

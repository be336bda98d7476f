package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairErfConstants.*;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairErf}'s loop on vectors of 512 bits: erf in 32 pieces of width 1/8 and a polynomial of
 * degree 6 on each, at a point where two coefficients are floats ({@link PairErfConstants}). The
 * term of second order is computed in floats and makes most of the error: the bounds follow h².
 */
final class PairErfWide implements PairErfLoop {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final long ALL = (1L << W) - 1;
  private static final float ROOT_HALF = 0.70710678f;
  private static final int SIGN = 0x80000000;
  private static final int HALF = 0x3f000000;
  private static final int MAX_BITS = Float.floatToRawIntBits(MAX);

  PairErfWide() {}

  @Override
  public long products(
      MemorySegment x,
      long xAt,
      float a,
      float b,
      MemorySegment y,
      long yAt,
      int count,
      long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector point0 = INTS.cast(IntVector.fromArray(I, POINT, 0));
    IntVector point1 = INTS.cast(IntVector.fromArray(I, POINT, W));
    IntVector erf0 = INTS.cast(IntVector.fromArray(I, ERF, 0));
    IntVector erf1 = INTS.cast(IntVector.fromArray(I, ERF, W));
    IntVector slope0 = INTS.cast(IntVector.fromArray(I, SLOPE, 0));
    IntVector slope1 = INTS.cast(IntVector.fromArray(I, SLOPE, W));
    IntVector second0 = INTS.cast(IntVector.fromArray(I, ERF_2, 0));
    IntVector second1 = INTS.cast(IntVector.fromArray(I, ERF_2, W));
    IntVector third0 = INTS.cast(IntVector.fromArray(I, ERF_3, 0));
    IntVector third1 = INTS.cast(IntVector.fromArray(I, ERF_3, W));
    IntVector fourth0 = INTS.cast(IntVector.fromArray(I, ERF_4, 0));
    IntVector fourth1 = INTS.cast(IntVector.fromArray(I, ERF_4, W));
    IntVector fifth0 = INTS.cast(IntVector.fromArray(I, ERF_5, 0));
    IntVector fifth1 = INTS.cast(IntVector.fromArray(I, ERF_5, W));
    IntVector sixth0 = INTS.cast(IntVector.fromArray(I, ERF_6, 0));
    IntVector sixth1 = INTS.cast(IntVector.fromArray(I, ERF_6, W));
    FloatVector half = FloatVector.broadcast(F, 0.5f);
    FloatVector eight = FloatVector.broadcast(F, 8f);
    FloatVector round = FloatVector.broadcast(F, PairMathConstants.ROUND);
    FloatVector above = FloatVector.broadcast(F, ABOVE);
    FloatVector above2 = FloatVector.broadcast(F, ABOVE_2);
    FloatVector slopeOfFactor = FloatVector.broadcast(F, a);
    FloatVector factorOfZero = FloatVector.broadcast(F, b);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      IntVector bits = v.mul(ROOT_HALF).reinterpretAsInts();
      FloatVector u = bits.and(~SIGN).min(MAX_BITS).reinterpretAsFloats();
      IntVector j = u.fma(eight, round).reinterpretAsInts();
      FloatVector h = u.sub(j.selectFrom(point0, point1).reinterpretAsFloats()); // exact
      FloatVector constant = j.selectFrom(erf0, erf1).reinterpretAsFloats();
      FloatVector slope = j.selectFrom(slope0, slope1).reinterpretAsFloats();
      FloatVector head = h.fma(slope, constant);
      FloatVector lost = h.fma(slope, constant.sub(head));
      FloatVector q = j.selectFrom(sixth0, sixth1).reinterpretAsFloats();
      q = q.fma(h, j.selectFrom(fifth0, fifth1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(fourth0, fourth1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(third0, third1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(second0, second1).reinterpretAsFloats());
      FloatVector h2 = h.mul(h);
      FloatVector low = q.fma(h2, lost);
      FloatVector high = low.add(h2.fma(above2, above));
      FloatVector sign = FLOATS.cast(bits.and(SIGN).or(HALF).reinterpretAsFloats());
      FloatVector least = sign.fma(head.add(low), half);
      FloatVector most = sign.fma(head.add(high), half);
      v.fma(slopeOfFactor, factorOfZero).mul(least).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairErfConstants.*;
import static jdk.incubator.vector.VectorOperators.EQ;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * GELU by the method of {@link PairMath}, on vectors of 512 bits: erf in 32 pieces of width 1/8 and
 * a polynomial of degree 6 on each, of which the first two coefficients are pairs of floats. Only
 * the sum with 1 must be sure, so that an error below 2⁻³² will do however small erf is. The term
 * of second order is computed in floats and makes most of the error: the bounds follow h².
 */
final class PairErf implements GeluKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final GeluKernel SLOW =
      Lanes.kernel(GeluByErf.class, GeluKernel.class, F.vectorBitSize());
  private static final float ROOT_HALF = 0.70710678f;
  private static final int SIGN = 0x80000000;
  private static final int ONE = 0x3f800000;
  private static final int MAX_BITS = Float.floatToRawIntBits(MAX);

  PairErf() {}

  @Override
  public void gelu(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairMath.run(
        x,
        xAt,
        y,
        yAt,
        n,
        // −0 is what an addition leaves alone.
        (xs, i, ys, j, count, decided) -> products(xs, i, 0.5f, -0f, ys, j, count, decided),
        v -> (0.5f * v) * (1f + ExactMath.erf(v * ROOT_HALF)),
        SLOW::gelu);
  }

  @Override
  public void normal(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairMath.run(
        x,
        xAt,
        y,
        yAt,
        n,
        (xs, i, ys, j, count, decided) -> products(xs, i, 0f, 0.5f, ys, j, count, decided),
        v -> 0.5f * (1f + ExactMath.erf(v * ROOT_HALF)),
        SLOW::normal);
  }

  /**
   * (a·x + b) · (1 + erf(x·0.70710678f)) for whole vectors, at most a block of them; an undecided
   * lane of y holds its x. A NaN reaches the result by way of the first factor.
   *
   * @param decided set to the decided lanes of each vector
   * @return the lanes that are decided in every vector
   */
  private static long products(
      MemorySegment x,
      long xAt,
      float a,
      float b,
      MemorySegment y,
      long yAt,
      int count,
      long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector erf0 = INTS.cast(IntVector.fromArray(I, ERF, 0));
    IntVector erf1 = INTS.cast(IntVector.fromArray(I, ERF, W));
    IntVector erfLow0 = INTS.cast(IntVector.fromArray(I, ERF_LOW, 0));
    IntVector erfLow1 = INTS.cast(IntVector.fromArray(I, ERF_LOW, W));
    IntVector slope0 = INTS.cast(IntVector.fromArray(I, SLOPE, 0));
    IntVector slope1 = INTS.cast(IntVector.fromArray(I, SLOPE, W));
    IntVector slopeLow0 = INTS.cast(IntVector.fromArray(I, SLOPE_LOW, 0));
    IntVector slopeLow1 = INTS.cast(IntVector.fromArray(I, SLOPE_LOW, W));
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
    FloatVector one = FloatVector.broadcast(F, 1f);
    FloatVector eight = FloatVector.broadcast(F, 8f);
    FloatVector eighth = FloatVector.broadcast(F, -0.125f);
    FloatVector round = FloatVector.broadcast(F, PairMathConstants.ROUND);
    FloatVector error = FloatVector.broadcast(F, WIDTH);
    FloatVector error2 = FloatVector.broadcast(F, WIDTH_2);
    FloatVector slopeOfFactor = FloatVector.broadcast(F, a);
    FloatVector factorOfZero = FloatVector.broadcast(F, b);
    long all = UndecidedLanes.NONE;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      IntVector bits = v.mul(ROOT_HALF).reinterpretAsInts();
      FloatVector u = bits.and(~SIGN).min(MAX_BITS).reinterpretAsFloats();
      FloatVector t = u.fma(eight, round);
      FloatVector h = t.sub(round).fma(eighth, u); // exact
      IntVector j = t.reinterpretAsInts();
      FloatVector constant = j.selectFrom(erf0, erf1).reinterpretAsFloats();
      FloatVector slope = j.selectFrom(slope0, slope1).reinterpretAsFloats();
      FloatVector head = h.fma(slope, constant);
      FloatVector lost = h.fma(slope, constant.sub(head));
      FloatVector q = j.selectFrom(sixth0, sixth1).reinterpretAsFloats();
      q = q.fma(h, j.selectFrom(fifth0, fifth1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(fourth0, fourth1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(third0, third1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(second0, second1).reinterpretAsFloats());
      q = q.fma(h, j.selectFrom(slopeLow0, slopeLow1).reinterpretAsFloats());
      FloatVector low = q.fma(h, j.selectFrom(erfLow0, erfLow1).reinterpretAsFloats().add(lost));
      FloatVector width = h.mul(h).fma(error2, error);
      FloatVector sign = FLOATS.cast(bits.and(SIGN).or(ONE).reinterpretAsFloats());
      FloatVector least = sign.fma(head.add(low.sub(width)), one);
      FloatVector most = sign.fma(head.add(low.add(width)), one);
      VectorMask<Float> sure = least.compare(EQ, most);
      FloatVector result = v.fma(slopeOfFactor, factorOfZero).mul(least);
      v.blend(result, sure).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = sure.toLong();
      decided[i / W] = lanes;
      all &= lanes;
    }
    return all;
  }
}

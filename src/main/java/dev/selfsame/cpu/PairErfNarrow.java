package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairErfNarrowConstants.*;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairErf}'s loop on vectors of 256 bits, where one instruction looks up one of 8 numbers:
 * erf in 8 pieces and a polynomial of degree 9 on each ({@link PairErfNarrowConstants}). Pieces are
 * four times as wide as those of 512 bits, so the sums of the last three steps of Horner's scheme
 * keep what they lose, {@code bendLost} to {@code low}, as compensated schemes do (Graillat,
 * Langlois &amp; Louvet 2009, "Algorithms for accurate, validated and fast polynomial evaluation").
 * The terms from h³ on are computed in floats and make most of the error: the bounds follow h².
 */
final class PairErfNarrow implements PairErfLoop {
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

  PairErfNarrow() {}

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
    IntVector points = INTS.cast(IntVector.fromArray(I, POINT, 0));
    IntVector erfs = INTS.cast(IntVector.fromArray(I, ERF, 0));
    IntVector slopes = INTS.cast(IntVector.fromArray(I, SLOPE, 0));
    IntVector seconds = INTS.cast(IntVector.fromArray(I, ERF_2, 0));
    IntVector thirds = INTS.cast(IntVector.fromArray(I, ERF_3, 0));
    IntVector fourths = INTS.cast(IntVector.fromArray(I, ERF_4, 0));
    IntVector fifths = INTS.cast(IntVector.fromArray(I, ERF_5, 0));
    IntVector sixths = INTS.cast(IntVector.fromArray(I, ERF_6, 0));
    IntVector sevenths = INTS.cast(IntVector.fromArray(I, ERF_7, 0));
    IntVector eighths = INTS.cast(IntVector.fromArray(I, ERF_8, 0));
    IntVector ninths = INTS.cast(IntVector.fromArray(I, ERF_9, 0));
    FloatVector half = FloatVector.broadcast(F, 0.5f);
    FloatVector pieces = FloatVector.broadcast(F, PIECES);
    FloatVector round = FloatVector.broadcast(F, PairMathConstants.ROUND);
    FloatVector error = FloatVector.broadcast(F, ERROR);
    FloatVector error2 = FloatVector.broadcast(F, ERROR_2);
    FloatVector slopeOfFactor = FloatVector.broadcast(F, a);
    FloatVector factorOfZero = FloatVector.broadcast(F, b);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      IntVector bits = v.mul(ROOT_HALF).reinterpretAsInts();
      FloatVector u = bits.and(~SIGN).min(MAX_BITS).reinterpretAsFloats();
      IntVector j = u.fma(pieces, round).reinterpretAsInts();
      FloatVector h = u.sub(j.selectFrom(points).reinterpretAsFloats()); // exact beyond the first
      FloatVector h2 = h.mul(h);
      FloatVector fourth = j.selectFrom(fourths).reinterpretAsFloats();
      FloatVector sixth = j.selectFrom(sixths).reinterpretAsFloats();
      FloatVector eighth = j.selectFrom(eighths).reinterpretAsFloats();
      FloatVector fifth = j.selectFrom(fifths).reinterpretAsFloats();
      FloatVector seventh = j.selectFrom(sevenths).reinterpretAsFloats();
      FloatVector ninth = j.selectFrom(ninths).reinterpretAsFloats();
      FloatVector third = j.selectFrom(thirds).reinterpretAsFloats();
      FloatVector q = h2.fma(h.fma(ninth, eighth), h.fma(seventh, sixth));
      q = h.fma(h2.fma(q, h.fma(fifth, fourth)), third);
      FloatVector second = j.selectFrom(seconds).reinterpretAsFloats();
      FloatVector slope = j.selectFrom(slopes).reinterpretAsFloats();
      FloatVector constant = j.selectFrom(erfs).reinterpretAsFloats();
      FloatVector bend = h.fma(q, second);
      FloatVector bendLost = h.fma(q, second.sub(bend));
      FloatVector rise = h.fma(bend, slope);
      FloatVector riseLost = h.fma(bendLost, h.fma(bend, slope.sub(rise)));
      FloatVector head = h.fma(rise, constant);
      FloatVector low = h.fma(riseLost, h.fma(rise, constant.sub(head)));
      FloatVector width = h2.fma(error2, error);
      FloatVector sign = FLOATS.cast(bits.and(SIGN).or(HALF).reinterpretAsFloats());
      FloatVector least = sign.fma(head.add(low.sub(width)), half);
      FloatVector most = sign.fma(head.add(low.add(width)), half);
      v.fma(slopeOfFactor, factorOfZero).mul(least).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }
}

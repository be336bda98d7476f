package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.*;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairMath}'s functions of an exponential, on whole vectors, at most a block of them: an
 * undecided lane of y holds its argument, {@code decided} the decided lanes of each vector, and
 * what is returned are the lanes that are decided in all of them.
 *
 * <p>eˣ = 2^(k/32)·eʳ, with k = 32·x/ln 2 rounded, held by t's low bits. 2^(k/32) is {@code power}
 * times 1 + {@code rest} (rest also holds what r lacks of x − k·ln(2)/32), and the low part of eʳ =
 * head + low begins with r².
 */
final class PairExp {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int SIGN = 0x80000000;

  private PairExp() {}

  /** y = e^(x − m). */
  static long exp(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_BELOW, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_BELOW, W));
    long all = UndecidedLanes.NONE;
    for (int i = 0; i < count; i += W) {
      FloatVector v =
          FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).sub(m);
      FloatVector t = v.fma(all(EXP_SCALE), all(ROUND));
      FloatVector power = power(t, powers0, powers1);
      FloatVector r = reduced(v, t);
      FloatVector head = power.fma(r, power);
      FloatVector low = low(power, r, head, power.mul(r.mul(r)), rest(t, rests0, rests1));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(all(EXP_WIDTH), low));
      VectorMask<Float> sure = least.compare(EQ, most).and(v.abs().compare(LT, EXP_NEAR));
      v.blend(least, sure).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = sure.toLong();
      decided[i / W] = lanes;
      all &= lanes;
    }
    return all;
  }

  /** y = 1 / (1 + e⁻ˣ). */
  static long sigmoid(
      MemorySegment x, long xAt, MemorySegment y, long yAt, int count, long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, W));
    FloatVector one = all(1f);
    FloatVector width = all(SIGMOID_WIDTH);
    long all = UndecidedLanes.NONE;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector minus = v.neg();
      FloatVector t = minus.fma(all(EXP_SCALE), all(ROUND));
      FloatVector power = power(t, powers0, powers1);
      FloatVector r = reduced(minus, t);
      FloatVector head = power.fma(r, power);
      FloatVector low = low(power, r, head, power.mul(r.mul(r)), rest(t, rests0, rests1));
      // The divisor, head + low + 1, as a sum (Knuth) and what it lost.
      FloatVector sum = head.add(one);
      FloatVector added = sum.sub(head);
      FloatVector lost = head.sub(sum.sub(added)).add(one.sub(added)).add(low);
      FloatVector quotient = one.div(sum);
      FloatVector minusQuotient = quotient.neg();
      FloatVector error = minusQuotient.fma(lost, minusQuotient.fma(sum, one));
      error = error.fma(error, error); // 1 / (1 − e) = 1 + e + e² …
      FloatVector least = error.sub(width).fma(quotient, quotient);
      FloatVector most = error.add(width).fma(quotient, quotient);
      VectorMask<Float> sure = least.compare(EQ, most).and(v.abs().compare(LT, EXP_NEAR));
      v.blend(least, sure).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = sure.toLong();
      decided[i / W] = lanes;
      all &= lanes;
    }
    return all;
  }

  /** y = tanh x = (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
  static long tanh(
      MemorySegment x, long xAt, MemorySegment y, long yAt, int count, long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, W));
    FloatVector one = all(1f);
    FloatVector error = all(TANH_WIDTH);
    FloatVector error2 = all(TANH_WIDTH_2);
    long all = UndecidedLanes.NONE;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector a = v.abs();
      FloatVector twice = a.add(a);
      FloatVector t = twice.fma(all(EXP_SCALE), all(ROUND));
      FloatVector power = power(t, powers0, powers1);
      FloatVector r = reduced(twice, t);
      FloatVector head = power.fma(r, power);
      FloatVector square = power.mul(r.mul(r));
      FloatVector low = low(power, r, head, square, rest(t, rests0, rests1));
      // Numerator and divisor as sums (Dekker: head is 1 or more) and what they lost.
      FloatVector over = head.sub(one);
      FloatVector overLost = head.sub(over).sub(one).add(low);
      FloatVector under = head.add(one);
      FloatVector minusUnderLost = under.sub(head).sub(one).sub(low);
      FloatVector near = one.div(under);
      FloatVector quotient = over.mul(near);
      FloatVector rest = quotient.neg().fma(under, over).add(overLost);
      rest = quotient.fma(minusUnderLost, rest);
      near = near.mul(minusUnderLost).fma(near, near); // 1 / (under + underLost)
      FloatVector width = square.fma(error2, over.mul(error));
      FloatVector least = rest.sub(width).fma(near, quotient);
      FloatVector most = rest.add(width).fma(near, quotient);
      VectorMask<Float> sure = least.compare(EQ, most).and(a.compare(LT, TANH_NEAR));
      IntVector sign = v.reinterpretAsInts().and(SIGN);
      FloatVector result = least.reinterpretAsInts().or(sign).reinterpretAsFloats();
      v.blend(result, sure).intoMemorySegment(ys, (long) i << 2, ORDER);
      long lanes = sure.toLong();
      decided[i / W] = lanes;
      all &= lanes;
    }
    return all;
  }

  private static FloatVector power(FloatVector t, IntVector powers0, IntVector powers1) {
    IntVector bits = INTS.cast(t.reinterpretAsInts());
    // Low bits of k choose from the table, which lacks them in the exponent; the others are added.
    IntVector power = bits.selectFrom(powers0, powers1).add(bits.lanewise(LSHL, 18));
    return FLOATS.cast(power.reinterpretAsFloats());
  }

  private static FloatVector rest(FloatVector t, IntVector rests0, IntVector rests1) {
    FloatVector k = t.sub(all(ROUND));
    IntVector rests = INTS.cast(t.reinterpretAsInts()).selectFrom(rests0, rests1);
    return k.fma(all(-EXP_STEP_LO), rests.reinterpretAsFloats());
  }

  private static FloatVector reduced(FloatVector v, FloatVector t) {
    return t.sub(all(ROUND)).fma(all(-EXP_STEP_HI), v); // exact
  }

  /**
   * The low part.
   *
   * @param square power·r²
   */
  private static FloatVector low(
      FloatVector power, FloatVector r, FloatVector head, FloatVector square, FloatVector rest) {
    FloatVector q = r.fma(all(EXP_4), all(EXP_3)).fma(r, all(EXP_2));
    FloatVector lost = power.fma(r, power.sub(head)); // by head's rounding
    return head.fma(rest, square.fma(q, lost));
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }
}

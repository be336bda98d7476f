package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.*;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairMath}'s functions of an exponential, on whole vectors, at most a block of them. {@code
 * decided} is set to the decided lanes of each vector, and what is returned are the bits of those
 * vectors that have an undecided one.
 *
 * <p>eˣ = 2^(k/32)·eʳ, with k = 32·x/ln 2 rounded, held by t's low bits with an offset. 2^(k/32) is
 * {@code power} times 1 + {@code rest} (rest also holds what r lacks of x − k·ln(2)/32), head is
 * power·(1 + r), and eʳ is (1 + r)·(1 + r²·q).
 *
 * <p>At the end of a loop only methods of the Vector API are called: these are inlined however many
 * nodes the compiler has by then, unlike ours.
 */
final class PairExp {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int SIGN = 0x80000000;
  private static final float INV_ROOT_TWO_PI = 0.3989423f;

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
    FloatVector round = all(ROUND + EXP_OFFSET);
    long open = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v =
          FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).sub(m);
      FloatVector t = v.fma(all(EXP_SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(-EXP_STEP_HI), v); // exact
      FloatVector head = power.fma(r, power);
      FloatVector low = low(power, r, head, r.mul(r), rest(t, k, rests0, rests1));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(all(EXP_WIDTH), low));
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(EQ, most).toLong();
      decided[i / W] = lanes;
      open |= ((lanes ^ UndecidedLanes.ALL) + UndecidedLanes.ALL >>> W) << i / W;
    }
    return open;
  }

  /**
   * dx = dy · fma(x, exp((−0.5·x)·x) · 0.3989423f, cdf).
   *
   * @param at position in x and dy
   * @param cdf the distribution function, a block
   * @param decided in: the decided lanes of cdf; out: those of which the exponential is, too
   */
  static long geluSlopes(
      MemorySegment x,
      MemorySegment dy,
      long at,
      MemorySegment cdf,
      MemorySegment dx,
      long dxAt,
      int count,
      long[] decided) {
    MemorySegment xs = x.asSlice(at << 2, (long) count << 2);
    MemorySegment dys = dy.asSlice(at << 2, (long) count << 2);
    MemorySegment dxs = dx.asSlice(dxAt << 2, (long) count << 2);
    MemorySegment cdfs = cdf.asSlice(0, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_BELOW, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_BELOW, W));
    FloatVector round = all(ROUND + EXP_OFFSET);
    long open = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector u = FLOATS.cast(v.mul(-0.5f).mul(v));
      FloatVector t = u.fma(all(EXP_SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(-EXP_STEP_HI), u); // exact
      FloatVector head = power.fma(r, power);
      FloatVector low = low(power, r, head, r.mul(r), rest(t, k, rests0, rests1));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(all(EXP_WIDTH), low));
      FloatVector phi = FLOATS.cast(FloatVector.fromMemorySegment(F, cdfs, (long) i << 2, ORDER));
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, dys, (long) i << 2, ORDER))
          .mul(v.fma(least.mul(INV_ROOT_TWO_PI), phi))
          .intoMemorySegment(dxs, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(EQ, most).toLong() & decided[i / W];
      decided[i / W] = lanes;
      open |= ((lanes ^ UndecidedLanes.ALL) + UndecidedLanes.ALL >>> W) << i / W;
    }
    return open;
  }

  /** y = 1 / (1 + e⁻ˣ). */
  static long sigmoid(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, SIGMOID_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, SIGMOID_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_ABOVE, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS_ABOVE, W));
    FloatVector one = all(1f);
    FloatVector minusOne = all(-1f);
    IntVector ones = INTS.cast(one.reinterpretAsInts());
    FloatVector round = all(ROUND + SIGMOID_OFFSET);
    FloatVector width = all(EXP_WIDTH);
    long open = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).neg();
      FloatVector t = v.fma(all(EXP_SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(-EXP_STEP_HI), v); // exact
      FloatVector head = power.fma(r, power);
      FloatVector low = low(power, r, head, r.mul(r), rest(t, k, rests0, rests1));
      // The divisor, head + low + 1, as a sum (Dekker) and what it lost. Positive floats have the
      // order of their bits.
      IntVector bits = INTS.cast(head.reinterpretAsInts());
      FloatVector larger = FLOATS.cast(bits.max(ones).reinterpretAsFloats());
      FloatVector smaller = FLOATS.cast(bits.min(ones).reinterpretAsFloats());
      FloatVector sum = head.add(one);
      FloatVector lost = smaller.sub(sum.sub(larger)).add(low);
      FloatVector quotient = one.div(sum);
      FloatVector error = quotient.fma(lost, quotient.fma(sum, minusOne));
      error = error.mul(error.add(minusOne)); // 1 / (1 + e) = 1 − e + e² …
      // The power was an upper bound.
      FloatVector least = error.fma(quotient, quotient);
      FloatVector most = error.add(width).fma(quotient, quotient);
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(EQ, most).toLong();
      decided[i / W] = lanes;
      open |= ((lanes ^ UndecidedLanes.ALL) + UndecidedLanes.ALL >>> W) << i / W;
    }
    return open;
  }

  /** y = tanh x = (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
  static long tanh(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] decided) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, TANH_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, TANH_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, W));
    FloatVector one = all(1f);
    FloatVector round = all(ROUND + TANH_OFFSET);
    FloatVector error = all(TANH_WIDTH);
    FloatVector error2 = all(TANH_WIDTH_2);
    long open = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector a = v.abs();
      FloatVector twice = a.add(a);
      FloatVector t = twice.fma(all(EXP_SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(-EXP_STEP_HI), twice); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector low = low(power, r, head, r2, rest(t, k, rests0, rests1));
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
      FloatVector width = power.mul(r2).fma(error2, over.mul(error));
      FloatVector least = rest.sub(width).fma(near, quotient);
      FloatVector most = rest.add(width).fma(near, quotient);
      IntVector sign = INTS.cast(v.reinterpretAsInts()).and(SIGN);
      IntVector result = INTS.cast(least.reinterpretAsInts()).or(sign);
      FLOATS.cast(result.reinterpretAsFloats()).intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(EQ, most).toLong();
      decided[i / W] = lanes;
      open |= ((lanes ^ UndecidedLanes.ALL) + UndecidedLanes.ALL >>> W) << i / W;
    }
    return open;
  }

  private static FloatVector power(FloatVector t, IntVector powers0, IntVector powers1) {
    IntVector bits = INTS.cast(t.reinterpretAsInts());
    // Low bits of k choose from the table, which lacks them in the exponent; the others are added.
    IntVector power = bits.selectFrom(powers0, powers1).add(bits.lanewise(LSHL, 18));
    return FLOATS.cast(power.reinterpretAsFloats());
  }

  private static FloatVector rest(
      FloatVector t, FloatVector k, IntVector rests0, IntVector rests1) {
    IntVector rests = INTS.cast(t.reinterpretAsInts()).selectFrom(rests0, rests1);
    return k.fma(all(-EXP_STEP_LO), rests.reinterpretAsFloats());
  }

  /** The low part: head·(r²·q + rest), and what head's rounding lost. */
  private static FloatVector low(
      FloatVector power, FloatVector r, FloatVector head, FloatVector r2, FloatVector rest) {
    FloatVector q = r.fma(all(EXP_4), all(EXP_3)).fma(r, all(EXP_2));
    FloatVector lost = power.fma(r, power.sub(head));
    return head.fma(r2.fma(q, rest), lost);
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }
}

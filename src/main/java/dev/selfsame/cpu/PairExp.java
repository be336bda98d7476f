package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.*;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PairMath}'s functions of an exponential, on whole vectors, at most a block of them. {@code
 * open} is set to the undecided lanes of each vector, and what is returned are the bits of those
 * vectors that have one.
 *
 * <p>eˣ = 2^(k/s)·eʳ, with k = s·x/ln 2 rounded, held by t's low bits with an offset. 2^(k/s) is
 * {@code power} times 1 + {@code rest} (rest also holds what r lacks of x − k·ln(2)/s), head is
 * power·(1 + r), and eʳ is (1 + r)·(1 + r²·q). The s steps are what one instruction can look up: 32
 * in two vectors of 512 bits, 8 in one of 256 bits, where r is four times as large, q has two more
 * terms, and the roundings of r²·q make most of the error, so that the bounds follow r².
 *
 * <p>At the end of a loop only methods of the Vector API are called: these are inlined however many
 * nodes the compiler has by then, unlike ours.
 */
final class PairExp implements PairLoops {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final long ALL = (1L << W) - 1;
  private static final int SIGN = 0x80000000;
  private static final float INV_ROOT_TWO_PI = 0.3989423f;

  private static final boolean WIDE = W == 16;
  private static final int STEPS = WIDE ? 32 : 8;

  /** Where the second vector of a table begins; a table of one vector has none. */
  private static final int SECOND = STEPS - W;

  /** The shift that brings what is above the low bits of k to the exponent. */
  private static final int SHIFT = WIDE ? 18 : 20;

  private static final float SCALE = INV_LN2 * STEPS;
  private static final float MINUS_STEP_HI = -LN2_HI / STEPS;
  private static final float MINUS_STEP_LO = -LN2_LO / STEPS;

  // An offset is added to k so that k + offset in 0 … 128·STEPS − 1 is the loop's range, which a
  // few bits of t show. exp: from 2^−81 on, where no part of a result is subnormal, to 2^47;
  // sigmoid: |x| up to 44; tanh: |x| up to 44, without a sign.
  private static final int RANGE_MASK = -128 * STEPS;
  private static final float EXP_ROUND = ROUND + 81 * STEPS;
  private static final float SIGMOID_ROUND = ROUND + 64 * STEPS;
  private static final float TANH_ROUND = ROUND;

  private static final int[] EXP_POWERS = powers(STEPS, 81);
  private static final int[] SIGMOID_POWERS = powers(STEPS, 64);
  private static final int[] TANH_POWERS = powers(STEPS, 0);
  private static final int[] RESTS = rests(STEPS, 0f);

  /** With these and EXP_2_BELOW, a result is a lower bound. */
  private static final int[] RESTS_BELOW = rests(STEPS, WIDE ? -EXP_ERROR : -EXP_ERROR_8);

  /** With these and EXP_2_ABOVE, a result is an upper bound. */
  private static final int[] RESTS_ABOVE = rests(STEPS, WIDE ? EXP_ERROR : EXP_ERROR_8);

  private static final float EXP_2_BELOW = WIDE ? EXP_2 : EXP_2 - EXP_ERROR_8_2;
  private static final float EXP_2_ABOVE = WIDE ? EXP_2 : EXP_2 + EXP_ERROR_8_2;

  PairExp() {}

  @Override
  public long exp(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, SECOND));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, SECOND));
    FloatVector round = all(EXP_ROUND);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v =
          FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).sub(m);
      FloatVector t = v.fma(all(SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(MINUS_STEP_HI), v); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector width = width(r2);
      FloatVector q = q(r, EXP_2_BELOW);
      FloatVector low = low(power, r, head, r2.fma(q, rest(t, k, rests0, rests1)));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(width, low));
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }

  // A maximum alone would wait for memory, and the exponentials after it for the processor. Two
  // instructions compare and choose, where the language's maximum takes five.
  @Override
  public long expAhead(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      int count,
      long[] open,
      long ahead,
      float[] maxima,
      int row) {
    MemorySegment as = x.asSlice(ahead << 2, (long) count << 2);
    FloatVector greatest = all(maxima[row]);
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, SECOND));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, SECOND));
    FloatVector round = all(EXP_ROUND);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, (long) i << 2, ORDER));
      greatest = a.blend(greatest, a.compare(LT, greatest));
      FloatVector v =
          FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).sub(m);
      FloatVector t = v.fma(all(SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(MINUS_STEP_HI), v); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector width = width(r2);
      FloatVector q = q(r, EXP_2_BELOW);
      FloatVector low = low(power, r, head, r2.fma(q, rest(t, k, rests0, rests1)));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(width, low));
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    maxima[row] = FLOATS.cast(greatest).reduceLanes(MAX);
    return vectors;
  }

  @Override
  public long geluSlopes(
      MemorySegment x,
      MemorySegment dy,
      long at,
      MemorySegment cdf,
      MemorySegment dx,
      long dxAt,
      int count,
      long[] open) {
    MemorySegment xs = x.asSlice(at << 2, (long) count << 2);
    MemorySegment dys = dy.asSlice(at << 2, (long) count << 2);
    MemorySegment dxs = dx.asSlice(dxAt << 2, (long) count << 2);
    MemorySegment cdfs = cdf.asSlice(0, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, SECOND));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, RESTS_BELOW, SECOND));
    FloatVector round = all(EXP_ROUND);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector u = FLOATS.cast(v.mul(-0.5f).mul(v));
      FloatVector t = u.fma(all(SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(MINUS_STEP_HI), u); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector width = width(r2);
      FloatVector q = q(r, EXP_2_BELOW);
      FloatVector low = low(power, r, head, r2.fma(q, rest(t, k, rests0, rests1)));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(width, low));
      FloatVector phi = FLOATS.cast(FloatVector.fromMemorySegment(F, cdfs, (long) i << 2, ORDER));
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, dys, (long) i << 2, ORDER))
          .mul(v.fma(least.mul(INV_ROOT_TWO_PI), phi))
          .intoMemorySegment(dxs, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(NE, most).toLong() | open[i / W];
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }

  @Override
  public long sigmoid(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, SIGMOID_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, SIGMOID_POWERS, SECOND));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, RESTS_ABOVE, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, RESTS_ABOVE, SECOND));
    FloatVector one = all(1f);
    FloatVector minusOne = all(-1f);
    IntVector ones = INTS.cast(one.reinterpretAsInts());
    FloatVector round = all(SIGMOID_ROUND);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER)).neg();
      FloatVector t = v.fma(all(SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(MINUS_STEP_HI), v); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector width = width(r2);
      FloatVector q = q(r, EXP_2_ABOVE);
      FloatVector low = low(power, r, head, r2.fma(q, rest(t, k, rests0, rests1)));
      if (!WIDE) {
        FloatVector high = head.add(low);
        low = low.sub(high.sub(head));
        head = high;
      }
      // The divisor, head + low + 1, as a sum (Dekker) and what it lost. Positive floats have the
      // order of their bits.
      IntVector bits = INTS.cast(head.reinterpretAsInts());
      FloatVector larger = FLOATS.cast(bits.max(ones).reinterpretAsFloats());
      FloatVector smaller = FLOATS.cast(bits.min(ones).reinterpretAsFloats());
      FloatVector sum = head.add(one);
      FloatVector lost = smaller.sub(sum.sub(larger)).add(low);
      FloatVector quotient = one.div(sum);
      FloatVector error = quotient.fma(lost, quotient.fma(sum, minusOne));
      // 1 / (1 + e) = 1 − e + e² …; of a sum of 256 bits, e is so small that e² does not count.
      error = error.mul(WIDE ? error.add(minusOne) : minusOne);
      // The power was an upper bound.
      FloatVector least = error.fma(quotient, quotient);
      FloatVector most = error.add(width).fma(quotient, quotient);
      least.intoMemorySegment(ys, (long) i << 2, ORDER);
      // Another number than most where k is outside the loop's range.
      IntVector outside =
          INTS.cast(t.reinterpretAsInts()).lanewise(XOR, RANGE_FIRST).and(RANGE_MASK);
      most = INTS.cast(most.reinterpretAsInts()).lanewise(XOR, outside).reinterpretAsFloats();
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }

  /** y = tanh x = (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
  @Override
  public long tanh(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    MemorySegment xs = x.asSlice(xAt << 2, (long) count << 2);
    MemorySegment ys = y.asSlice(yAt << 2, (long) count << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, TANH_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, TANH_POWERS, SECOND));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, RESTS, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, RESTS, SECOND));
    FloatVector one = all(1f);
    FloatVector round = all(TANH_ROUND);
    FloatVector error = all(TANH_WIDTH);
    FloatVector error2 = all(WIDE ? TANH_WIDTH_2 : TANH_WIDTH_8_2);
    long vectors = 0;
    for (int i = 0; i < count; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
      FloatVector a = v.abs();
      FloatVector twice = a.add(a);
      FloatVector t = twice.fma(all(SCALE), round);
      FloatVector power = power(t, powers0, powers1);
      FloatVector k = t.sub(round);
      FloatVector r = k.fma(all(MINUS_STEP_HI), twice); // exact
      FloatVector head = power.fma(r, power);
      FloatVector r2 = r.mul(r);
      FloatVector q = q(r, EXP_2);
      FloatVector low = low(power, r, head, r2.fma(q, rest(t, k, rests0, rests1)));
      if (!WIDE) {
        FloatVector high = head.add(low);
        low = low.sub(high.sub(head));
        head = high;
      }
      // Numerator and divisor as sums (Dekker: head is 1 or more) and what they lost.
      FloatVector over = head.sub(one);
      FloatVector overLost = head.sub(over).sub(one).add(low);
      FloatVector under = head.add(one);
      FloatVector minusUnderLost = under.sub(head).sub(one).sub(low);
      FloatVector near = one.div(under);
      FloatVector quotient = over.mul(near);
      FloatVector rest = quotient.neg().fma(under, over).add(overLost);
      rest = quotient.fma(minusUnderLost, rest);
      if (WIDE) {
        near = near.mul(minusUnderLost).fma(near, near); // 1 / (under + underLost)
      }
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
      long lanes = least.compare(NE, most).toLong();
      open[i / W] = lanes;
      vectors |= (lanes + ALL >>> W) << i / W;
    }
    return vectors;
  }

  private static FloatVector power(FloatVector t, IntVector powers0, IntVector powers1) {
    IntVector bits = INTS.cast(t.reinterpretAsInts());
    // Low bits of k choose from the table, which lacks them in the exponent; the others are added.
    IntVector power = select(bits, powers0, powers1).add(bits.lanewise(LSHL, SHIFT));
    return FLOATS.cast(power.reinterpretAsFloats());
  }

  private static FloatVector rest(
      FloatVector t, FloatVector k, IntVector rests0, IntVector rests1) {
    IntVector rests = select(INTS.cast(t.reinterpretAsInts()), rests0, rests1);
    return k.fma(all(MINUS_STEP_LO), rests.reinterpretAsFloats());
  }

  private static IntVector select(IntVector bits, IntVector table0, IntVector table1) {
    return INTS.cast(WIDE ? bits.selectFrom(table0, table1) : bits.selectFrom(table0));
  }

  private static FloatVector q(FloatVector r, float second) {
    FloatVector q =
        WIDE
            ? r.fma(all(EXP_4), all(EXP_3))
            : r.fma(all(EXP_8_6), all(EXP_8_5)).fma(r, all(EXP_8_4)).fma(r, all(EXP_8_3));
    return q.fma(r, all(second));
  }

  /** The low part: head·(r²·q + rest), and what head's rounding lost. */
  private static FloatVector low(
      FloatVector power, FloatVector r, FloatVector head, FloatVector more) {
    FloatVector lost = power.fma(r, power.sub(head));
    return head.fma(more, lost);
  }

  /** Distance of the bounds, relative to the result. */
  private static FloatVector width(FloatVector r2) {
    return WIDE ? all(EXP_WIDTH) : r2.fma(all(EXP_WIDTH_8_2), all(EXP_WIDTH_8));
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }
}

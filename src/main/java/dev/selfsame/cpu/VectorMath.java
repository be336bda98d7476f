package dev.selfsame.cpu;

import static dev.selfsame.contract.ExactMathConstants.*;
import static dev.selfsame.contract.Mem.f32;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementary functions on vectors: {@link ExactMath}'s operations in the same order, on as many
 * doubles as a vector holds, so half as many floats are read and written at a time. Blocks that
 * hold an input outside the main path (specials, huge angles, a result on a tie) are left to the
 * scalar definition whole.
 *
 * <p>The test for ties and the store are written out in each loop: after some thousand nodes the
 * compiler inlines only its own methods, and a vector that is passed to a method that it doesn't
 * inline becomes an object.
 *
 * <p>A fused kernel writes its argument to the output (a block that stays in the first-level cache)
 * and calls a function on it in place: a method that takes and returns vectors would have to be
 * inlined across classes, which the compiler doesn't promise, and is many times slower when it
 * isn't.
 */
public final class VectorMath implements ElementaryKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());

  // At least four doubles where the machine has them: masks of two lanes are not compiled on x86.
  private static final int BITS = Math.max(F.vectorBitSize(), Math.min(256, Lanes.preferredBits()));
  private static final VectorSpecies<Double> D =
      VectorSpecies.of(double.class, VectorShape.forBitSize(BITS));
  private static final VectorSpecies<Float> H =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS / 2));
  private static final Class<? extends FloatVector> HALVES = Lanes.type(FloatVector.zero(H));
  private static final Class<? extends LongVector> LONGS =
      Lanes.type(DoubleVector.zero(D).reinterpretAsLongs());
  private static final Class<? extends DoubleVector> DOUBLES = Lanes.type(DoubleVector.zero(D));

  VectorMath() {}

  /** The functions on vectors of a width in bits: the fastest there are. */
  public static ElementaryKernel on(int bits) {
    return ElementaryCalls.of(bits >= 256 ? PairMath.class : VectorMath.class, bits);
  }

  @Override
  public void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = exp(load(xs, i));
      HALVES
          .cast(d.convertShape(VectorOperators.D2F, H, 0))
          .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.exp(f32(x, xAt + i)));
    }
  }

  @Override
  public void expRows(
      MemorySegment x,
      long xAt,
      int rows,
      int columns,
      long next,
      float[] maxima,
      MemorySegment y,
      long yAt) {
    for (int r = 0; r < rows; r++) {
      long row = xAt + (long) r * columns;
      NarrowRows.subtract(x, row, maxima[r], y, yAt + (long) r * columns, columns);
      maxima[r + 1] = NarrowRows.maximum(x, r + 1 < rows ? row + columns : next, columns);
    }
    exp(y, yAt, y, yAt, (long) rows * columns);
  }

  @Override
  public float expSum(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes) {
    NarrowRows.subtract(x, xAt, m, y, yAt, n);
    exp(y, yAt, y, yAt, n);
    return NarrowRows.sum(y, yAt, n, lanes);
  }

  @Override
  public void expm1(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = expm1(load(xs, i));
      HALVES
          .cast(d.convertShape(VectorOperators.D2F, H, 0))
          .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.expm1(f32(x, xAt + i)));
    }
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = tanh(load(xs, i));
      HALVES
          .cast(d.convertShape(VectorOperators.D2F, H, 0))
          .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.tanh(f32(x, xAt + i)));
    }
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = sigmoid(load(xs, i));
      if (!LONGS
          .cast(d.reinterpretAsLongs())
          .and(BELOW_FLOAT_BITS)
          .compare(EQ, TIE_BITS)
          .anyTrue()) {
        HALVES
            .cast(d.convertShape(VectorOperators.D2F, H, 0))
            .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
      } else {
        for (long j = i; j < i + D.length(); j++) {
          f32(y, yAt + j, ExactMath.sigmoid(f32(x, xAt + j)));
        }
      }
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.sigmoid(f32(x, xAt + i)));
    }
  }

  @Override
  public void erf(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    y = Lanes.expectNative(y);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = erf(load(x, xAt + i));
      HALVES
          .cast(d.convertShape(VectorOperators.D2F, H, 0))
          .intoMemorySegment(y, yAt + i << 2, ByteOrder.nativeOrder());
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.erf(f32(x, xAt + i)));
    }
  }

  @Override
  public void rsqrt(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector d = rsqrt(load(xs, i));
      HALVES
          .cast(d.convertShape(VectorOperators.D2F, H, 0))
          .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.rsqrt(f32(x, xAt + i)));
    }
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector v = load(xs, i);
      DoubleVector d = log(v);
      VectorMask<Double> inside = v.compare(GT, 0).and(v.compare(LT, Double.POSITIVE_INFINITY));
      if (inside.allTrue()
          && !LONGS
              .cast(d.reinterpretAsLongs())
              .and(BELOW_FLOAT_BITS)
              .compare(EQ, TIE_BITS)
              .anyTrue()) {
        HALVES
            .cast(d.convertShape(VectorOperators.D2F, H, 0))
            .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
      } else {
        for (long j = i; j < i + D.length(); j++) {
          f32(y, yAt + j, ExactMath.log(f32(x, xAt + j)));
        }
      }
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.log(f32(x, xAt + i)));
    }
  }

  @Override
  public void log1p(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector v = load(xs, i);
      DoubleVector d = log1p(v);
      VectorMask<Double> inside = v.compare(GT, -1).and(v.compare(LT, Double.POSITIVE_INFINITY));
      if (inside.allTrue()
          && !LONGS
              .cast(d.reinterpretAsLongs())
              .and(BELOW_FLOAT_BITS)
              .compare(EQ, TIE_BITS)
              .anyTrue()) {
        HALVES
            .cast(d.convertShape(VectorOperators.D2F, H, 0))
            .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
      } else {
        for (long j = i; j < i + D.length(); j++) {
          f32(y, yAt + j, ExactMath.log1p(f32(x, xAt + j)));
        }
      }
    }
    for (; i < n; i++) {
      f32(y, yAt + i, ExactMath.log1p(f32(x, xAt + i)));
    }
  }

  @Override
  public void sin(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    turn(x, xAt, y, yAt, n, 0);
  }

  @Override
  public void cos(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    turn(x, xAt, y, yAt, n, 1);
  }

  private static void turn(
      MemorySegment x, long xAt, MemorySegment y, long yAt, long n, int quarter) {
    MemorySegment xs = slice(x, xAt, n);
    MemorySegment ys = slice(y, yAt, n);
    long i = 0;
    for (; i <= n - D.length(); i += D.length()) {
      DoubleVector v = load(xs, i);
      DoubleVector d = turn(v, quarter);
      if (v.abs().compare(LT, TURN_MAX).allTrue()
          && !LONGS
              .cast(d.reinterpretAsLongs())
              .and(BELOW_FLOAT_BITS)
              .compare(EQ, TIE_BITS)
              .anyTrue()) {
        HALVES
            .cast(d.convertShape(VectorOperators.D2F, H, 0))
            .intoMemorySegment(ys, i << 2, ByteOrder.nativeOrder());
      } else {
        for (long j = i; j < i + D.length(); j++) {
          float u = f32(x, xAt + j);
          f32(y, yAt + j, quarter == 0 ? ExactMath.sin(u) : ExactMath.cos(u));
        }
      }
    }
    for (; i < n; i++) {
      float v = f32(x, xAt + i);
      f32(y, yAt + i, quarter == 0 ? ExactMath.sin(v) : ExactMath.cos(v));
    }
  }

  private static DoubleVector exp(DoubleVector x) {
    DoubleVector c = cut(x, EXP_MIN, EXP_MAX);
    DoubleVector t = c.fma(all(INV_LN2), all(ROUND));
    return powerOfTwo(t).mul(expm1Reduced(c, t).add(1.0));
  }

  private static DoubleVector expm1(DoubleVector x) {
    return expm1Cut(cut(x, EXP_MIN, EXP_MAX)).blend(x, x.compare(EQ, 0.0));
  }

  private static DoubleVector expm1Cut(DoubleVector x) {
    DoubleVector t = x.fma(all(INV_LN2), all(ROUND));
    DoubleVector scale = powerOfTwo(t);
    return scale.fma(expm1Reduced(x, t), scale.sub(1.0));
  }

  private static DoubleVector tanh(DoubleVector x) {
    DoubleVector c = cut(x, -TANH_MAX, TANH_MAX);
    DoubleVector e = expm1Cut(c.add(c));
    return e.div(e.add(2.0)).blend(c, c.compare(EQ, 0.0));
  }

  private static DoubleVector sigmoid(DoubleVector x) {
    DoubleVector c = cut(x, EXP_MIN, EXP_MAX).neg();
    DoubleVector t = c.fma(all(INV_LN2), all(ROUND));
    DoubleVector scale = powerOfTwo(t);
    DoubleVector y = all(1.0).div(scale.fma(expm1Reduced(c, t), scale.add(1.0)));
    return y.blend(x.fma(all(SIGMOID_SLOPE), all(0.5)), x.abs().compare(LT, SIGMOID_NEAR));
  }

  private static DoubleVector erf(DoubleVector x) {
    DoubleVector c = cut(x, -ERF_MAX, ERF_MAX);
    DoubleVector u = c.mul(c).fma(all(0.125), all(-1.0));
    return c.mul(erfLow(u, erfHigh(u)));
  }

  // In two methods because the compiler does not inline one of more than 325 bytes.
  private static DoubleVector erfHigh(DoubleVector u) {
    DoubleVector q = all(ERF_28);
    q = q.fma(u, DoubleVector.broadcast(D, ERF_27));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_26));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_25));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_24));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_23));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_22));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_21));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_20));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_19));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_18));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_17));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_16));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_15));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_14));
    return q;
  }

  private static DoubleVector erfLow(DoubleVector u, DoubleVector high) {
    DoubleVector q = high;
    q = q.fma(u, DoubleVector.broadcast(D, ERF_13));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_12));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_11));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_10));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_9));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_8));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_7));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_6));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_5));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_4));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_3));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_2));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_1));
    q = q.fma(u, DoubleVector.broadcast(D, ERF_0));
    return q;
  }

  private static DoubleVector rsqrt(DoubleVector x) {
    return all(1.0).div(x.sqrt());
  }

  private static DoubleVector log(DoubleVector x) {
    LongVector i = split(x);
    return logReduced(splitExponent(i), splitMantissa(i).sub(1.0));
  }

  private static DoubleVector log1p(DoubleVector x) {
    LongVector i = split(x.add(1.0));
    DoubleVector k = splitExponent(i);
    DoubleVector f = splitMantissa(i).sub(1.0).blend(x, k.compare(EQ, 0.0));
    return logReduced(k, f).blend(x, x.compare(EQ, 0.0));
  }

  private static LongVector split(DoubleVector x) {
    return LONGS.cast(x.reinterpretAsLongs()).add(SPLIT_BIAS - ROOT_HALF_BITS);
  }

  private static DoubleVector splitExponent(LongVector i) {
    LongVector bits = i.lanewise(LSHR, 52).or(TWO_52_BITS);
    return DOUBLES.cast(bits.reinterpretAsDoubles()).sub(0x1p52 + 1024);
  }

  private static DoubleVector splitMantissa(LongVector i) {
    return DOUBLES.cast(i.and(MANTISSA_BITS).add(ROOT_HALF_BITS).reinterpretAsDoubles());
  }

  private static DoubleVector logReduced(DoubleVector k, DoubleVector f) {
    DoubleVector s = f.div(f.add(2.0));
    DoubleVector z = s.mul(s);
    DoubleVector q = all(LOG_7);
    q = q.fma(z, DoubleVector.broadcast(D, LOG_6));
    q = q.fma(z, DoubleVector.broadcast(D, LOG_5));
    q = q.fma(z, DoubleVector.broadcast(D, LOG_4));
    q = q.fma(z, DoubleVector.broadcast(D, LOG_3));
    q = q.fma(z, DoubleVector.broadcast(D, LOG_2));
    q = q.fma(z, DoubleVector.broadcast(D, LOG_1));
    DoubleVector half = f.mul(0.5).mul(f);
    DoubleVector tail = s.fma(q.fma(z, half), k.mul(LN2_LO));
    return k.fma(all(LN2_HI), f.sub(half.sub(tail)));
  }

  private static DoubleVector powerOfTwo(DoubleVector t) {
    LongVector bits = LONGS.cast(t.reinterpretAsLongs()).lanewise(LSHL, 52).add(ONE_BITS);
    return DOUBLES.cast(bits.reinterpretAsDoubles());
  }

  private static DoubleVector expm1Reduced(DoubleVector x, DoubleVector t) {
    DoubleVector k = t.sub(ROUND);
    DoubleVector r = k.fma(all(-LN2_LO), k.fma(all(-LN2_HI), x));
    DoubleVector q = all(EXP_11);
    q = q.fma(r, DoubleVector.broadcast(D, EXP_10));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_9));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_8));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_7));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_6));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_5));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_4));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_3));
    q = q.fma(r, DoubleVector.broadcast(D, EXP_2));
    return r.mul(r).fma(q, r);
  }

  /** sin(x + n·π/2). */
  private static DoubleVector turn(DoubleVector x, int n) {
    DoubleVector t = x.fma(all(TWO_OVER_PI), all(ROUND));
    DoubleVector k = t.sub(ROUND);
    DoubleVector r = k.fma(all(-PI_OVER_2_LO), k.fma(all(-PI_OVER_2_HI), x));
    LongVector quarter = LONGS.cast(t.reinterpretAsLongs()).add(n);
    DoubleVector z = r.mul(r);
    DoubleVector y = sinReduced(r, z).blend(cosReduced(z), quarter.and(1).compare(EQ, 1).cast(D));
    LongVector turned =
        LONGS
            .cast(y.reinterpretAsLongs())
            .lanewise(VectorOperators.XOR, quarter.and(2).lanewise(LSHL, 62));
    return DOUBLES.cast(turned.reinterpretAsDoubles());
  }

  private static DoubleVector sinReduced(DoubleVector r, DoubleVector z) {
    DoubleVector q = all(SIN_6);
    q = q.fma(z, DoubleVector.broadcast(D, SIN_5));
    q = q.fma(z, DoubleVector.broadcast(D, SIN_4));
    q = q.fma(z, DoubleVector.broadcast(D, SIN_3));
    q = q.fma(z, DoubleVector.broadcast(D, SIN_2));
    q = q.fma(z, DoubleVector.broadcast(D, SIN_1));
    return r.mul(q.fma(z, all(1.0)));
  }

  private static DoubleVector cosReduced(DoubleVector z) {
    DoubleVector q = all(COS_7);
    q = q.fma(z, DoubleVector.broadcast(D, COS_6));
    q = q.fma(z, DoubleVector.broadcast(D, COS_5));
    q = q.fma(z, DoubleVector.broadcast(D, COS_4));
    q = q.fma(z, DoubleVector.broadcast(D, COS_3));
    q = q.fma(z, DoubleVector.broadcast(D, COS_2));
    return z.mul(z).fma(q, z.fma(all(-0.5), all(1.0)));
  }

  /** x cut to low … high; NaN stays. */
  private static DoubleVector cut(DoubleVector x, double low, double high) {
    return x.blend(high, x.compare(GT, high)).blend(low, x.compare(LT, low));
  }

  private static DoubleVector all(double value) {
    return DOUBLES.cast(DoubleVector.broadcast(D, value));
  }

  /** A segment of a loop's own, see {@link PairMath}; single elements are left to the caller's. */
  private static MemorySegment slice(MemorySegment s, long from, long n) {
    return s.asSlice(from << 2, n << 2);
  }

  private static DoubleVector load(MemorySegment x, long at) {
    FloatVector v =
        HALVES.cast(FloatVector.fromMemorySegment(H, x, at << 2, ByteOrder.nativeOrder()));
    return DOUBLES.cast(v.convertShape(VectorOperators.F2D, D, 0));
  }
}

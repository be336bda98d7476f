package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.cpu.BlockScratch.TAIL;
import static dev.selfsame.cpu.PairMathConstants.*;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementary functions on vectors of 512 bits, in floats throughout: a value is the unevaluated sum
 * of two floats, {@code head + low}, good to 10 bits or more beyond a float. {@code least} and
 * {@code most} round its lower and upper bound; where they agree, that is the nearest float,
 * whatever the exact value (Ziv 1991, "Fast evaluation of elementary mathematical functions with
 * correctly rounded last bit"). Lanes where they differ (1 in 2,000) or whose input is outside the
 * main path go to the scalar definition. So the bits are the contract's if the bounds are bounds,
 * which an exhaustive run shows (bench/records/exhaustive.md). Functions without such a form here
 * are {@link VectorMath}'s.
 *
 * <p>Each loop reads and writes slices of its own: the compiler then holds their bounds in
 * registers, while the fields of a segment that came from elsewhere might change with every store.
 */
public final class PairMath implements ElementaryKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final ElementaryKernel DOUBLES =
      Lanes.kernel(VectorMath.class, ElementaryKernel.class, F.vectorBitSize());

  PairMath() {}

  @Override
  public void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    expOfDifference(x, xAt, 0f, y, yAt, n); // x − 0 is x
  }

  @Override
  public float expSum(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes) {
    expOfDifference(x, xAt, m, y, yAt, n);
    return blockSum(y, yAt, n, lanes);
  }

  private static void expOfDifference(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, long n) {
    long whole = n & -W;
    expWhole(x, xAt, m, y, yAt, whole);
    if (whole < n) {
      MemorySegment t = fill(x, xAt + whole, n - whole);
      expWhole(t, TAIL, m, t, TAIL, W);
      empty(t, y, yAt + whole, n - whole);
    }
  }

  private static void expWhole(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, long n) {
    MemorySegment xs = x.asSlice(xAt << 2, n << 2);
    MemorySegment ys = y.asSlice(yAt << 2, n << 2);
    IntVector powers0 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, 0));
    IntVector powers1 = INTS.cast(IntVector.fromArray(I, EXP_POWERS, W));
    IntVector rests0 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, 0));
    IntVector rests1 = INTS.cast(IntVector.fromArray(I, EXP_RESTS, W));
    for (long i = 0; i < n; i += W) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER)).sub(m);
      FloatVector t = v.fma(all(EXP_SCALE), all(ROUND));
      FloatVector power = expPower(t, powers0, powers1);
      FloatVector r = expReduced(v, t);
      FloatVector head = power.fma(r, power);
      FloatVector low = expLow(power, r, head, expRest(t, rests0, rests1));
      FloatVector least = head.add(low);
      FloatVector most = head.add(head.fma(all(EXP_WIDTH), low));
      VectorMask<Float> sure = least.compare(EQ, most).and(v.abs().compare(LT, EXP_NEAR));
      if (sure.allTrue()) {
        least.intoMemorySegment(ys, i << 2, ORDER);
      } else {
        v.blend(least, sure).intoMemorySegment(ys, i << 2, ORDER);
        finishExp(y, yAt + i, sure.toLong());
      }
    }
  }

  /** Replaces the arguments in the lanes that are not sure. */
  private static void finishExp(MemorySegment y, long at, long sure) {
    if (sure == 0) {
      DOUBLES.exp(y, at, y, at, W);
      return;
    }
    for (int lane = 0; lane < W; lane++) {
      if ((sure >>> lane & 1) == 0) {
        f32(y, at + lane, ExactMath.exp(f32(y, at + lane)));
      }
    }
  }

  // e^x = 2^(k/32) · e^r, with k = 32·x/ln 2 rounded, held by t's low bits. 2^(k/32) is power times
  // 1 + rest (rest also holds what r lacks of x − k·ln(2)/32), and low of e^r = head + low begins
  // with r².

  private static FloatVector expPower(FloatVector t, IntVector powers0, IntVector powers1) {
    IntVector bits = INTS.cast(t.reinterpretAsInts());
    // Low bits of k choose from the table, which lacks them in the exponent; the others are added.
    IntVector power = bits.selectFrom(powers0, powers1).add(bits.lanewise(LSHL, 18));
    return FLOATS.cast(power.reinterpretAsFloats());
  }

  private static FloatVector expRest(FloatVector t, IntVector rests0, IntVector rests1) {
    FloatVector k = t.sub(all(ROUND));
    IntVector rests = INTS.cast(t.reinterpretAsInts()).selectFrom(rests0, rests1);
    return k.fma(all(-EXP_STEP_LO), rests.reinterpretAsFloats());
  }

  private static FloatVector expReduced(FloatVector v, FloatVector t) {
    return t.sub(all(ROUND)).fma(all(-EXP_STEP_HI), v); // exact
  }

  private static FloatVector expLow(
      FloatVector power, FloatVector r, FloatVector head, FloatVector rest) {
    FloatVector q = r.fma(all(EXP_4), all(EXP_3)).fma(r, all(EXP_2));
    FloatVector lost = power.fma(r, power.sub(head)); // by head's rounding
    return head.fma(rest, power.mul(r.mul(r)).fma(q, lost));
  }

  /** Scratch with fewer than W elements, the rest 0. */
  private static MemorySegment fill(MemorySegment x, long from, long n) {
    MemorySegment t = BlockScratch.mine();
    // Not one loop with a choice: C2 checks the range of x before the loop, for all of its rounds,
    // and where that fails it leaves its code, call after call.
    for (long j = 0; j < n; j++) {
      f32(t, TAIL + j, f32(x, from + j));
    }
    for (long j = n; j < W; j++) {
      f32(t, TAIL + j, 0f);
    }
    return t;
  }

  private static void empty(MemorySegment t, MemorySegment y, long from, long n) {
    for (long j = 0; j < n; j++) {
      f32(y, from + j, f32(t, TAIL + j));
    }
  }

  /** The contract's sum of one block; lanes 0 to 15 in one vector, 16 to 31 in another. */
  private static float blockSum(MemorySegment y, long from, int n, float[] lanes) {
    int whole = n & -LANES;
    MemorySegment ys = y.asSlice(from << 2, (long) n << 2);
    // −0 is what an addition leaves alone: a lane's sum begins with its first term's own bits.
    FloatVector a = all(-0f);
    FloatVector b = a;
    for (long i = 0; i < whole; i += LANES) {
      a = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER)).add(a);
      b = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i + W << 2, ORDER)).add(b);
    }
    FLOATS.cast(a).intoArray(lanes, 0);
    FLOATS.cast(b).intoArray(lanes, W);
    for (int i = whole; i < n; i++) {
      lanes[i - whole] += f32(ys, i);
    }
    return OrderedSum.combineLanes(lanes, Math.min(n, LANES));
  }

  private static FloatVector all(float value) {
    return FLOATS.cast(FloatVector.broadcast(F, value));
  }

  @Override
  public void expm1(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.expm1(x, xAt, y, yAt, n);
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.tanh(x, xAt, y, yAt, n);
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.sigmoid(x, xAt, y, yAt, n);
  }

  @Override
  public void erf(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.erf(x, xAt, y, yAt, n);
  }

  @Override
  public void rsqrt(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.rsqrt(x, xAt, y, yAt, n);
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.log(x, xAt, y, yAt, n);
  }

  @Override
  public void log1p(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.log1p(x, xAt, y, yAt, n);
  }

  @Override
  public void sin(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.sin(x, xAt, y, yAt, n);
  }

  @Override
  public void cos(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.cos(x, xAt, y, yAt, n);
  }
}

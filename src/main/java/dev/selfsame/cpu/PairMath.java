package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.cpu.BlockScratch.TAIL;

import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementary functions on vectors of 512 bits, in floats throughout: a value is the unevaluated sum
 * of two floats, {@code head + low}, good to 10 bits or so beyond a float. {@code least} and {@code
 * most} round its lower and upper bound; where they agree, that is the nearest float, whatever the
 * exact value (Ziv 1991, "Fast evaluation of elementary mathematical functions with correctly
 * rounded last bit"). Lanes where they differ (1 in 2,000) or whose input is outside the main path
 * go to the scalar definition. So the bits are the contract's if the bounds are bounds, which an
 * exhaustive run shows (bench/records/exhaustive.md). Functions without such a form here are {@link
 * VectorMath}'s.
 *
 * <p>The loops are {@link PairExp}'s and {@link PairLog}'s (and {@link PairErf}'s). They read and
 * write slices of their own: the compiler then holds their bounds in registers, while the fields of
 * a segment that came from elsewhere might change with every store.
 */
public final class PairMath implements ElementaryKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int BLOCK = BlockScratch.FLOATS;
  private static final ElementaryKernel DOUBLES =
      Lanes.kernel(VectorMath.class, ElementaryKernel.class, F.vectorBitSize());

  PairMath() {}

  /** A loop over whole vectors of a block: see {@link PairExp}. */
  interface Loop {
    long run(MemorySegment x, long xAt, MemorySegment y, long yAt, int count, long[] decided);
  }

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
    for (long i = 0; i < whole; i += BLOCK) {
      expWhole(x, xAt + i, m, y, yAt + i, (int) Math.min(BLOCK, whole - i));
    }
    if (whole < n) {
      MemorySegment t = fill(x, xAt + whole, n - whole);
      expWhole(t, TAIL, m, t, TAIL, W);
      empty(t, y, yAt + whole, n - whole);
    }
  }

  private static void expWhole(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count) {
    long[] decided = UndecidedLanes.mine();
    if (PairExp.exp(x, xAt, m, y, yAt, count, decided) != UndecidedLanes.NONE) {
      UndecidedLanes.finish(y, yAt, count, decided, ExactMath::exp, DOUBLES::exp);
    }
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, y, yAt, n, PairExp::tanh, ExactMath::tanh, DOUBLES::tanh);
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, y, yAt, n, PairExp::sigmoid, ExactMath::sigmoid, DOUBLES::sigmoid);
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, y, yAt, n, PairLog::log, ExactMath::log, DOUBLES::log);
  }

  static void run(
      MemorySegment x,
      long xAt,
      MemorySegment y,
      long yAt,
      long n,
      Loop loop,
      UndecidedLanes.Definition definition,
      UndecidedLanes.Slow slow) {
    long[] decided = UndecidedLanes.mine();
    long whole = n & -W;
    for (long i = 0; i < whole; i += BLOCK) {
      int count = (int) Math.min(BLOCK, whole - i);
      if (loop.run(x, xAt + i, y, yAt + i, count, decided) != UndecidedLanes.NONE) {
        UndecidedLanes.finish(y, yAt + i, count, decided, definition, slow);
      }
    }
    if (whole < n) {
      MemorySegment t = fill(x, xAt + whole, n - whole);
      if (loop.run(t, TAIL, t, TAIL, W, decided) != UndecidedLanes.NONE) {
        UndecidedLanes.finish(t, TAIL, W, decided, definition, slow);
      }
      empty(t, y, yAt + whole, n - whole);
    }
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
  public void erf(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.erf(x, xAt, y, yAt, n);
  }

  @Override
  public void rsqrt(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    DOUBLES.rsqrt(x, xAt, y, yAt, n);
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

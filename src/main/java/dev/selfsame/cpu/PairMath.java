package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementary functions on vectors of 512 and 256 bits, in floats throughout: a value is the
 * unevaluated sum of two floats, {@code head + low}, good to 10 bits or so beyond a float. {@code
 * least} and {@code most} round its lower and upper bound; where they agree, that is the nearest
 * float, whatever the exact value (Ziv 1991, "Fast evaluation of elementary mathematical functions
 * with correctly rounded last bit"). Lanes where they differ (1 in 200 to 2,000) or whose argument
 * is outside the loop's range go to {@link VectorMath}. So the bits are the contract's if the
 * bounds are bounds, which an exhaustive run shows (bench/records/exhaustive.md). Functions without
 * such a form here are {@link VectorMath}'s, too.
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
  private static final ElementaryKernel DOUBLES =
      ElementaryCalls.around(
          Lanes.kernel(VectorMath.class, ElementaryKernel.class, F.vectorBitSize()));

  // Objects made once: a reference to a method of another object is made at each use.
  private static final PairLoops LOOPS =
      Lanes.kernel(PairExp.class, PairLoops.class, F.vectorBitSize());
  private static final PairBlocks.Loop EXP = LOOPS::exp;
  private static final PairBlocks.Loop TANH = LOOPS::tanh;
  private static final PairBlocks.Loop SIGMOID = LOOPS::sigmoid;
  private static final PairBlocks.Loop LOG =
      Lanes.kernel(PairLog.class, PairBlocks.Loop.class, F.vectorBitSize());
  private static final UndecidedLanes.Slow EXP_IN_DOUBLES = DOUBLES::exp;
  private static final UndecidedLanes.Slow TANH_IN_DOUBLES = DOUBLES::tanh;
  private static final UndecidedLanes.Slow SIGMOID_IN_DOUBLES = DOUBLES::sigmoid;
  private static final UndecidedLanes.Slow LOG_IN_DOUBLES = DOUBLES::log;

  private static final ThreadLocal<ExpAhead> AHEAD =
      ThreadLocal.withInitial(() -> new ExpAhead(LOOPS));

  PairMath() {}

  @Override
  public void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, EXP, EXP_IN_DOUBLES);
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
    UndecidedLanes open = UndecidedLanes.mine();
    ExpAhead loop = AHEAD.get();
    for (int r = 0; r < rows; r++) {
      long from = (long) r * columns;
      long after = r + 1 < rows ? xAt + from + columns : next;
      maxima[r + 1] = Float.NEGATIVE_INFINITY;
      loop.set(after - xAt - from, maxima, r + 1);
      PairBlocks.add(
          x, xAt + from, maxima[r], y, yAt + from, columns, W, loop, EXP, EXP_IN_DOUBLES, open);
      for (int i = columns & -W; i < columns; i++) {
        maxima[r + 1] = Math.max(maxima[r + 1], f32(x, after + i));
      }
      if (open.isDue()) {
        open.finish(y, EXP_IN_DOUBLES);
      }
    }
    open.finish(y, EXP_IN_DOUBLES);
  }

  @Override
  public float expSum(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes) {
    PairBlocks.run(x, xAt, m, y, yAt, n, W, EXP, EXP_IN_DOUBLES);
    return blockSum(y, yAt, n, lanes);
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, TANH, TANH_IN_DOUBLES);
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, SIGMOID, SIGMOID_IN_DOUBLES);
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, LOG, LOG_IN_DOUBLES);
  }

  /** The contract's sum of one block, two vectors of its lanes at a time. */
  private static float blockSum(MemorySegment y, long from, int n, float[] lanes) {
    int whole = n & -LANES;
    MemorySegment ys = y.asSlice(from << 2, (long) n << 2);
    for (int j = 0; j < LANES; j += 2 * W) {
      // −0 is what an addition leaves alone: a lane's sum begins with its first term's own bits.
      FloatVector a = FLOATS.cast(FloatVector.broadcast(F, -0f));
      FloatVector b = a;
      for (long i = j; i < whole; i += LANES) {
        a = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER)).add(a);
        b = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i + W << 2, ORDER)).add(b);
      }
      FLOATS.cast(a).intoArray(lanes, j);
      FLOATS.cast(b).intoArray(lanes, j + W);
    }
    for (int i = whole; i < n; i++) {
      lanes[i - whole] += f32(ys, i);
    }
    return OrderedSum.combineLanes(lanes, Math.min(n, LANES));
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

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.cpu.BlockScratch.TAIL;

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
 * rounded last bit"). Lanes where they differ (1 in 300 to 2,000) or whose argument is outside the
 * loop's range go to {@link VectorMath}. So the bits are the contract's if the bounds are bounds,
 * which an exhaustive run shows (bench/records/exhaustive.md). Functions without such a form here
 * are {@link VectorMath}'s, too.
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
      ElementaryCalls.around(
          Lanes.kernel(VectorMath.class, ElementaryKernel.class, F.vectorBitSize()));

  // Objects made once: a reference to a method of another object is made at each use.
  private static final UndecidedLanes.Slow EXP = DOUBLES::exp;
  private static final UndecidedLanes.Slow TANH = DOUBLES::tanh;
  private static final UndecidedLanes.Slow SIGMOID = DOUBLES::sigmoid;
  private static final UndecidedLanes.Slow LOG = DOUBLES::log;

  /** With more vectors open than this, a block is done by the slower kernel as a whole. */
  static final int MOST_OPEN = 16;

  PairMath() {}

  /** A function of x − m over whole vectors of a block, into other memory: see {@link PairExp}. */
  interface Loop {
    long run(
        MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] decided);
  }

  @Override
  public void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, 0f, y, yAt, n, PairExp::exp, EXP);
  }

  @Override
  public float expSum(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes) {
    run(x, xAt, m, y, yAt, n, PairExp::exp, EXP);
    return blockSum(y, yAt, n, lanes);
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, 0f, y, yAt, n, PairExp::tanh, TANH);
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, 0f, y, yAt, n, PairExp::sigmoid, SIGMOID);
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    run(x, xAt, 0f, y, yAt, n, PairLog::log, LOG);
  }

  /**
   * y = f(x − m).
   *
   * @param m 0 unless {@code loop} subtracts it
   */
  static void run(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      long n,
      Loop loop,
      UndecidedLanes.Slow slow) {
    UndecidedLanes open = UndecidedLanes.mine();
    // Arguments are read again where a result is undecided, so none may be written over.
    boolean inPlace = x.address() + (xAt << 2) == y.address() + (yAt << 2);
    long whole = n & -W;
    for (long i = 0; i < whole; i += BLOCK) {
      int count = (int) Math.min(BLOCK, whole - i);
      if (inPlace) {
        block(x, xAt + i, m, open.results, 0, yAt + i, count, loop, slow, open);
        MemorySegment.copy(open.results, 0, y, (yAt + i) << 2, (long) count << 2);
      } else {
        block(x, xAt + i, m, y, yAt + i, yAt + i, count, loop, slow, open);
      }
      if (open.isFull()) {
        open.finish(y, slow);
      }
    }
    if (whole < n) {
      MemorySegment t = fill(x, xAt + whole, n - whole);
      loop.run(t, TAIL, m, open.results, 0, W, open.decided);
      open.decided[0] |= UndecidedLanes.ALL << (n - whole); // lanes without an element
      open.keep(t, TAIL, m, yAt + whole, 1);
      MemorySegment.copy(open.results, 0, y, (yAt + whole) << 2, (n - whole) << 2);
    }
    open.finish(y, slow);
  }

  /**
   * @param place in the final memory of the results
   */
  private static void block(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      long place,
      int count,
      Loop loop,
      UndecidedLanes.Slow slow,
      UndecidedLanes undecided) {
    long open = loop.run(x, xAt, m, y, yAt, count, undecided.decided);
    if (Long.bitCount(open) <= MOST_OPEN) {
      undecided.keep(x, xAt, m, place, open);
    } else {
      undecided.slowly(x, xAt, m, y, yAt, count, slow);
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

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.VectorSpecies;

/**
 * GELU by the method of {@link PairMath}, on vectors of 512 bits ({@link PairErfWide}) and 256
 * ({@link PairErfNarrow}). Only the sum of 1 and erf must be sure, so that an error below 2⁻³² will
 * do however small erf is.
 */
final class PairErf implements GeluKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final int W = F.length();
  private static final GeluKernel SLOW =
      Lanes.kernel(GeluByErf.class, GeluKernel.class, F.vectorBitSize());
  private static final UndecidedLanes.Slow SLOW_GELU = SLOW::gelu;
  private static final UndecidedLanes.Slow SLOW_NORMAL = SLOW::normal;
  private static final PairErfLoop ERF =
      Lanes.kernel(
          W == 16 ? PairErfWide.class : PairErfNarrow.class, PairErfLoop.class, F.vectorBitSize());
  private static final PairLoops SLOPES =
      Lanes.kernel(PairExp.class, PairLoops.class, F.vectorBitSize());
  private static final PairBlocks.Loop GELU = PairErf::gelu;
  private static final PairBlocks.Loop NORMAL = PairErf::normal;
  private static final int BLOCK = PairBlocks.block(W);

  PairErf() {}

  @Override
  public void gelu(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, GELU, SLOW_GELU);
  }

  @Override
  public void normal(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    PairBlocks.run(x, xAt, 0f, y, yAt, n, W, NORMAL, SLOW_NORMAL);
  }

  @Override
  public void gradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long n) {
    UndecidedLanes open = UndecidedLanes.mine();
    MemorySegment cdf = BlockScratch.mine();
    // x and dy are read again where a result is undecided, so neither may be written over.
    boolean inPlace = dx.address() == x.address() || dx.address() == dy.address();
    long end = from + n;
    long whole = end - n % W;
    for (long at = from; at < whole; at += BLOCK) {
      int count = (int) Math.min(BLOCK, whole - at);
      MemorySegment to = inPlace ? open.results : dx;
      long toAt = inPlace ? 0 : at;
      ERF.products(x, at, 0f, 1f, cdf, 0, count, open.lanes);
      long lanes = SLOPES.geluSlopes(x, dy, at, cdf, to, toAt, count, open.lanes);
      if (Long.bitCount(lanes) <= PairBlocks.MOST_OPEN) {
        open.keep(x, dy, at, lanes, W);
        if (inPlace) {
          MemorySegment.copy(to, 0, dx, at << 2, (long) count << 2);
        }
      } else {
        SLOW.gradient(x, dy, dx, at, count);
      }
      if (open.isDue()) {
        open.finishGradient(dx, SLOW);
      }
    }
    open.finishGradient(dx, SLOW);
    if (whole < end) {
      SLOW.gradient(x, dy, dx, whole, end - whole);
    }
  }

  /** y = x · (0.5 · (1 + erf)), for the bits of (0.5·x) · (1 + erf) as in {@link GeluByErf}. */
  private static long gelu(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    // −0 is what an addition leaves alone.
    return ERF.products(x, xAt, 1f, -0f, y, yAt, count, open);
  }

  private static long normal(
      MemorySegment x, long xAt, float zero, MemorySegment y, long yAt, int count, long[] open) {
    return ERF.products(x, xAt, 0f, 1f, y, yAt, count, open);
  }
}

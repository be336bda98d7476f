package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link OutputTile} for 16 vector registers (256 and 128 bits): the largest tile is done in two
 * halves of 6 rows × 2 vectors, {@link #BLOCK} terms at a time, so that the second half finds b in
 * the first-level cache. Chains wait for the next block in the output. Tiles of fewer rows or
 * columns are {@link OutputTiles}'.
 *
 * <p>Two terms an iteration, and a step of b that the compiler doesn't know: what it checks before
 * it loads b keeps it from taking broadcasts of one term, or of both, all at once, for which there
 * are no registers. One term an iteration runs at two thirds of the speed.
 */
final class SixRowTiles implements OutputTile {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int ROWS = 12;
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  /**
   * Terms that a half takes before the other one does: 16 KB of b, beside 12 KB of a that the next
   * tile wants again. Even.
   */
  private static final int BLOCK = 256;

  private final OutputTile small = Lanes.kernel(OutputTiles.class, OutputTile.class, 32 * N);

  SixRowTiles() {}

  @Override
  public int depth() {
    return BLOCK;
  }

  @Override
  public int rows() {
    return ROWS;
  }

  @Override
  public int columns() {
    return 2 * N;
  }

  @Override
  public int rows(int wanted) {
    return small.rows(wanted);
  }

  @Override
  public void tile(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      long bStep,
      int depth,
      boolean goesOn,
      MemorySegment out,
      long outAt,
      long outStep) {
    if (rows != ROWS) {
      small.tile(rows, a, aAt, b, bAt, bStep, depth, goesOn, out, outAt, outStep);
      return;
    }
    long bo = bAt << 2;
    long bs = bStep << 2;
    long at = outAt << 2;
    long step = outStep << 2;
    // The first block takes what fills no block: an odd term is its.
    int done = 0;
    if (!goesOn || depth % 2 != 0) {
      float[] from = OutputTiles.from(goesOn, ROWS, 2 * N, out, outAt, outStep);
      done = depth <= BLOCK ? depth : depth - (depth - 1) / BLOCK * BLOCK;
      first(a, aAt, b, bo, bs, done, from, 0, out, at, step);
      first(a, aAt + 6, b, bo, bs, done, from, 12 * N, out, at + 6 * step, step);
    }
    for (int k = done, n; k < depth; k += n) {
      n = Math.min(BLOCK, depth - k);
      int from = aAt + k * ROWS;
      next(a, from, b, bo + k * bs, bs, n, out, at, step);
      next(a, from + 6, b, bo + k * bs, bs, n, out, at + 6 * step, step);
    }
  }

  @Override
  public void half(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      long bStep,
      int depth,
      boolean goesOn,
      MemorySegment out,
      long outAt,
      long outStep) {
    small.half(rows, a, aAt, b, bAt, bStep, depth, goesOn, out, outAt, outStep);
  }

  private static void first(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      MemorySegment out,
      long at,
      long step) {
    b = Lanes.expectNative(b);
    out = Lanes.expectNative(out);
    FloatVector c0a = FLOATS.cast(FloatVector.fromArray(F, start, so));
    FloatVector c0b = FLOATS.cast(FloatVector.fromArray(F, start, so + N));
    FloatVector c1a = FLOATS.cast(FloatVector.fromArray(F, start, so + 2 * N));
    FloatVector c1b = FLOATS.cast(FloatVector.fromArray(F, start, so + 3 * N));
    FloatVector c2a = FLOATS.cast(FloatVector.fromArray(F, start, so + 4 * N));
    FloatVector c2b = FLOATS.cast(FloatVector.fromArray(F, start, so + 5 * N));
    FloatVector c3a = FLOATS.cast(FloatVector.fromArray(F, start, so + 6 * N));
    FloatVector c3b = FLOATS.cast(FloatVector.fromArray(F, start, so + 7 * N));
    FloatVector c4a = FLOATS.cast(FloatVector.fromArray(F, start, so + 8 * N));
    FloatVector c4b = FLOATS.cast(FloatVector.fromArray(F, start, so + 9 * N));
    FloatVector c5a = FLOATS.cast(FloatVector.fromArray(F, start, so + 10 * N));
    FloatVector c5b = FLOATS.cast(FloatVector.fromArray(F, start, so + 11 * N));
    long from = bo;
    int odd = ao;
    if ((depth & 1) != 0) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bo, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bo + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[ao]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + 1]);
      c1a = ba.fma(a1, c1a);
      c1b = bb.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + 2]);
      c2a = ba.fma(a2, c2a);
      c2b = bb.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + 3]);
      c3a = ba.fma(a3, c3a);
      c3b = bb.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + 4]);
      c4a = ba.fma(a4, c4a);
      c4b = bb.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + 5]);
      c5a = ba.fma(a5, c5a);
      c5b = bb.fma(a5, c5b);
      from += bStep;
      odd += 12;
    }
    for (int k = odd; k < ao + 12 * depth; k += 24) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[k]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[k + 1]);
      c1a = ba.fma(a1, c1a);
      c1b = bb.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[k + 2]);
      c2a = ba.fma(a2, c2a);
      c2b = bb.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[k + 3]);
      c3a = ba.fma(a3, c3a);
      c3b = bb.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[k + 4]);
      c4a = ba.fma(a4, c4a);
      c4b = bb.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[k + 5]);
      c5a = ba.fma(a5, c5a);
      c5b = bb.fma(a5, c5b);
      from += bStep;
      FloatVector ban = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector bbn = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector a0n = FloatVector.broadcast(F, a[k + 12]);
      c0a = ban.fma(a0n, c0a);
      c0b = bbn.fma(a0n, c0b);
      FloatVector a1n = FloatVector.broadcast(F, a[k + 13]);
      c1a = ban.fma(a1n, c1a);
      c1b = bbn.fma(a1n, c1b);
      FloatVector a2n = FloatVector.broadcast(F, a[k + 14]);
      c2a = ban.fma(a2n, c2a);
      c2b = bbn.fma(a2n, c2b);
      FloatVector a3n = FloatVector.broadcast(F, a[k + 15]);
      c3a = ban.fma(a3n, c3a);
      c3b = bbn.fma(a3n, c3b);
      FloatVector a4n = FloatVector.broadcast(F, a[k + 16]);
      c4a = ban.fma(a4n, c4a);
      c4b = bbn.fma(a4n, c4b);
      FloatVector a5n = FloatVector.broadcast(F, a[k + 17]);
      c5a = ban.fma(a5n, c5a);
      c5b = bbn.fma(a5n, c5b);
      from += bStep;
    }
    FLOATS.cast(c0a).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, at + 4 * N, NATIVE);
    FLOATS.cast(c1a).intoMemorySegment(out, at + step, NATIVE);
    FLOATS.cast(c1b).intoMemorySegment(out, at + step + 4 * N, NATIVE);
    FLOATS.cast(c2a).intoMemorySegment(out, at + 2 * step, NATIVE);
    FLOATS.cast(c2b).intoMemorySegment(out, at + 2 * step + 4 * N, NATIVE);
    FLOATS.cast(c3a).intoMemorySegment(out, at + 3 * step, NATIVE);
    FLOATS.cast(c3b).intoMemorySegment(out, at + 3 * step + 4 * N, NATIVE);
    FLOATS.cast(c4a).intoMemorySegment(out, at + 4 * step, NATIVE);
    FLOATS.cast(c4b).intoMemorySegment(out, at + 4 * step + 4 * N, NATIVE);
    FLOATS.cast(c5a).intoMemorySegment(out, at + 5 * step, NATIVE);
    FLOATS.cast(c5b).intoMemorySegment(out, at + 5 * step + 4 * N, NATIVE);
  }

  private static void next(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      MemorySegment out,
      long at,
      long step) {
    b = Lanes.expectNative(b);
    out = Lanes.expectNative(out);
    FloatVector c0a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at, NATIVE));
    FloatVector c0b = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 4 * N, NATIVE));
    FloatVector c1a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + step, NATIVE));
    FloatVector c1b = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + step + 4 * N, NATIVE));
    FloatVector c2a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 2 * step, NATIVE));
    FloatVector c2b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 2 * step + 4 * N, NATIVE));
    FloatVector c3a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 3 * step, NATIVE));
    FloatVector c3b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 3 * step + 4 * N, NATIVE));
    FloatVector c4a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 4 * step, NATIVE));
    FloatVector c4b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 4 * step + 4 * N, NATIVE));
    FloatVector c5a = FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 5 * step, NATIVE));
    FloatVector c5b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, out, at + 5 * step + 4 * N, NATIVE));
    long from = bo;
    for (int k = ao; k < ao + 12 * depth; k += 24) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[k]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[k + 1]);
      c1a = ba.fma(a1, c1a);
      c1b = bb.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[k + 2]);
      c2a = ba.fma(a2, c2a);
      c2b = bb.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[k + 3]);
      c3a = ba.fma(a3, c3a);
      c3b = bb.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[k + 4]);
      c4a = ba.fma(a4, c4a);
      c4b = bb.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[k + 5]);
      c5a = ba.fma(a5, c5a);
      c5b = bb.fma(a5, c5b);
      from += bStep;
      FloatVector ban = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector bbn = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector a0n = FloatVector.broadcast(F, a[k + 12]);
      c0a = ban.fma(a0n, c0a);
      c0b = bbn.fma(a0n, c0b);
      FloatVector a1n = FloatVector.broadcast(F, a[k + 13]);
      c1a = ban.fma(a1n, c1a);
      c1b = bbn.fma(a1n, c1b);
      FloatVector a2n = FloatVector.broadcast(F, a[k + 14]);
      c2a = ban.fma(a2n, c2a);
      c2b = bbn.fma(a2n, c2b);
      FloatVector a3n = FloatVector.broadcast(F, a[k + 15]);
      c3a = ban.fma(a3n, c3a);
      c3b = bbn.fma(a3n, c3b);
      FloatVector a4n = FloatVector.broadcast(F, a[k + 16]);
      c4a = ban.fma(a4n, c4a);
      c4b = bbn.fma(a4n, c4b);
      FloatVector a5n = FloatVector.broadcast(F, a[k + 17]);
      c5a = ban.fma(a5n, c5a);
      c5b = bbn.fma(a5n, c5b);
      from += bStep;
    }
    FLOATS.cast(c0a).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, at + 4 * N, NATIVE);
    FLOATS.cast(c1a).intoMemorySegment(out, at + step, NATIVE);
    FLOATS.cast(c1b).intoMemorySegment(out, at + step + 4 * N, NATIVE);
    FLOATS.cast(c2a).intoMemorySegment(out, at + 2 * step, NATIVE);
    FLOATS.cast(c2b).intoMemorySegment(out, at + 2 * step + 4 * N, NATIVE);
    FLOATS.cast(c3a).intoMemorySegment(out, at + 3 * step, NATIVE);
    FLOATS.cast(c3b).intoMemorySegment(out, at + 3 * step + 4 * N, NATIVE);
    FLOATS.cast(c4a).intoMemorySegment(out, at + 4 * step, NATIVE);
    FLOATS.cast(c4b).intoMemorySegment(out, at + 4 * step + 4 * N, NATIVE);
    FLOATS.cast(c5a).intoMemorySegment(out, at + 5 * step, NATIVE);
    FLOATS.cast(c5b).intoMemorySegment(out, at + 5 * step + 4 * N, NATIVE);
  }
}

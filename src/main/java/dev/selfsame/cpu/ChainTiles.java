package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ChainTile} with the Vector API. Lanes lie across columns, so every lane is one chain in
 * the contract's order.
 *
 * <p>The largest tile has 12 rows × 2 vectors where vectors have 512 bits (32 registers); with 16
 * registers it is done in two halves of 6 rows, two terms an iteration, for the reasons that {@link
 * SixRowTiles} gives. With its chains in native memory instead of an array, C1 would run out of
 * registers over the largest tile, and C2 might then never see it.
 */
final class ChainTiles implements ChainTile {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int ROWS = 12;
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  ChainTiles() {}

  @Override
  public int depth() {
    return N == 16 ? 512 : 256;
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
    return wanted == 1 ? 1 : wanted <= 4 ? 4 : ROWS;
  }

  @Override
  public void tile(
      int rows,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      int depth,
      float[] start,
      int startAt,
      float[] c,
      int cAt) {
    long bo = bAt << 2;
    long step = 8L * N;
    switch (rows) {
      case 12 -> {
        if (N == 16) {
          twelve(a, aAt, b, bo, step, depth, start, startAt, c, cAt);
        } else {
          six(a, aAt, b, bo, step, depth, start, startAt, c, cAt);
          six(a, aAt + 6, b, bo, step, depth, start, startAt + 12 * N, c, cAt + 12 * N);
        }
      }
      case 4 -> four(a, aAt, b, bo, step, depth, start, startAt, c, cAt);
      case 1 -> one(a, aAt, b, bo, step, depth, start, startAt, c, cAt);
      default -> throw new IllegalArgumentException("no tile of " + rows + " rows");
    }
  }

  private static void twelve(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 3 * N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 4 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 5 * N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 6 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 7 * N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 8 * N);
    FloatVector c4b = FloatVector.fromArray(F, start, so + 9 * N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 10 * N);
    FloatVector c5b = FloatVector.fromArray(F, start, so + 11 * N);
    FloatVector c6a = FloatVector.fromArray(F, start, so + 12 * N);
    FloatVector c6b = FloatVector.fromArray(F, start, so + 13 * N);
    FloatVector c7a = FloatVector.fromArray(F, start, so + 14 * N);
    FloatVector c7b = FloatVector.fromArray(F, start, so + 15 * N);
    FloatVector c8a = FloatVector.fromArray(F, start, so + 16 * N);
    FloatVector c8b = FloatVector.fromArray(F, start, so + 17 * N);
    FloatVector c9a = FloatVector.fromArray(F, start, so + 18 * N);
    FloatVector c9b = FloatVector.fromArray(F, start, so + 19 * N);
    FloatVector c10a = FloatVector.fromArray(F, start, so + 20 * N);
    FloatVector c10b = FloatVector.fromArray(F, start, so + 21 * N);
    FloatVector c11a = FloatVector.fromArray(F, start, so + 22 * N);
    FloatVector c11b = FloatVector.fromArray(F, start, so + 23 * N);
    long from = bo;
    for (int k = ao; k < ao + 12 * depth; k += 12) {
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
      FloatVector a6 = FloatVector.broadcast(F, a[k + 6]);
      c6a = ba.fma(a6, c6a);
      c6b = bb.fma(a6, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[k + 7]);
      c7a = ba.fma(a7, c7a);
      c7b = bb.fma(a7, c7b);
      FloatVector a8 = FloatVector.broadcast(F, a[k + 8]);
      c8a = ba.fma(a8, c8a);
      c8b = bb.fma(a8, c8b);
      FloatVector a9 = FloatVector.broadcast(F, a[k + 9]);
      c9a = ba.fma(a9, c9a);
      c9b = bb.fma(a9, c9b);
      FloatVector a10 = FloatVector.broadcast(F, a[k + 10]);
      c10a = ba.fma(a10, c10a);
      c10b = bb.fma(a10, c10b);
      FloatVector a11 = FloatVector.broadcast(F, a[k + 11]);
      c11a = ba.fma(a11, c11a);
      c11b = bb.fma(a11, c11b);
      from += bStep;
    }
    FLOATS.cast(c0a).intoArray(c, co);
    FLOATS.cast(c0b).intoArray(c, co + N);
    FLOATS.cast(c1a).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).intoArray(c, co + 7 * N);
    FLOATS.cast(c4a).intoArray(c, co + 8 * N);
    FLOATS.cast(c4b).intoArray(c, co + 9 * N);
    FLOATS.cast(c5a).intoArray(c, co + 10 * N);
    FLOATS.cast(c5b).intoArray(c, co + 11 * N);
    FLOATS.cast(c6a).intoArray(c, co + 12 * N);
    FLOATS.cast(c6b).intoArray(c, co + 13 * N);
    FLOATS.cast(c7a).intoArray(c, co + 14 * N);
    FLOATS.cast(c7b).intoArray(c, co + 15 * N);
    FLOATS.cast(c8a).intoArray(c, co + 16 * N);
    FLOATS.cast(c8b).intoArray(c, co + 17 * N);
    FLOATS.cast(c9a).intoArray(c, co + 18 * N);
    FLOATS.cast(c9b).intoArray(c, co + 19 * N);
    FLOATS.cast(c10a).intoArray(c, co + 20 * N);
    FLOATS.cast(c10b).intoArray(c, co + 21 * N);
    FLOATS.cast(c11a).intoArray(c, co + 22 * N);
    FLOATS.cast(c11b).intoArray(c, co + 23 * N);
  }

  /** Six rows of twelve. */
  private static void six(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
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
    FLOATS.cast(c0a).intoArray(c, co);
    FLOATS.cast(c0b).intoArray(c, co + N);
    FLOATS.cast(c1a).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).intoArray(c, co + 7 * N);
    FLOATS.cast(c4a).intoArray(c, co + 8 * N);
    FLOATS.cast(c4b).intoArray(c, co + 9 * N);
    FLOATS.cast(c5a).intoArray(c, co + 10 * N);
    FLOATS.cast(c5b).intoArray(c, co + 11 * N);
  }

  private static void four(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 3 * N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 4 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 5 * N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 6 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 7 * N);
    long from = bo;
    for (int k = ao; k < ao + 4 * depth; k += 4) {
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
      from += bStep;
    }
    FLOATS.cast(c0a).intoArray(c, co);
    FLOATS.cast(c0b).intoArray(c, co + N);
    FLOATS.cast(c1a).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).intoArray(c, co + 7 * N);
  }

  private static void one(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    long from = bo;
    for (int k = ao; k < ao + depth; k++) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[k]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      from += bStep;
    }
    FLOATS.cast(c0a).intoArray(c, co);
    FLOATS.cast(c0b).intoArray(c, co + N);
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link GemmKernel} for 16 vector registers (256 and 128 bits): tiles of 6 rows × 2 vectors. Tiles
 * of one vector are {@link GemmTiles}'. Two terms an iteration and a step that the compiler doesn't
 * know, as in {@link SixRowTiles} and for its reason.
 */
final class SixRowGemmTiles implements GemmKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int ROWS = 12;
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  private final GemmKernel narrow = Lanes.kernel(GemmTiles.class, GemmKernel.class, 32 * N);

  SixRowGemmTiles() {}

  @Override
  public int rows() {
    return ROWS;
  }

  @Override
  public int columns() {
    return 2 * N;
  }

  @Override
  public int width(int columns) {
    return narrow.width(columns);
  }

  @Override
  public void tile(
      int rows,
      int columns,
      float[] a,
      int aAt,
      MemorySegment b,
      long bAt,
      int depth,
      float[] start,
      int startAt,
      float[] total,
      int totalAt,
      float[] c,
      int cAt) {
    if (columns <= N) {
      narrow.tile(rows, columns, a, aAt, b, bAt, depth, start, startAt, total, totalAt, c, cAt);
      return;
    }
    long bo = bAt << 2;
    long step = 8L * N;
    six(a, aAt, b, bo, step, depth, start, startAt, total, totalAt, c, cAt);
    if (rows > 6) {
      int next = 12 * N;
      six(
          a,
          aAt + 6,
          b,
          bo,
          step,
          depth,
          start,
          startAt + next,
          total,
          totalAt + next,
          c,
          cAt + next);
    }
  }

  private static void six(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
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
      odd += ROWS;
    }
    for (int k = odd; k < ao + ROWS * depth; k += 2 * ROWS) {
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
      // In this order: in the other one, C2 spills a vector.
      FloatVector bbn = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from + 4 * N, NATIVE));
      FloatVector ban = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
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
    FLOATS.cast(FloatVector.fromArray(F, total, to)).add(c0a).intoArray(c, co);
    FLOATS.cast(FloatVector.fromArray(F, total, to + N)).add(c0b).intoArray(c, co + N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 2 * N)).add(c1a).intoArray(c, co + 2 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 3 * N)).add(c1b).intoArray(c, co + 3 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 4 * N)).add(c2a).intoArray(c, co + 4 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 5 * N)).add(c2b).intoArray(c, co + 5 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 6 * N)).add(c3a).intoArray(c, co + 6 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 7 * N)).add(c3b).intoArray(c, co + 7 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 8 * N)).add(c4a).intoArray(c, co + 8 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 9 * N)).add(c4b).intoArray(c, co + 9 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 10 * N)).add(c5a).intoArray(c, co + 10 * N);
    FLOATS.cast(FloatVector.fromArray(F, total, to + 11 * N)).add(c5b).intoArray(c, co + 11 * N);
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link GemmKernel} with the Vector API. Lanes lie across columns of the output, so every lane is
 * one chain in the contract's order.
 *
 * <p>A tile has up to 12 rows × 2 vectors, which take 32 registers (512 bits); with 16, those are
 * {@link SixRowGemmTiles}', and only tiles of one vector are done here. Each shape is its own
 * method with its accumulators in locals; an array of them would be allocated on the heap.
 */
final class GemmTiles implements GemmKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int ROWS = 12;
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  GemmTiles() {}

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
    return columns > N ? 2 * N : N;
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
    long bo = bAt << 2;
    if (columns <= N) {
      if (rows > 6) {
        tile12x1(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
      } else {
        tile6x1(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
      }
    } else if (rows > 8) {
      tile12x2(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
    } else if (rows > 6) {
      tile8x2(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
    } else if (rows > 4) {
      tile6x2(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
    } else {
      tile4x2(a, aAt, b, bo, depth, start, startAt, total, totalAt, c, cAt);
    }
  }

  private static void tile12x2(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, start, so + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, start, so + 5 * 2 * N + N);
    FloatVector c6a = FloatVector.fromArray(F, start, so + 6 * 2 * N);
    FloatVector c6b = FloatVector.fromArray(F, start, so + 6 * 2 * N + N);
    FloatVector c7a = FloatVector.fromArray(F, start, so + 7 * 2 * N);
    FloatVector c7b = FloatVector.fromArray(F, start, so + 7 * 2 * N + N);
    FloatVector c8a = FloatVector.fromArray(F, start, so + 8 * 2 * N);
    FloatVector c8b = FloatVector.fromArray(F, start, so + 8 * 2 * N + N);
    FloatVector c9a = FloatVector.fromArray(F, start, so + 9 * 2 * N);
    FloatVector c9b = FloatVector.fromArray(F, start, so + 9 * 2 * N + N);
    FloatVector c10a = FloatVector.fromArray(F, start, so + 10 * 2 * N);
    FloatVector c10b = FloatVector.fromArray(F, start, so + 10 * 2 * N + N);
    FloatVector c11a = FloatVector.fromArray(F, start, so + 11 * 2 * N);
    FloatVector c11b = FloatVector.fromArray(F, start, so + 11 * 2 * N + N);
    long from = bo;
    for (int k = ao; k < ao + depth * ROWS; k += ROWS) {
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
      from += 8 * N;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c0b).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 6 * N)).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).add(FloatVector.fromArray(F, total, to + 7 * N)).intoArray(c, co + 7 * N);
    FLOATS.cast(c4a).add(FloatVector.fromArray(F, total, to + 8 * N)).intoArray(c, co + 8 * N);
    FLOATS.cast(c4b).add(FloatVector.fromArray(F, total, to + 9 * N)).intoArray(c, co + 9 * N);
    FLOATS.cast(c5a).add(FloatVector.fromArray(F, total, to + 10 * N)).intoArray(c, co + 10 * N);
    FLOATS.cast(c5b).add(FloatVector.fromArray(F, total, to + 11 * N)).intoArray(c, co + 11 * N);
    FLOATS.cast(c6a).add(FloatVector.fromArray(F, total, to + 12 * N)).intoArray(c, co + 12 * N);
    FLOATS.cast(c6b).add(FloatVector.fromArray(F, total, to + 13 * N)).intoArray(c, co + 13 * N);
    FLOATS.cast(c7a).add(FloatVector.fromArray(F, total, to + 14 * N)).intoArray(c, co + 14 * N);
    FLOATS.cast(c7b).add(FloatVector.fromArray(F, total, to + 15 * N)).intoArray(c, co + 15 * N);
    FLOATS.cast(c8a).add(FloatVector.fromArray(F, total, to + 16 * N)).intoArray(c, co + 16 * N);
    FLOATS.cast(c8b).add(FloatVector.fromArray(F, total, to + 17 * N)).intoArray(c, co + 17 * N);
    FLOATS.cast(c9a).add(FloatVector.fromArray(F, total, to + 18 * N)).intoArray(c, co + 18 * N);
    FLOATS.cast(c9b).add(FloatVector.fromArray(F, total, to + 19 * N)).intoArray(c, co + 19 * N);
    FLOATS.cast(c10a).add(FloatVector.fromArray(F, total, to + 20 * N)).intoArray(c, co + 20 * N);
    FLOATS.cast(c10b).add(FloatVector.fromArray(F, total, to + 21 * N)).intoArray(c, co + 21 * N);
    FLOATS.cast(c11a).add(FloatVector.fromArray(F, total, to + 22 * N)).intoArray(c, co + 22 * N);
    FLOATS.cast(c11b).add(FloatVector.fromArray(F, total, to + 23 * N)).intoArray(c, co + 23 * N);
  }

  private static void tile8x2(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, start, so + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, start, so + 5 * 2 * N + N);
    FloatVector c6a = FloatVector.fromArray(F, start, so + 6 * 2 * N);
    FloatVector c6b = FloatVector.fromArray(F, start, so + 6 * 2 * N + N);
    FloatVector c7a = FloatVector.fromArray(F, start, so + 7 * 2 * N);
    FloatVector c7b = FloatVector.fromArray(F, start, so + 7 * 2 * N + N);
    long from = bo;
    for (int k = ao; k < ao + depth * ROWS; k += ROWS) {
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
      from += 8 * N;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c0b).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 6 * N)).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).add(FloatVector.fromArray(F, total, to + 7 * N)).intoArray(c, co + 7 * N);
    FLOATS.cast(c4a).add(FloatVector.fromArray(F, total, to + 8 * N)).intoArray(c, co + 8 * N);
    FLOATS.cast(c4b).add(FloatVector.fromArray(F, total, to + 9 * N)).intoArray(c, co + 9 * N);
    FLOATS.cast(c5a).add(FloatVector.fromArray(F, total, to + 10 * N)).intoArray(c, co + 10 * N);
    FLOATS.cast(c5b).add(FloatVector.fromArray(F, total, to + 11 * N)).intoArray(c, co + 11 * N);
    FLOATS.cast(c6a).add(FloatVector.fromArray(F, total, to + 12 * N)).intoArray(c, co + 12 * N);
    FLOATS.cast(c6b).add(FloatVector.fromArray(F, total, to + 13 * N)).intoArray(c, co + 13 * N);
    FLOATS.cast(c7a).add(FloatVector.fromArray(F, total, to + 14 * N)).intoArray(c, co + 14 * N);
    FLOATS.cast(c7b).add(FloatVector.fromArray(F, total, to + 15 * N)).intoArray(c, co + 15 * N);
  }

  private static void tile6x2(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, start, so + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, start, so + 5 * 2 * N + N);
    long from = bo;
    for (int k = ao; k < ao + depth * ROWS; k += ROWS) {
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
      from += 8 * N;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c0b).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 6 * N)).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).add(FloatVector.fromArray(F, total, to + 7 * N)).intoArray(c, co + 7 * N);
    FLOATS.cast(c4a).add(FloatVector.fromArray(F, total, to + 8 * N)).intoArray(c, co + 8 * N);
    FLOATS.cast(c4b).add(FloatVector.fromArray(F, total, to + 9 * N)).intoArray(c, co + 9 * N);
    FLOATS.cast(c5a).add(FloatVector.fromArray(F, total, to + 10 * N)).intoArray(c, co + 10 * N);
    FLOATS.cast(c5b).add(FloatVector.fromArray(F, total, to + 11 * N)).intoArray(c, co + 11 * N);
  }

  private static void tile4x2(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 3 * 2 * N + N);
    long from = bo;
    for (int k = ao; k < ao + depth * ROWS; k += ROWS) {
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
      from += 8 * N;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c0b).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c1b).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c2b).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 6 * N)).intoArray(c, co + 6 * N);
    FLOATS.cast(c3b).add(FloatVector.fromArray(F, total, to + 7 * N)).intoArray(c, co + 7 * N);
  }

  /** Rows of b and c are {@code step} apart. */
  private static void tile12x1(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c1a = FloatVector.fromArray(F, start, so + N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 4 * N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 5 * N);
    FloatVector c6a = FloatVector.fromArray(F, start, so + 6 * N);
    FloatVector c7a = FloatVector.fromArray(F, start, so + 7 * N);
    FloatVector c8a = FloatVector.fromArray(F, start, so + 8 * N);
    FloatVector c9a = FloatVector.fromArray(F, start, so + 9 * N);
    FloatVector c10a = FloatVector.fromArray(F, start, so + 10 * N);
    FloatVector c11a = FloatVector.fromArray(F, start, so + 11 * N);
    long bk = bo;
    int ak = ao;
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[ak]);
      c0a = ba.fma(a0, c0a);
      FloatVector a1 = FloatVector.broadcast(F, a[ak + 1]);
      c1a = ba.fma(a1, c1a);
      FloatVector a2 = FloatVector.broadcast(F, a[ak + 2]);
      c2a = ba.fma(a2, c2a);
      FloatVector a3 = FloatVector.broadcast(F, a[ak + 3]);
      c3a = ba.fma(a3, c3a);
      FloatVector a4 = FloatVector.broadcast(F, a[ak + 4]);
      c4a = ba.fma(a4, c4a);
      FloatVector a5 = FloatVector.broadcast(F, a[ak + 5]);
      c5a = ba.fma(a5, c5a);
      FloatVector a6 = FloatVector.broadcast(F, a[ak + 6]);
      c6a = ba.fma(a6, c6a);
      FloatVector a7 = FloatVector.broadcast(F, a[ak + 7]);
      c7a = ba.fma(a7, c7a);
      FloatVector a8 = FloatVector.broadcast(F, a[ak + 8]);
      c8a = ba.fma(a8, c8a);
      FloatVector a9 = FloatVector.broadcast(F, a[ak + 9]);
      c9a = ba.fma(a9, c9a);
      FloatVector a10 = FloatVector.broadcast(F, a[ak + 10]);
      c10a = ba.fma(a10, c10a);
      FloatVector a11 = FloatVector.broadcast(F, a[ak + 11]);
      c11a = ba.fma(a11, c11a);
      bk += 4 * N;
      ak += ROWS;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c4a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c5a).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
    FLOATS.cast(c6a).add(FloatVector.fromArray(F, total, to + 6 * N)).intoArray(c, co + 6 * N);
    FLOATS.cast(c7a).add(FloatVector.fromArray(F, total, to + 7 * N)).intoArray(c, co + 7 * N);
    FLOATS.cast(c8a).add(FloatVector.fromArray(F, total, to + 8 * N)).intoArray(c, co + 8 * N);
    FLOATS.cast(c9a).add(FloatVector.fromArray(F, total, to + 9 * N)).intoArray(c, co + 9 * N);
    FLOATS.cast(c10a).add(FloatVector.fromArray(F, total, to + 10 * N)).intoArray(c, co + 10 * N);
    FLOATS.cast(c11a).add(FloatVector.fromArray(F, total, to + 11 * N)).intoArray(c, co + 11 * N);
  }

  private static void tile6x1(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      int depth,
      float[] start,
      int so,
      float[] total,
      int to,
      float[] c,
      int co) {
    b = Lanes.expectNative(b);
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 1 * N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 2 * N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 3 * N);
    FloatVector c4a = FloatVector.fromArray(F, start, so + 4 * N);
    FloatVector c5a = FloatVector.fromArray(F, start, so + 5 * N);
    long from = bo;
    for (int k = ao; k < ao + depth * ROWS; k += ROWS) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, from, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[k]);
      c0a = ba.fma(a0, c0a);
      FloatVector a1 = FloatVector.broadcast(F, a[k + 1]);
      c1a = ba.fma(a1, c1a);
      FloatVector a2 = FloatVector.broadcast(F, a[k + 2]);
      c2a = ba.fma(a2, c2a);
      FloatVector a3 = FloatVector.broadcast(F, a[k + 3]);
      c3a = ba.fma(a3, c3a);
      FloatVector a4 = FloatVector.broadcast(F, a[k + 4]);
      c4a = ba.fma(a4, c4a);
      FloatVector a5 = FloatVector.broadcast(F, a[k + 5]);
      c5a = ba.fma(a5, c5a);
      from += 4 * N;
    }
    FLOATS.cast(c0a).add(FloatVector.fromArray(F, total, to)).intoArray(c, co);
    FLOATS.cast(c1a).add(FloatVector.fromArray(F, total, to + N)).intoArray(c, co + N);
    FLOATS.cast(c2a).add(FloatVector.fromArray(F, total, to + 2 * N)).intoArray(c, co + 2 * N);
    FLOATS.cast(c3a).add(FloatVector.fromArray(F, total, to + 3 * N)).intoArray(c, co + 3 * N);
    FLOATS.cast(c4a).add(FloatVector.fromArray(F, total, to + 4 * N)).intoArray(c, co + 4 * N);
    FLOATS.cast(c5a).add(FloatVector.fromArray(F, total, to + 5 * N)).intoArray(c, co + 5 * N);
  }
}

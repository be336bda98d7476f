package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link OutputTile} with the Vector API. Lanes lie across columns of the output, so every lane is
 * one chain in the contract's order.
 *
 * <p>The largest tile has 12 rows × 2 vectors where vectors have 512 bits (32 registers); with 16
 * registers it is {@link SixRowTiles}'. Each is its own method with its accumulators in locals; an
 * array of them would be allocated on the heap. Small tiles add up their positions: with products,
 * a term costs more index arithmetic than multiply-adds.
 *
 * <p>The largest tile only begins chains; those that go on take 8 and 4 rows. With 24 loads more C1
 * runs out of registers, and C2 may then never see the method, unless the stores lack the casts
 * without which C2 may box.
 */
final class OutputTiles implements OutputTile {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int ROWS = 12;
  private static final float[] ZEROS = new float[ROWS * 2 * N];
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  OutputTiles() {}

  @Override
  public int depth() {
    return DEPTH;
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
    if (wanted == 1) {
      return 1;
    }
    if (wanted <= 4) {
      return 4;
    }
    return wanted > 8 || N < 16 ? ROWS : 8;
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
    float[] from = from(goesOn, rows, 2 * N, out, outAt, outStep);
    long bo = bAt << 2;
    long bs = bStep << 2;
    long at = outAt << 2;
    long step = outStep << 2;
    switch (rows) {
      case 12 -> {
        if (goesOn) {
          rows8(a, aAt, 12, b, bo, bs, depth, from, 0, out, at, step);
          rows4(a, aAt + 8, 12, b, bo, bs, depth, from, 16 * N, out, at + 8 * step, step);
        } else {
          rows12(a, aAt, b, bo, bs, depth, out, at, step);
        }
      }
      case 8 -> rows8(a, aAt, 8, b, bo, bs, depth, from, 0, out, at, step);
      case 4 -> rows4(a, aAt, 4, b, bo, bs, depth, from, 0, out, at, step);
      case 1 -> rows1(a, aAt, b, bo, bs, depth, from, out, at);
      default -> throw new IllegalArgumentException("no tile of " + rows + " rows");
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
    if (rows == ROWS) {
      float[] from = from(goesOn, rows, 2 * N, out, outAt, outStep);
      half12(a, aAt, b, bAt << 2, bStep << 2, depth, from, out, outAt << 2, outStep << 2);
    } else {
      tile(rows, a, aAt, b, bAt, bStep, depth, goesOn, out, outAt, outStep);
    }
  }

  /** What chains start from, as an array: zeros or a copy of what is in out. */
  static float[] from(
      boolean goesOn, int rows, int columns, MemorySegment out, long at, long step) {
    if (!goesOn) {
      return ZEROS;
    }
    float[] chains = GemmScratch.of().staging(rows * columns);
    // Rows without gaps, as chains mostly lie, are one run.
    int run = step == columns ? rows * columns : columns;
    for (int i = 0; i < rows * columns; i += run, at += step) {
      MemorySegment.copy(out, JAVA_FLOAT, at << 2, chains, i, run);
    }
    return chains;
  }

  private static void rows12(
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
    FloatVector zero = FloatVector.zero(F);
    FloatVector c0a = zero;
    FloatVector c0b = zero;
    FloatVector c1a = zero;
    FloatVector c1b = zero;
    FloatVector c2a = zero;
    FloatVector c2b = zero;
    FloatVector c3a = zero;
    FloatVector c3b = zero;
    FloatVector c4a = zero;
    FloatVector c4b = zero;
    FloatVector c5a = zero;
    FloatVector c5b = zero;
    FloatVector c6a = zero;
    FloatVector c6b = zero;
    FloatVector c7a = zero;
    FloatVector c7b = zero;
    FloatVector c8a = zero;
    FloatVector c8b = zero;
    FloatVector c9a = zero;
    FloatVector c9b = zero;
    FloatVector c10a = zero;
    FloatVector c10b = zero;
    FloatVector c11a = zero;
    FloatVector c11b = zero;
    // Counts in elements of a and carries b's offset along: index arithmetic takes ports that the
    // multiply-adds need.
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
    FLOATS.cast(c6a).intoMemorySegment(out, at + 6 * step, NATIVE);
    FLOATS.cast(c6b).intoMemorySegment(out, at + 6 * step + 4 * N, NATIVE);
    FLOATS.cast(c7a).intoMemorySegment(out, at + 7 * step, NATIVE);
    FLOATS.cast(c7b).intoMemorySegment(out, at + 7 * step + 4 * N, NATIVE);
    FLOATS.cast(c8a).intoMemorySegment(out, at + 8 * step, NATIVE);
    FLOATS.cast(c8b).intoMemorySegment(out, at + 8 * step + 4 * N, NATIVE);
    FLOATS.cast(c9a).intoMemorySegment(out, at + 9 * step, NATIVE);
    FLOATS.cast(c9b).intoMemorySegment(out, at + 9 * step + 4 * N, NATIVE);
    FLOATS.cast(c10a).intoMemorySegment(out, at + 10 * step, NATIVE);
    FLOATS.cast(c10b).intoMemorySegment(out, at + 10 * step + 4 * N, NATIVE);
    FLOATS.cast(c11a).intoMemorySegment(out, at + 11 * step, NATIVE);
    FLOATS.cast(c11b).intoMemorySegment(out, at + 11 * step + 4 * N, NATIVE);
  }

  private static void rows8(
      float[] a,
      int ao,
      int aStep,
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
    long bk = bo;
    int ak = ao;
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[ak]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ak + 1]);
      c1a = ba.fma(a1, c1a);
      c1b = bb.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ak + 2]);
      c2a = ba.fma(a2, c2a);
      c2b = bb.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ak + 3]);
      c3a = ba.fma(a3, c3a);
      c3b = bb.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[ak + 4]);
      c4a = ba.fma(a4, c4a);
      c4b = bb.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[ak + 5]);
      c5a = ba.fma(a5, c5a);
      c5b = bb.fma(a5, c5b);
      FloatVector a6 = FloatVector.broadcast(F, a[ak + 6]);
      c6a = ba.fma(a6, c6a);
      c6b = bb.fma(a6, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[ak + 7]);
      c7a = ba.fma(a7, c7a);
      c7b = bb.fma(a7, c7b);
      bk += bStep;
      ak += aStep;
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
    FLOATS.cast(c6a).intoMemorySegment(out, at + 6 * step, NATIVE);
    FLOATS.cast(c6b).intoMemorySegment(out, at + 6 * step + 4 * N, NATIVE);
    FLOATS.cast(c7a).intoMemorySegment(out, at + 7 * step, NATIVE);
    FLOATS.cast(c7b).intoMemorySegment(out, at + 7 * step + 4 * N, NATIVE);
  }

  /** One vector of each of 12 rows. */
  private static void half12(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      MemorySegment out,
      long at,
      long step) {
    b = Lanes.expectNative(b);
    out = Lanes.expectNative(out);
    FloatVector c0 = FloatVector.fromArray(F, start, 0);
    FloatVector c1 = FloatVector.fromArray(F, start, 2 * N);
    FloatVector c2 = FloatVector.fromArray(F, start, 4 * N);
    FloatVector c3 = FloatVector.fromArray(F, start, 6 * N);
    FloatVector c4 = FloatVector.fromArray(F, start, 8 * N);
    FloatVector c5 = FloatVector.fromArray(F, start, 10 * N);
    FloatVector c6 = FloatVector.fromArray(F, start, 12 * N);
    FloatVector c7 = FloatVector.fromArray(F, start, 14 * N);
    FloatVector c8 = FloatVector.fromArray(F, start, 16 * N);
    FloatVector c9 = FloatVector.fromArray(F, start, 18 * N);
    FloatVector c10 = FloatVector.fromArray(F, start, 20 * N);
    FloatVector c11 = FloatVector.fromArray(F, start, 22 * N);
    long bk = bo;
    int ak = ao;
    for (int k = 0; k < depth; k++) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk, NATIVE));
      c0 = v.fma(FloatVector.broadcast(F, a[ak]), c0);
      c1 = v.fma(FloatVector.broadcast(F, a[ak + 1]), c1);
      c2 = v.fma(FloatVector.broadcast(F, a[ak + 2]), c2);
      c3 = v.fma(FloatVector.broadcast(F, a[ak + 3]), c3);
      c4 = v.fma(FloatVector.broadcast(F, a[ak + 4]), c4);
      c5 = v.fma(FloatVector.broadcast(F, a[ak + 5]), c5);
      c6 = v.fma(FloatVector.broadcast(F, a[ak + 6]), c6);
      c7 = v.fma(FloatVector.broadcast(F, a[ak + 7]), c7);
      c8 = v.fma(FloatVector.broadcast(F, a[ak + 8]), c8);
      c9 = v.fma(FloatVector.broadcast(F, a[ak + 9]), c9);
      c10 = v.fma(FloatVector.broadcast(F, a[ak + 10]), c10);
      c11 = v.fma(FloatVector.broadcast(F, a[ak + 11]), c11);
      bk += bStep;
      ak += 12;
    }
    FLOATS.cast(c0).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c1).intoMemorySegment(out, at + step, NATIVE);
    FLOATS.cast(c2).intoMemorySegment(out, at + 2 * step, NATIVE);
    FLOATS.cast(c3).intoMemorySegment(out, at + 3 * step, NATIVE);
    FLOATS.cast(c4).intoMemorySegment(out, at + 4 * step, NATIVE);
    FLOATS.cast(c5).intoMemorySegment(out, at + 5 * step, NATIVE);
    FLOATS.cast(c6).intoMemorySegment(out, at + 6 * step, NATIVE);
    FLOATS.cast(c7).intoMemorySegment(out, at + 7 * step, NATIVE);
    FLOATS.cast(c8).intoMemorySegment(out, at + 8 * step, NATIVE);
    FLOATS.cast(c9).intoMemorySegment(out, at + 9 * step, NATIVE);
    FLOATS.cast(c10).intoMemorySegment(out, at + 10 * step, NATIVE);
    FLOATS.cast(c11).intoMemorySegment(out, at + 11 * step, NATIVE);
  }

  private static void rows4(
      float[] a,
      int ao,
      int aStep,
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
    FloatVector c0a = FloatVector.fromArray(F, start, so);
    FloatVector c0b = FloatVector.fromArray(F, start, so + N);
    FloatVector c1a = FloatVector.fromArray(F, start, so + 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, start, so + 3 * N);
    FloatVector c2a = FloatVector.fromArray(F, start, so + 4 * N);
    FloatVector c2b = FloatVector.fromArray(F, start, so + 5 * N);
    FloatVector c3a = FloatVector.fromArray(F, start, so + 6 * N);
    FloatVector c3b = FloatVector.fromArray(F, start, so + 7 * N);
    long bk = bo;
    int ak = ao;
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[ak]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ak + 1]);
      c1a = ba.fma(a1, c1a);
      c1b = bb.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ak + 2]);
      c2a = ba.fma(a2, c2a);
      c2b = bb.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ak + 3]);
      c3a = ba.fma(a3, c3a);
      c3b = bb.fma(a3, c3b);
      bk += bStep;
      ak += aStep;
    }
    FLOATS.cast(c0a).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, at + 4 * N, NATIVE);
    FLOATS.cast(c1a).intoMemorySegment(out, at + step, NATIVE);
    FLOATS.cast(c1b).intoMemorySegment(out, at + step + 4 * N, NATIVE);
    FLOATS.cast(c2a).intoMemorySegment(out, at + 2 * step, NATIVE);
    FLOATS.cast(c2b).intoMemorySegment(out, at + 2 * step + 4 * N, NATIVE);
    FLOATS.cast(c3a).intoMemorySegment(out, at + 3 * step, NATIVE);
    FLOATS.cast(c3b).intoMemorySegment(out, at + 3 * step + 4 * N, NATIVE);
  }

  private static void rows1(
      float[] a,
      int ao,
      MemorySegment b,
      long bo,
      long bStep,
      int depth,
      float[] start,
      MemorySegment out,
      long at) {
    b = Lanes.expectNative(b);
    out = Lanes.expectNative(out);
    FloatVector c0a = FloatVector.fromArray(F, start, 0);
    FloatVector c0b = FloatVector.fromArray(F, start, N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bo + k * bStep, NATIVE));
      FloatVector bb =
          FLOATS.cast(FloatVector.fromMemorySegment(F, b, bo + k * bStep + 4 * N, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k]);
      c0a = ba.fma(a0, c0a);
      c0b = bb.fma(a0, c0b);
    }
    FLOATS.cast(c0a).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, at + 4 * N, NATIVE);
  }
}

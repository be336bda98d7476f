package dev.selfsame.cpu;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link GemmKernel} with the Vector API. Lanes lie across columns of the output, so every lane is
 * one chain in the contract's order.
 *
 * <p>A tile is as large as the registers allow: 12 rows × 2 vectors where vectors have 512 bits (32
 * registers), else 6 × 2 (16 registers). Each shape is its own method with its accumulators in
 * locals; an array of them would be allocated on the heap.
 */
final class GemmTiles implements GemmKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final int N = F.length();
  private static final int ROWS = N == 16 ? 12 : 6;

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
      float[] b,
      int bAt,
      int depth,
      float[] c,
      int cAt) {
    if (columns <= N) {
      if (rows > 6) {
        tile12x1(a, aAt, b, bAt, depth, c, cAt);
      } else {
        tile6x1(a, aAt, b, bAt, depth, c, cAt);
      }
    } else if (rows > 8) {
      tile12x2(a, aAt, b, bAt, depth, c, cAt);
    } else if (rows > 6) {
      tile8x2(a, aAt, b, bAt, depth, c, cAt);
    } else if (rows > 4) {
      tile6x2(a, aAt, b, bAt, depth, c, cAt);
    } else {
      tile4x2(a, aAt, b, bAt, depth, c, cAt);
    }
  }

  private static void tile12x2(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c0b = FloatVector.fromArray(F, c, co + N);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, c, co + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, c, co + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, c, co + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, c, co + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, c, co + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, c, co + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, c, co + 5 * 2 * N + N);
    FloatVector c6a = FloatVector.fromArray(F, c, co + 6 * 2 * N);
    FloatVector c6b = FloatVector.fromArray(F, c, co + 6 * 2 * N + N);
    FloatVector c7a = FloatVector.fromArray(F, c, co + 7 * 2 * N);
    FloatVector c7b = FloatVector.fromArray(F, c, co + 7 * 2 * N + N);
    FloatVector c8a = FloatVector.fromArray(F, c, co + 8 * 2 * N);
    FloatVector c8b = FloatVector.fromArray(F, c, co + 8 * 2 * N + N);
    FloatVector c9a = FloatVector.fromArray(F, c, co + 9 * 2 * N);
    FloatVector c9b = FloatVector.fromArray(F, c, co + 9 * 2 * N + N);
    FloatVector c10a = FloatVector.fromArray(F, c, co + 10 * 2 * N);
    FloatVector c10b = FloatVector.fromArray(F, c, co + 10 * 2 * N + N);
    FloatVector c11a = FloatVector.fromArray(F, c, co + 11 * 2 * N);
    FloatVector c11b = FloatVector.fromArray(F, c, co + 11 * 2 * N + N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * 2 * N);
      FloatVector bb = FloatVector.fromArray(F, b, bo + k * 2 * N + N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      c0b = a0.fma(bb, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      c1b = a1.fma(bb, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      c2b = a2.fma(bb, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      c3b = a3.fma(bb, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + k * ROWS + 4]);
      c4a = a4.fma(ba, c4a);
      c4b = a4.fma(bb, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + k * ROWS + 5]);
      c5a = a5.fma(ba, c5a);
      c5b = a5.fma(bb, c5b);
      FloatVector a6 = FloatVector.broadcast(F, a[ao + k * ROWS + 6]);
      c6a = a6.fma(ba, c6a);
      c6b = a6.fma(bb, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[ao + k * ROWS + 7]);
      c7a = a7.fma(ba, c7a);
      c7b = a7.fma(bb, c7b);
      FloatVector a8 = FloatVector.broadcast(F, a[ao + k * ROWS + 8]);
      c8a = a8.fma(ba, c8a);
      c8b = a8.fma(bb, c8b);
      FloatVector a9 = FloatVector.broadcast(F, a[ao + k * ROWS + 9]);
      c9a = a9.fma(ba, c9a);
      c9b = a9.fma(bb, c9b);
      FloatVector a10 = FloatVector.broadcast(F, a[ao + k * ROWS + 10]);
      c10a = a10.fma(ba, c10a);
      c10b = a10.fma(bb, c10b);
      FloatVector a11 = FloatVector.broadcast(F, a[ao + k * ROWS + 11]);
      c11a = a11.fma(ba, c11a);
      c11b = a11.fma(bb, c11b);
    }
    c0a.intoArray(c, co);
    c0b.intoArray(c, co + N);
    c1a.intoArray(c, co + 1 * 2 * N);
    c1b.intoArray(c, co + 1 * 2 * N + N);
    c2a.intoArray(c, co + 2 * 2 * N);
    c2b.intoArray(c, co + 2 * 2 * N + N);
    c3a.intoArray(c, co + 3 * 2 * N);
    c3b.intoArray(c, co + 3 * 2 * N + N);
    c4a.intoArray(c, co + 4 * 2 * N);
    c4b.intoArray(c, co + 4 * 2 * N + N);
    c5a.intoArray(c, co + 5 * 2 * N);
    c5b.intoArray(c, co + 5 * 2 * N + N);
    c6a.intoArray(c, co + 6 * 2 * N);
    c6b.intoArray(c, co + 6 * 2 * N + N);
    c7a.intoArray(c, co + 7 * 2 * N);
    c7b.intoArray(c, co + 7 * 2 * N + N);
    c8a.intoArray(c, co + 8 * 2 * N);
    c8b.intoArray(c, co + 8 * 2 * N + N);
    c9a.intoArray(c, co + 9 * 2 * N);
    c9b.intoArray(c, co + 9 * 2 * N + N);
    c10a.intoArray(c, co + 10 * 2 * N);
    c10b.intoArray(c, co + 10 * 2 * N + N);
    c11a.intoArray(c, co + 11 * 2 * N);
    c11b.intoArray(c, co + 11 * 2 * N + N);
  }

  private static void tile8x2(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c0b = FloatVector.fromArray(F, c, co + N);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, c, co + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, c, co + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, c, co + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, c, co + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, c, co + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, c, co + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, c, co + 5 * 2 * N + N);
    FloatVector c6a = FloatVector.fromArray(F, c, co + 6 * 2 * N);
    FloatVector c6b = FloatVector.fromArray(F, c, co + 6 * 2 * N + N);
    FloatVector c7a = FloatVector.fromArray(F, c, co + 7 * 2 * N);
    FloatVector c7b = FloatVector.fromArray(F, c, co + 7 * 2 * N + N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * 2 * N);
      FloatVector bb = FloatVector.fromArray(F, b, bo + k * 2 * N + N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      c0b = a0.fma(bb, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      c1b = a1.fma(bb, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      c2b = a2.fma(bb, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      c3b = a3.fma(bb, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + k * ROWS + 4]);
      c4a = a4.fma(ba, c4a);
      c4b = a4.fma(bb, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + k * ROWS + 5]);
      c5a = a5.fma(ba, c5a);
      c5b = a5.fma(bb, c5b);
      FloatVector a6 = FloatVector.broadcast(F, a[ao + k * ROWS + 6]);
      c6a = a6.fma(ba, c6a);
      c6b = a6.fma(bb, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[ao + k * ROWS + 7]);
      c7a = a7.fma(ba, c7a);
      c7b = a7.fma(bb, c7b);
    }
    c0a.intoArray(c, co);
    c0b.intoArray(c, co + N);
    c1a.intoArray(c, co + 1 * 2 * N);
    c1b.intoArray(c, co + 1 * 2 * N + N);
    c2a.intoArray(c, co + 2 * 2 * N);
    c2b.intoArray(c, co + 2 * 2 * N + N);
    c3a.intoArray(c, co + 3 * 2 * N);
    c3b.intoArray(c, co + 3 * 2 * N + N);
    c4a.intoArray(c, co + 4 * 2 * N);
    c4b.intoArray(c, co + 4 * 2 * N + N);
    c5a.intoArray(c, co + 5 * 2 * N);
    c5b.intoArray(c, co + 5 * 2 * N + N);
    c6a.intoArray(c, co + 6 * 2 * N);
    c6b.intoArray(c, co + 6 * 2 * N + N);
    c7a.intoArray(c, co + 7 * 2 * N);
    c7b.intoArray(c, co + 7 * 2 * N + N);
  }

  private static void tile6x2(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c0b = FloatVector.fromArray(F, c, co + N);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, c, co + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, c, co + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, c, co + 3 * 2 * N + N);
    FloatVector c4a = FloatVector.fromArray(F, c, co + 4 * 2 * N);
    FloatVector c4b = FloatVector.fromArray(F, c, co + 4 * 2 * N + N);
    FloatVector c5a = FloatVector.fromArray(F, c, co + 5 * 2 * N);
    FloatVector c5b = FloatVector.fromArray(F, c, co + 5 * 2 * N + N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * 2 * N);
      FloatVector bb = FloatVector.fromArray(F, b, bo + k * 2 * N + N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      c0b = a0.fma(bb, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      c1b = a1.fma(bb, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      c2b = a2.fma(bb, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      c3b = a3.fma(bb, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + k * ROWS + 4]);
      c4a = a4.fma(ba, c4a);
      c4b = a4.fma(bb, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + k * ROWS + 5]);
      c5a = a5.fma(ba, c5a);
      c5b = a5.fma(bb, c5b);
    }
    c0a.intoArray(c, co);
    c0b.intoArray(c, co + N);
    c1a.intoArray(c, co + 1 * 2 * N);
    c1b.intoArray(c, co + 1 * 2 * N + N);
    c2a.intoArray(c, co + 2 * 2 * N);
    c2b.intoArray(c, co + 2 * 2 * N + N);
    c3a.intoArray(c, co + 3 * 2 * N);
    c3b.intoArray(c, co + 3 * 2 * N + N);
    c4a.intoArray(c, co + 4 * 2 * N);
    c4b.intoArray(c, co + 4 * 2 * N + N);
    c5a.intoArray(c, co + 5 * 2 * N);
    c5b.intoArray(c, co + 5 * 2 * N + N);
  }

  private static void tile4x2(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c0b = FloatVector.fromArray(F, c, co + N);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * 2 * N);
    FloatVector c1b = FloatVector.fromArray(F, c, co + 1 * 2 * N + N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * 2 * N);
    FloatVector c2b = FloatVector.fromArray(F, c, co + 2 * 2 * N + N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * 2 * N);
    FloatVector c3b = FloatVector.fromArray(F, c, co + 3 * 2 * N + N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * 2 * N);
      FloatVector bb = FloatVector.fromArray(F, b, bo + k * 2 * N + N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      c0b = a0.fma(bb, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      c1b = a1.fma(bb, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      c2b = a2.fma(bb, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      c3b = a3.fma(bb, c3b);
    }
    c0a.intoArray(c, co);
    c0b.intoArray(c, co + N);
    c1a.intoArray(c, co + 1 * 2 * N);
    c1b.intoArray(c, co + 1 * 2 * N + N);
    c2a.intoArray(c, co + 2 * 2 * N);
    c2b.intoArray(c, co + 2 * 2 * N + N);
    c3a.intoArray(c, co + 3 * 2 * N);
    c3b.intoArray(c, co + 3 * 2 * N + N);
  }

  private static void tile12x1(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * N);
    FloatVector c4a = FloatVector.fromArray(F, c, co + 4 * N);
    FloatVector c5a = FloatVector.fromArray(F, c, co + 5 * N);
    FloatVector c6a = FloatVector.fromArray(F, c, co + 6 * N);
    FloatVector c7a = FloatVector.fromArray(F, c, co + 7 * N);
    FloatVector c8a = FloatVector.fromArray(F, c, co + 8 * N);
    FloatVector c9a = FloatVector.fromArray(F, c, co + 9 * N);
    FloatVector c10a = FloatVector.fromArray(F, c, co + 10 * N);
    FloatVector c11a = FloatVector.fromArray(F, c, co + 11 * N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + k * ROWS + 4]);
      c4a = a4.fma(ba, c4a);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + k * ROWS + 5]);
      c5a = a5.fma(ba, c5a);
      FloatVector a6 = FloatVector.broadcast(F, a[ao + k * ROWS + 6]);
      c6a = a6.fma(ba, c6a);
      FloatVector a7 = FloatVector.broadcast(F, a[ao + k * ROWS + 7]);
      c7a = a7.fma(ba, c7a);
      FloatVector a8 = FloatVector.broadcast(F, a[ao + k * ROWS + 8]);
      c8a = a8.fma(ba, c8a);
      FloatVector a9 = FloatVector.broadcast(F, a[ao + k * ROWS + 9]);
      c9a = a9.fma(ba, c9a);
      FloatVector a10 = FloatVector.broadcast(F, a[ao + k * ROWS + 10]);
      c10a = a10.fma(ba, c10a);
      FloatVector a11 = FloatVector.broadcast(F, a[ao + k * ROWS + 11]);
      c11a = a11.fma(ba, c11a);
    }
    c0a.intoArray(c, co);
    c1a.intoArray(c, co + 1 * N);
    c2a.intoArray(c, co + 2 * N);
    c3a.intoArray(c, co + 3 * N);
    c4a.intoArray(c, co + 4 * N);
    c5a.intoArray(c, co + 5 * N);
    c6a.intoArray(c, co + 6 * N);
    c7a.intoArray(c, co + 7 * N);
    c8a.intoArray(c, co + 8 * N);
    c9a.intoArray(c, co + 9 * N);
    c10a.intoArray(c, co + 10 * N);
    c11a.intoArray(c, co + 11 * N);
  }

  private static void tile6x1(float[] a, int ao, float[] b, int bo, int depth, float[] c, int co) {
    FloatVector c0a = FloatVector.fromArray(F, c, co);
    FloatVector c1a = FloatVector.fromArray(F, c, co + 1 * N);
    FloatVector c2a = FloatVector.fromArray(F, c, co + 2 * N);
    FloatVector c3a = FloatVector.fromArray(F, c, co + 3 * N);
    FloatVector c4a = FloatVector.fromArray(F, c, co + 4 * N);
    FloatVector c5a = FloatVector.fromArray(F, c, co + 5 * N);
    for (int k = 0; k < depth; k++) {
      FloatVector ba = FloatVector.fromArray(F, b, bo + k * N);
      FloatVector a0 = FloatVector.broadcast(F, a[ao + k * ROWS]);
      c0a = a0.fma(ba, c0a);
      FloatVector a1 = FloatVector.broadcast(F, a[ao + k * ROWS + 1]);
      c1a = a1.fma(ba, c1a);
      FloatVector a2 = FloatVector.broadcast(F, a[ao + k * ROWS + 2]);
      c2a = a2.fma(ba, c2a);
      FloatVector a3 = FloatVector.broadcast(F, a[ao + k * ROWS + 3]);
      c3a = a3.fma(ba, c3a);
      FloatVector a4 = FloatVector.broadcast(F, a[ao + k * ROWS + 4]);
      c4a = a4.fma(ba, c4a);
      FloatVector a5 = FloatVector.broadcast(F, a[ao + k * ROWS + 5]);
      c5a = a5.fma(ba, c5a);
    }
    c0a.intoArray(c, co);
    c1a.intoArray(c, co + 1 * N);
    c2a.intoArray(c, co + 2 * N);
    c3a.intoArray(c, co + 3 * N);
    c4a.intoArray(c, co + 4 * N);
    c5a.intoArray(c, co + 5 * N);
  }
}

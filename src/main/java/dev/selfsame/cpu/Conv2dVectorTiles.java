package dev.selfsame.cpu;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The register tiles of {@link Conv2dVector}. Accumulators are named locals: an array of vectors
 * would be boxed. Every method here is one loop that the compiler sees whole.
 */
final class Conv2dVectorTiles implements Conv2dVectorKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();
  private static final int LD = LDA;

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void tile(
      int rows,
      int vectors,
      float[] a,
      int at,
      float[] b,
      int[] base,
      int from,
      int j,
      int n,
      float[] c,
      int ct,
      int ld) {
    switch (rows * 16 + vectors) {
      case 12 * 16 + 2 -> {
        if (L == 16) {
          tile12x2(a, at, b, base, from, j, n, c, ct, ld);
        } else { // 16 registers
          tile12x1(a, at, b, base, from, j, n, c, ct, ld);
          tile12x1(a, at, b, base, from, j + L, n, c, ct + L, ld);
        }
      }
      case 8 * 16 + 2 -> tile8x2(a, at, b, base, from, j, n, c, ct, ld);
      case 6 * 16 + 2 -> tile6x2(a, at, b, base, from, j, n, c, ct, ld);
      case 4 * 16 + 2 -> tile4x2(a, at, b, base, from, j, n, c, ct, ld);
      case 6 * 16 + 4 -> tile6x4(a, at, b, base, from, j, n, c, ct, ld);
      case 16 + 8 -> tile1x8(a, at, b, base, from, j, n, c, ct);
      default -> throw new IllegalArgumentException("no tile of " + rows + " x " + vectors);
    }
  }

  private static void tile12x2(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c0b = FloatVector.fromArray(F, c, ct + L);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c1b = FloatVector.fromArray(F, c, ct + ld + L);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c2b = FloatVector.fromArray(F, c, ct + 2 * ld + L);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c3b = FloatVector.fromArray(F, c, ct + 3 * ld + L);
    FloatVector c4a = FloatVector.fromArray(F, c, ct + 4 * ld);
    FloatVector c4b = FloatVector.fromArray(F, c, ct + 4 * ld + L);
    FloatVector c5a = FloatVector.fromArray(F, c, ct + 5 * ld);
    FloatVector c5b = FloatVector.fromArray(F, c, ct + 5 * ld + L);
    FloatVector c6a = FloatVector.fromArray(F, c, ct + 6 * ld);
    FloatVector c6b = FloatVector.fromArray(F, c, ct + 6 * ld + L);
    FloatVector c7a = FloatVector.fromArray(F, c, ct + 7 * ld);
    FloatVector c7b = FloatVector.fromArray(F, c, ct + 7 * ld + L);
    FloatVector c8a = FloatVector.fromArray(F, c, ct + 8 * ld);
    FloatVector c8b = FloatVector.fromArray(F, c, ct + 8 * ld + L);
    FloatVector c9a = FloatVector.fromArray(F, c, ct + 9 * ld);
    FloatVector c9b = FloatVector.fromArray(F, c, ct + 9 * ld + L);
    FloatVector c10a = FloatVector.fromArray(F, c, ct + 10 * ld);
    FloatVector c10b = FloatVector.fromArray(F, c, ct + 10 * ld + L);
    FloatVector c11a = FloatVector.fromArray(F, c, ct + 11 * ld);
    FloatVector c11b = FloatVector.fromArray(F, c, ct + 11 * ld + L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      FloatVector b1 = FLOATS.cast(FloatVector.fromArray(F, b, bt + L));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4 * LD]);
      c4a = b0.fma(a4, c4a);
      c4b = b1.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5 * LD]);
      c5a = b0.fma(a5, c5a);
      c5b = b1.fma(a5, c5b);
      FloatVector a6 = FloatVector.broadcast(F, a[i + 6 * LD]);
      c6a = b0.fma(a6, c6a);
      c6b = b1.fma(a6, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[i + 7 * LD]);
      c7a = b0.fma(a7, c7a);
      c7b = b1.fma(a7, c7b);
      FloatVector a8 = FloatVector.broadcast(F, a[i + 8 * LD]);
      c8a = b0.fma(a8, c8a);
      c8b = b1.fma(a8, c8b);
      FloatVector a9 = FloatVector.broadcast(F, a[i + 9 * LD]);
      c9a = b0.fma(a9, c9a);
      c9b = b1.fma(a9, c9b);
      FloatVector a10 = FloatVector.broadcast(F, a[i + 10 * LD]);
      c10a = b0.fma(a10, c10a);
      c10b = b1.fma(a10, c10b);
      FloatVector a11 = FloatVector.broadcast(F, a[i + 11 * LD]);
      c11a = b0.fma(a11, c11a);
      c11b = b1.fma(a11, c11b);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c1b).intoArray(c, ct + ld + L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * ld + L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * ld + L);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * ld);
    FLOATS.cast(c4b).intoArray(c, ct + 4 * ld + L);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * ld);
    FLOATS.cast(c5b).intoArray(c, ct + 5 * ld + L);
    FLOATS.cast(c6a).intoArray(c, ct + 6 * ld);
    FLOATS.cast(c6b).intoArray(c, ct + 6 * ld + L);
    FLOATS.cast(c7a).intoArray(c, ct + 7 * ld);
    FLOATS.cast(c7b).intoArray(c, ct + 7 * ld + L);
    FLOATS.cast(c8a).intoArray(c, ct + 8 * ld);
    FLOATS.cast(c8b).intoArray(c, ct + 8 * ld + L);
    FLOATS.cast(c9a).intoArray(c, ct + 9 * ld);
    FLOATS.cast(c9b).intoArray(c, ct + 9 * ld + L);
    FLOATS.cast(c10a).intoArray(c, ct + 10 * ld);
    FLOATS.cast(c10b).intoArray(c, ct + 10 * ld + L);
    FLOATS.cast(c11a).intoArray(c, ct + 11 * ld);
    FLOATS.cast(c11b).intoArray(c, ct + 11 * ld + L);
  }

  private static void tile8x2(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c0b = FloatVector.fromArray(F, c, ct + L);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c1b = FloatVector.fromArray(F, c, ct + ld + L);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c2b = FloatVector.fromArray(F, c, ct + 2 * ld + L);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c3b = FloatVector.fromArray(F, c, ct + 3 * ld + L);
    FloatVector c4a = FloatVector.fromArray(F, c, ct + 4 * ld);
    FloatVector c4b = FloatVector.fromArray(F, c, ct + 4 * ld + L);
    FloatVector c5a = FloatVector.fromArray(F, c, ct + 5 * ld);
    FloatVector c5b = FloatVector.fromArray(F, c, ct + 5 * ld + L);
    FloatVector c6a = FloatVector.fromArray(F, c, ct + 6 * ld);
    FloatVector c6b = FloatVector.fromArray(F, c, ct + 6 * ld + L);
    FloatVector c7a = FloatVector.fromArray(F, c, ct + 7 * ld);
    FloatVector c7b = FloatVector.fromArray(F, c, ct + 7 * ld + L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      FloatVector b1 = FLOATS.cast(FloatVector.fromArray(F, b, bt + L));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4 * LD]);
      c4a = b0.fma(a4, c4a);
      c4b = b1.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5 * LD]);
      c5a = b0.fma(a5, c5a);
      c5b = b1.fma(a5, c5b);
      FloatVector a6 = FloatVector.broadcast(F, a[i + 6 * LD]);
      c6a = b0.fma(a6, c6a);
      c6b = b1.fma(a6, c6b);
      FloatVector a7 = FloatVector.broadcast(F, a[i + 7 * LD]);
      c7a = b0.fma(a7, c7a);
      c7b = b1.fma(a7, c7b);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c1b).intoArray(c, ct + ld + L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * ld + L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * ld + L);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * ld);
    FLOATS.cast(c4b).intoArray(c, ct + 4 * ld + L);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * ld);
    FLOATS.cast(c5b).intoArray(c, ct + 5 * ld + L);
    FLOATS.cast(c6a).intoArray(c, ct + 6 * ld);
    FLOATS.cast(c6b).intoArray(c, ct + 6 * ld + L);
    FLOATS.cast(c7a).intoArray(c, ct + 7 * ld);
    FLOATS.cast(c7b).intoArray(c, ct + 7 * ld + L);
  }

  private static void tile6x2(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c0b = FloatVector.fromArray(F, c, ct + L);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c1b = FloatVector.fromArray(F, c, ct + ld + L);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c2b = FloatVector.fromArray(F, c, ct + 2 * ld + L);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c3b = FloatVector.fromArray(F, c, ct + 3 * ld + L);
    FloatVector c4a = FloatVector.fromArray(F, c, ct + 4 * ld);
    FloatVector c4b = FloatVector.fromArray(F, c, ct + 4 * ld + L);
    FloatVector c5a = FloatVector.fromArray(F, c, ct + 5 * ld);
    FloatVector c5b = FloatVector.fromArray(F, c, ct + 5 * ld + L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      FloatVector b1 = FLOATS.cast(FloatVector.fromArray(F, b, bt + L));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4 * LD]);
      c4a = b0.fma(a4, c4a);
      c4b = b1.fma(a4, c4b);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5 * LD]);
      c5a = b0.fma(a5, c5a);
      c5b = b1.fma(a5, c5b);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c1b).intoArray(c, ct + ld + L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * ld + L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * ld + L);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * ld);
    FLOATS.cast(c4b).intoArray(c, ct + 4 * ld + L);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * ld);
    FLOATS.cast(c5b).intoArray(c, ct + 5 * ld + L);
  }

  private static void tile4x2(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c0b = FloatVector.fromArray(F, c, ct + L);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c1b = FloatVector.fromArray(F, c, ct + ld + L);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c2b = FloatVector.fromArray(F, c, ct + 2 * ld + L);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c3b = FloatVector.fromArray(F, c, ct + 3 * ld + L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      FloatVector b1 = FLOATS.cast(FloatVector.fromArray(F, b, bt + L));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c1b).intoArray(c, ct + ld + L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * ld + L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * ld + L);
  }

  private static void tile6x4(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c0b = FloatVector.fromArray(F, c, ct + L);
    FloatVector c0c = FloatVector.fromArray(F, c, ct + 2 * L);
    FloatVector c0d = FloatVector.fromArray(F, c, ct + 3 * L);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c1b = FloatVector.fromArray(F, c, ct + ld + L);
    FloatVector c1c = FloatVector.fromArray(F, c, ct + ld + 2 * L);
    FloatVector c1d = FloatVector.fromArray(F, c, ct + ld + 3 * L);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c2b = FloatVector.fromArray(F, c, ct + 2 * ld + L);
    FloatVector c2c = FloatVector.fromArray(F, c, ct + 2 * ld + 2 * L);
    FloatVector c2d = FloatVector.fromArray(F, c, ct + 2 * ld + 3 * L);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c3b = FloatVector.fromArray(F, c, ct + 3 * ld + L);
    FloatVector c3c = FloatVector.fromArray(F, c, ct + 3 * ld + 2 * L);
    FloatVector c3d = FloatVector.fromArray(F, c, ct + 3 * ld + 3 * L);
    FloatVector c4a = FloatVector.fromArray(F, c, ct + 4 * ld);
    FloatVector c4b = FloatVector.fromArray(F, c, ct + 4 * ld + L);
    FloatVector c4c = FloatVector.fromArray(F, c, ct + 4 * ld + 2 * L);
    FloatVector c4d = FloatVector.fromArray(F, c, ct + 4 * ld + 3 * L);
    FloatVector c5a = FloatVector.fromArray(F, c, ct + 5 * ld);
    FloatVector c5b = FloatVector.fromArray(F, c, ct + 5 * ld + L);
    FloatVector c5c = FloatVector.fromArray(F, c, ct + 5 * ld + 2 * L);
    FloatVector c5d = FloatVector.fromArray(F, c, ct + 5 * ld + 3 * L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      FloatVector b1 = FLOATS.cast(FloatVector.fromArray(F, b, bt + L));
      FloatVector b2 = FLOATS.cast(FloatVector.fromArray(F, b, bt + 2 * L));
      FloatVector b3 = FLOATS.cast(FloatVector.fromArray(F, b, bt + 3 * L));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      c0c = b2.fma(a0, c0c);
      c0d = b3.fma(a0, c0d);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      c1c = b2.fma(a1, c1c);
      c1d = b3.fma(a1, c1d);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      c2c = b2.fma(a2, c2c);
      c2d = b3.fma(a2, c2d);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
      c3c = b2.fma(a3, c3c);
      c3d = b3.fma(a3, c3d);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4 * LD]);
      c4a = b0.fma(a4, c4a);
      c4b = b1.fma(a4, c4b);
      c4c = b2.fma(a4, c4c);
      c4d = b3.fma(a4, c4d);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5 * LD]);
      c5a = b0.fma(a5, c5a);
      c5b = b1.fma(a5, c5b);
      c5c = b2.fma(a5, c5c);
      c5d = b3.fma(a5, c5d);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c0c).intoArray(c, ct + 2 * L);
    FLOATS.cast(c0d).intoArray(c, ct + 3 * L);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c1b).intoArray(c, ct + ld + L);
    FLOATS.cast(c1c).intoArray(c, ct + ld + 2 * L);
    FLOATS.cast(c1d).intoArray(c, ct + ld + 3 * L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * ld + L);
    FLOATS.cast(c2c).intoArray(c, ct + 2 * ld + 2 * L);
    FLOATS.cast(c2d).intoArray(c, ct + 2 * ld + 3 * L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * ld + L);
    FLOATS.cast(c3c).intoArray(c, ct + 3 * ld + 2 * L);
    FLOATS.cast(c3d).intoArray(c, ct + 3 * ld + 3 * L);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * ld);
    FLOATS.cast(c4b).intoArray(c, ct + 4 * ld + L);
    FLOATS.cast(c4c).intoArray(c, ct + 4 * ld + 2 * L);
    FLOATS.cast(c4d).intoArray(c, ct + 4 * ld + 3 * L);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * ld);
    FLOATS.cast(c5b).intoArray(c, ct + 5 * ld + L);
    FLOATS.cast(c5c).intoArray(c, ct + 5 * ld + 2 * L);
    FLOATS.cast(c5d).intoArray(c, ct + 5 * ld + 3 * L);
  }

  private static void tile12x1(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct, int ld) {
    FloatVector c0a = FloatVector.fromArray(F, c, ct);
    FloatVector c1a = FloatVector.fromArray(F, c, ct + ld);
    FloatVector c2a = FloatVector.fromArray(F, c, ct + 2 * ld);
    FloatVector c3a = FloatVector.fromArray(F, c, ct + 3 * ld);
    FloatVector c4a = FloatVector.fromArray(F, c, ct + 4 * ld);
    FloatVector c5a = FloatVector.fromArray(F, c, ct + 5 * ld);
    FloatVector c6a = FloatVector.fromArray(F, c, ct + 6 * ld);
    FloatVector c7a = FloatVector.fromArray(F, c, ct + 7 * ld);
    FloatVector c8a = FloatVector.fromArray(F, c, ct + 8 * ld);
    FloatVector c9a = FloatVector.fromArray(F, c, ct + 9 * ld);
    FloatVector c10a = FloatVector.fromArray(F, c, ct + 10 * ld);
    FloatVector c11a = FloatVector.fromArray(F, c, ct + 11 * ld);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector b0 = FLOATS.cast(FloatVector.fromArray(F, b, bt));
      int i = at + t;
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      FloatVector a1 = FloatVector.broadcast(F, a[i + LD]);
      c1a = b0.fma(a1, c1a);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2 * LD]);
      c2a = b0.fma(a2, c2a);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3 * LD]);
      c3a = b0.fma(a3, c3a);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4 * LD]);
      c4a = b0.fma(a4, c4a);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5 * LD]);
      c5a = b0.fma(a5, c5a);
      FloatVector a6 = FloatVector.broadcast(F, a[i + 6 * LD]);
      c6a = b0.fma(a6, c6a);
      FloatVector a7 = FloatVector.broadcast(F, a[i + 7 * LD]);
      c7a = b0.fma(a7, c7a);
      FloatVector a8 = FloatVector.broadcast(F, a[i + 8 * LD]);
      c8a = b0.fma(a8, c8a);
      FloatVector a9 = FloatVector.broadcast(F, a[i + 9 * LD]);
      c9a = b0.fma(a9, c9a);
      FloatVector a10 = FloatVector.broadcast(F, a[i + 10 * LD]);
      c10a = b0.fma(a10, c10a);
      FloatVector a11 = FloatVector.broadcast(F, a[i + 11 * LD]);
      c11a = b0.fma(a11, c11a);
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c1a).intoArray(c, ct + ld);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * ld);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * ld);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * ld);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * ld);
    FLOATS.cast(c6a).intoArray(c, ct + 6 * ld);
    FLOATS.cast(c7a).intoArray(c, ct + 7 * ld);
    FLOATS.cast(c8a).intoArray(c, ct + 8 * ld);
    FLOATS.cast(c9a).intoArray(c, ct + 9 * ld);
    FLOATS.cast(c10a).intoArray(c, ct + 10 * ld);
    FLOATS.cast(c11a).intoArray(c, ct + 11 * ld);
  }

  private static void tile1x8(
      float[] a, int at, float[] b, int[] base, int from, int j, int n, float[] c, int ct) {
    FloatVector c0 = FloatVector.fromArray(F, c, ct);
    FloatVector c1 = FloatVector.fromArray(F, c, ct + L);
    FloatVector c2 = FloatVector.fromArray(F, c, ct + 2 * L);
    FloatVector c3 = FloatVector.fromArray(F, c, ct + 3 * L);
    FloatVector c4 = FloatVector.fromArray(F, c, ct + 4 * L);
    FloatVector c5 = FloatVector.fromArray(F, c, ct + 5 * L);
    FloatVector c6 = FloatVector.fromArray(F, c, ct + 6 * L);
    FloatVector c7 = FloatVector.fromArray(F, c, ct + 7 * L);
    for (int t = 0; t < n; t++) {
      int bt = base[from + t] + j;
      FloatVector w = FLOATS.cast(FloatVector.broadcast(F, a[at + t]));
      c0 = w.fma(FloatVector.fromArray(F, b, bt), c0);
      c1 = w.fma(FloatVector.fromArray(F, b, bt + L), c1);
      c2 = w.fma(FloatVector.fromArray(F, b, bt + 2 * L), c2);
      c3 = w.fma(FloatVector.fromArray(F, b, bt + 3 * L), c3);
      c4 = w.fma(FloatVector.fromArray(F, b, bt + 4 * L), c4);
      c5 = w.fma(FloatVector.fromArray(F, b, bt + 5 * L), c5);
      c6 = w.fma(FloatVector.fromArray(F, b, bt + 6 * L), c6);
      c7 = w.fma(FloatVector.fromArray(F, b, bt + 7 * L), c7);
    }
    FLOATS.cast(c0).intoArray(c, ct);
    FLOATS.cast(c1).intoArray(c, ct + L);
    FLOATS.cast(c2).intoArray(c, ct + 2 * L);
    FLOATS.cast(c3).intoArray(c, ct + 3 * L);
    FLOATS.cast(c4).intoArray(c, ct + 4 * L);
    FLOATS.cast(c5).intoArray(c, ct + 5 * L);
    FLOATS.cast(c6).intoArray(c, ct + 6 * L);
    FLOATS.cast(c7).intoArray(c, ct + 7 * L);
  }
}

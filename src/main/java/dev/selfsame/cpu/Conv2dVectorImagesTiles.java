package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Conv2dVectorImagesKernel} with the Vector API. Two vectors beside eight rows lose a tenth
 * of the loads' ports to tiles that fill all registers, but no row of sixteen.
 */
final class Conv2dVectorImagesTiles implements Conv2dVectorImagesKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  Conv2dVectorImagesTiles() {}

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void tile(
      int rows,
      float[] a,
      int at,
      MemorySegment window,
      long position,
      long[] place,
      int n,
      MemorySegment out,
      long outAt,
      long step) {
    if (rows == ROWS) {
      tile8(a, at, window, position, place, n, out, outAt, step);
    } else {
      tile6(a, at, window, position, place, n, out, outAt, step);
    }
  }

  private static void tile8(
      float[] a,
      int at,
      MemorySegment window,
      long position,
      long[] place,
      int n,
      MemorySegment out,
      long to,
      long step) {
    window = Lanes.expectNative(window);
    out = Lanes.expectNative(out);
    FloatVector c0a = FloatVector.zero(F);
    FloatVector c0b = FloatVector.zero(F);
    FloatVector c1a = FloatVector.zero(F);
    FloatVector c1b = FloatVector.zero(F);
    FloatVector c2a = FloatVector.zero(F);
    FloatVector c2b = FloatVector.zero(F);
    FloatVector c3a = FloatVector.zero(F);
    FloatVector c3b = FloatVector.zero(F);
    FloatVector c4a = FloatVector.zero(F);
    FloatVector c4b = FloatVector.zero(F);
    FloatVector c5a = FloatVector.zero(F);
    FloatVector c5b = FloatVector.zero(F);
    FloatVector c6a = FloatVector.zero(F);
    FloatVector c6b = FloatVector.zero(F);
    FloatVector c7a = FloatVector.zero(F);
    FloatVector c7b = FloatVector.zero(F);
    int i = at;
    for (int t = 0; t < n; t++) {
      long p = position + place[t];
      FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, window, p, NATIVE));
      FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, window, p + 4 * L, NATIVE));
      FloatVector a0 = FLOATS.cast(FloatVector.broadcast(F, a[i]));
      c0a = x.fma(a0, c0a);
      c0b = y.fma(a0, c0b);
      FloatVector a1 = FLOATS.cast(FloatVector.broadcast(F, a[i + 1]));
      c1a = x.fma(a1, c1a);
      c1b = y.fma(a1, c1b);
      FloatVector a2 = FLOATS.cast(FloatVector.broadcast(F, a[i + 2]));
      c2a = x.fma(a2, c2a);
      c2b = y.fma(a2, c2b);
      FloatVector a3 = FLOATS.cast(FloatVector.broadcast(F, a[i + 3]));
      c3a = x.fma(a3, c3a);
      c3b = y.fma(a3, c3b);
      FloatVector a4 = FLOATS.cast(FloatVector.broadcast(F, a[i + 4]));
      c4a = x.fma(a4, c4a);
      c4b = y.fma(a4, c4b);
      FloatVector a5 = FLOATS.cast(FloatVector.broadcast(F, a[i + 5]));
      c5a = x.fma(a5, c5a);
      c5b = y.fma(a5, c5b);
      FloatVector a6 = FLOATS.cast(FloatVector.broadcast(F, a[i + 6]));
      c6a = x.fma(a6, c6a);
      c6b = y.fma(a6, c6b);
      FloatVector a7 = FLOATS.cast(FloatVector.broadcast(F, a[i + 7]));
      c7a = x.fma(a7, c7a);
      c7b = y.fma(a7, c7b);
      i += 8;
    }
    FLOATS.cast(c0a).intoMemorySegment(out, to, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, to + 4 * L, NATIVE);
    FLOATS.cast(c1a).intoMemorySegment(out, to + step, NATIVE);
    FLOATS.cast(c1b).intoMemorySegment(out, to + step + 4 * L, NATIVE);
    FLOATS.cast(c2a).intoMemorySegment(out, to + 2 * step, NATIVE);
    FLOATS.cast(c2b).intoMemorySegment(out, to + 2 * step + 4 * L, NATIVE);
    FLOATS.cast(c3a).intoMemorySegment(out, to + 3 * step, NATIVE);
    FLOATS.cast(c3b).intoMemorySegment(out, to + 3 * step + 4 * L, NATIVE);
    FLOATS.cast(c4a).intoMemorySegment(out, to + 4 * step, NATIVE);
    FLOATS.cast(c4b).intoMemorySegment(out, to + 4 * step + 4 * L, NATIVE);
    FLOATS.cast(c5a).intoMemorySegment(out, to + 5 * step, NATIVE);
    FLOATS.cast(c5b).intoMemorySegment(out, to + 5 * step + 4 * L, NATIVE);
    FLOATS.cast(c6a).intoMemorySegment(out, to + 6 * step, NATIVE);
    FLOATS.cast(c6b).intoMemorySegment(out, to + 6 * step + 4 * L, NATIVE);
    FLOATS.cast(c7a).intoMemorySegment(out, to + 7 * step, NATIVE);
    FLOATS.cast(c7b).intoMemorySegment(out, to + 7 * step + 4 * L, NATIVE);
  }

  private static void tile6(
      float[] a,
      int at,
      MemorySegment window,
      long position,
      long[] place,
      int n,
      MemorySegment out,
      long to,
      long step) {
    window = Lanes.expectNative(window);
    out = Lanes.expectNative(out);
    FloatVector c0a = FloatVector.zero(F);
    FloatVector c0b = FloatVector.zero(F);
    FloatVector c1a = FloatVector.zero(F);
    FloatVector c1b = FloatVector.zero(F);
    FloatVector c2a = FloatVector.zero(F);
    FloatVector c2b = FloatVector.zero(F);
    FloatVector c3a = FloatVector.zero(F);
    FloatVector c3b = FloatVector.zero(F);
    FloatVector c4a = FloatVector.zero(F);
    FloatVector c4b = FloatVector.zero(F);
    FloatVector c5a = FloatVector.zero(F);
    FloatVector c5b = FloatVector.zero(F);
    int i = at;
    for (int t = 0; t < n; t++) {
      long p = position + place[t];
      FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, window, p, NATIVE));
      FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, window, p + 4 * L, NATIVE));
      FloatVector a0 = FLOATS.cast(FloatVector.broadcast(F, a[i]));
      c0a = x.fma(a0, c0a);
      c0b = y.fma(a0, c0b);
      FloatVector a1 = FLOATS.cast(FloatVector.broadcast(F, a[i + 1]));
      c1a = x.fma(a1, c1a);
      c1b = y.fma(a1, c1b);
      FloatVector a2 = FLOATS.cast(FloatVector.broadcast(F, a[i + 2]));
      c2a = x.fma(a2, c2a);
      c2b = y.fma(a2, c2b);
      FloatVector a3 = FLOATS.cast(FloatVector.broadcast(F, a[i + 3]));
      c3a = x.fma(a3, c3a);
      c3b = y.fma(a3, c3b);
      FloatVector a4 = FLOATS.cast(FloatVector.broadcast(F, a[i + 4]));
      c4a = x.fma(a4, c4a);
      c4b = y.fma(a4, c4b);
      FloatVector a5 = FLOATS.cast(FloatVector.broadcast(F, a[i + 5]));
      c5a = x.fma(a5, c5a);
      c5b = y.fma(a5, c5b);
      i += 6;
    }
    FLOATS.cast(c0a).intoMemorySegment(out, to, NATIVE);
    FLOATS.cast(c0b).intoMemorySegment(out, to + 4 * L, NATIVE);
    FLOATS.cast(c1a).intoMemorySegment(out, to + step, NATIVE);
    FLOATS.cast(c1b).intoMemorySegment(out, to + step + 4 * L, NATIVE);
    FLOATS.cast(c2a).intoMemorySegment(out, to + 2 * step, NATIVE);
    FLOATS.cast(c2b).intoMemorySegment(out, to + 2 * step + 4 * L, NATIVE);
    FLOATS.cast(c3a).intoMemorySegment(out, to + 3 * step, NATIVE);
    FLOATS.cast(c3b).intoMemorySegment(out, to + 3 * step + 4 * L, NATIVE);
    FLOATS.cast(c4a).intoMemorySegment(out, to + 4 * step, NATIVE);
    FLOATS.cast(c4b).intoMemorySegment(out, to + 4 * step + 4 * L, NATIVE);
    FLOATS.cast(c5a).intoMemorySegment(out, to + 5 * step, NATIVE);
    FLOATS.cast(c5b).intoMemorySegment(out, to + 5 * step + 4 * L, NATIVE);
  }

  @Override
  public void finish(
      float[] results,
      int positions,
      int images,
      MemorySegment to,
      long at,
      long step,
      boolean biased,
      float bias,
      boolean relu) {
    to = Lanes.expectNative(to);
    FloatVector add = FloatVector.broadcast(F, bias);
    int whole = F.loopBound(positions);
    for (int n = 0; n < images; n++) {
      int from = n * positions;
      long image = at + n * step;
      for (int i = 0; i < whole; i += L) {
        FloatVector v = FLOATS.cast(FloatVector.fromArray(F, results, from + i));
        if (biased) {
          v = v.add(add);
        }
        if (relu) {
          v = FLOATS.cast(v).max(0f);
        }
        FLOATS.cast(v).intoMemorySegment(to, (image + i) << 2, NATIVE);
      }
      for (int i = whole; i < positions; i++) {
        float v = results[from + i];
        if (biased) {
          v = v + bias;
        }
        f32(to, image + i, relu ? Math.max(v, 0f) : v);
      }
    }
  }
}

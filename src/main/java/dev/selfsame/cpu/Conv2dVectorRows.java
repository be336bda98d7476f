package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Row work of {@link Conv2dVector}: copies in, results out, and the taps of depthwise weight
 * gradients.
 */
final class Conv2dVectorRows implements Conv2dVectorRowKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();

  // The even places of two vectors: the lower half from the first, the upper half from the second.
  private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(F, i -> 2 * i % L);
  private static final VectorMask<Float> UPPER = VectorMask.fromLong(F, -1L << (L / 2));

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void spread(
      float[] from,
      int[] base,
      int n,
      int[] places,
      int first,
      float[] pattern,
      float[] to,
      int at,
      int step) {
    int place = places[first];
    int span = places[first + L - 1] - place;
    if (span == L - 1) {
      neighbours(from, base, n, place, to, at, step);
    } else if (span < 2 * L) {
      for (int j = 0; j < L; j++) {
        pattern[j] = places[first + j] - place;
      }
      select(from, base, n, place, FLOATS.cast(FloatVector.fromArray(F, pattern, 0)), to, at, step);
    } else {
      for (int t = 0; t < n; t++) {
        FLOATS
            .cast(FloatVector.fromArray(F, from, base[t], places, first))
            .intoArray(to, at + t * step);
      }
    }
  }

  @Override
  public boolean spreadPair(
      float[] from, int[] base, int n, int[] places, int first, float[] pattern, float[] to) {
    int a = places[first];
    int b = places[first + L];
    if (places[first + L - 1] - a >= 2 * L || places[first + 2 * L - 1] - b >= 2 * L) {
      return false;
    }
    if (places[first + 2 * L - 1] - a == 2 * L - 1) {
      pairOfNeighbours(from, base, n, a, to);
      return true;
    }
    for (int j = 0; j < L; j++) {
      pattern[j] = places[first + j] - a;
      pattern[L + j] = places[first + L + j] - b;
    }
    selectPair(from, base, n, a, b, pattern, to);
    return true;
  }

  private static void pairOfNeighbours(float[] from, int[] base, int n, int a, float[] to) {
    for (int t = 0; t < n; t++) {
      int i = base[t] + a;
      FloatVector x = FLOATS.cast(FloatVector.fromArray(F, from, i));
      FloatVector y = FLOATS.cast(FloatVector.fromArray(F, from, i + L));
      x.intoArray(to, t * 2 * L);
      y.intoArray(to, t * 2 * L + L);
    }
  }

  private static void selectPair(
      float[] from, int[] base, int n, int a, int b, float[] pattern, float[] to) {
    FloatVector p = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
    FloatVector q = FLOATS.cast(FloatVector.fromArray(F, pattern, L));
    for (int t = 0; t < n; t++) {
      int i = base[t] + a;
      int j = base[t] + b;
      FloatVector x =
          p.selectFrom(
              FLOATS.cast(FloatVector.fromArray(F, from, i)),
              FLOATS.cast(FloatVector.fromArray(F, from, i + L)));
      FloatVector y =
          q.selectFrom(
              FLOATS.cast(FloatVector.fromArray(F, from, j)),
              FLOATS.cast(FloatVector.fromArray(F, from, j + L)));
      x.intoArray(to, t * 2 * L);
      y.intoArray(to, t * 2 * L + L);
    }
  }

  private static void neighbours(
      float[] from, int[] base, int n, int place, float[] to, int at, int step) {
    for (int t = 0; t < n; t++) {
      FLOATS.cast(FloatVector.fromArray(F, from, base[t] + place)).intoArray(to, at + t * step);
    }
  }

  private static void select(
      float[] from,
      int[] base,
      int n,
      int place,
      FloatVector pattern,
      float[] to,
      int at,
      int step) {
    for (int t = 0; t < n; t++) {
      int i = base[t] + place;
      pattern
          .selectFrom(
              FLOATS.cast(FloatVector.fromArray(F, from, i)),
              FLOATS.cast(FloatVector.fromArray(F, from, i + L)))
          .intoArray(to, at + t * step);
    }
  }

  @Override
  public void pick(float[] from, int[] map, int first, int n, float[] to, int at) {
    for (int i = 0; i < n; i += L) {
      FLOATS.cast(FloatVector.fromArray(F, from, 0, map, first + i)).intoArray(to, at + i);
    }
  }

  @Override
  public void fold(float[] total, int tt, float[] chain, int ct, int count) {
    for (int i = 0; i < count; i += L) {
      FLOATS
          .cast(FloatVector.fromArray(F, total, tt + i))
          .add(FLOATS.cast(FloatVector.fromArray(F, chain, ct + i)))
          .intoArray(total, tt + i);
    }
  }

  @Override
  public void copy(MemorySegment from, long at, long stride, float[] to, int t, int count) {
    long size = from.byteSize() / 4;
    int i = 0;
    if (stride == 1) {
      int fit = (int) Math.min(count, size - at - L + 1);
      for (; i < fit; i += L) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, (at + i) * 4, ByteOrder.nativeOrder()))
            .intoArray(to, t + i);
      }
    } else if (stride == 2) {
      int fit = (int) Math.min(count, (size - at - 2 * L + 2) / 2);
      for (; i < fit; i += L) {
        long a = (at + 2L * i) * 4;
        FloatVector low =
            FLOATS.cast(FloatVector.fromMemorySegment(F, from, a, ByteOrder.nativeOrder()));
        FloatVector high =
            FLOATS.cast(
                FloatVector.fromMemorySegment(F, from, a + 4L * L, ByteOrder.nativeOrder()));
        low.rearrange(EVEN).blend(high.rearrange(EVEN), UPPER).intoArray(to, t + i);
      }
    }
    for (; i < count; i++) {
      to[t + i] = from.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + i * stride) * 4);
    }
  }

  @Override
  public void finish(
      float[] total,
      int t,
      MemorySegment to,
      long at,
      int count,
      boolean biased,
      float bias,
      boolean relu) {
    int i = 0;
    for (; i <= count - L; i += L) {
      write(total, t + i, to, at + i, biased, bias, relu);
    }
    if (i < count && count >= L) {
      // The last vector overlaps the one before it: the same values once more.
      write(total, t + count - L, to, at + count - L, biased, bias, relu);
      return;
    }
    for (; i < count; i++) {
      float v = total[t + i];
      if (biased) {
        v = v + bias;
      }
      to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + i) * 4, relu ? Math.max(v, 0f) : v);
    }
  }

  private static void write(
      float[] total, int t, MemorySegment to, long at, boolean biased, float bias, boolean relu) {
    FloatVector v = FLOATS.cast(FloatVector.fromArray(F, total, t));
    if (biased) {
      v = v.add(bias);
    }
    if (relu) {
      v = FLOATS.cast(v).max(0f);
    }
    FLOATS.cast(v).intoMemorySegment(to, at * 4, ByteOrder.nativeOrder());
  }

  @Override
  public void taps(
      float[] x, int[] place, int[] offset, int first, float[] dy, int n, float[] c, int ct) {
    int o0 = offset[first + 0];
    int o1 = offset[first + 1];
    int o2 = offset[first + 2];
    int o3 = offset[first + 3];
    int o4 = offset[first + 4];
    int o5 = offset[first + 5];
    int o6 = offset[first + 6];
    int o7 = offset[first + 7];
    int o8 = offset[first + 8];
    FloatVector c0 = FloatVector.fromArray(F, c, ct + 0 * L);
    FloatVector c1 = FloatVector.fromArray(F, c, ct + 1 * L);
    FloatVector c2 = FloatVector.fromArray(F, c, ct + 2 * L);
    FloatVector c3 = FloatVector.fromArray(F, c, ct + 3 * L);
    FloatVector c4 = FloatVector.fromArray(F, c, ct + 4 * L);
    FloatVector c5 = FloatVector.fromArray(F, c, ct + 5 * L);
    FloatVector c6 = FloatVector.fromArray(F, c, ct + 6 * L);
    FloatVector c7 = FloatVector.fromArray(F, c, ct + 7 * L);
    FloatVector c8 = FloatVector.fromArray(F, c, ct + 8 * L);
    for (int t = 0; t < n; t++) {
      int at = place[t];
      FloatVector g = FLOATS.cast(FloatVector.fromArray(F, dy, t * L));
      c0 = g.fma(FloatVector.fromArray(F, x, at + o0), c0);
      c1 = g.fma(FloatVector.fromArray(F, x, at + o1), c1);
      c2 = g.fma(FloatVector.fromArray(F, x, at + o2), c2);
      c3 = g.fma(FloatVector.fromArray(F, x, at + o3), c3);
      c4 = g.fma(FloatVector.fromArray(F, x, at + o4), c4);
      c5 = g.fma(FloatVector.fromArray(F, x, at + o5), c5);
      c6 = g.fma(FloatVector.fromArray(F, x, at + o6), c6);
      c7 = g.fma(FloatVector.fromArray(F, x, at + o7), c7);
      c8 = g.fma(FloatVector.fromArray(F, x, at + o8), c8);
    }
    c0.intoArray(c, ct + 0 * L);
    c1.intoArray(c, ct + 1 * L);
    c2.intoArray(c, ct + 2 * L);
    c3.intoArray(c, ct + 3 * L);
    c4.intoArray(c, ct + 4 * L);
    c5.intoArray(c, ct + 5 * L);
    c6.intoArray(c, ct + 6 * L);
    c7.intoArray(c, ct + 7 * L);
    c8.intoArray(c, ct + 8 * L);
  }
}

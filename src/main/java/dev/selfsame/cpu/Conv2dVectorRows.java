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
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  // The even places of two vectors: the lower half from the first, the upper half from the second.
  private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(F, i -> 2 * i % L);
  private static final VectorMask<Float> UPPER = VectorMask.fromLong(F, -1L << (L / 2));

  // The even places of two vectors, for selectFrom.
  private static final FloatVector EVENS = FloatVector.zero(F).addIndex(2);
  private static final FloatVector ZERO = FloatVector.zero(F);

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void pick(float[] from, int[] map, int first, int n, float[] to, int at) {
    for (int i = 0; i < n; i++) {
      to[at + i] = from[map[first + i]];
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
  public void fold(
      MemorySegment total, long tt, long step, MemorySegment chain, long ct, int rows) {
    total = Lanes.expectNative(total);
    for (int i = 0; i < rows; i++) {
      long to = (tt + i * step) * 4;
      long from = (ct + i * 2L * L) * 4;
      FloatVector x =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, total, to, NATIVE))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, chain, from, NATIVE)));
      FloatVector y =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, total, to + 4 * L, NATIVE))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, chain, from + 4 * L, NATIVE)));
      FLOATS.cast(x).intoMemorySegment(total, to, NATIVE);
      FLOATS.cast(y).intoMemorySegment(total, to + 4 * L, NATIVE);
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
            .cast(FloatVector.fromMemorySegment(F, from, (at + i) * 4, NATIVE))
            .intoArray(to, t + i);
      }
    } else if (stride == 2) {
      int fit = (int) Math.min(count, (size - at - 2 * L + 2) / 2);
      for (; i < fit; i += L) {
        long a = (at + 2L * i) * 4;
        FloatVector low = FLOATS.cast(FloatVector.fromMemorySegment(F, from, a, NATIVE));
        FloatVector high = FLOATS.cast(FloatVector.fromMemorySegment(F, from, a + 4L * L, NATIVE));
        low.rearrange(EVEN).blend(high.rearrange(EVEN), UPPER).intoArray(to, t + i);
      }
    }
    for (; i < count; i++) {
      to[t + i] = from.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + i * stride) * 4);
    }
  }

  @Override
  public void copyRows(
      MemorySegment from,
      long at,
      long step,
      long stride,
      int rows,
      float[] to,
      int t,
      int width,
      int lo,
      int hi) {
    int edge = width - hi + lo;
    int whole = 0;
    // Rows whose vectors end inside the segment; zeros between rows take one vector.
    if (edge <= L && stride <= 2 && hi > lo) {
      long reach = (Math.ceilDiv(hi - lo, L) * stride) * L;
      long last = from.byteSize() / 4 - at - reach;
      whole = last < 0 ? 0 : (int) Math.min(rows, step == 0 ? rows : last / step + 1);
      if (whole > 0) {
        if (lo > 0) {
          ZERO.intoArray(to, t);
        }
        if (stride == 1) {
          adjacentRows(from, at, step, whole, to, t + lo, width, hi - lo);
        } else {
          evenRows(from, at, step, whole, to, t + lo, width, hi - lo);
        }
      }
    }
    for (int y = whole; y < rows; y++) {
      int start = t + y * width;
      for (int i = 0; i < lo; i++) {
        to[start + i] = 0f;
      }
      copy(from, at + y * step, stride, to, start + lo, hi - lo);
      for (int i = hi; i < width; i++) {
        to[start + i] = 0f;
      }
    }
  }

  // Rows of up to two vectors are common, and a loop in a loop costs more than it does.

  private static void adjacentRows(
      MemorySegment image, long at, long step, int rows, float[] to, int t, int width, int count) {
    MemorySegment from = image.asSlice(at * 4);
    if (count <= L) {
      for (int y = 0; y < rows; y++) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, y * step * 4, NATIVE))
            .intoArray(to, t + y * width);
        ZERO.intoArray(to, t + y * width + count);
      }
      return;
    }
    if (count <= 2 * L) {
      for (int y = 0; y < rows; y++) {
        long row = y * step * 4;
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, row, NATIVE))
            .intoArray(to, t + y * width);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, row + 4 * L, NATIVE))
            .intoArray(to, t + y * width + L);
        ZERO.intoArray(to, t + y * width + count);
      }
      return;
    }
    for (int y = 0; y < rows; y++) {
      long row = y * step * 4;
      for (int i = 0; i < count; i += L) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, row + i * 4L, NATIVE))
            .intoArray(to, t + y * width + i);
      }
      ZERO.intoArray(to, t + y * width + count);
    }
  }

  private static void evenRows(
      MemorySegment image, long at, long step, int rows, float[] to, int t, int width, int count) {
    MemorySegment from = image.asSlice(at * 4);
    if (count <= L) {
      for (int y = 0; y < rows; y++) {
        long row = y * step * 4;
        FloatVector low = FLOATS.cast(FloatVector.fromMemorySegment(F, from, row, NATIVE));
        FloatVector high = FLOATS.cast(FloatVector.fromMemorySegment(F, from, row + 4 * L, NATIVE));
        FLOATS.cast(EVENS.selectFrom(low, high)).intoArray(to, t + y * width);
        ZERO.intoArray(to, t + y * width + count);
      }
      return;
    }
    for (int y = 0; y < rows; y++) {
      for (int i = 0; i < count; i += L) {
        long pixel = (y * step + 2 * i) * 4;
        FloatVector low = FLOATS.cast(FloatVector.fromMemorySegment(F, from, pixel, NATIVE));
        FloatVector high =
            FLOATS.cast(FloatVector.fromMemorySegment(F, from, pixel + 4 * L, NATIVE));
        FLOATS.cast(EVENS.selectFrom(low, high)).intoArray(to, t + y * width + i);
      }
      ZERO.intoArray(to, t + y * width + count);
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
    to = Lanes.expectNative(to);
    FloatVector v = FLOATS.cast(FloatVector.fromArray(F, total, t));
    if (biased) {
      v = v.add(bias);
    }
    if (relu) {
      v = FLOATS.cast(v).max(0f);
    }
    FLOATS.cast(v).intoMemorySegment(to, at * 4, NATIVE);
  }

  @Override
  public void finish(
      MemorySegment total,
      long t,
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
      float v = total.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (t + i) * 4);
      if (biased) {
        v = v + bias;
      }
      to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + i) * 4, relu ? Math.max(v, 0f) : v);
    }
  }

  private static void write(
      MemorySegment total,
      long t,
      MemorySegment to,
      long at,
      boolean biased,
      float bias,
      boolean relu) {
    to = Lanes.expectNative(to);
    FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, total, t * 4, NATIVE));
    if (biased) {
      v = v.add(bias);
    }
    if (relu) {
      v = FLOATS.cast(v).max(0f);
    }
    FLOATS.cast(v).intoMemorySegment(to, at * 4, NATIVE);
  }

  @Override
  public void finishRows(
      float[] total,
      int t,
      int step,
      int rows,
      MemorySegment to,
      long at,
      int count,
      boolean biased,
      float bias,
      boolean relu) {
    to = Lanes.expectNative(to);
    // What a row's last vector writes beyond it, later rows overwrite, where there are any.
    int beyond = Math.ceilDiv(count, L) * L - count;
    int whole = Math.max(0, rows - Math.ceilDiv(beyond, count));
    FloatVector add = FloatVector.broadcast(F, bias);
    for (int y = 0; y < whole; y++) {
      for (int i = 0; i < count; i += L) {
        FloatVector v = FLOATS.cast(FloatVector.fromArray(F, total, t + y * step + i));
        if (biased) {
          v = v.add(add);
        }
        if (relu) {
          v = FLOATS.cast(v).max(0f);
        }
        long place = (at + (long) y * count + i) << 2;
        FLOATS.cast(v).intoMemorySegment(to, place, ByteOrder.nativeOrder());
      }
    }
    for (int y = whole; y < rows; y++) {
      finish(total, t + y * step, to, at + (long) y * count, count, biased, bias, relu);
    }
  }

  @Override
  public void zero(MemorySegment to, long at, int vectors) {
    to = Lanes.expectNative(to);
    for (int i = 0; i < vectors; i++) {
      ZERO.intoMemorySegment(to, (at + (long) i * L) * 4, NATIVE);
    }
  }

  @Override
  public void taps(
      MemorySegment x,
      int[] place,
      int[] offset,
      int first,
      MemorySegment dy,
      int n,
      float[] c,
      int ct) {
    long o0 = offset[first + 0] * 4L;
    long o1 = offset[first + 1] * 4L;
    long o2 = offset[first + 2] * 4L;
    long o3 = offset[first + 3] * 4L;
    long o4 = offset[first + 4] * 4L;
    long o5 = offset[first + 5] * 4L;
    long o6 = offset[first + 6] * 4L;
    long o7 = offset[first + 7] * 4L;
    long o8 = offset[first + 8] * 4L;
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
      long at = place[t] * 4L;
      FloatVector g = FLOATS.cast(FloatVector.fromMemorySegment(F, dy, t * 4L * L, NATIVE));
      c0 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o0, NATIVE)), c0);
      c1 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o1, NATIVE)), c1);
      c2 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o2, NATIVE)), c2);
      c3 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o3, NATIVE)), c3);
      c4 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o4, NATIVE)), c4);
      c5 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o5, NATIVE)), c5);
      c6 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o6, NATIVE)), c6);
      c7 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o7, NATIVE)), c7);
      c8 = g.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + o8, NATIVE)), c8);
    }
    FLOATS.cast(c0).intoArray(c, ct + 0 * L);
    FLOATS.cast(c1).intoArray(c, ct + 1 * L);
    FLOATS.cast(c2).intoArray(c, ct + 2 * L);
    FLOATS.cast(c3).intoArray(c, ct + 3 * L);
    FLOATS.cast(c4).intoArray(c, ct + 4 * L);
    FLOATS.cast(c5).intoArray(c, ct + 5 * L);
    FLOATS.cast(c6).intoArray(c, ct + 6 * L);
    FLOATS.cast(c7).intoArray(c, ct + 7 * L);
    FLOATS.cast(c8).intoArray(c, ct + 8 * L);
  }
}

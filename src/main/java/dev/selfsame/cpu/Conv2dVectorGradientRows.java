package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Conv2dVectorGradientKernel} with the Vector API.
 *
 * <p>Nine taps are taken apart by two steps of three: of 3L neighbours e = 3j + s, those of one s
 * are a vector. They lie in different lanes of the three vectors that are read, since 3 and L have
 * no common factor, so that two blends bring them together and one permutation puts them in order.
 */
final class Conv2dVectorGradientRows implements Conv2dVectorGradientKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  private static final int L = F.length();

  // B0 has the lanes that s = 0 takes from the second of three vectors, B1 and B2 those of s = 1
  // and 2; C0, C1, C2 of the third.
  private static final VectorMask<Float> B0 = lanes(-L);
  private static final VectorMask<Float> B1 = lanes(1 - L);
  private static final VectorMask<Float> B2 = lanes(2 - L);
  private static final VectorMask<Float> C0 = lanes(-2 * L);
  private static final VectorMask<Float> C1 = lanes(1 - 2 * L);
  private static final VectorMask<Float> C2 = lanes(2 - 2 * L);
  private static final VectorShuffle<Float> P0 = VectorShuffle.fromOp(F, j -> 3 * j % L);
  private static final VectorShuffle<Float> P1 = VectorShuffle.fromOp(F, j -> (3 * j + 1) % L);
  private static final VectorShuffle<Float> P2 = VectorShuffle.fromOp(F, j -> (3 * j + 2) % L);

  // The first and the second half of two vectors whose lanes take turns.
  private static final VectorShuffle<Float> LOW = VectorShuffle.fromOp(F, j -> j / 2);
  private static final VectorShuffle<Float> HIGH = VectorShuffle.fromOp(F, j -> (L + j) / 2);
  private static final VectorMask<Float> ODD = VectorMask.fromLong(F, 0xaaaa & (1L << L) - 1);

  Conv2dVectorGradientRows() {}

  /** The lanes that leave this remainder by 3. */
  private static VectorMask<Float> lanes(int remainder) {
    long bits = 0;
    for (int i = Math.floorMod(remainder, 3); i < L; i += 3) {
      bits |= 1L << i;
    }
    return VectorMask.fromLong(F, bits);
  }

  @Override
  public void weights(
      MemorySegment w, long at, int channels, MemorySegment to, long[] place, long panel) {
    int vectors = channels / L;
    nine(w, at, vectors, to, place, panel);
    for (int c = vectors * L; c < channels; c++) {
      for (int t = 0; t < NINE; t++) {
        f32(to, place[t] + c / (2 * L) * panel + c % (2 * L), f32(w, at + (long) c * NINE + t));
      }
    }
  }

  private static void nine(
      MemorySegment w, long at, int vectors, MemorySegment to, long[] place, long panel) {
    to = Lanes.expectNative(to);
    long o0 = place[0] << 2;
    long o1 = place[1] << 2;
    long o2 = place[2] << 2;
    long o3 = place[3] << 2;
    long o4 = place[4] << 2;
    long o5 = place[5] << 2;
    long o6 = place[6] << 2;
    long o7 = place[7] << 2;
    long o8 = place[8] << 2;
    for (int i = 0; i < vectors; i++) {
      long from = (at + (long) i * 9 * L) << 2;
      long o = ((i >> 1) * panel + (i & 1) * L) << 2;
      FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from, NATIVE));
      FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 4 * L, NATIVE));
      FloatVector z = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 8 * L, NATIVE));
      FloatVector a0 = x.blend(y, B0).blend(z, C0).rearrange(P0);
      FloatVector a1 = x.blend(y, B1).blend(z, C1).rearrange(P1);
      FloatVector a2 = x.blend(y, B2).blend(z, C2).rearrange(P2);
      x = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 12 * L, NATIVE));
      y = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 16 * L, NATIVE));
      z = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 20 * L, NATIVE));
      FloatVector b0 = x.blend(y, B0).blend(z, C0).rearrange(P0);
      FloatVector b1 = x.blend(y, B1).blend(z, C1).rearrange(P1);
      FloatVector b2 = x.blend(y, B2).blend(z, C2).rearrange(P2);
      x = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 24 * L, NATIVE));
      y = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 28 * L, NATIVE));
      z = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from + 32 * L, NATIVE));
      FloatVector c0 = x.blend(y, B0).blend(z, C0).rearrange(P0);
      FloatVector c1 = x.blend(y, B1).blend(z, C1).rearrange(P1);
      FloatVector c2 = x.blend(y, B2).blend(z, C2).rearrange(P2);
      a0.blend(b0, B0).blend(c0, C0).rearrange(P0).intoMemorySegment(to, o + o0, NATIVE);
      a1.blend(b1, B0).blend(c1, C0).rearrange(P0).intoMemorySegment(to, o + o1, NATIVE);
      a2.blend(b2, B0).blend(c2, C0).rearrange(P0).intoMemorySegment(to, o + o2, NATIVE);
      a0.blend(b0, B1).blend(c0, C1).rearrange(P1).intoMemorySegment(to, o + o3, NATIVE);
      a1.blend(b1, B1).blend(c1, C1).rearrange(P1).intoMemorySegment(to, o + o4, NATIVE);
      a2.blend(b2, B1).blend(c2, C1).rearrange(P1).intoMemorySegment(to, o + o5, NATIVE);
      a0.blend(b0, B2).blend(c0, C2).rearrange(P2).intoMemorySegment(to, o + o6, NATIVE);
      a1.blend(b1, B2).blend(c1, C2).rearrange(P2).intoMemorySegment(to, o + o7, NATIVE);
      a2.blend(b2, B2).blend(c2, C2).rearrange(P2).intoMemorySegment(to, o + o8, NATIVE);
    }
  }

  @Override
  public void spread(float[] turned, int taps, MemorySegment to, long[] place, long panel) {
    to = Lanes.expectNative(to);
    for (int t = 0; t < taps; t++) {
      long o = (place[t] + panel) << 2;
      FLOATS.cast(FloatVector.fromArray(F, turned, t * 2 * L)).intoMemorySegment(to, o, NATIVE);
      FLOATS
          .cast(FloatVector.fromArray(F, turned, t * 2 * L + L))
          .intoMemorySegment(to, o + 4 * L, NATIVE);
    }
  }

  @Override
  public void pixels(
      float[] from,
      int[] base,
      int n,
      int[] places,
      int first,
      int count,
      int[] near,
      float[] pattern,
      float[] to,
      int at,
      int width) {
    // Vectors wider than a tile write beyond their term, which the next one overwrites; the last
    // terms have none behind them.
    int whole = Math.max(0, n - Math.max(0, Math.ceilDiv(L - width, width)));
    // A tile wider than a vector takes two, which overlap.
    for (int lane = 0; lane < count; lane += L) {
      int left = Math.min(lane, Math.max(0, width - L));
      int place = places[first + left];
      for (int j = 0; j < L; j++) {
        int last = Math.min(left + j, count - 1);
        near[j] = places[first + last] + left + j - last - place;
        pattern[j] = near[j];
      }
      if (near[L - 1] == L - 1) {
        neighbours(from, base, whole, place, to, at + left, width);
      } else if (near[L - 1] < 2 * L) {
        select(from, base, whole, place, pattern, to, at + left, width);
      } else {
        scattered(from, base, whole, place, near, to, at + left, width);
      }
    }
    for (int t = whole; t < n; t++) {
      for (int i = 0; i < count; i++) {
        to[at + t * width + i] = from[base[t] + places[first + i]];
      }
    }
  }

  private static void neighbours(
      float[] from, int[] base, int n, int place, float[] to, int at, int width) {
    for (int t = 0; t < n; t++) {
      FLOATS.cast(FloatVector.fromArray(F, from, base[t] + place)).intoArray(to, at + t * width);
    }
  }

  private static void select(
      float[] from, int[] base, int n, int place, float[] pattern, float[] to, int at, int width) {
    FloatVector p = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
    for (int t = 0; t < n; t++) {
      int i = base[t] + place;
      p.selectFrom(
              FLOATS.cast(FloatVector.fromArray(F, from, i)),
              FLOATS.cast(FloatVector.fromArray(F, from, i + L)))
          .intoArray(to, at + t * width);
    }
  }

  // Not by a gathering load: it boxes where vectors of another width went through the same code.
  private static void scattered(
      float[] from, int[] base, int n, int place, int[] near, float[] to, int at, int width) {
    for (int t = 0; t < n; t++) {
      int i = base[t] + place;
      for (int j = 0; j < L; j++) {
        to[at + t * width + j] = from[i + near[j]];
      }
    }
  }

  @Override
  public void zip(float[] from, int a, int b, int count, MemorySegment to, long at, long room) {
    to = Lanes.expectNative(to);
    int i = 0;
    for (; 2L * (i + L) <= 2L * count + room && i < count; i += L) {
      FloatVector x = FLOATS.cast(FloatVector.fromArray(F, from, a + i));
      FloatVector y = FLOATS.cast(FloatVector.fromArray(F, from, b + i));
      long o = (at + 2L * i) << 2;
      x.rearrange(LOW).blend(y.rearrange(LOW), ODD).intoMemorySegment(to, o, NATIVE);
      x.rearrange(HIGH).blend(y.rearrange(HIGH), ODD).intoMemorySegment(to, o + 4 * L, NATIVE);
    }
    if (i < count && 2L * i + L <= 2L * count + room) {
      FloatVector x = FLOATS.cast(FloatVector.fromArray(F, from, a + i));
      FloatVector y = FLOATS.cast(FloatVector.fromArray(F, from, b + i));
      long o = (at + 2L * i) << 2;
      x.rearrange(LOW).blend(y.rearrange(LOW), ODD).intoMemorySegment(to, o, NATIVE);
      i += L / 2;
    }
    for (; i < count; i++) {
      f32(to, at + 2L * i, from[a + i]);
      f32(to, at + 2L * i + 1, from[b + i]);
    }
  }
}

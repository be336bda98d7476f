package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Conv2dVectorDirectKernel} with the Vector API. Three vectors and eight broadcasts make 24
 * products, less to load than a tile of twelve rows, since most vectors of a window lie across two
 * cache lines. Places stand in a table: general registers are few, and one that the compiler keeps
 * in a vector register instead costs this loop a sixth of its speed.
 */
final class Conv2dVectorDirectTiles implements Conv2dVectorDirectKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  Conv2dVectorDirectTiles() {}

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void tile(
      float[] a,
      int at,
      MemorySegment window,
      long lane,
      long[] place,
      int first,
      int n,
      float[] start,
      int st,
      int startStep,
      float[] c,
      int ct,
      int step) {
    FloatVector c0a = FloatVector.fromArray(F, start, st);
    FloatVector c0b = FloatVector.fromArray(F, start, st + L);
    FloatVector c0c = FloatVector.fromArray(F, start, st + 2 * L);
    FloatVector c1a = FloatVector.fromArray(F, start, st + startStep);
    FloatVector c1b = FloatVector.fromArray(F, start, st + startStep + L);
    FloatVector c1c = FloatVector.fromArray(F, start, st + startStep + 2 * L);
    FloatVector c2a = FloatVector.fromArray(F, start, st + 2 * startStep);
    FloatVector c2b = FloatVector.fromArray(F, start, st + 2 * startStep + L);
    FloatVector c2c = FloatVector.fromArray(F, start, st + 2 * startStep + 2 * L);
    FloatVector c3a = FloatVector.fromArray(F, start, st + 3 * startStep);
    FloatVector c3b = FloatVector.fromArray(F, start, st + 3 * startStep + L);
    FloatVector c3c = FloatVector.fromArray(F, start, st + 3 * startStep + 2 * L);
    FloatVector c4a = FloatVector.fromArray(F, start, st + 4 * startStep);
    FloatVector c4b = FloatVector.fromArray(F, start, st + 4 * startStep + L);
    FloatVector c4c = FloatVector.fromArray(F, start, st + 4 * startStep + 2 * L);
    FloatVector c5a = FloatVector.fromArray(F, start, st + 5 * startStep);
    FloatVector c5b = FloatVector.fromArray(F, start, st + 5 * startStep + L);
    FloatVector c5c = FloatVector.fromArray(F, start, st + 5 * startStep + 2 * L);
    FloatVector c6a = FloatVector.fromArray(F, start, st + 6 * startStep);
    FloatVector c6b = FloatVector.fromArray(F, start, st + 6 * startStep + L);
    FloatVector c6c = FloatVector.fromArray(F, start, st + 6 * startStep + 2 * L);
    FloatVector c7a = FloatVector.fromArray(F, start, st + 7 * startStep);
    FloatVector c7b = FloatVector.fromArray(F, start, st + 7 * startStep + L);
    FloatVector c7c = FloatVector.fromArray(F, start, st + 7 * startStep + 2 * L);
    // A segment of its own, though in some processes it is an object: its bounds stay in registers.
    // With the lane in the places, and the window's own bounds, this loop takes a tenth longer.
    MemorySegment b = window.asSlice(lane);
    int i = at;
    for (int t = first; t < first + n; t++) {
      long p = place[t];
      FloatVector b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, p, NATIVE));
      FloatVector b1 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, p + 4 * L, NATIVE));
      FloatVector b2 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, p + 8 * L, NATIVE));
      FloatVector a0 = FloatVector.broadcast(F, a[i]);
      c0a = b0.fma(a0, c0a);
      c0b = b1.fma(a0, c0b);
      c0c = b2.fma(a0, c0c);
      FloatVector a1 = FloatVector.broadcast(F, a[i + 1]);
      c1a = b0.fma(a1, c1a);
      c1b = b1.fma(a1, c1b);
      c1c = b2.fma(a1, c1c);
      FloatVector a2 = FloatVector.broadcast(F, a[i + 2]);
      c2a = b0.fma(a2, c2a);
      c2b = b1.fma(a2, c2b);
      c2c = b2.fma(a2, c2c);
      FloatVector a3 = FloatVector.broadcast(F, a[i + 3]);
      c3a = b0.fma(a3, c3a);
      c3b = b1.fma(a3, c3b);
      c3c = b2.fma(a3, c3c);
      FloatVector a4 = FloatVector.broadcast(F, a[i + 4]);
      c4a = b0.fma(a4, c4a);
      c4b = b1.fma(a4, c4b);
      c4c = b2.fma(a4, c4c);
      FloatVector a5 = FloatVector.broadcast(F, a[i + 5]);
      c5a = b0.fma(a5, c5a);
      c5b = b1.fma(a5, c5b);
      c5c = b2.fma(a5, c5c);
      FloatVector a6 = FloatVector.broadcast(F, a[i + 6]);
      c6a = b0.fma(a6, c6a);
      c6b = b1.fma(a6, c6b);
      c6c = b2.fma(a6, c6c);
      FloatVector a7 = FloatVector.broadcast(F, a[i + 7]);
      c7a = b0.fma(a7, c7a);
      c7b = b1.fma(a7, c7b);
      c7c = b2.fma(a7, c7c);
      i += 8;
    }
    FLOATS.cast(c0a).intoArray(c, ct);
    FLOATS.cast(c0b).intoArray(c, ct + L);
    FLOATS.cast(c0c).intoArray(c, ct + 2 * L);
    FLOATS.cast(c1a).intoArray(c, ct + step);
    FLOATS.cast(c1b).intoArray(c, ct + step + L);
    FLOATS.cast(c1c).intoArray(c, ct + step + 2 * L);
    FLOATS.cast(c2a).intoArray(c, ct + 2 * step);
    FLOATS.cast(c2b).intoArray(c, ct + 2 * step + L);
    FLOATS.cast(c2c).intoArray(c, ct + 2 * step + 2 * L);
    FLOATS.cast(c3a).intoArray(c, ct + 3 * step);
    FLOATS.cast(c3b).intoArray(c, ct + 3 * step + L);
    FLOATS.cast(c3c).intoArray(c, ct + 3 * step + 2 * L);
    FLOATS.cast(c4a).intoArray(c, ct + 4 * step);
    FLOATS.cast(c4b).intoArray(c, ct + 4 * step + L);
    FLOATS.cast(c4c).intoArray(c, ct + 4 * step + 2 * L);
    FLOATS.cast(c5a).intoArray(c, ct + 5 * step);
    FLOATS.cast(c5b).intoArray(c, ct + 5 * step + L);
    FLOATS.cast(c5c).intoArray(c, ct + 5 * step + 2 * L);
    FLOATS.cast(c6a).intoArray(c, ct + 6 * step);
    FLOATS.cast(c6b).intoArray(c, ct + 6 * step + L);
    FLOATS.cast(c6c).intoArray(c, ct + 6 * step + 2 * L);
    FLOATS.cast(c7a).intoArray(c, ct + 7 * step);
    FLOATS.cast(c7b).intoArray(c, ct + 7 * step + L);
    FLOATS.cast(c7c).intoArray(c, ct + 7 * step + 2 * L);
  }

  @Override
  public void fold(float[] total, int tt, int step, float[] chain, int rows) {
    for (int i = 0; i < rows; i++) {
      int at = tt + i * step;
      int from = i * 3 * L;
      FloatVector a = FLOATS.cast(FloatVector.fromArray(F, total, at));
      FloatVector b = FLOATS.cast(FloatVector.fromArray(F, total, at + L));
      FloatVector c = FLOATS.cast(FloatVector.fromArray(F, total, at + 2 * L));
      a.add(FLOATS.cast(FloatVector.fromArray(F, chain, from))).intoArray(total, at);
      b.add(FLOATS.cast(FloatVector.fromArray(F, chain, from + L))).intoArray(total, at + L);
      c.add(FLOATS.cast(FloatVector.fromArray(F, chain, from + 2 * L)))
          .intoArray(total, at + 2 * L);
    }
  }
}

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
 * {@link Conv2dVectorPanelKernel} with the Vector API.
 *
 * <p>A square of values is turned in registers: the loads bring each register two rows, half of it
 * from each; then halves, quarters and so on change places between registers.
 */
final class Conv2dVectorPanels implements Conv2dVectorPanelKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();

  // Neighbours at distance d change places; the mask has the upper one of each two.
  private static final VectorShuffle<Float> X4 = VectorShuffle.fromOp(F, i -> (i ^ 4) % L);
  private static final VectorShuffle<Float> X2 = VectorShuffle.fromOp(F, i -> i ^ 2);
  private static final VectorShuffle<Float> X1 = VectorShuffle.fromOp(F, i -> i ^ 1);
  private static final VectorMask<Float> M8 = upper(8);
  private static final VectorMask<Float> M4 = upper(4);
  private static final VectorMask<Float> M2 = upper(2);
  private static final VectorMask<Float> M1 = upper(1);

  Conv2dVectorPanels() {}

  private static VectorMask<Float> upper(int distance) {
    long bits = 0;
    for (int i = 0; i < L; i++) {
      bits |= (i & distance) == 0 ? 0 : 1L << i;
    }
    return VectorMask.fromLong(F, bits);
  }

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void turn(
      float[] from, int at, int[] row, int first, int n, float[] to, int tt, int width) {
    switch (L) {
      case 16 -> turn16(from, at, row, first, n, to, tt, width);
      case 8 -> turn8(from, at, row, first, n, to, tt, width);
      default -> turn4(from, at, row, first, n, to, tt, width);
    }
  }

  private static void turn16(
      float[] a, int at, int[] row, int first, int n, float[] to, int tt, int width) {
    int p0 = at + row[first];
    int p1 = at + row[first + 1];
    int p2 = at + row[first + 2];
    int p3 = at + row[first + 3];
    int p4 = at + row[first + 4];
    int p5 = at + row[first + 5];
    int p6 = at + row[first + 6];
    int p7 = at + row[first + 7];
    int p8 = at + row[first + 8] - 8;
    int p9 = at + row[first + 9] - 8;
    int p10 = at + row[first + 10] - 8;
    int p11 = at + row[first + 11] - 8;
    int p12 = at + row[first + 12] - 8;
    int p13 = at + row[first + 13] - 8;
    int p14 = at + row[first + 14] - 8;
    int p15 = at + row[first + 15] - 8;
    for (int t = 0; t < n; t += 8) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p0 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p8 + t)), M8);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p1 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p9 + t)), M8);
      FloatVector q2 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p2 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p10 + t)), M8);
      FloatVector q3 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p3 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p11 + t)), M8);
      FloatVector q4 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p4 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p12 + t)), M8);
      FloatVector q5 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p5 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p13 + t)), M8);
      FloatVector q6 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p6 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p14 + t)), M8);
      FloatVector q7 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p7 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p15 + t)), M8);
      FloatVector r0 = q0.blend(q4.rearrange(X4), M4);
      FloatVector r4 = q0.rearrange(X4).blend(q4, M4);
      FloatVector r1 = q1.blend(q5.rearrange(X4), M4);
      FloatVector r5 = q1.rearrange(X4).blend(q5, M4);
      FloatVector r2 = q2.blend(q6.rearrange(X4), M4);
      FloatVector r6 = q2.rearrange(X4).blend(q6, M4);
      FloatVector r3 = q3.blend(q7.rearrange(X4), M4);
      FloatVector r7 = q3.rearrange(X4).blend(q7, M4);
      FloatVector s0 = r0.blend(r2.rearrange(X2), M2);
      FloatVector s2 = r0.rearrange(X2).blend(r2, M2);
      FloatVector s1 = r1.blend(r3.rearrange(X2), M2);
      FloatVector s3 = r1.rearrange(X2).blend(r3, M2);
      FloatVector s4 = r4.blend(r6.rearrange(X2), M2);
      FloatVector s6 = r4.rearrange(X2).blend(r6, M2);
      FloatVector s5 = r5.blend(r7.rearrange(X2), M2);
      FloatVector s7 = r5.rearrange(X2).blend(r7, M2);
      FloatVector t0 = s0.blend(s1.rearrange(X1), M1);
      FloatVector t1 = s0.rearrange(X1).blend(s1, M1);
      FloatVector t2 = s2.blend(s3.rearrange(X1), M1);
      FloatVector t3 = s2.rearrange(X1).blend(s3, M1);
      FloatVector t4 = s4.blend(s5.rearrange(X1), M1);
      FloatVector t5 = s4.rearrange(X1).blend(s5, M1);
      FloatVector t6 = s6.blend(s7.rearrange(X1), M1);
      FloatVector t7 = s6.rearrange(X1).blend(s7, M1);
      int o = tt + t * width;
      t0.intoArray(to, o);
      t1.intoArray(to, o + width);
      t2.intoArray(to, o + 2 * width);
      t3.intoArray(to, o + 3 * width);
      t4.intoArray(to, o + 4 * width);
      t5.intoArray(to, o + 5 * width);
      t6.intoArray(to, o + 6 * width);
      t7.intoArray(to, o + 7 * width);
    }
  }

  private static void turn8(
      float[] a, int at, int[] row, int first, int n, float[] to, int tt, int width) {
    int p0 = at + row[first];
    int p1 = at + row[first + 1];
    int p2 = at + row[first + 2];
    int p3 = at + row[first + 3];
    int p4 = at + row[first + 4] - 4;
    int p5 = at + row[first + 5] - 4;
    int p6 = at + row[first + 6] - 4;
    int p7 = at + row[first + 7] - 4;
    for (int t = 0; t < n; t += 4) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p0 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p4 + t)), M4);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p1 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p5 + t)), M4);
      FloatVector q2 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p2 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p6 + t)), M4);
      FloatVector q3 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p3 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p7 + t)), M4);
      FloatVector r0 = q0.blend(q2.rearrange(X2), M2);
      FloatVector r2 = q0.rearrange(X2).blend(q2, M2);
      FloatVector r1 = q1.blend(q3.rearrange(X2), M2);
      FloatVector r3 = q1.rearrange(X2).blend(q3, M2);
      FloatVector s0 = r0.blend(r1.rearrange(X1), M1);
      FloatVector s1 = r0.rearrange(X1).blend(r1, M1);
      FloatVector s2 = r2.blend(r3.rearrange(X1), M1);
      FloatVector s3 = r2.rearrange(X1).blend(r3, M1);
      int o = tt + t * width;
      s0.intoArray(to, o);
      s1.intoArray(to, o + width);
      s2.intoArray(to, o + 2 * width);
      s3.intoArray(to, o + 3 * width);
    }
  }

  private static void turn4(
      float[] a, int at, int[] row, int first, int n, float[] to, int tt, int width) {
    int p0 = at + row[first];
    int p1 = at + row[first + 1];
    int p2 = at + row[first + 2] - 2;
    int p3 = at + row[first + 3] - 2;
    for (int t = 0; t < n; t += 2) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p0 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p2 + t)), M2);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromArray(F, a, p1 + t))
              .blend(FLOATS.cast(FloatVector.fromArray(F, a, p3 + t)), M2);
      FloatVector r0 = q0.blend(q1.rearrange(X1), M1);
      FloatVector r1 = q0.rearrange(X1).blend(q1, M1);
      int o = tt + t * width;
      r0.intoArray(to, o);
      r1.intoArray(to, o + width);
    }
  }

  @Override
  public void turn(
      MemorySegment from, long at, long step, int last, int n, float[] to, int tt, int width) {
    switch (L) {
      case 16 -> turn16(from, at, step, last, n, to, tt, width);
      case 8 -> turn8(from, at, step, last, n, to, tt, width);
      default -> turn4(from, at, step, last, n, to, tt, width);
    }
  }

  private static void turn16(
      MemorySegment a, long at, long step, int last, int n, float[] to, int tt, int width) {
    long p0 = at + Math.min(0, last) * step;
    long p1 = at + Math.min(1, last) * step;
    long p2 = at + Math.min(2, last) * step;
    long p3 = at + Math.min(3, last) * step;
    long p4 = at + Math.min(4, last) * step;
    long p5 = at + Math.min(5, last) * step;
    long p6 = at + Math.min(6, last) * step;
    long p7 = at + Math.min(7, last) * step;
    long p8 = at + Math.min(8, last) * step - 8;
    long p9 = at + Math.min(9, last) * step - 8;
    long p10 = at + Math.min(10, last) * step - 8;
    long p11 = at + Math.min(11, last) * step - 8;
    long p12 = at + Math.min(12, last) * step - 8;
    long p13 = at + Math.min(13, last) * step - 8;
    long p14 = at + Math.min(14, last) * step - 8;
    long p15 = at + Math.min(15, last) * step - 8;
    for (int t = 0; t < n; t += 8) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p0 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p8 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p1 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p9 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q2 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p2 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p10 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q3 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p3 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p11 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q4 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p4 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p12 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q5 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p5 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p13 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q6 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p6 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p14 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector q7 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p7 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p15 + t) << 2, ByteOrder.nativeOrder())),
                  M8);
      FloatVector r0 = q0.blend(q4.rearrange(X4), M4);
      FloatVector r4 = q0.rearrange(X4).blend(q4, M4);
      FloatVector r1 = q1.blend(q5.rearrange(X4), M4);
      FloatVector r5 = q1.rearrange(X4).blend(q5, M4);
      FloatVector r2 = q2.blend(q6.rearrange(X4), M4);
      FloatVector r6 = q2.rearrange(X4).blend(q6, M4);
      FloatVector r3 = q3.blend(q7.rearrange(X4), M4);
      FloatVector r7 = q3.rearrange(X4).blend(q7, M4);
      FloatVector s0 = r0.blend(r2.rearrange(X2), M2);
      FloatVector s2 = r0.rearrange(X2).blend(r2, M2);
      FloatVector s1 = r1.blend(r3.rearrange(X2), M2);
      FloatVector s3 = r1.rearrange(X2).blend(r3, M2);
      FloatVector s4 = r4.blend(r6.rearrange(X2), M2);
      FloatVector s6 = r4.rearrange(X2).blend(r6, M2);
      FloatVector s5 = r5.blend(r7.rearrange(X2), M2);
      FloatVector s7 = r5.rearrange(X2).blend(r7, M2);
      FloatVector t0 = s0.blend(s1.rearrange(X1), M1);
      FloatVector t1 = s0.rearrange(X1).blend(s1, M1);
      FloatVector t2 = s2.blend(s3.rearrange(X1), M1);
      FloatVector t3 = s2.rearrange(X1).blend(s3, M1);
      FloatVector t4 = s4.blend(s5.rearrange(X1), M1);
      FloatVector t5 = s4.rearrange(X1).blend(s5, M1);
      FloatVector t6 = s6.blend(s7.rearrange(X1), M1);
      FloatVector t7 = s6.rearrange(X1).blend(s7, M1);
      int o = tt + t * width;
      t0.intoArray(to, o);
      t1.intoArray(to, o + width);
      t2.intoArray(to, o + 2 * width);
      t3.intoArray(to, o + 3 * width);
      t4.intoArray(to, o + 4 * width);
      t5.intoArray(to, o + 5 * width);
      t6.intoArray(to, o + 6 * width);
      t7.intoArray(to, o + 7 * width);
    }
  }

  private static void turn8(
      MemorySegment a, long at, long step, int last, int n, float[] to, int tt, int width) {
    long p0 = at + Math.min(0, last) * step;
    long p1 = at + Math.min(1, last) * step;
    long p2 = at + Math.min(2, last) * step;
    long p3 = at + Math.min(3, last) * step;
    long p4 = at + Math.min(4, last) * step - 4;
    long p5 = at + Math.min(5, last) * step - 4;
    long p6 = at + Math.min(6, last) * step - 4;
    long p7 = at + Math.min(7, last) * step - 4;
    for (int t = 0; t < n; t += 4) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p0 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p4 + t) << 2, ByteOrder.nativeOrder())),
                  M4);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p1 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p5 + t) << 2, ByteOrder.nativeOrder())),
                  M4);
      FloatVector q2 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p2 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p6 + t) << 2, ByteOrder.nativeOrder())),
                  M4);
      FloatVector q3 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p3 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p7 + t) << 2, ByteOrder.nativeOrder())),
                  M4);
      FloatVector r0 = q0.blend(q2.rearrange(X2), M2);
      FloatVector r2 = q0.rearrange(X2).blend(q2, M2);
      FloatVector r1 = q1.blend(q3.rearrange(X2), M2);
      FloatVector r3 = q1.rearrange(X2).blend(q3, M2);
      FloatVector s0 = r0.blend(r1.rearrange(X1), M1);
      FloatVector s1 = r0.rearrange(X1).blend(r1, M1);
      FloatVector s2 = r2.blend(r3.rearrange(X1), M1);
      FloatVector s3 = r2.rearrange(X1).blend(r3, M1);
      int o = tt + t * width;
      s0.intoArray(to, o);
      s1.intoArray(to, o + width);
      s2.intoArray(to, o + 2 * width);
      s3.intoArray(to, o + 3 * width);
    }
  }

  private static void turn4(
      MemorySegment a, long at, long step, int last, int n, float[] to, int tt, int width) {
    long p0 = at + Math.min(0, last) * step;
    long p1 = at + Math.min(1, last) * step;
    long p2 = at + Math.min(2, last) * step - 2;
    long p3 = at + Math.min(3, last) * step - 2;
    for (int t = 0; t < n; t += 2) {
      FloatVector q0 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p0 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p2 + t) << 2, ByteOrder.nativeOrder())),
                  M2);
      FloatVector q1 =
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, a, (p1 + t) << 2, ByteOrder.nativeOrder()))
              .blend(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, a, (p3 + t) << 2, ByteOrder.nativeOrder())),
                  M2);
      FloatVector r0 = q0.blend(q1.rearrange(X1), M1);
      FloatVector r1 = q0.rearrange(X1).blend(q1, M1);
      int o = tt + t * width;
      r0.intoArray(to, o);
      r1.intoArray(to, o + width);
    }
  }

  @Override
  public void store(
      float[] from, int at, int step, int rows, int count, MemorySegment to, long tt, long next) {
    to = Lanes.expectNative(to);
    for (int r = 0; r < rows; r++) {
      int row = at + r * step;
      long start = tt + r * next;
      int i = 0;
      for (; i <= count - L; i += L) {
        FLOATS
            .cast(FloatVector.fromArray(F, from, row + i))
            .intoMemorySegment(to, (start + i) << 2, ByteOrder.nativeOrder());
      }
      for (; i < count; i++) {
        f32(to, start + i, from[row + i]);
      }
    }
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PanelPack.Square} with the Vector API. A square of n × n is turned in log2(n) stages;
 * stage s exchanges, between rows that differ in bit s of their number, the lanes that differ in
 * it.
 *
 * <p>The loop stands inside the method, so that shuffles and addresses are set up once.
 */
final class PanelTransposes implements PanelPack.Square {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final VectorShuffle<Float> SWAP1 = VectorShuffle.fromOp(F, i -> (i ^ 1) & N - 1);
  private static final VectorMask<Float> ODD1 = odd(1);
  private static final VectorShuffle<Float> SWAP2 = VectorShuffle.fromOp(F, i -> (i ^ 2) & N - 1);
  private static final VectorMask<Float> ODD2 = odd(2);
  private static final VectorShuffle<Float> SWAP4 = VectorShuffle.fromOp(F, i -> (i ^ 4) & N - 1);
  private static final VectorMask<Float> ODD4 = odd(4);

  PanelTransposes() {}

  @Override
  public void transpose(
      MemorySegment from,
      long at,
      long step,
      int j,
      int last,
      int depth,
      float[] to,
      int toAt,
      int width) {
    if (N == 4) {
      fours(from, at, step, j, last, depth, to, toAt, width);
    } else {
      eights(from, at, step, j, last, depth, to, toAt, width);
    }
  }

  private static void fours(
      MemorySegment from,
      long at,
      long step,
      int j,
      int last,
      int depth,
      float[] to,
      int toAt,
      int width) {
    long at0 = at + Math.min(j + 0, last) * step;
    long at1 = at + Math.min(j + 1, last) * step;
    long at2 = at + Math.min(j + 2, last) * step;
    long at3 = at + Math.min(j + 3, last) * step;
    for (int t0 = 0; t0 < depth; t0 += 4) {
      int t = Math.min(t0, depth - 4);
      FloatVector r0 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at0 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r1 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at1 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r2 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at2 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r3 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at3 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector a0 = r0.blend(r1.rearrange(SWAP1), ODD1);
      FloatVector a1 = r0.rearrange(SWAP1).blend(r1, ODD1);
      FloatVector a2 = r2.blend(r3.rearrange(SWAP1), ODD1);
      FloatVector a3 = r2.rearrange(SWAP1).blend(r3, ODD1);
      FloatVector b0 = a0.blend(a2.rearrange(SWAP2), ODD2);
      FloatVector b2 = a0.rearrange(SWAP2).blend(a2, ODD2);
      FloatVector b1 = a1.blend(a3.rearrange(SWAP2), ODD2);
      FloatVector b3 = a1.rearrange(SWAP2).blend(a3, ODD2);
      int o = toAt + t * width + j;
      b0.intoArray(to, o);
      b1.intoArray(to, o + width);
      b2.intoArray(to, o + 2 * width);
      b3.intoArray(to, o + 3 * width);
    }
  }

  private static void eights(
      MemorySegment from,
      long at,
      long step,
      int j,
      int last,
      int depth,
      float[] to,
      int toAt,
      int width) {
    long at0 = at + Math.min(j + 0, last) * step;
    long at1 = at + Math.min(j + 1, last) * step;
    long at2 = at + Math.min(j + 2, last) * step;
    long at3 = at + Math.min(j + 3, last) * step;
    long at4 = at + Math.min(j + 4, last) * step;
    long at5 = at + Math.min(j + 5, last) * step;
    long at6 = at + Math.min(j + 6, last) * step;
    long at7 = at + Math.min(j + 7, last) * step;
    for (int t0 = 0; t0 < depth; t0 += 8) {
      int t = Math.min(t0, depth - 8);
      FloatVector r0 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at0 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r1 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at1 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r2 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at2 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r3 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at3 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r4 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at4 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r5 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at5 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r6 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at6 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector r7 =
          FLOATS.cast(
              FloatVector.fromMemorySegment(F, from, (at7 + t) << 2, ByteOrder.nativeOrder()));
      FloatVector a0 = r0.blend(r1.rearrange(SWAP1), ODD1);
      FloatVector a1 = r0.rearrange(SWAP1).blend(r1, ODD1);
      FloatVector a2 = r2.blend(r3.rearrange(SWAP1), ODD1);
      FloatVector a3 = r2.rearrange(SWAP1).blend(r3, ODD1);
      FloatVector a4 = r4.blend(r5.rearrange(SWAP1), ODD1);
      FloatVector a5 = r4.rearrange(SWAP1).blend(r5, ODD1);
      FloatVector a6 = r6.blend(r7.rearrange(SWAP1), ODD1);
      FloatVector a7 = r6.rearrange(SWAP1).blend(r7, ODD1);
      FloatVector b0 = a0.blend(a2.rearrange(SWAP2), ODD2);
      FloatVector b2 = a0.rearrange(SWAP2).blend(a2, ODD2);
      FloatVector b1 = a1.blend(a3.rearrange(SWAP2), ODD2);
      FloatVector b3 = a1.rearrange(SWAP2).blend(a3, ODD2);
      FloatVector b4 = a4.blend(a6.rearrange(SWAP2), ODD2);
      FloatVector b6 = a4.rearrange(SWAP2).blend(a6, ODD2);
      FloatVector b5 = a5.blend(a7.rearrange(SWAP2), ODD2);
      FloatVector b7 = a5.rearrange(SWAP2).blend(a7, ODD2);
      FloatVector c0 = b0.blend(b4.rearrange(SWAP4), ODD4);
      FloatVector c4 = b0.rearrange(SWAP4).blend(b4, ODD4);
      FloatVector c1 = b1.blend(b5.rearrange(SWAP4), ODD4);
      FloatVector c5 = b1.rearrange(SWAP4).blend(b5, ODD4);
      FloatVector c2 = b2.blend(b6.rearrange(SWAP4), ODD4);
      FloatVector c6 = b2.rearrange(SWAP4).blend(b6, ODD4);
      FloatVector c3 = b3.blend(b7.rearrange(SWAP4), ODD4);
      FloatVector c7 = b3.rearrange(SWAP4).blend(b7, ODD4);
      int o = toAt + t * width + j;
      c0.intoArray(to, o);
      c1.intoArray(to, o + width);
      c2.intoArray(to, o + 2 * width);
      c3.intoArray(to, o + 3 * width);
      c4.intoArray(to, o + 4 * width);
      c5.intoArray(to, o + 5 * width);
      c6.intoArray(to, o + 6 * width);
      c7.intoArray(to, o + 7 * width);
    }
  }

  private static VectorMask<Float> odd(int stage) {
    boolean[] lanes = new boolean[N];
    for (int i = 0; i < N; i++) {
      lanes[i] = (i & stage) != 0;
    }
    return VectorMask.fromArray(F, lanes, 0);
  }
}

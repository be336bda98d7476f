package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PanelPack.Square} for 512 bits: as {@link PanelTransposes}, with four stages. It calls no
 * method of its own in the loop: the compiler inlines the Vector API's at any size of the method,
 * but not ours.
 */
final class PanelSixteens implements PanelPack.Square {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();
  // PanelTwelves takes them, too.
  static final VectorShuffle<Float> SWAP1 = VectorShuffle.fromOp(F, i -> (i ^ 1) & N - 1);
  static final VectorMask<Float> ODD1 = odd(1);
  static final VectorShuffle<Float> SWAP2 = VectorShuffle.fromOp(F, i -> (i ^ 2) & N - 1);
  static final VectorMask<Float> ODD2 = odd(2);
  static final VectorShuffle<Float> SWAP4 = VectorShuffle.fromOp(F, i -> (i ^ 4) & N - 1);
  static final VectorMask<Float> ODD4 = odd(4);
  static final VectorShuffle<Float> SWAP8 = VectorShuffle.fromOp(F, i -> (i ^ 8) & N - 1);
  static final VectorMask<Float> ODD8 = odd(8);

  PanelSixteens() {}

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
    long at0 = (at + Math.min(j, last) * step) << 2;
    long at1 = (at + Math.min(j + 1, last) * step) << 2;
    long at2 = (at + Math.min(j + 2, last) * step) << 2;
    long at3 = (at + Math.min(j + 3, last) * step) << 2;
    long at4 = (at + Math.min(j + 4, last) * step) << 2;
    long at5 = (at + Math.min(j + 5, last) * step) << 2;
    long at6 = (at + Math.min(j + 6, last) * step) << 2;
    long at7 = (at + Math.min(j + 7, last) * step) << 2;
    long at8 = (at + Math.min(j + 8, last) * step) << 2;
    long at9 = (at + Math.min(j + 9, last) * step) << 2;
    long at10 = (at + Math.min(j + 10, last) * step) << 2;
    long at11 = (at + Math.min(j + 11, last) * step) << 2;
    long at12 = (at + Math.min(j + 12, last) * step) << 2;
    long at13 = (at + Math.min(j + 13, last) * step) << 2;
    long at14 = (at + Math.min(j + 14, last) * step) << 2;
    long at15 = (at + Math.min(j + 15, last) * step) << 2;
    for (int t0 = 0; t0 < depth; t0 += 16) {
      int t = Math.min(t0, depth - 16);
      long bytes = (long) t << 2;
      FloatVector r0 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at0 + bytes, NATIVE));
      FloatVector r1 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at1 + bytes, NATIVE));
      FloatVector r2 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at2 + bytes, NATIVE));
      FloatVector r3 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at3 + bytes, NATIVE));
      FloatVector r4 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at4 + bytes, NATIVE));
      FloatVector r5 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at5 + bytes, NATIVE));
      FloatVector r6 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at6 + bytes, NATIVE));
      FloatVector r7 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at7 + bytes, NATIVE));
      FloatVector r8 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at8 + bytes, NATIVE));
      FloatVector r9 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at9 + bytes, NATIVE));
      FloatVector r10 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at10 + bytes, NATIVE));
      FloatVector r11 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at11 + bytes, NATIVE));
      FloatVector r12 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at12 + bytes, NATIVE));
      FloatVector r13 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at13 + bytes, NATIVE));
      FloatVector r14 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at14 + bytes, NATIVE));
      FloatVector r15 = FLOATS.cast(FloatVector.fromMemorySegment(F, from, at15 + bytes, NATIVE));
      FloatVector a0 = r0.blend(r1.rearrange(SWAP1), ODD1);
      FloatVector a1 = r0.rearrange(SWAP1).blend(r1, ODD1);
      FloatVector a2 = r2.blend(r3.rearrange(SWAP1), ODD1);
      FloatVector a3 = r2.rearrange(SWAP1).blend(r3, ODD1);
      FloatVector a4 = r4.blend(r5.rearrange(SWAP1), ODD1);
      FloatVector a5 = r4.rearrange(SWAP1).blend(r5, ODD1);
      FloatVector a6 = r6.blend(r7.rearrange(SWAP1), ODD1);
      FloatVector a7 = r6.rearrange(SWAP1).blend(r7, ODD1);
      FloatVector a8 = r8.blend(r9.rearrange(SWAP1), ODD1);
      FloatVector a9 = r8.rearrange(SWAP1).blend(r9, ODD1);
      FloatVector a10 = r10.blend(r11.rearrange(SWAP1), ODD1);
      FloatVector a11 = r10.rearrange(SWAP1).blend(r11, ODD1);
      FloatVector a12 = r12.blend(r13.rearrange(SWAP1), ODD1);
      FloatVector a13 = r12.rearrange(SWAP1).blend(r13, ODD1);
      FloatVector a14 = r14.blend(r15.rearrange(SWAP1), ODD1);
      FloatVector a15 = r14.rearrange(SWAP1).blend(r15, ODD1);
      FloatVector b0 = a0.blend(a2.rearrange(SWAP2), ODD2);
      FloatVector b2 = a0.rearrange(SWAP2).blend(a2, ODD2);
      FloatVector b1 = a1.blend(a3.rearrange(SWAP2), ODD2);
      FloatVector b3 = a1.rearrange(SWAP2).blend(a3, ODD2);
      FloatVector b4 = a4.blend(a6.rearrange(SWAP2), ODD2);
      FloatVector b6 = a4.rearrange(SWAP2).blend(a6, ODD2);
      FloatVector b5 = a5.blend(a7.rearrange(SWAP2), ODD2);
      FloatVector b7 = a5.rearrange(SWAP2).blend(a7, ODD2);
      FloatVector b8 = a8.blend(a10.rearrange(SWAP2), ODD2);
      FloatVector b10 = a8.rearrange(SWAP2).blend(a10, ODD2);
      FloatVector b9 = a9.blend(a11.rearrange(SWAP2), ODD2);
      FloatVector b11 = a9.rearrange(SWAP2).blend(a11, ODD2);
      FloatVector b12 = a12.blend(a14.rearrange(SWAP2), ODD2);
      FloatVector b14 = a12.rearrange(SWAP2).blend(a14, ODD2);
      FloatVector b13 = a13.blend(a15.rearrange(SWAP2), ODD2);
      FloatVector b15 = a13.rearrange(SWAP2).blend(a15, ODD2);
      FloatVector c0 = b0.blend(b4.rearrange(SWAP4), ODD4);
      FloatVector c4 = b0.rearrange(SWAP4).blend(b4, ODD4);
      FloatVector c1 = b1.blend(b5.rearrange(SWAP4), ODD4);
      FloatVector c5 = b1.rearrange(SWAP4).blend(b5, ODD4);
      FloatVector c2 = b2.blend(b6.rearrange(SWAP4), ODD4);
      FloatVector c6 = b2.rearrange(SWAP4).blend(b6, ODD4);
      FloatVector c3 = b3.blend(b7.rearrange(SWAP4), ODD4);
      FloatVector c7 = b3.rearrange(SWAP4).blend(b7, ODD4);
      FloatVector c8 = b8.blend(b12.rearrange(SWAP4), ODD4);
      FloatVector c12 = b8.rearrange(SWAP4).blend(b12, ODD4);
      FloatVector c9 = b9.blend(b13.rearrange(SWAP4), ODD4);
      FloatVector c13 = b9.rearrange(SWAP4).blend(b13, ODD4);
      FloatVector c10 = b10.blend(b14.rearrange(SWAP4), ODD4);
      FloatVector c14 = b10.rearrange(SWAP4).blend(b14, ODD4);
      FloatVector c11 = b11.blend(b15.rearrange(SWAP4), ODD4);
      FloatVector c15 = b11.rearrange(SWAP4).blend(b15, ODD4);
      FloatVector d0 = c0.blend(c8.rearrange(SWAP8), ODD8);
      FloatVector d8 = c0.rearrange(SWAP8).blend(c8, ODD8);
      FloatVector d1 = c1.blend(c9.rearrange(SWAP8), ODD8);
      FloatVector d9 = c1.rearrange(SWAP8).blend(c9, ODD8);
      FloatVector d2 = c2.blend(c10.rearrange(SWAP8), ODD8);
      FloatVector d10 = c2.rearrange(SWAP8).blend(c10, ODD8);
      FloatVector d3 = c3.blend(c11.rearrange(SWAP8), ODD8);
      FloatVector d11 = c3.rearrange(SWAP8).blend(c11, ODD8);
      FloatVector d4 = c4.blend(c12.rearrange(SWAP8), ODD8);
      FloatVector d12 = c4.rearrange(SWAP8).blend(c12, ODD8);
      FloatVector d5 = c5.blend(c13.rearrange(SWAP8), ODD8);
      FloatVector d13 = c5.rearrange(SWAP8).blend(c13, ODD8);
      FloatVector d6 = c6.blend(c14.rearrange(SWAP8), ODD8);
      FloatVector d14 = c6.rearrange(SWAP8).blend(c14, ODD8);
      FloatVector d7 = c7.blend(c15.rearrange(SWAP8), ODD8);
      FloatVector d15 = c7.rearrange(SWAP8).blend(c15, ODD8);
      int o = toAt + t * width + j;
      d0.intoArray(to, o);
      d1.intoArray(to, o + width);
      d2.intoArray(to, o + 2 * width);
      d3.intoArray(to, o + 3 * width);
      d4.intoArray(to, o + 4 * width);
      d5.intoArray(to, o + 5 * width);
      d6.intoArray(to, o + 6 * width);
      d7.intoArray(to, o + 7 * width);
      d8.intoArray(to, o + 8 * width);
      d9.intoArray(to, o + 9 * width);
      d10.intoArray(to, o + 10 * width);
      d11.intoArray(to, o + 11 * width);
      d12.intoArray(to, o + 12 * width);
      d13.intoArray(to, o + 13 * width);
      d14.intoArray(to, o + 14 * width);
      d15.intoArray(to, o + 15 * width);
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

package dev.selfsame.cpu;

import static dev.selfsame.cpu.PanelSixteens.ODD1;
import static dev.selfsame.cpu.PanelSixteens.ODD2;
import static dev.selfsame.cpu.PanelSixteens.ODD4;
import static dev.selfsame.cpu.PanelSixteens.ODD8;
import static dev.selfsame.cpu.PanelSixteens.SWAP1;
import static dev.selfsame.cpu.PanelSixteens.SWAP2;
import static dev.selfsame.cpu.PanelSixteens.SWAP4;
import static dev.selfsame.cpu.PanelSixteens.SWAP8;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PanelPack.Square} for panels of exactly twelve rows at 512 bits, the largest tile's:
 * {@link PanelSixteens} would leave a quarter of the lanes empty.
 *
 * <p>Sixteen terms of twelve rows are twelve whole vectors of the panel, so each is written once.
 * Two stages turn squares of 4 × 4; two more bring the quarters of vectors to their places, where
 * four vectors that are written 48 elements apart are a square of quarters. A pair of vectors takes
 * one shuffle and three blends, for processors blend faster than they shuffle.
 */
final class PanelTwelves implements PanelPack.Square {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  PanelTwelves() {}

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
    long at0 = at << 2;
    long at1 = (at + Math.min(1, last) * step) << 2;
    long at2 = (at + Math.min(2, last) * step) << 2;
    long at3 = (at + Math.min(3, last) * step) << 2;
    long at4 = (at + Math.min(4, last) * step) << 2;
    long at5 = (at + Math.min(5, last) * step) << 2;
    long at6 = (at + Math.min(6, last) * step) << 2;
    long at7 = (at + Math.min(7, last) * step) << 2;
    long at8 = (at + Math.min(8, last) * step) << 2;
    long at9 = (at + Math.min(9, last) * step) << 2;
    long at10 = (at + Math.min(10, last) * step) << 2;
    long at11 = (at + Math.min(11, last) * step) << 2;
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
      FloatVector a0m = r1.blend(r0, ODD1).rearrange(SWAP1);
      FloatVector a0 = r0.blend(a0m, ODD1);
      FloatVector a1 = a0m.blend(r1, ODD1);
      FloatVector a2m = r3.blend(r2, ODD1).rearrange(SWAP1);
      FloatVector a2 = r2.blend(a2m, ODD1);
      FloatVector a3 = a2m.blend(r3, ODD1);
      FloatVector a4m = r5.blend(r4, ODD1).rearrange(SWAP1);
      FloatVector a4 = r4.blend(a4m, ODD1);
      FloatVector a5 = a4m.blend(r5, ODD1);
      FloatVector a6m = r7.blend(r6, ODD1).rearrange(SWAP1);
      FloatVector a6 = r6.blend(a6m, ODD1);
      FloatVector a7 = a6m.blend(r7, ODD1);
      FloatVector a8m = r9.blend(r8, ODD1).rearrange(SWAP1);
      FloatVector a8 = r8.blend(a8m, ODD1);
      FloatVector a9 = a8m.blend(r9, ODD1);
      FloatVector a10m = r11.blend(r10, ODD1).rearrange(SWAP1);
      FloatVector a10 = r10.blend(a10m, ODD1);
      FloatVector a11 = a10m.blend(r11, ODD1);
      FloatVector b0m = a2.blend(a0, ODD2).rearrange(SWAP2);
      FloatVector b0 = a0.blend(b0m, ODD2);
      FloatVector b2 = b0m.blend(a2, ODD2);
      FloatVector b1m = a3.blend(a1, ODD2).rearrange(SWAP2);
      FloatVector b1 = a1.blend(b1m, ODD2);
      FloatVector b3 = b1m.blend(a3, ODD2);
      FloatVector b4m = a6.blend(a4, ODD2).rearrange(SWAP2);
      FloatVector b4 = a4.blend(b4m, ODD2);
      FloatVector b6 = b4m.blend(a6, ODD2);
      FloatVector b5m = a7.blend(a5, ODD2).rearrange(SWAP2);
      FloatVector b5 = a5.blend(b5m, ODD2);
      FloatVector b7 = b5m.blend(a7, ODD2);
      FloatVector b8m = a10.blend(a8, ODD2).rearrange(SWAP2);
      FloatVector b8 = a8.blend(b8m, ODD2);
      FloatVector b10 = b8m.blend(a10, ODD2);
      FloatVector b9m = a11.blend(a9, ODD2).rearrange(SWAP2);
      FloatVector b9 = a9.blend(b9m, ODD2);
      FloatVector b11 = b9m.blend(a11, ODD2);
      int o = toAt + t * 12;
      FloatVector c0m = b4.blend(b0, ODD4).rearrange(SWAP4);
      FloatVector c0 = b0.blend(c0m, ODD4);
      FloatVector c1 = c0m.blend(b4, ODD4);
      FloatVector c2m = b1.blend(b8, ODD4).rearrange(SWAP4);
      FloatVector c2 = b8.blend(c2m, ODD4);
      FloatVector c3 = c2m.blend(b1, ODD4);
      FloatVector d0m = c2.blend(c0, ODD8).rearrange(SWAP8);
      FloatVector d0 = c0.blend(d0m, ODD8);
      FloatVector d2 = d0m.blend(c2, ODD8);
      FloatVector d1m = c3.blend(c1, ODD8).rearrange(SWAP8);
      FloatVector d1 = c1.blend(d1m, ODD8);
      FloatVector d3 = d1m.blend(c3, ODD8);
      d0.intoArray(to, o);
      d1.intoArray(to, o + 48);
      d2.intoArray(to, o + 96);
      d3.intoArray(to, o + 144);
      FloatVector c4m = b9.blend(b5, ODD4).rearrange(SWAP4);
      FloatVector c4 = b5.blend(c4m, ODD4);
      FloatVector c5 = c4m.blend(b9, ODD4);
      FloatVector c6m = b6.blend(b2, ODD4).rearrange(SWAP4);
      FloatVector c6 = b2.blend(c6m, ODD4);
      FloatVector c7 = c6m.blend(b6, ODD4);
      FloatVector d4m = c6.blend(c4, ODD8).rearrange(SWAP8);
      FloatVector d4 = c4.blend(d4m, ODD8);
      FloatVector d6 = d4m.blend(c6, ODD8);
      FloatVector d5m = c7.blend(c5, ODD8).rearrange(SWAP8);
      FloatVector d5 = c5.blend(d5m, ODD8);
      FloatVector d7 = d5m.blend(c7, ODD8);
      d4.intoArray(to, o + 16);
      d5.intoArray(to, o + 64);
      d6.intoArray(to, o + 112);
      d7.intoArray(to, o + 160);
      FloatVector c8m = b3.blend(b10, ODD4).rearrange(SWAP4);
      FloatVector c8 = b10.blend(c8m, ODD4);
      FloatVector c9 = c8m.blend(b3, ODD4);
      FloatVector c10m = b11.blend(b7, ODD4).rearrange(SWAP4);
      FloatVector c10 = b7.blend(c10m, ODD4);
      FloatVector c11 = c10m.blend(b11, ODD4);
      FloatVector d8m = c10.blend(c8, ODD8).rearrange(SWAP8);
      FloatVector d8 = c8.blend(d8m, ODD8);
      FloatVector d10 = d8m.blend(c10, ODD8);
      FloatVector d9m = c11.blend(c9, ODD8).rearrange(SWAP8);
      FloatVector d9 = c9.blend(d9m, ODD8);
      FloatVector d11 = d9m.blend(c11, ODD8);
      d8.intoArray(to, o + 32);
      d9.intoArray(to, o + 80);
      d10.intoArray(to, o + 128);
      d11.intoArray(to, o + 176);
    }
  }
}

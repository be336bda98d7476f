package dev.selfsame.bench;

import dev.selfsame.cpu.Lanes;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The bare loops that a machine's limits are measured with: in the Vector API, because that is what
 * our kernels can have at best. Each is called for pieces of some thousand elements, so that the
 * compiled method runs, not its on-stack replacement.
 */
final class LimitLoops {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  static final int LANES = F.length();

  /** Chains of {@link #fma} that do not wait for one another. */
  static final int CHAINS = 12;

  private LimitLoops() {}

  /** {@code n} fused multiply-adds on each of {@link #CHAINS} vectors, in registers only. */
  static float fma(long n, float scale, float shift) {
    var m = FloatVector.broadcast(F, scale);
    var c = FloatVector.broadcast(F, shift);
    FloatVector a0 = c.mul(1f);
    FloatVector a1 = c.mul(2f);
    FloatVector a2 = c.mul(3f);
    FloatVector a3 = c.mul(4f);
    FloatVector a4 = c.mul(5f);
    FloatVector a5 = c.mul(6f);
    FloatVector a6 = c.mul(7f);
    FloatVector a7 = c.mul(8f);
    FloatVector a8 = c.mul(9f);
    FloatVector a9 = c.mul(10f);
    FloatVector a10 = c.mul(11f);
    FloatVector a11 = c.mul(12f);
    for (long i = 0; i < n; i++) {
      a0 = a0.fma(m, c);
      a1 = a1.fma(m, c);
      a2 = a2.fma(m, c);
      a3 = a3.fma(m, c);
      a4 = a4.fma(m, c);
      a5 = a5.fma(m, c);
      a6 = a6.fma(m, c);
      a7 = a7.fma(m, c);
      a8 = a8.fma(m, c);
      a9 = a9.fma(m, c);
      a10 = a10.fma(m, c);
      a11 = a11.fma(m, c);
    }
    var sum = a0.add(a1).add(a2).add(a3).add(a4).add(a5);
    return sum.add(a6).add(a7).add(a8).add(a9).add(a10).add(a11).lane(0);
  }

  /** One array read; returns something that depends on all of it. */
  static float read(MemorySegment a, long from, long to) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    long step = 4L * LANES;
    for (long i = from; i < to; i += step) {
      s0 = s0.add(load(a, i));
      s1 = s1.add(load(a, i + LANES));
      s2 = s2.add(load(a, i + 2L * LANES));
      s3 = s3.add(load(a, i + 3L * LANES));
    }
    return s0.add(s1).add(s2.add(s3)).lane(0);
  }

  /** b ← a. */
  static void copy(MemorySegment a, MemorySegment b, long from, long to) {
    for (long i = from; i < to; i += LANES) {
      store(load(a, i), b, i);
    }
  }

  /** c ← a + b·scale. */
  static void triad(
      MemorySegment a, MemorySegment b, MemorySegment c, float scale, long from, long to) {
    for (long i = from; i < to; i += LANES) {
      store(load(b, i).fma(FloatVector.broadcast(F, scale), load(a, i)), c, i);
    }
  }

  /** p, m, v each ← itself + g·scale: what AdamW must read and write. */
  static void update(
      MemorySegment p,
      MemorySegment g,
      MemorySegment m,
      MemorySegment v,
      float scale,
      long from,
      long to) {
    for (long i = from; i < to; i += LANES) {
      var s = FloatVector.broadcast(F, scale);
      var gs = load(g, i);
      store(gs.fma(s, load(p, i)), p, i);
      store(gs.fma(s, load(m, i)), m, i);
      store(gs.fma(s, load(v, i)), v, i);
    }
  }

  private static FloatVector load(MemorySegment s, long i) {
    return FloatVector.fromMemorySegment(F, s, i * Float.BYTES, ORDER);
  }

  private static void store(FloatVector x, MemorySegment s, long i) {
    x.intoMemorySegment(Lanes.expectNative(s), i * Float.BYTES, ORDER);
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The sums of the normalizations over one block of the contract, four sums at a time: one alone
 * would be two chains of dependent additions. They come to {@code sums[0]} to {@code sums[3]};
 * there must be {@link #ROOM} for the lanes of each.
 */
interface NormSums {
  /** Floats that the lanes of four sums take. */
  int ROOM = 4 * LANES;

  /** Sums of {@code count} elements, 1 … 1,024, of x from a, b, c and d on. */
  void sums(MemorySegment x, long a, long b, long c, long d, int count, float[] sums);

  /** Sums of their squared distances from ma, mb, mc and md. */
  void squares(
      MemorySegment x,
      long a,
      long b,
      long c,
      long d,
      float ma,
      float mb,
      float mc,
      float md,
      int count,
      float[] sums);

  /**
   * Sums, with g = dy·gamma and h = (x − m)·s, of g at p, of g·h at p, of g at q, of g·h at q.
   *
   * @param column where gamma begins
   */
  void products(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      long p,
      long q,
      long column,
      float mp,
      float mq,
      float sp,
      float sq,
      int count,
      float[] sums);

  /**
   * The block sum of a row from the sums of its blocks.
   *
   * @param from where they begin
   */
  float total(MemorySegment partials, long from, long blocks, float[] sums);

  /** The sums on vectors of a width. */
  static NormSums on(int bits) {
    return Lanes.kernel(Kernel.class, NormSums.class, bits);
  }

  /** A copy of this class runs each vector width (Lanes). */
  final class Kernel implements NormSums {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final VectorSpecies<Float> Q = FloatVector.SPECIES_128;
    private static final int W = F.length();

    /** What a sum starts from without a trace: −0 + t is t, for t = −0 too. */
    private static final float NOTHING = -0f;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    private static FloatVector load(MemorySegment s, long i) {
      return FloatVector.fromMemorySegment(F, s, i << 2, ORDER);
    }

    @Override
    public void sums(MemorySegment x, long a, long b, long c, long d, int count, float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector a0 = FloatVector.broadcast(F, NOTHING);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        for (long i = j; i < whole; i += LANES) {
          a0 = a0.add(load(x, a + i));
          a1 = a1.add(load(x, a + i + W));
          b0 = b0.add(load(x, b + i));
          b1 = b1.add(load(x, b + i + W));
          c0 = c0.add(load(x, c + i));
          c1 = c1.add(load(x, c + i + W));
          d0 = d0.add(load(x, d + i));
          d1 = d1.add(load(x, d + i + W));
        }
        a0.intoArray(sums, j);
        a1.intoArray(sums, j + W);
        b0.intoArray(sums, j + LANES);
        b1.intoArray(sums, j + LANES + W);
        c0.intoArray(sums, j + 2 * LANES);
        c1.intoArray(sums, j + 2 * LANES + W);
        d0.intoArray(sums, j + 3 * LANES);
        d1.intoArray(sums, j + 3 * LANES + W);
      }
      for (int i = whole; i < count; i++) {
        int j = i - whole;
        sums[j] += f32(x, a + i);
        sums[j + LANES] += f32(x, b + i);
        sums[j + 2 * LANES] += f32(x, c + i);
        sums[j + 3 * LANES] += f32(x, d + i);
      }
      combine(sums);
    }

    @Override
    public void squares(
        MemorySegment x,
        long a,
        long b,
        long c,
        long d,
        float ma,
        float mb,
        float mc,
        float md,
        int count,
        float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector a0 = FloatVector.broadcast(F, NOTHING);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        for (long i = j; i < whole; i += LANES) {
          FloatVector t = load(x, a + i).sub(ma);
          a0 = a0.add(t.mul(t));
          t = load(x, a + i + W).sub(ma);
          a1 = a1.add(t.mul(t));
          t = load(x, b + i).sub(mb);
          b0 = b0.add(t.mul(t));
          t = load(x, b + i + W).sub(mb);
          b1 = b1.add(t.mul(t));
          t = load(x, c + i).sub(mc);
          c0 = c0.add(t.mul(t));
          t = load(x, c + i + W).sub(mc);
          c1 = c1.add(t.mul(t));
          t = load(x, d + i).sub(md);
          d0 = d0.add(t.mul(t));
          t = load(x, d + i + W).sub(md);
          d1 = d1.add(t.mul(t));
        }
        a0.intoArray(sums, j);
        a1.intoArray(sums, j + W);
        b0.intoArray(sums, j + LANES);
        b1.intoArray(sums, j + LANES + W);
        c0.intoArray(sums, j + 2 * LANES);
        c1.intoArray(sums, j + 2 * LANES + W);
        d0.intoArray(sums, j + 3 * LANES);
        d1.intoArray(sums, j + 3 * LANES + W);
      }
      for (int i = whole; i < count; i++) {
        int j = i - whole;
        sums[j] += square(f32(x, a + i) - ma);
        sums[j + LANES] += square(f32(x, b + i) - mb);
        sums[j + 2 * LANES] += square(f32(x, c + i) - mc);
        sums[j + 3 * LANES] += square(f32(x, d + i) - md);
      }
      combine(sums);
    }

    private static float square(float d) {
      return d * d;
    }

    @Override
    public void products(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        long p,
        long q,
        long column,
        float mp,
        float mq,
        float sp,
        float sq,
        int count,
        float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector gp0 = FloatVector.broadcast(F, NOTHING);
        FloatVector gp1 = gp0;
        FloatVector hp0 = gp0;
        FloatVector hp1 = gp0;
        FloatVector gq0 = gp0;
        FloatVector gq1 = gp0;
        FloatVector hq0 = gp0;
        FloatVector hq1 = gp0;
        for (long i = j; i < whole; i += LANES) {
          FloatVector c0 = load(gamma, column + i);
          FloatVector c1 = load(gamma, column + i + W);
          FloatVector g = load(dy, p + i).mul(c0);
          gp0 = gp0.add(g);
          hp0 = hp0.add(load(x, p + i).sub(mp).mul(sp).mul(g));
          g = load(dy, p + i + W).mul(c1);
          gp1 = gp1.add(g);
          hp1 = hp1.add(load(x, p + i + W).sub(mp).mul(sp).mul(g));
          g = load(dy, q + i).mul(c0);
          gq0 = gq0.add(g);
          hq0 = hq0.add(load(x, q + i).sub(mq).mul(sq).mul(g));
          g = load(dy, q + i + W).mul(c1);
          gq1 = gq1.add(g);
          hq1 = hq1.add(load(x, q + i + W).sub(mq).mul(sq).mul(g));
        }
        gp0.intoArray(sums, j);
        gp1.intoArray(sums, j + W);
        hp0.intoArray(sums, j + LANES);
        hp1.intoArray(sums, j + LANES + W);
        gq0.intoArray(sums, j + 2 * LANES);
        gq1.intoArray(sums, j + 2 * LANES + W);
        hq0.intoArray(sums, j + 3 * LANES);
        hq1.intoArray(sums, j + 3 * LANES + W);
      }
      for (int i = whole; i < count; i++) {
        int j = i - whole;
        float gp = f32(dy, p + i) * f32(gamma, column + i);
        float gq = f32(dy, q + i) * f32(gamma, column + i);
        sums[j] += gp;
        sums[j + LANES] += (f32(x, p + i) - mp) * sp * gp;
        sums[j + 2 * LANES] += gq;
        sums[j + 3 * LANES] += (f32(x, q + i) - mq) * sq * gq;
      }
      combine(sums);
    }

    @Override
    public float total(MemorySegment partials, long from, long blocks, float[] sums) {
      if (blocks == 1) {
        return f32(partials, from);
      }
      if (blocks > BLOCK) {
        return OrderedSum.blockSum(partials, from, blocks);
      }
      sums(partials, from, from, from, from, (int) blocks, sums);
      return sums[0];
    }

    /**
     * Combines the lanes of each sum by halving, as {@link OrderedSum#combineLanes}; a lane without
     * an element holds −0, which changes no sum. A loop, for at four places it would not be inlined
     * at each, and make objects of its vectors.
     */
    private static void combine(float[] sums) {
      for (int k = 0; k < 4; k++) {
        int from = k * LANES;
        FloatVector a = four(sums, from).add(four(sums, from + 16));
        FloatVector b = four(sums, from + 4).add(four(sums, from + 20));
        FloatVector c = four(sums, from + 8).add(four(sums, from + 24));
        FloatVector d = four(sums, from + 12).add(four(sums, from + 28));
        FloatVector v = a.add(c).add(b.add(d));
        sums[k] = (v.lane(0) + v.lane(2)) + (v.lane(1) + v.lane(3));
      }
    }

    private static FloatVector four(float[] sums, int i) {
      return FloatVector.fromArray(Q, sums, i);
    }
  }
}

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
 * The sums of the normalizations over one block of the contract, two sums at a time: one alone
 * would be two chains of dependent additions, and four at a time are more than the compiler inlines
 * together with what is done with them. They come to {@code sums[0]} and {@code sums[1]}; there
 * must be {@link #ROOM} for the lanes of each.
 */
interface NormSums {
  /** Floats that the lanes of two sums take. */
  int ROOM = 2 * LANES;

  /** Sums of {@code count} elements, 1 … 1,024, of x from a and from b on. */
  void sums(MemorySegment x, long a, long b, int count, float[] sums);

  /** Sums of their squared distances from ma and mb. */
  void squares(MemorySegment x, long a, long b, float ma, float mb, int count, float[] sums);

  /**
   * Sums, with g = dy·gamma and h = (x − m)·s, of g and of g·h.
   *
   * @param at where dy and x begin
   * @param column where gamma begins
   */
  void products(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      long at,
      long column,
      float m,
      float s,
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
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final VectorSpecies<Float> Q = FloatVector.SPECIES_128;
    private static final Class<? extends FloatVector> QUARTERS = Lanes.type(FloatVector.zero(Q));
    private static final int W = F.length();

    /** What a sum starts from without a trace: −0 + t is t, for t = −0 too. */
    private static final float NOTHING = -0f;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void sums(MemorySegment x, long a, long b, int count, float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector a0 = FloatVector.broadcast(F, NOTHING);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        for (long i = j; i < whole; i += LANES) {
          a0 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (a + i) << 2, ORDER)).add(a0);
          a1 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (a + i + W) << 2, ORDER)).add(a1);
          b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (b + i) << 2, ORDER)).add(b0);
          b1 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (b + i + W) << 2, ORDER)).add(b1);
        }
        FLOATS.cast(a0).intoArray(sums, j);
        FLOATS.cast(a1).intoArray(sums, j + W);
        FLOATS.cast(b0).intoArray(sums, j + LANES);
        FLOATS.cast(b1).intoArray(sums, j + LANES + W);
      }
      for (int i = whole; i < count; i++) {
        sums[i - whole] += f32(x, a + i);
        sums[i - whole + LANES] += f32(x, b + i);
      }
      combine(sums);
    }

    @Override
    public void squares(
        MemorySegment x, long a, long b, float ma, float mb, int count, float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector a0 = FloatVector.broadcast(F, NOTHING);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        for (long i = j; i < whole; i += LANES) {
          FloatVector t =
              FLOATS.cast(FloatVector.fromMemorySegment(F, x, (a + i) << 2, ORDER)).sub(ma);
          a0 = t.mul(t).add(a0);
          t = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (a + i + W) << 2, ORDER)).sub(ma);
          a1 = t.mul(t).add(a1);
          t = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (b + i) << 2, ORDER)).sub(mb);
          b0 = t.mul(t).add(b0);
          t = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (b + i + W) << 2, ORDER)).sub(mb);
          b1 = t.mul(t).add(b1);
        }
        FLOATS.cast(a0).intoArray(sums, j);
        FLOATS.cast(a1).intoArray(sums, j + W);
        FLOATS.cast(b0).intoArray(sums, j + LANES);
        FLOATS.cast(b1).intoArray(sums, j + LANES + W);
      }
      for (int i = whole; i < count; i++) {
        float ta = f32(x, a + i) - ma;
        float tb = f32(x, b + i) - mb;
        sums[i - whole] += ta * ta;
        sums[i - whole + LANES] += tb * tb;
      }
      combine(sums);
    }

    @Override
    public void products(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        long at,
        long column,
        float m,
        float s,
        int count,
        float[] sums) {
      int whole = count & -LANES;
      for (int j = 0; j < LANES; j += 2 * W) {
        FloatVector g0 = FloatVector.broadcast(F, NOTHING);
        FloatVector g1 = g0;
        FloatVector h0 = g0;
        FloatVector h1 = g0;
        for (long i = j; i < whole; i += LANES) {
          FloatVector g =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, dy, (at + i) << 2, ORDER))
                  .mul(
                      FLOATS.cast(
                          FloatVector.fromMemorySegment(F, gamma, (column + i) << 2, ORDER)));
          g0 = g.add(g0);
          h0 =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, x, (at + i) << 2, ORDER))
                  .sub(m)
                  .mul(s)
                  .mul(g)
                  .add(h0);
          g =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, dy, (at + i + W) << 2, ORDER))
                  .mul(
                      FLOATS.cast(
                          FloatVector.fromMemorySegment(F, gamma, (column + i + W) << 2, ORDER)));
          g1 = g.add(g1);
          h1 =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, x, (at + i + W) << 2, ORDER))
                  .sub(m)
                  .mul(s)
                  .mul(g)
                  .add(h1);
        }
        FLOATS.cast(g0).intoArray(sums, j);
        FLOATS.cast(g1).intoArray(sums, j + W);
        FLOATS.cast(h0).intoArray(sums, j + LANES);
        FLOATS.cast(h1).intoArray(sums, j + LANES + W);
      }
      for (int i = whole; i < count; i++) {
        float g = f32(dy, at + i) * f32(gamma, column + i);
        sums[i - whole] += g;
        sums[i - whole + LANES] += (f32(x, at + i) - m) * s * g;
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
      sums(partials, from, from, (int) blocks, sums);
      return sums[0];
    }

    /**
     * Combines the lanes of each sum by halving, as {@link OrderedSum#combineLanes}; a lane without
     * an element holds −0, which changes no sum. A loop, for written out it would not be inlined
     * each time, and make objects of its vectors; and without a method that loads a quarter, which
     * compiled by itself is not inlined in some processes.
     */
    private static void combine(float[] sums) {
      for (int k = 0; k < 2; k++) {
        int from = k * LANES;
        FloatVector a =
            QUARTERS
                .cast(FloatVector.fromArray(Q, sums, from))
                .add(QUARTERS.cast(FloatVector.fromArray(Q, sums, from + 16)));
        FloatVector b =
            QUARTERS
                .cast(FloatVector.fromArray(Q, sums, from + 4))
                .add(QUARTERS.cast(FloatVector.fromArray(Q, sums, from + 20)));
        FloatVector c =
            QUARTERS
                .cast(FloatVector.fromArray(Q, sums, from + 8))
                .add(QUARTERS.cast(FloatVector.fromArray(Q, sums, from + 24)));
        FloatVector d =
            QUARTERS
                .cast(FloatVector.fromArray(Q, sums, from + 12))
                .add(QUARTERS.cast(FloatVector.fromArray(Q, sums, from + 28)));
        FloatVector v = a.add(c).add(b.add(d));
        sums[k] = (v.lane(0) + v.lane(2)) + (v.lane(1) + v.lane(3));
      }
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The sums of the normalizations, up to the 32 lanes of one block of the contract, four sums at a
 * time: one alone would be two chains of dependent additions. The lanes of sum k lie at {@code
 * lanes} from 32·k on; {@link #combine} makes the sum of them.
 */
interface NormSums {
  /** Four times {@code count} elements, 1 … 1,024, of x from a, b, c and d on. */
  void sums(MemorySegment x, long a, long b, long c, long d, int count, MemorySegment lanes);

  /** The squares of their distances from ma, mb, mc and md. */
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
      MemorySegment lanes);

  /**
   * For p and q with g = dy·gamma and h = (x − m)·s: g of p, g·h of p, g of q, g·h of q.
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
      MemorySegment lanes);

  /**
   * Combines lanes by halving, as {@link OrderedSum#combineLanes}.
   *
   * @param from the first lane
   * @param live lanes with an element, 1 … 32
   */
  float combine(MemorySegment lanes, int from, int live);

  /** The sums on vectors of a width. */
  static NormSums on(int bits) {
    return Lanes.kernel(Kernel.class, NormSums.class, bits);
  }

  /** A copy of this class runs each vector width (Lanes). */
  final class Kernel implements NormSums {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final VectorSpecies<Float> Q = FloatVector.SPECIES_128;
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    private static FloatVector load(MemorySegment s, long i) {
      return FloatVector.fromMemorySegment(F, s, i << 2, ORDER);
    }

    private static void store(FloatVector v, MemorySegment s, long i) {
      v.intoMemorySegment(s, i << 2, ORDER);
    }

    @Override
    public void sums(
        MemorySegment x, long a, long b, long c, long d, int count, MemorySegment lanes) {
      int rows = count / LANES;
      for (int j = 0; j < LANES && rows > 0; j += 2 * W) {
        FloatVector a0 = load(x, a + j);
        FloatVector a1 = load(x, a + j + W);
        FloatVector b0 = load(x, b + j);
        FloatVector b1 = load(x, b + j + W);
        FloatVector c0 = load(x, c + j);
        FloatVector c1 = load(x, c + j + W);
        FloatVector d0 = load(x, d + j);
        FloatVector d1 = load(x, d + j + W);
        for (int r = 1; r < rows; r++) {
          long at = j + (long) r * LANES;
          a0 = a0.add(load(x, a + at));
          a1 = a1.add(load(x, a + at + W));
          b0 = b0.add(load(x, b + at));
          b1 = b1.add(load(x, b + at + W));
          c0 = c0.add(load(x, c + at));
          c1 = c1.add(load(x, c + at + W));
          d0 = d0.add(load(x, d + at));
          d1 = d1.add(load(x, d + at + W));
        }
        store(a0, lanes, j);
        store(a1, lanes, j + W);
        store(b0, lanes, j + LANES);
        store(b1, lanes, j + LANES + W);
        store(c0, lanes, j + 2 * LANES);
        store(c1, lanes, j + 2 * LANES + W);
        store(d0, lanes, j + 3 * LANES);
        store(d1, lanes, j + 3 * LANES + W);
      }
      for (int i = rows * LANES; i < count; i++) {
        int j = i - rows * LANES;
        addTo(lanes, j, f32(x, a + i), rows);
        addTo(lanes, j + LANES, f32(x, b + i), rows);
        addTo(lanes, j + 2 * LANES, f32(x, c + i), rows);
        addTo(lanes, j + 3 * LANES, f32(x, d + i), rows);
      }
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
        MemorySegment lanes) {
      int rows = count / LANES;
      for (int j = 0; j < LANES && rows > 0; j += 2 * W) {
        FloatVector a0 = square(x, a + j, ma);
        FloatVector a1 = square(x, a + j + W, ma);
        FloatVector b0 = square(x, b + j, mb);
        FloatVector b1 = square(x, b + j + W, mb);
        FloatVector c0 = square(x, c + j, mc);
        FloatVector c1 = square(x, c + j + W, mc);
        FloatVector d0 = square(x, d + j, md);
        FloatVector d1 = square(x, d + j + W, md);
        for (int r = 1; r < rows; r++) {
          long at = j + (long) r * LANES;
          a0 = a0.add(square(x, a + at, ma));
          a1 = a1.add(square(x, a + at + W, ma));
          b0 = b0.add(square(x, b + at, mb));
          b1 = b1.add(square(x, b + at + W, mb));
          c0 = c0.add(square(x, c + at, mc));
          c1 = c1.add(square(x, c + at + W, mc));
          d0 = d0.add(square(x, d + at, md));
          d1 = d1.add(square(x, d + at + W, md));
        }
        store(a0, lanes, j);
        store(a1, lanes, j + W);
        store(b0, lanes, j + LANES);
        store(b1, lanes, j + LANES + W);
        store(c0, lanes, j + 2 * LANES);
        store(c1, lanes, j + 2 * LANES + W);
        store(d0, lanes, j + 3 * LANES);
        store(d1, lanes, j + 3 * LANES + W);
      }
      for (int i = rows * LANES; i < count; i++) {
        int j = i - rows * LANES;
        addTo(lanes, j, square(f32(x, a + i) - ma), rows);
        addTo(lanes, j + LANES, square(f32(x, b + i) - mb), rows);
        addTo(lanes, j + 2 * LANES, square(f32(x, c + i) - mc), rows);
        addTo(lanes, j + 3 * LANES, square(f32(x, d + i) - md), rows);
      }
    }

    private static FloatVector square(MemorySegment x, long i, float m) {
      FloatVector d = load(x, i).sub(m);
      return d.mul(d);
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
        MemorySegment lanes) {
      int rows = count / LANES;
      for (int j = 0; j < LANES && rows > 0; j += 2 * W) {
        FloatVector c0 = load(gamma, column + j);
        FloatVector c1 = load(gamma, column + j + W);
        FloatVector gp0 = load(dy, p + j).mul(c0);
        FloatVector gp1 = load(dy, p + j + W).mul(c1);
        FloatVector gq0 = load(dy, q + j).mul(c0);
        FloatVector gq1 = load(dy, q + j + W).mul(c1);
        FloatVector hp0 = load(x, p + j).sub(mp).mul(sp).mul(gp0);
        FloatVector hp1 = load(x, p + j + W).sub(mp).mul(sp).mul(gp1);
        FloatVector hq0 = load(x, q + j).sub(mq).mul(sq).mul(gq0);
        FloatVector hq1 = load(x, q + j + W).sub(mq).mul(sq).mul(gq1);
        for (int r = 1; r < rows; r++) {
          long at = j + (long) r * LANES;
          c0 = load(gamma, column + at);
          c1 = load(gamma, column + at + W);
          FloatVector g = load(dy, p + at).mul(c0);
          gp0 = gp0.add(g);
          hp0 = hp0.add(load(x, p + at).sub(mp).mul(sp).mul(g));
          g = load(dy, p + at + W).mul(c1);
          gp1 = gp1.add(g);
          hp1 = hp1.add(load(x, p + at + W).sub(mp).mul(sp).mul(g));
          g = load(dy, q + at).mul(c0);
          gq0 = gq0.add(g);
          hq0 = hq0.add(load(x, q + at).sub(mq).mul(sq).mul(g));
          g = load(dy, q + at + W).mul(c1);
          gq1 = gq1.add(g);
          hq1 = hq1.add(load(x, q + at + W).sub(mq).mul(sq).mul(g));
        }
        store(gp0, lanes, j);
        store(gp1, lanes, j + W);
        store(hp0, lanes, j + LANES);
        store(hp1, lanes, j + LANES + W);
        store(gq0, lanes, j + 2 * LANES);
        store(gq1, lanes, j + 2 * LANES + W);
        store(hq0, lanes, j + 3 * LANES);
        store(hq1, lanes, j + 3 * LANES + W);
      }
      for (int i = rows * LANES; i < count; i++) {
        int j = i - rows * LANES;
        float gp = f32(dy, p + i) * f32(gamma, column + i);
        float gq = f32(dy, q + i) * f32(gamma, column + i);
        addTo(lanes, j, gp, rows);
        addTo(lanes, j + LANES, (f32(x, p + i) - mp) * sp * gp, rows);
        addTo(lanes, j + 2 * LANES, gq, rows);
        addTo(lanes, j + 3 * LANES, (f32(x, q + i) - mq) * sq * gq, rows);
      }
    }

    /** A lane's next term, or its first where no whole row of lanes came before. */
    private static void addTo(MemorySegment lanes, int j, float term, int rows) {
      f32(lanes, j, rows == 0 ? term : f32(lanes, j) + term);
    }

    @Override
    public float combine(MemorySegment lanes, int from, int live) {
      if (live == LANES) {
        FloatVector a = four(lanes, from).add(four(lanes, from + 16));
        FloatVector b = four(lanes, from + 4).add(four(lanes, from + 20));
        FloatVector c = four(lanes, from + 8).add(four(lanes, from + 24));
        FloatVector d = four(lanes, from + 12).add(four(lanes, from + 28));
        FloatVector v = a.add(c).add(b.add(d));
        return (v.lane(0) + v.lane(2)) + (v.lane(1) + v.lane(3));
      }
      int left = live;
      for (int half = LANES / 2; half > 0; half /= 2) {
        for (int j = from; j + half < from + left; j++) {
          f32(lanes, j, f32(lanes, j) + f32(lanes, j + half));
        }
        left = Math.min(left, half);
      }
      return f32(lanes, from);
    }

    private static FloatVector four(MemorySegment lanes, int i) {
      return FloatVector.fromMemorySegment(Q, lanes, (long) i << 2, ORDER);
    }
  }
}

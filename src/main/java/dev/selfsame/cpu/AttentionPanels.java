package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link AttentionKernel} with the Vector API; a copy of this class runs each width (Lanes). */
final class AttentionPanels implements AttentionKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final int W = 2 * N;

  /** Bytes of a row. */
  private static final long ROW = 4L * W;

  private static final long SECOND = 4L * N;
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));

  /** N zeros and N times all bits: read from N − t on, the lanes from t on have all bits. */
  private static final int[] BITS = new int[2 * N];

  static {
    Arrays.fill(BITS, N, 2 * N, -1);
  }

  /** From here on, a quotient's remainder is no subnormal number. */
  private static final float DIVIDE_BY_PRODUCTS = 0x1p-64f;

  AttentionPanels() {}

  @Override
  public void scaleAndMaximum(MemorySegment x, long at, int rows, float c, MemorySegment maxima) {
    x = Lanes.expectNative(x);
    maxima = Lanes.expectNative(maxima);
    FloatVector scale = FloatVector.broadcast(F, c);
    FloatVector ma = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    FloatVector mb = ma;
    for (long o = at << 2; o < (at << 2) + rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o, NATIVE)).mul(scale);
      FloatVector b =
          FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + SECOND, NATIVE)).mul(scale);
      ma = a.max(ma);
      mb = b.max(mb);
      a.intoMemorySegment(x, o, NATIVE);
      b.intoMemorySegment(x, o + SECOND, NATIVE);
    }
    FLOATS.cast(ma).intoMemorySegment(maxima, 0, NATIVE);
    FLOATS.cast(mb).intoMemorySegment(maxima, SECOND, NATIVE);
  }

  @Override
  public void subtract(MemorySegment x, long at, int rows, float c, MemorySegment m) {
    x = Lanes.expectNative(x);
    FloatVector scale = FloatVector.broadcast(F, c);
    FloatVector ma = FLOATS.cast(FloatVector.fromMemorySegment(F, m, 0, NATIVE));
    FloatVector mb = FLOATS.cast(FloatVector.fromMemorySegment(F, m, SECOND, NATIVE));
    for (long o = at << 2; o < (at << 2) + rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + SECOND, NATIVE));
      a.mul(scale).sub(ma).intoMemorySegment(x, o, NATIVE);
      b.mul(scale).sub(mb).intoMemorySegment(x, o + SECOND, NATIVE);
    }
  }

  @Override
  public void add(MemorySegment x, long at, MemorySegment sums, long sumsAt, int count) {
    sums = Lanes.expectNative(sums);
    long o = at << 2;
    long s = sumsAt << 2;
    for (long i = 0; i < 4L * count; i += SECOND) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, sums, s + i, NATIVE))
          .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + i, NATIVE)))
          .intoMemorySegment(sums, s + i, NATIVE);
    }
  }

  @Override
  public void combine(MemorySegment lanes) {
    lanes = Lanes.expectNative(lanes);
    for (long half = LANES / 2 * ROW; half >= ROW; half /= 2) {
      for (long i = 0; i < half; i += SECOND) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, lanes, i, NATIVE))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, lanes, i + half, NATIVE)))
            .intoMemorySegment(lanes, i, NATIVE);
      }
    }
  }

  /** As softmax divides, with a divisor for each column (SoftmaxVector). */
  @Override
  public void divide(MemorySegment x, long at, int rows, MemorySegment l) {
    x = Lanes.expectNative(x);
    FloatVector la = FLOATS.cast(FloatVector.fromMemorySegment(F, l, 0, NATIVE));
    FloatVector lb = FLOATS.cast(FloatVector.fromMemorySegment(F, l, SECOND, NATIVE));
    FloatVector one = FLOATS.cast(FloatVector.broadcast(F, 1f));
    FloatVector ra = one.div(la);
    FloatVector rb = one.div(lb);
    FloatVector na = la.neg();
    FloatVector nb = lb.neg();
    for (long o = at << 2; o < (at << 2) + rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + SECOND, NATIVE));
      FloatVector least = a.min(b);
      if (least.compare(VectorOperators.GE, DIVIDE_BY_PRODUCTS).allTrue()) {
        FloatVector qa = a.mul(ra);
        FloatVector qb = b.mul(rb);
        qa = qa.fma(na, a).fma(ra, qa);
        qb = qb.fma(nb, b).fma(rb, qb);
        qa.fma(na, a).fma(ra, qa).intoMemorySegment(x, o, NATIVE);
        qb.fma(nb, b).fma(rb, qb).intoMemorySegment(x, o + SECOND, NATIVE);
      } else {
        a.div(la).intoMemorySegment(x, o, NATIVE);
        b.div(lb).intoMemorySegment(x, o + SECOND, NATIVE);
      }
    }
  }

  @Override
  public void chains(MemorySegment a, MemorySegment b, int rows, MemorySegment sums) {
    sums = Lanes.expectNative(sums);
    FloatVector sa = FloatVector.zero(F);
    FloatVector sb = sa;
    for (long o = 0; o < rows * ROW; o += ROW) {
      FloatVector aa = FLOATS.cast(FloatVector.fromMemorySegment(F, a, o, NATIVE));
      FloatVector ab = FLOATS.cast(FloatVector.fromMemorySegment(F, a, o + SECOND, NATIVE));
      sa = aa.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE)), sa);
      sb = ab.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), sb);
    }
    FLOATS.cast(sa).intoMemorySegment(sums, 0, NATIVE);
    FLOATS.cast(sb).intoMemorySegment(sums, SECOND, NATIVE);
  }

  @Override
  public void slopes(MemorySegment p, MemorySegment ds, long at, int rows, MemorySegment e) {
    ds = Lanes.expectNative(ds);
    FloatVector ea = FLOATS.cast(FloatVector.fromMemorySegment(F, e, 0, NATIVE));
    FloatVector eb = FLOATS.cast(FloatVector.fromMemorySegment(F, e, SECOND, NATIVE));
    for (long o = at << 2; o < (at << 2) + rows * ROW; o += ROW) {
      FloatVector pa = FLOATS.cast(FloatVector.fromMemorySegment(F, p, o, NATIVE));
      FloatVector pb = FLOATS.cast(FloatVector.fromMemorySegment(F, p, o + SECOND, NATIVE));
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, ds, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, ds, o + SECOND, NATIVE));
      pa.mul(a.sub(ea)).intoMemorySegment(ds, o, NATIVE);
      pb.mul(b.sub(eb)).intoMemorySegment(ds, o + SECOND, NATIVE);
    }
  }

  @Override
  public void scale(MemorySegment x, int count, float c) {
    x = Lanes.expectNative(x);
    FloatVector scale = FloatVector.broadcast(F, c);
    for (long o = 0; o < 4L * count; o += SECOND) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, x, o, NATIVE))
          .mul(scale)
          .intoMemorySegment(x, o, NATIVE);
    }
  }

  @Override
  public void someColumns(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long bAt,
      int from,
      int to,
      int first,
      MemorySegment chains,
      long at) {
    int r = 0;
    for (; r + 4 <= width; r += 4) {
      fourRows(a, aAt + r, width, b, bAt, from, to, first, chains, at + (long) r * W);
    }
    for (; r < width; r++) {
      oneRow(a, aAt + r, width, b, bAt, from, to, first, chains, at + (long) r * W);
    }
  }

  private static void fourRows(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long bAt,
      int from,
      int to,
      int first,
      MemorySegment chains,
      long at) {
    long c = at << 2;
    long o = bAt << 2;
    // A term of these is for all of the second vector's columns, the others for none of the
    // first's.
    int early = Math.max(0, Math.min(to, first + N) - from);
    int late = to - from - early;
    fourOfSome(a, aAt, width, b, o, early, from - first, chains, c);
    fourOfAll(a, aAt, width, b, o + SECOND, early, chains, c + SECOND);
    o += early * ROW + SECOND;
    fourOfSome(
        a, aAt + early * width, width, b, o, late, from + early - first - N, chains, c + SECOND);
  }

  /** Four rows of one vector; term t is for the lanes from {@code lane} + t on. */
  private static void fourOfSome(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long o,
      int terms,
      int lane,
      MemorySegment chains,
      long c) {
    chains = Lanes.expectNative(chains);
    FloatVector c0 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
    FloatVector c1 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + ROW, NATIVE));
    FloatVector c2 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 2 * ROW, NATIVE));
    FloatVector c3 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 3 * ROW, NATIVE));
    for (int t = 0; t < terms; t++) {
      IntVector m = from(lane + t);
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + t * ROW, NATIVE));
      int k = aAt + t * width;
      c0 = choose(m, v.fma(FloatVector.broadcast(F, a[k]), c0), c0);
      c1 = choose(m, v.fma(FloatVector.broadcast(F, a[k + 1]), c1), c1);
      c2 = choose(m, v.fma(FloatVector.broadcast(F, a[k + 2]), c2), c2);
      c3 = choose(m, v.fma(FloatVector.broadcast(F, a[k + 3]), c3), c3);
    }
    FLOATS.cast(c0).intoMemorySegment(chains, c, NATIVE);
    FLOATS.cast(c1).intoMemorySegment(chains, c + ROW, NATIVE);
    FLOATS.cast(c2).intoMemorySegment(chains, c + 2 * ROW, NATIVE);
    FLOATS.cast(c3).intoMemorySegment(chains, c + 3 * ROW, NATIVE);
  }

  /** Four rows of one vector, all of whose lanes take all terms. */
  private static void fourOfAll(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long o,
      int terms,
      MemorySegment chains,
      long c) {
    chains = Lanes.expectNative(chains);
    FloatVector c0 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
    FloatVector c1 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + ROW, NATIVE));
    FloatVector c2 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 2 * ROW, NATIVE));
    FloatVector c3 = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 3 * ROW, NATIVE));
    for (int t = 0; t < terms; t++) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + t * ROW, NATIVE));
      int k = aAt + t * width;
      c0 = v.fma(FloatVector.broadcast(F, a[k]), c0);
      c1 = v.fma(FloatVector.broadcast(F, a[k + 1]), c1);
      c2 = v.fma(FloatVector.broadcast(F, a[k + 2]), c2);
      c3 = v.fma(FloatVector.broadcast(F, a[k + 3]), c3);
    }
    FLOATS.cast(c0).intoMemorySegment(chains, c, NATIVE);
    FLOATS.cast(c1).intoMemorySegment(chains, c + ROW, NATIVE);
    FLOATS.cast(c2).intoMemorySegment(chains, c + 2 * ROW, NATIVE);
    FLOATS.cast(c3).intoMemorySegment(chains, c + 3 * ROW, NATIVE);
  }

  private static void oneRow(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long bAt,
      int from,
      int to,
      int first,
      MemorySegment chains,
      long at) {
    chains = Lanes.expectNative(chains);
    long c = at << 2;
    FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
    FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + SECOND, NATIVE));
    long o = bAt << 2;
    int k = aAt;
    int j = from;
    for (; j < Math.min(to, first + N); j++, o += ROW, k += width) {
      FloatVector v = FLOATS.cast(FloatVector.broadcast(F, a[k]));
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE));
      ca = choose(from(j - first), v.fma(ba, ca), ca);
      cb = v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), cb);
    }
    for (; j < to; j++, o += ROW, k += width) {
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE));
      cb = choose(from(j - first - N), bb.fma(FloatVector.broadcast(F, a[k]), cb), cb);
    }
    FLOATS.cast(ca).intoMemorySegment(chains, c, NATIVE);
    FLOATS.cast(cb).intoMemorySegment(chains, c + SECOND, NATIVE);
  }

  /** All bits in the lanes from t on, 0 … N; none in the others. */
  private static IntVector from(int t) {
    return INTS.cast(IntVector.fromArray(I, BITS, N - t));
  }

  /**
   * Lanes of {@code yes} where m has its bits, else of {@code no}. Not by a {@code VectorMask}: in
   * some runs C2 made an object of each.
   */
  private static FloatVector choose(IntVector m, FloatVector yes, FloatVector no) {
    IntVector other = INTS.cast(FLOATS.cast(no).reinterpretAsInts());
    IntVector change = INTS.cast(yes.reinterpretAsInts()).lanewise(VectorOperators.XOR, other);
    IntVector chosen = change.and(m).lanewise(VectorOperators.XOR, other);
    return FLOATS.cast(chosen.reinterpretAsFloats());
  }

  @Override
  public void addSomeColumns(MemorySegment chains, MemorySegment totals, int rows, int first) {
    totals = Lanes.expectNative(totals);
    IntVector ma = from(Math.clamp(first, 0, N));
    IntVector mb = from(Math.clamp(first - N, 0, N));
    for (long o = 0; o < rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, totals, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, totals, o + SECOND, NATIVE));
      FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, o, NATIVE));
      FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, o + SECOND, NATIVE));
      choose(ma, a.add(ca), a).intoMemorySegment(totals, o, NATIVE);
      choose(mb, b.add(cb), b).intoMemorySegment(totals, o + SECOND, NATIVE);
    }
  }

  @Override
  public void hide(MemorySegment x, long at, int rows, int first, float value) {
    x = Lanes.expectNative(x);
    FloatVector v = FloatVector.broadcast(F, value);
    for (int r = 0; r < rows; r++) {
      long o = (at << 2) + r * ROW;
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + SECOND, NATIVE));
      a = choose(from(Math.min(first + r, N)), a, v);
      b = choose(from(Math.clamp(first + r - N, 0, N)), b, v);
      a.intoMemorySegment(x, o, NATIVE);
      b.intoMemorySegment(x, o + SECOND, NATIVE);
    }
  }

  @Override
  public void someRows(
      float[] a,
      int width,
      int rows,
      MemorySegment b,
      long bAt,
      int first,
      int to,
      MemorySegment chains,
      long at) {
    chains = Lanes.expectNative(chains);
    for (int r = 0; r < rows; r++) {
      long c = (at << 2) + r * ROW;
      FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
      FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + SECOND, NATIVE));
      for (int t = Math.max(0, first + r); t < to; t++) {
        long o = (bAt << 2) + t * ROW;
        FloatVector v = FLOATS.cast(FloatVector.broadcast(F, a[t * width + r]));
        ca = v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE)), ca);
        cb = v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), cb);
      }
      FLOATS.cast(ca).intoMemorySegment(chains, c, NATIVE);
      FLOATS.cast(cb).intoMemorySegment(chains, c + SECOND, NATIVE);
    }
  }
}

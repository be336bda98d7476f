package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
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

  /** 0, 1, 2, … */
  private static final FloatVector INDEX = FloatVector.zero(F).addIndex(1);

  /** From here on, a quotient's remainder is no subnormal number. */
  private static final float DIVIDE_BY_PRODUCTS = 0x1p-64f;

  AttentionPanels() {}

  @Override
  public void scaleAndMaximum(MemorySegment x, long at, int rows, float c, MemorySegment maxima) {
    FloatVector scale = FloatVector.broadcast(F, c);
    FloatVector ma = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    FloatVector mb = ma;
    for (long o = at << 2; o < (at << 2) + rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, o, NATIVE)).mul(scale);
      FloatVector b =
          FLOATS.cast(FloatVector.fromMemorySegment(F, x, o + SECOND, NATIVE)).mul(scale);
      ma = ma.max(a);
      mb = mb.max(b);
      a.intoMemorySegment(x, o, NATIVE);
      b.intoMemorySegment(x, o + SECOND, NATIVE);
    }
    ma.intoMemorySegment(maxima, 0, NATIVE);
    mb.intoMemorySegment(maxima, SECOND, NATIVE);
  }

  @Override
  public void subtract(MemorySegment x, long at, int rows, float c, MemorySegment m) {
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
    FloatVector la = FLOATS.cast(FloatVector.fromMemorySegment(F, l, 0, NATIVE));
    FloatVector lb = FLOATS.cast(FloatVector.fromMemorySegment(F, l, SECOND, NATIVE));
    FloatVector ra = FloatVector.broadcast(F, 1f).div(la);
    FloatVector rb = FloatVector.broadcast(F, 1f).div(lb);
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
    FloatVector sa = FloatVector.zero(F);
    FloatVector sb = sa;
    for (long o = 0; o < rows * ROW; o += ROW) {
      FloatVector aa = FLOATS.cast(FloatVector.fromMemorySegment(F, a, o, NATIVE));
      FloatVector ab = FLOATS.cast(FloatVector.fromMemorySegment(F, a, o + SECOND, NATIVE));
      sa = aa.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE)), sa);
      sb = ab.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), sb);
    }
    sa.intoMemorySegment(sums, 0, NATIVE);
    sb.intoMemorySegment(sums, SECOND, NATIVE);
  }

  @Override
  public void slopes(MemorySegment p, MemorySegment ds, long at, int rows, MemorySegment e) {
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
    FloatVector c0a = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
    FloatVector c0b = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + SECOND, NATIVE));
    FloatVector c1a = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + ROW, NATIVE));
    FloatVector c1b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + ROW + SECOND, NATIVE));
    FloatVector c2a = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 2 * ROW, NATIVE));
    FloatVector c2b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 2 * ROW + SECOND, NATIVE));
    FloatVector c3a = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 3 * ROW, NATIVE));
    FloatVector c3b =
        FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + 3 * ROW + SECOND, NATIVE));
    for (int j = from; j < to; j++) {
      VectorMask<Float> ma = INDEX.compare(VectorOperators.GE, (float) (j - first));
      VectorMask<Float> mb = INDEX.compare(VectorOperators.GE, (float) (j - first - N));
      long o = (bAt << 2) + (j - from) * ROW;
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE));
      FloatVector bb = FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE));
      int k = aAt + (j - from) * width;
      FloatVector a0 = FloatVector.broadcast(F, a[k]);
      c0a = c0a.blend(a0.fma(ba, c0a), ma);
      c0b = c0b.blend(a0.fma(bb, c0b), mb);
      FloatVector a1 = FloatVector.broadcast(F, a[k + 1]);
      c1a = c1a.blend(a1.fma(ba, c1a), ma);
      c1b = c1b.blend(a1.fma(bb, c1b), mb);
      FloatVector a2 = FloatVector.broadcast(F, a[k + 2]);
      c2a = c2a.blend(a2.fma(ba, c2a), ma);
      c2b = c2b.blend(a2.fma(bb, c2b), mb);
      FloatVector a3 = FloatVector.broadcast(F, a[k + 3]);
      c3a = c3a.blend(a3.fma(ba, c3a), ma);
      c3b = c3b.blend(a3.fma(bb, c3b), mb);
    }
    c0a.intoMemorySegment(chains, c, NATIVE);
    c0b.intoMemorySegment(chains, c + SECOND, NATIVE);
    c1a.intoMemorySegment(chains, c + ROW, NATIVE);
    c1b.intoMemorySegment(chains, c + ROW + SECOND, NATIVE);
    c2a.intoMemorySegment(chains, c + 2 * ROW, NATIVE);
    c2b.intoMemorySegment(chains, c + 2 * ROW + SECOND, NATIVE);
    c3a.intoMemorySegment(chains, c + 3 * ROW, NATIVE);
    c3b.intoMemorySegment(chains, c + 3 * ROW + SECOND, NATIVE);
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
    long c = at << 2;
    FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
    FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + SECOND, NATIVE));
    for (int j = from; j < to; j++) {
      VectorMask<Float> ma = INDEX.compare(VectorOperators.GE, (float) (j - first));
      VectorMask<Float> mb = INDEX.compare(VectorOperators.GE, (float) (j - first - N));
      long o = (bAt << 2) + (j - from) * ROW;
      FloatVector v = FloatVector.broadcast(F, a[aAt + (j - from) * width]);
      ca = ca.blend(v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE)), ca), ma);
      cb =
          cb.blend(
              v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), cb), mb);
    }
    ca.intoMemorySegment(chains, c, NATIVE);
    cb.intoMemorySegment(chains, c + SECOND, NATIVE);
  }

  @Override
  public void addSomeColumns(MemorySegment chains, MemorySegment totals, int rows, int first) {
    VectorMask<Float> ma = INDEX.compare(VectorOperators.GE, (float) first);
    VectorMask<Float> mb = INDEX.compare(VectorOperators.GE, (float) (first - N));
    for (long o = 0; o < rows * ROW; o += ROW) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, totals, o, NATIVE));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, totals, o + SECOND, NATIVE));
      FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, o, NATIVE));
      FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, o + SECOND, NATIVE));
      a.blend(a.add(ca), ma).intoMemorySegment(totals, o, NATIVE);
      b.blend(b.add(cb), mb).intoMemorySegment(totals, o + SECOND, NATIVE);
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
    for (int r = 0; r < rows; r++) {
      long c = (at << 2) + r * ROW;
      FloatVector ca = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, NATIVE));
      FloatVector cb = FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c + SECOND, NATIVE));
      for (int t = Math.max(0, first + r); t < to; t++) {
        long o = (bAt << 2) + t * ROW;
        FloatVector v = FloatVector.broadcast(F, a[t * width + r]);
        ca = v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o, NATIVE)), ca);
        cb = v.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, b, o + SECOND, NATIVE)), cb);
      }
      ca.intoMemorySegment(chains, c, NATIVE);
      cb.intoMemorySegment(chains, c + SECOND, NATIVE);
    }
  }
}

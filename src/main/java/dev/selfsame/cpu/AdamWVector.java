package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * AdamW on vectors: one pass over all tensors, pieces of 4,096 elements over the threads. Each lane
 * does the scalar definition's roundings in its order (op/AdamW); the tail of a piece is that
 * definition itself.
 *
 * <p>In cached sizes the divider is the limit: two divisions and a square root an element. The
 * division by {@code root}, one number for all elements, is therefore done by multiplications that
 * give the same bits (Markstein 1990; Brisebarre, Muller &amp; Raina 2004): with high = RN(1/root)
 * and low = RN(1/root − high), q = RN(x·high + x·low) is less than one unit in the last place from
 * x/root; r = x − q·root is exact; RN(q + r·high) is RN(x/root). Nothing overflows or underflows on
 * the way, because x = √v is 0 or in [2^−75, 2^64], and root in [2^−27, 1]. An infinite x is put
 * back, as r would be NaN; −0 may become +0, and eps is added to it.
 */
public interface AdamWVector {
  /**
   * One update.
   *
   * @param firstPiece number of the first piece of each tensor, and of all pieces
   * @param piece elements of a piece
   * @param p parameters
   * @param g gradients
   * @param m first moments
   * @param v second moments
   * @param scalars keep, lambda, w1, b2, w2, rate, root, eps
   * @param l2 whether the decay enters the gradient
   */
  void step(
      long[] firstPiece,
      int piece,
      Column p,
      Column g,
      Column m,
      Column v,
      float[] scalars,
      boolean l2,
      Workers workers);

  /** The kernel for a vector width. */
  static AdamWVector on(int bits) {
    return Lanes.kernel(Kernel.class, AdamWVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements AdamWVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    Kernel() {}

    @Override
    public void step(
        long[] firstPiece,
        int piece,
        Column p,
        Column g,
        Column m,
        Column v,
        float[] scalars,
        boolean l2,
        Workers workers) {
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from, most) -> {
            MemorySegment ps = p.of(t);
            int count = (int) Math.min(most, ps.byteSize() / Float.BYTES - from);
            piece(ps, g.of(t), m.of(t), v.of(t), from, count, scalars, l2);
          });
    }

    private static void piece(
        MemorySegment ps,
        MemorySegment gs,
        MemorySegment ms,
        MemorySegment vs,
        long from,
        int count,
        float[] scalars,
        boolean l2) {
      ps = Lanes.expectNative(ps);
      ms = Lanes.expectNative(ms);
      vs = Lanes.expectNative(vs);
      float keep = scalars[0];
      float lambda = scalars[1];
      float w1 = scalars[2];
      float b2 = scalars[3];
      float w2 = scalars[4];
      float rate = scalars[5];
      float root = scalars[6];
      float eps = scalars[7];
      float high = 1 / root;
      FloatVector low = FloatVector.broadcast(F, (float) (1 / (double) root - high));
      FloatVector lambdas = FloatVector.broadcast(F, lambda);
      FloatVector w1s = FloatVector.broadcast(F, w1);
      FloatVector highs = FloatVector.broadcast(F, high);
      FloatVector minusRoot = FloatVector.broadcast(F, -root);
      int lanes = F.length();
      int i = 0;
      for (; i <= count - lanes; i += lanes) {
        long at = (from + i) * Float.BYTES;
        FloatVector p = FLOATS.cast(FloatVector.fromMemorySegment(F, ps, at, ORDER));
        FloatVector g = FLOATS.cast(FloatVector.fromMemorySegment(F, gs, at, ORDER));
        FloatVector m = FLOATS.cast(FloatVector.fromMemorySegment(F, ms, at, ORDER));
        FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, vs, at, ORDER));
        if (l2) {
          g = p.fma(lambdas, g);
        } else {
          p = p.mul(keep);
        }
        m = g.sub(m).fma(w1s, m);
        v = g.mul(w2).fma(g, v.mul(b2));
        FloatVector x = v.lanewise(VectorOperators.SQRT);
        FloatVector q = x.fma(highs, x.mul(low));
        q = q.fma(minusRoot, x).fma(highs, q);
        q = q.blend(x, x.eq(Float.POSITIVE_INFINITY));
        p = p.sub(m.mul(rate).div(q.add(eps)));
        p.intoMemorySegment(ps, at, ORDER);
        m.intoMemorySegment(ms, at, ORDER);
        v.intoMemorySegment(vs, at, ORDER);
      }
      for (; i < count; i++) {
        long at = (from + i) * Float.BYTES;
        float p = ps.get(FLOAT, at);
        float g = gs.get(FLOAT, at);
        float m = ms.get(FLOAT, at);
        float v = vs.get(FLOAT, at);
        if (l2) {
          g = Math.fma(lambda, p, g);
        } else {
          p = p * keep;
        }
        m = Math.fma(w1, g - m, m);
        v = Math.fma(w2 * g, g, b2 * v);
        p = p - (rate * m) / ((float) Math.sqrt(v) / root + eps);
        ps.set(FLOAT, at, p);
        ms.set(FLOAT, at, m);
        vs.set(FLOAT, at, v);
      }
    }
  }
}

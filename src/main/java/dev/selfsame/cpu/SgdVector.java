package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * SGD with momentum on vectors: one pass over all tensors, pieces of 4,096 elements over the
 * threads. Each lane does the scalar definition's roundings in its order (op/Sgd); the tail of a
 * piece is that definition itself.
 */
public interface SgdVector {
  /**
   * One update.
   *
   * @param firstPiece number of the first piece of each tensor, and of all pieces
   * @param piece elements of a piece
   * @param p parameters
   * @param g gradients
   * @param v velocities
   * @param scalars lambda, mu, −rate
   * @param nesterov whether the gradient is looked up ahead
   */
  void step(
      long[] firstPiece,
      int piece,
      Column p,
      Column g,
      Column v,
      float[] scalars,
      boolean nesterov,
      Workers workers);

  /** The kernel for a vector width. */
  static SgdVector on(int bits) {
    return Lanes.kernel(Kernel.class, SgdVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements SgdVector {
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
        Column v,
        float[] scalars,
        boolean nesterov,
        Workers workers) {
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from, most) -> {
            MemorySegment ps = p.of(t);
            int count = (int) Math.min(most, ps.byteSize() / Float.BYTES - from);
            piece(ps, g.of(t), v.of(t), from, count, scalars, nesterov);
          });
    }

    private static void piece(
        MemorySegment ps,
        MemorySegment gs,
        MemorySegment vs,
        long from,
        int count,
        float[] scalars,
        boolean nesterov) {
      ps = Lanes.expectNative(ps);
      vs = Lanes.expectNative(vs);
      float lambda = scalars[0];
      float mu = scalars[1];
      float minusRate = scalars[2];
      int lanes = F.length();
      FloatVector lambdas = FloatVector.broadcast(F, lambda);
      FloatVector mus = FloatVector.broadcast(F, mu);
      FloatVector minusRates = FloatVector.broadcast(F, minusRate);
      int i = 0;
      for (; i <= count - lanes; i += lanes) {
        long at = (from + i) * Float.BYTES;
        FloatVector p = FLOATS.cast(FloatVector.fromMemorySegment(F, ps, at, ORDER));
        FloatVector g = FLOATS.cast(FloatVector.fromMemorySegment(F, gs, at, ORDER));
        FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, vs, at, ORDER));
        g = p.fma(lambdas, g);
        v = v.fma(mus, g);
        FloatVector d = nesterov ? v.fma(mus, g) : v;
        p = d.fma(minusRates, p);
        p.intoMemorySegment(ps, at, ORDER);
        v.intoMemorySegment(vs, at, ORDER);
      }
      for (; i < count; i++) {
        long at = (from + i) * Float.BYTES;
        float p = ps.get(FLOAT, at);
        float g = gs.get(FLOAT, at);
        float v = vs.get(FLOAT, at);
        g = Math.fma(lambda, p, g);
        v = Math.fma(mu, v, g);
        float d = nesterov ? Math.fma(mu, v, g) : v;
        p = Math.fma(minusRate, d, p);
        ps.set(FLOAT, at, p);
        vs.set(FLOAT, at, v);
      }
    }
  }
}

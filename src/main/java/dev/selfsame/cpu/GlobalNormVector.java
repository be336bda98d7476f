package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums the squares of many tensors, and scales them by one number, on vectors (op/GlobalNorm): the
 * sums are {@link SumsVector}'s.
 */
public interface GlobalNormVector {
  /** Sum of the tensors' sums of squares. */
  float squares(int tensors, Column g, Workers workers);

  /** Every g ← g·c. */
  void scale(long[] firstPiece, int piece, Column g, float c, Workers workers);

  /** The kernel for a vector width. */
  static GlobalNormVector on(int bits) {
    return Lanes.kernel(Kernel.class, GlobalNormVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements GlobalNormVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final SumsVector SUMS = SumsVector.on(F.vectorBitSize());

    /** The calling thread's sums of the tensors, kept between calls. */
    private static final ThreadLocal<float[]> MINE = ThreadLocal.withInitial(() -> new float[0]);

    Kernel() {}

    @Override
    public float squares(int tensors, Column g, Workers workers) {
      float[] sums = MINE.get();
      if (sums.length < tensors) {
        sums = new float[tensors];
        MINE.set(sums);
      }
      for (int t = 0; t < tensors; t++) {
        sums[t] = SUMS.squares(g.of(t), workers);
      }
      return LongRow.total(sums, 0, tensors, LongRow.lanes());
    }

    @Override
    public void scale(long[] firstPiece, int piece, Column g, float c, Workers workers) {
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from, most) -> {
            MemorySegment gs = g.of(t);
            int count = (int) Math.min(most, gs.byteSize() / Float.BYTES - from);
            scale(gs, from, count, c);
          });
    }

    private static void scale(MemorySegment g, long from, int count, float c) {
      g = Lanes.expectNative(g);
      int i = 0;
      for (; i <= count - F.length(); i += F.length()) {
        long at = (from + i) * Float.BYTES;
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, g, at, ORDER))
            .mul(c)
            .intoMemorySegment(g, at, ORDER);
      }
      for (; i < count; i++) {
        Mem.f32(g, from + i, Mem.f32(g, from + i) * c);
      }
    }
  }
}

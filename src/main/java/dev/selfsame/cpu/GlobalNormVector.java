package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Scales many tensors by one number on vectors (op/GlobalNorm): one product an element. */
public interface GlobalNormVector {
  /** Every g ← g·c. */
  void scale(long[] firstPiece, int piece, MemorySegment[] g, float c, Workers workers);

  /** The kernel for a vector width. */
  static GlobalNormVector on(int bits) {
    return Lanes.kernel(Kernel.class, GlobalNormVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements GlobalNormVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void scale(long[] firstPiece, int piece, MemorySegment[] g, float c, Workers workers) {
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from) -> {
            int count = (int) Math.min(piece, g[t].byteSize() / Float.BYTES - from);
            scale(g[t], from, count, c);
          });
    }

    private static void scale(MemorySegment g, long from, int count, float c) {
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

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.cpu.BlockScratch.ZEROS;

import dev.selfsame.contract.FloatAt;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The gradient of the contrastive loss on vectors (op/ContrastiveLoss); the distances are {@link
 * SquaredDistanceVector#rows}.
 */
public interface ContrastiveLossVector {
  /** da = (a − b)·k and db = −da, where k(r) belongs to row r; both +0 where it is 0. */
  void gradient(
      MemorySegment a,
      MemorySegment b,
      FloatAt k,
      MemorySegment da,
      MemorySegment db,
      long rows,
      long columns,
      Workers workers);

  /** The kernel for a vector width. */
  static ContrastiveLossVector on(int bits) {
    return Lanes.kernel(Kernel.class, ContrastiveLossVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ContrastiveLossVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Elements of a task, about. */
    private static final long TASK = 8_192;

    Kernel() {}

    @Override
    public void gradient(
        MemorySegment a,
        MemorySegment b,
        FloatAt k,
        MemorySegment da,
        MemorySegment db,
        long rows,
        long columns,
        Workers workers) {
      long size = Math.max(1, TASK / columns);
      workers.run(
          Math.ceilDiv(rows, size),
          task -> {
            long end = Math.min(rows, (task + 1) * size);
            for (long r = task * size; r < end; r++) {
              row(a, b, k.at(r), da, db, r * columns, columns);
            }
          });
    }

    private static void row(
        MemorySegment a,
        MemorySegment b,
        float k,
        MemorySegment da,
        MemorySegment db,
        long from,
        long count) {
      da = Lanes.expectNative(da);
      db = Lanes.expectNative(db);
      long i = from;
      long end = from + count;
      if (k == 0f) {
        while (i < end) {
          long some = Math.min(end - i, ZEROS.byteSize() >> 2);
          MemorySegment.copy(ZEROS, 0, da, i << 2, some << 2);
          MemorySegment.copy(ZEROS, 0, db, i << 2, some << 2);
          i += some;
        }
        return;
      }
      for (; i <= end - W; i += W) {
        FloatVector slope =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, a, i << 2, ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, i << 2, ORDER)))
                .mul(k);
        slope.intoMemorySegment(da, i << 2, ORDER);
        slope.neg().intoMemorySegment(db, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float slope = (f32(a, i) - f32(b, i)) * k;
        f32(da, i, slope);
        f32(db, i, -slope);
      }
    }
  }
}

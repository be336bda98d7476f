package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Cross-entropy on vectors (op/CrossEntropy): {@link SoftmaxVector} does the rows, here are the
 * label's part and the scaling.
 */
public interface CrossEntropyVector {
  /** losses[r] = −((logits[r, label] − m) − log(s)); labels are in range. */
  void losses(
      MemorySegment logits,
      MemorySegment labels,
      MemorySegment losses,
      long rows,
      long columns,
      Workers workers);

  /** dlogits = (softmax − [the label]) · c; labels are in range. */
  void gradient(
      MemorySegment logits,
      MemorySegment labels,
      float c,
      MemorySegment dlogits,
      long rows,
      long columns,
      Workers workers);

  /** The kernel for a vector width. */
  static CrossEntropyVector on(int bits) {
    return Lanes.kernel(Kernel.class, CrossEntropyVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements CrossEntropyVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final SoftmaxVector SOFTMAX = SoftmaxVector.on(F.vectorBitSize());

    /** Elements of a task, about. */
    private static final long TASK = 16_384;

    /** Fewer rows than this are shared by the threads one by one. */
    private static final long FEW_ROWS = 16;

    Kernel() {}

    @Override
    public void losses(
        MemorySegment logits,
        MemorySegment labels,
        MemorySegment losses,
        long rows,
        long columns,
        Workers workers) {
      SOFTMAX.statistics(
          logits,
          rows,
          columns,
          (r, m, s) -> {
            float logit = f32(logits, r * columns + i32(labels, r));
            f32(losses, r, -((logit - m) - ExactMath.log(s)));
          },
          workers);
    }

    @Override
    public void gradient(
        MemorySegment logits,
        MemorySegment labels,
        float c,
        MemorySegment dlogits,
        long rows,
        long columns,
        Workers workers) {
      if (rows < FEW_ROWS) {
        SOFTMAX.softmax(logits, dlogits, rows, columns, workers);
        finish(labels, c, dlogits, 0, rows, columns);
        return;
      }
      // A task's rows are still in the cache when they are scaled.
      long size = Math.max(1, TASK / columns);
      workers.run(
          Math.ceilDiv(rows, size),
          task -> {
            long first = task * size;
            int count = (int) Math.min(size, rows - first);
            SOFTMAX.softmax(logits, dlogits, first, count, columns);
            finish(labels, c, dlogits, first, count, columns);
          });
    }

    /** The label's part and the scale. */
    private static void finish(
        MemorySegment labels, float c, MemorySegment dlogits, long first, long rows, long columns) {
      for (long r = first; r < first + rows; r++) {
        long at = r * columns + i32(labels, r);
        f32(dlogits, at, f32(dlogits, at) - 1f);
      }
      scale(dlogits, c, first * columns, (first + rows) * columns);
    }

    private static void scale(MemorySegment y, float c, long from, long end) {
      y = Lanes.expectNative(y);
      long i = from;
      for (; i <= end - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, i << 2, ORDER))
            .mul(c)
            .intoMemorySegment(y, i << 2, ORDER);
      }
      for (; i < end; i++) {
        f32(y, i, f32(y, i) * c);
      }
    }
  }
}

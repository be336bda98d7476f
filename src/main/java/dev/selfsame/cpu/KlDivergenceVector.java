package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Divergence of two softmaxes on vectors (op/KlDivergence). Work goes in blocks of 1,024 elements,
 * as in {@link SoftmaxVector}; the scaled logits and their exponentials stay in two blocks of
 * working memory in the first-level cache.
 */
public interface KlDivergenceVector {
  /** losses[r] = (Σ p·(log p − log q)) · square. */
  void losses(
      MemorySegment teacher,
      MemorySegment student,
      float temperature,
      float square,
      MemorySegment losses,
      long rows,
      long columns,
      Workers workers);

  /** dstudent = (q − p) · c. */
  void gradient(
      MemorySegment teacher,
      MemorySegment student,
      float temperature,
      float c,
      MemorySegment dstudent,
      long rows,
      long columns,
      Workers workers);

  /** The kernel for a vector width. */
  static KlDivergenceVector on(int bits) {
    return Lanes.kernel(Kernel.class, KlDivergenceVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements KlDivergenceVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** Where the blocks of working memory begin. */
    private static final int FIRST = 0;

    private static final int SECOND = BlockScratch.FLOATS;

    Kernel() {}

    @Override
    public void losses(
        MemorySegment teacher,
        MemorySegment student,
        float temperature,
        float square,
        MemorySegment losses,
        long rows,
        long columns,
        Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.groups(
            rows,
            columns,
            workers,
            (first, count, lanes) -> {
              int n = (int) columns;
              for (long r = first; r < first + count; r++) {
                long row = r * columns;
                float mq = maximum(student, row, n) / temperature;
                float logQ =
                    ExactMath.log(exponentials(student, row, n, temperature, mq, FIRST, lanes));
                float mp = maximum(teacher, row, n) / temperature;
                float sp = both(teacher, row, n, temperature, mp, lanes);
                float sum =
                    terms(student, row, n, temperature, mq, logQ, mp, sp, ExactMath.log(sp), lanes);
                f32(losses, r, sum * square);
              }
            });
        return;
      }
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            statistics(row, student, teacher, temperature);
            row.log = ExactMath.log(row.sum);
            row.otherLog = ExactMath.log(row.otherSum);
            f32(losses, r, row.sum(TERMS) * square);
            row.release();
          });
    }

    @Override
    public void gradient(
        MemorySegment teacher,
        MemorySegment student,
        float temperature,
        float c,
        MemorySegment dstudent,
        long rows,
        long columns,
        Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.groups(
            rows,
            columns,
            workers,
            (first, count, lanes) -> {
              int n = (int) columns;
              for (long row = first * columns; row < (first + count) * columns; row += columns) {
                float mq = maximum(student, row, n) / temperature;
                float mp = maximum(teacher, row, n) / temperature;
                float sq = exponentials(student, row, n, temperature, mq, FIRST, lanes);
                float sp = exponentials(teacher, row, n, temperature, mp, SECOND, lanes);
                slope(sq, sp, c, dstudent, row, n);
              }
            });
        return;
      }
      LongRow.Pass slopes =
          (row, from, n, lanes) -> {
            exponentials(student, from, n, temperature, row.maximum, FIRST, lanes);
            exponentials(teacher, from, n, temperature, row.otherMaximum, SECOND, lanes);
            slope(row.sum, row.otherSum, c, dstudent, from, n);
            return 0f;
          };
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            statistics(row, student, teacher, temperature);
            row.each(slopes);
            row.release();
          });
    }

    // ---- passes over the blocks of a long row

    private static final LongRow.Pass MAXIMUM = (row, from, n, lanes) -> maximum(row.x, from, n);

    private static final LongRow.Pass OTHER_MAXIMUM =
        (row, from, n, lanes) -> maximum(row.y, from, n);

    private static final LongRow.Pass SUM =
        (row, from, n, lanes) ->
            exponentials(row.x, from, n, row.divisor, row.maximum, FIRST, lanes);

    private static final LongRow.Pass OTHER_SUM =
        (row, from, n, lanes) ->
            exponentials(row.y, from, n, row.divisor, row.otherMaximum, FIRST, lanes);

    private static final LongRow.Pass TERMS =
        (row, from, n, lanes) -> {
          both(row.y, from, n, row.divisor, row.otherMaximum, lanes);
          return terms(
              row.x,
              from,
              n,
              row.divisor,
              row.maximum,
              row.log,
              row.otherMaximum,
              row.otherSum,
              row.otherLog,
              lanes);
        };

    /** Maxima and sums of the row: the student's, and the teacher's as the other ones. */
    private static void statistics(
        LongRow row, MemorySegment student, MemorySegment teacher, float temperature) {
      row.x = student;
      row.y = teacher;
      row.divisor = temperature;
      row.maximum = row.maximum(MAXIMUM) / temperature;
      row.sum = row.sum(SUM);
      row.otherMaximum = row.maximum(OTHER_MAXIMUM) / temperature;
      row.otherSum = row.sum(OTHER_SUM);
    }

    // ---- loops over at most one block

    /**
     * The maximum of 1 or more elements, before they are divided: division by a positive number
     * keeps the order, and which of them is NaN, so it may be done afterwards.
     */
    private static float maximum(MemorySegment x, long from, int count) {
      float m = f32(x, from);
      int i = 0;
      if (count >= 2 * W) {
        FloatVector a = FloatVector.fromMemorySegment(F, x, from << 2, ORDER);
        FloatVector b = FloatVector.fromMemorySegment(F, x, (from + W) << 2, ORDER);
        for (i = 2 * W; i <= count - 2 * W; i += 2 * W) {
          a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + i) << 2, ORDER)).max(a);
          b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + i + W) << 2, ORDER)).max(b);
        }
        m = FLOATS.cast(a).max(b).reduceLanes(VectorOperators.MAX);
      }
      for (; i < count; i++) {
        m = Math.max(m, f32(x, from + i));
      }
      return m;
    }

    /** x / T into a block of working memory. */
    private static void scaled(
        MemorySegment x, long from, int count, float temperature, MemorySegment t, int to) {
      t = Lanes.expectNative(t);
      int i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, (from + i) << 2, ORDER))
            .div(temperature)
            .intoMemorySegment(t, (long) (to + i) << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(t, to + i, f32(x, from + i) / temperature);
      }
    }

    /** exp(x / T − m) into a block of working memory, and its sum. */
    private static float exponentials(
        MemorySegment x, long from, int count, float temperature, float m, int to, float[] lanes) {
      MemorySegment t = BlockScratch.mine();
      scaled(x, from, count, temperature, t, to);
      return EXACT.expSum(t, to, m, t, to, count, lanes);
    }

    /** x / T into the first block of working memory, exp(x / T − m) into the second; its sum. */
    private static float both(
        MemorySegment x, long from, int count, float temperature, float m, float[] lanes) {
      MemorySegment t = BlockScratch.mine();
      scaled(x, from, count, temperature, t, FIRST);
      return EXACT.expSum(t, FIRST, m, t, SECOND, count, lanes);
    }

    /**
     * Σ p·(log p − log q) of one block of terms: the teacher's from working memory, as {@link
     * #both} left it, the student's from its logits.
     */
    private static float terms(
        MemorySegment student,
        long from,
        int count,
        float temperature,
        float mq,
        float logQ,
        float mp,
        float sp,
        float logP,
        float[] lanes) {
      MemorySegment t = BlockScratch.mine();
      int rows = count / LANES;
      for (int j = 0; j < LANES && rows > 0; j += W) {
        // −0 changes no term that is added to it; +0 would make +0 of −0.
        FloatVector sum = FloatVector.broadcast(F, -0f);
        for (int r = 0; r < rows; r++) {
          int i = j + r * LANES;
          FloatVector p =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, t, (long) (SECOND + i) << 2, ORDER))
                  .div(sp);
          FloatVector logs =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, t, (long) (FIRST + i) << 2, ORDER))
                  .sub(mp)
                  .sub(logP);
          FloatVector theirs =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, student, (from + i) << 2, ORDER))
                  .div(temperature)
                  .sub(mq)
                  .sub(logQ);
          VectorMask<Float> none = p.compare(VectorOperators.EQ, 0f);
          // The new term is the receiver: C2 knows its class, not that of what a loop carries.
          sum = p.mul(logs.sub(theirs)).blend(0f, none).add(sum);
        }
        FLOATS.cast(sum).intoArray(lanes, j);
      }
      int first = rows * LANES;
      for (int i = first; i < count; i++) {
        float p = f32(t, SECOND + i) / sp;
        float logs = (f32(t, FIRST + i) - mp) - logP;
        float theirs = (f32(student, from + i) / temperature - mq) - logQ;
        float term = p == 0f ? 0f : p * (logs - theirs);
        lanes[i - first] = rows == 0 ? term : lanes[i - first] + term;
      }
      return OrderedSum.combineLanes(lanes, Math.min(count, LANES));
    }

    /** (q − p) · c, with exponentials of student and teacher in the blocks of working memory. */
    private static void slope(
        float sq, float sp, float c, MemorySegment dstudent, long from, int count) {
      dstudent = Lanes.expectNative(dstudent);
      MemorySegment t = BlockScratch.mine();
      int i = 0;
      for (; i <= count - W; i += W) {
        FloatVector q =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, t, (long) (FIRST + i) << 2, ORDER))
                .div(sq);
        FloatVector p =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, t, (long) (SECOND + i) << 2, ORDER))
                .div(sp);
        q.sub(p).mul(c).intoMemorySegment(dstudent, (from + i) << 2, ORDER);
      }
      for (; i < count; i++) {
        float q = f32(t, FIRST + i) / sq;
        f32(dstudent, from + i, (q - f32(t, SECOND + i) / sp) * c);
      }
    }
  }
}

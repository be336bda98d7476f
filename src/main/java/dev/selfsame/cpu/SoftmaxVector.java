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
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Softmax over rows on vectors (op/Softmax). Work goes in blocks of 1,024 elements, the contract's
 * blocks of a long row or as many whole short rows as fit, so that a block stays in the first-level
 * cache between its passes. The 32 lanes of a block sum lie across vector lanes. Tasks are groups
 * of rows, or the blocks of one very long row.
 */
public interface SoftmaxVector {
  /** y = exp(x − m) / s. */
  void softmax(MemorySegment x, MemorySegment y, long rows, long columns, Workers workers);

  /** The same for some rows on the calling thread alone. */
  void softmax(MemorySegment x, MemorySegment y, long firstRow, int rows, long columns);

  /** y = (x − m) − log(s). */
  void logSoftmax(MemorySegment x, MemorySegment y, long rows, long columns, Workers workers);

  /** What is done with m and s of a row. */
  interface Statistics {
    void of(long r, float m, float s);
  }

  /** Hands out m and s of each row, in any order and on the thread that has them. */
  void statistics(MemorySegment x, long rows, long columns, Statistics each, Workers workers);

  /** dx = y · (dy − Σ y·dy). */
  void softmaxGradient(
      MemorySegment y,
      MemorySegment dy,
      MemorySegment dx,
      long rows,
      long columns,
      Workers workers);

  /** dx = fma(−exp(y), Σ dy, dy). */
  void logSoftmaxGradient(
      MemorySegment y,
      MemorySegment dy,
      MemorySegment dx,
      long rows,
      long columns,
      Workers workers);

  /** The kernel for a vector width. */
  static SoftmaxVector on(int bits) {
    return Lanes.kernel(Kernel.class, SoftmaxVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements SoftmaxVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final SoftmaxRows ROWS = SoftmaxRows.on(F.vectorBitSize());
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** From here on, a quotient's remainder is no subnormal number. */
    private static final float DIVIDE_BY_PRODUCTS = 0x1p-64f;

    Kernel() {}

    // Passes over the blocks of a long row.

    private static final LongRow.Pass MAXIMUM = (row, from, n, lanes) -> maximum(row.x, from, n);

    private static final LongRow.Pass EXPONENTIALS =
        (row, from, n, lanes) -> EXACT.expSum(row.x, from, row.maximum, row.y, from, n, lanes);

    /** Only their sum is wanted. */
    private static final LongRow.Pass SUM =
        (row, from, n, lanes) ->
            EXACT.expSum(row.x, from, row.maximum, BlockScratch.mine(), 0, n, lanes);

    private static final LongRow.Pass QUOTIENTS =
        (row, from, n, lanes) -> {
          divide(row.y, row.sum, from, n);
          return 0f;
        };

    private static final LongRow.Pass LOGARITHMS =
        (row, from, n, lanes) -> {
          subtract(row.x, row.maximum, row.log, row.y, from, n);
          return 0f;
        };

    // ---- the functions

    @Override
    public void softmax(
        MemorySegment x, MemorySegment y, long rows, long columns, Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.runs(
            rows,
            columns,
            workers,
            (first, count) -> shortSoftmax(x, y, first * columns, (int) count, (int) columns));
      } else {
        RowBlocks.rows(rows, columns, workers, (r, row) -> longSoftmax(x, y, row));
      }
    }

    @Override
    public void softmax(MemorySegment x, MemorySegment y, long firstRow, int rows, long columns) {
      if (columns <= BLOCK) {
        shortSoftmax(x, y, firstRow * columns, rows, (int) columns);
        return;
      }
      LongRow row = LongRow.mine(columns, null);
      for (long r = firstRow; r < firstRow + rows; r++) {
        longSoftmax(x, y, row.at(r * columns));
      }
    }

    private static void longSoftmax(MemorySegment x, MemorySegment y, LongRow row) {
      row.x = x;
      row.y = y;
      row.maximum = row.maximum(MAXIMUM);
      row.sum = row.sum(EXPONENTIALS);
      row.each(QUOTIENTS);
      row.release();
    }

    private static void shortSoftmax(
        MemorySegment x, MemorySegment y, long at, int rows, int columns) {
      SoftmaxRows.Scratch t = SoftmaxRows.Scratch.mine();
      t.next = maximum(x, at, columns);
      for (int r = 0, n; r < rows; r += n) {
        long row = at + (long) r * columns;
        n = ROWS.exponentials(x, row, rows - r, columns, y, row, t);
        if (columns < W) {
          SoftmaxRows.divide(y, t.sums, row, n, columns);
        } else {
          for (int i = 0; i < n; i++) {
            divide(y, t.sums[i], row + (long) i * columns, columns);
          }
        }
      }
    }

    @Override
    public void logSoftmax(
        MemorySegment x, MemorySegment y, long rows, long columns, Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.runs(
            rows,
            columns,
            workers,
            (first, count) -> shortLogSoftmax(x, y, first * columns, (int) count, (int) columns));
        return;
      }
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            row.x = x;
            row.y = y;
            row.maximum = row.maximum(MAXIMUM);
            row.log = ExactMath.log(row.sum(SUM));
            row.each(LOGARITHMS);
            row.release();
          });
    }

    private static void shortLogSoftmax(
        MemorySegment x, MemorySegment y, long at, int rows, int columns) {
      SoftmaxRows.Scratch t = SoftmaxRows.Scratch.mine();
      t.next = maximum(x, at, columns);
      for (int r = 0, n; r < rows; r += n) {
        long row = at + (long) r * columns;
        n = ROWS.exponentials(x, row, rows - r, columns, t.rows, 0, t);
        for (int i = 0; i < n; i++) {
          t.sums[i] = ExactMath.log(t.sums[i]);
        }
        if (columns < W) {
          SoftmaxRows.subtract(x, t.maxima, t.sums, y, row, n, columns);
        } else {
          for (int i = 0; i < n; i++) {
            subtract(x, t.maxima[i], t.sums[i], y, row + (long) i * columns, columns);
          }
        }
      }
    }

    @Override
    public void statistics(
        MemorySegment x, long rows, long columns, Statistics each, Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.runs(
            rows,
            columns,
            workers,
            (first, count) -> shortStatistics(x, first, (int) count, (int) columns, each));
        return;
      }
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            row.x = x;
            row.maximum = row.maximum(MAXIMUM);
            each.of(r, row.maximum, row.sum(SUM));
            row.release();
          });
    }

    private static void shortStatistics(
        MemorySegment x, long first, int rows, int columns, Statistics each) {
      SoftmaxRows.Scratch t = SoftmaxRows.Scratch.mine();
      t.next = maximum(x, first * columns, columns);
      for (int r = 0, n; r < rows; r += n) {
        n = ROWS.exponentials(x, (first + r) * columns, rows - r, columns, t.rows, 0, t);
        for (int i = 0; i < n; i++) {
          each.of(first + r + i, t.maxima[i], t.sums[i]);
        }
      }
    }

    @Override
    public void softmaxGradient(
        MemorySegment y,
        MemorySegment dy,
        MemorySegment dx,
        long rows,
        long columns,
        Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.groups(
            rows,
            columns,
            workers,
            (first, count, lanes) -> {
              for (long row = first * columns; row < (first + count) * columns; row += columns) {
                float sum = blockOfProducts(y, dy, row, (int) columns, lanes);
                softmaxSlope(y, dy, sum, dx, row, (int) columns);
              }
            });
        return;
      }
      LongRow.Pass products = (row, from, n, lanes) -> blockOfProducts(y, dy, from, n, lanes);
      LongRow.Pass slopes =
          (row, from, n, lanes) -> {
            softmaxSlope(y, dy, row.sum, dx, from, n);
            return 0f;
          };
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            row.sum = row.sum(products);
            row.each(slopes);
          });
    }

    @Override
    public void logSoftmaxGradient(
        MemorySegment y,
        MemorySegment dy,
        MemorySegment dx,
        long rows,
        long columns,
        Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.groups(
            rows,
            columns,
            workers,
            (first, count, lanes) -> {
              MemorySegment t = BlockScratch.mine();
              long at = first * columns;
              EXACT.exp(y, at, t, 0, count * columns);
              for (int r = 0; r < count; r++) {
                long row = at + r * columns;
                float sum = block(dy, row, (int) columns, lanes);
                logSoftmaxSlope(t, r * columns, sum, dy, dx, row, (int) columns);
              }
            });
        return;
      }
      LongRow.Pass sums = (row, from, n, lanes) -> block(dy, from, n, lanes);
      LongRow.Pass slopes =
          (row, from, n, lanes) -> {
            MemorySegment t = BlockScratch.mine();
            EXACT.exp(y, from, t, 0, n);
            logSoftmaxSlope(t, 0, row.sum, dy, dx, from, n);
            return 0f;
          };
      RowBlocks.rows(
          rows,
          columns,
          workers,
          (r, row) -> {
            row.sum = row.sum(sums);
            row.each(slopes);
          });
    }

    // ---- loops over at most one block. Loads and stores are written out: a helper that is not
    // inlined would make objects of the vectors.

    /**
     * A segment of one's own: the compiler holds its bounds in registers, while the fields of one
     * that came from elsewhere might change with every store.
     */
    private static MemorySegment slice(MemorySegment s, long from, long count) {
      return s.asSlice(from << 2, count << 2);
    }

    /**
     * The maximum of 1 or more elements; if one is a NaN, any value, and of zeros of both signs
     * either. So comparisons do, where the contract's maximum takes five instructions: with a NaN
     * the sum, and with it each result of the row, is a NaN whatever is subtracted; with two zeros
     * the sign is lost in the exponential, and in the subtraction of the logarithm of a sum of 2 or
     * more.
     */
    private static float maximum(MemorySegment x, long from, int count) {
      MemorySegment xs = slice(x, from, count);
      float m = f32(xs, 0);
      int i = 0;
      // A maximum has no order.
      if (count >= 4 * W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) 0 << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) W << 2, ORDER));
        FloatVector c =
            FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) (2 * W) << 2, ORDER));
        FloatVector d =
            FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) (3 * W) << 2, ORDER));
        for (i = 4 * W; i <= count - 4 * W; i += 4 * W) {
          FloatVector u = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER));
          a = u.blend(a, u.compare(VectorOperators.LT, a));
          u = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) (i + W) << 2, ORDER));
          b = u.blend(b, u.compare(VectorOperators.LT, b));
          u = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) (i + 2 * W) << 2, ORDER));
          c = u.blend(c, u.compare(VectorOperators.LT, c));
          u = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (long) (i + 3 * W) << 2, ORDER));
          d = u.blend(d, u.compare(VectorOperators.LT, d));
        }
        m = FLOATS.cast(a).max(b).max(FLOATS.cast(c).max(d)).reduceLanes(VectorOperators.MAX);
      }
      for (; i <= count - W; i += W) {
        m =
            Math.max(
                m,
                FLOATS
                    .cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER))
                    .reduceLanes(VectorOperators.MAX));
      }
      for (; i < count; i++) {
        m = Math.max(m, f32(xs, i));
      }
      return m;
    }

    /** y = (x − m) − c. */
    private static void subtract(
        MemorySegment x, float m, float c, MemorySegment y, long from, int count) {
      MemorySegment xs = slice(x, from, count);
      MemorySegment ys = slice(y, from, count);
      int i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, xs, (long) i << 2, ORDER))
            .sub(m)
            .sub(c)
            .intoMemorySegment(ys, (long) i << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(ys, i, (f32(xs, i) - m) - c);
      }
    }

    /**
     * y = y / s, where s is 1 or more or NaN. Divisions are slow, so quotients begin as products
     * with the reciprocal and are corrected twice by their exact remainders. After the first step
     * they are within an ulp, and from there, with a reciprocal that is rounded to nearest, the
     * second gives the quotient rounded to nearest (Markstein 1990, "Computation of elementary
     * functions on the IBM RISC System/6000 processor", theorem 8). Tiny or NaN elements, whose
     * remainders might not be exact, are divided.
     */
    private static void divide(MemorySegment y, float s, long from, int count) {
      MemorySegment ys = slice(y, from, count);
      float reciprocal = 1f / s;
      FloatVector minusS = FloatVector.broadcast(F, -s);
      FloatVector near = FloatVector.broadcast(F, reciprocal);
      int i = 0;
      for (; i <= count - W; i += W) {
        FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, (long) i << 2, ORDER));
        if (v.compare(VectorOperators.GE, DIVIDE_BY_PRODUCTS).allTrue()) {
          FloatVector q = v.mul(near);
          q = q.fma(minusS, v).fma(near, q);
          q.fma(minusS, v).fma(near, q).intoMemorySegment(ys, (long) i << 2, ORDER);
        } else {
          v.div(s).intoMemorySegment(ys, (long) i << 2, ORDER);
        }
      }
      for (; i < count; i++) {
        f32(ys, i, f32(ys, i) / s);
      }
    }

    private static void softmaxSlope(
        MemorySegment y, MemorySegment dy, float sum, MemorySegment dx, long from, int count) {
      dx = Lanes.expectNative(dx);
      int i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, (from + i) << 2, ORDER))
            .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, (from + i) << 2, ORDER)).sub(sum))
            .intoMemorySegment(dx, (from + i) << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(dx, from + i, f32(y, from + i) * (f32(dy, from + i) - sum));
      }
    }

    private static void logSoftmaxSlope(
        MemorySegment e,
        long eAt,
        float sum,
        MemorySegment dy,
        MemorySegment dx,
        long from,
        int count) {
      dx = Lanes.expectNative(dx);
      FloatVector sums = FloatVector.broadcast(F, sum);
      int i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, e, (eAt + i) << 2, ORDER))
            .neg()
            .fma(sums, FLOATS.cast(FloatVector.fromMemorySegment(F, dy, (from + i) << 2, ORDER)))
            .intoMemorySegment(dx, (from + i) << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(dx, from + i, Math.fma(-f32(e, eAt + i), sum, f32(dy, from + i)));
      }
    }

    private static float blockOfProducts(
        MemorySegment y, MemorySegment dy, long from, int count, float[] lanes) {
      MemorySegment t = BlockScratch.mine();
      int i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, (from + i) << 2, ORDER))
            .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, (from + i) << 2, ORDER)))
            .intoMemorySegment(t, (long) i << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(t, i, f32(y, from + i) * f32(dy, from + i));
      }
      return block(t, 0, count, lanes);
    }

    /** The contract's sum of one block of 1 … 1,024 elements. */
    private static float block(MemorySegment x, long from, int count, float[] lanes) {
      int rows = count / LANES;
      if (rows > 0) {
        for (int j = 0; j < LANES; j += 2 * W) {
          FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + j) << 2, ORDER));
          FloatVector b =
              FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + j + W) << 2, ORDER));
          for (int r = 1; r < rows; r++) {
            long at = from + j + (long) r * LANES;
            a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at << 2, ORDER)).add(a);
            b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + W) << 2, ORDER)).add(b);
          }
          FLOATS.cast(a).intoArray(lanes, j);
          FLOATS.cast(b).intoArray(lanes, j + W);
        }
      }
      int first = rows * LANES;
      for (int i = first; i < count; i++) {
        float term = f32(x, from + i);
        lanes[i - first] = rows == 0 ? term : lanes[i - first] + term;
      }
      return OrderedSum.combineLanes(lanes, Math.min(count, LANES));
    }
  }
}

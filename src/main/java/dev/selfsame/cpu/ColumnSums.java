package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Run sums of columns (see {@link dev.selfsame.contract.OrderedSum}), in the order in which rows
 * lie in memory: sums of a strip of columns wait in the first-level cache, and eight rows at a time
 * are added to them.
 */
interface ColumnSums {
  /** Run sum of each column of x [rows, columns] to out [columns]. */
  void columns(MemorySegment x, long rows, long columns, MemorySegment out, Workers workers);

  /** The kernel for a vector width. */
  static ColumnSums on(int bits) {
    return Lanes.kernel(Kernel.class, ColumnSums.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ColumnSums {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Rows of a task: two levels of the tree. */
    private static final int TASK_ROWS = RUN * RUN;

    /** Most columns of a task. */
    private static final int WIDE = BlockScratch.FLOATS;

    /** Columns of a task where there are few rows to share. */
    private static final int NARROW = 256;

    /** The calling thread's partials, kept between calls. */
    private static final ThreadLocal<float[]> PARTIALS =
        ThreadLocal.withInitial(() -> new float[0]);

    Kernel() {}

    @Override
    public void columns(
        MemorySegment x, long rows, long columns, MemorySegment out, Workers workers) {
      int blocks = Math.toIntExact(Math.ceilDiv(rows, (long) TASK_ROWS));
      int strip = blocks >= 4 ? WIDE : NARROW;
      int strips = Math.toIntExact(Math.ceilDiv(columns, (long) strip));
      int floats = Math.toIntExact(Math.multiplyExact(blocks, columns));
      float[] partials = mine(floats);
      workers.run(
          (long) blocks * strips,
          task -> {
            long first = task % strips * strip;
            int width = (int) Math.min(strip, columns - first);
            long row = task / strips * TASK_ROWS;
            int count = (int) Math.min(TASK_ROWS, rows - row);
            long to = task / strips * columns + first;
            block(x, row * columns + first, columns, count, width, partials, (int) to);
          });
      fold(partials, blocks, (int) columns);
      for (int c = 0; c < columns; c++) {
        Mem.f32(out, c, partials[c]);
      }
    }

    private static float[] mine(int floats) {
      float[] partials = PARTIALS.get();
      if (partials.length < floats) {
        partials = new float[floats];
        PARTIALS.set(partials);
      }
      return partials;
    }

    /** Two levels of the tree for {@code width} columns of at most 32 runs of rows. */
    private static void block(
        MemorySegment x, long from, long columns, int rows, int width, float[] partials, int to) {
      float[] run = BlockScratch.myArray();
      // −0 is what an addition leaves alone: a sum begins with its first term's own bits.
      Arrays.fill(partials, to, to + width, -0f);
      for (int first = 0; first < rows; first += RUN) {
        Arrays.fill(run, 0, width, -0f);
        int end = Math.min(rows, first + RUN);
        int r = first;
        for (; r <= end - 8; r += 8) {
          eightRows(x, from + r * columns, columns, width, run);
        }
        for (; r < end; r++) {
          row(x, from + r * columns, width, run);
        }
        add(run, 0, width, partials, to);
      }
    }

    private static void eightRows(
        MemorySegment x, long from, long columns, int width, float[] run) {
      long next = columns << 2;
      int j = 0;
      for (; j <= width - W; j += W) {
        long at = from + j << 2;
        FloatVector sum = FLOATS.cast(FloatVector.fromArray(F, run, j));
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + next, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 2 * next, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 3 * next, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 4 * next, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 5 * next, ORDER)).add(sum);
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 6 * next, ORDER)).add(sum);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, at + 7 * next, ORDER))
            .add(sum)
            .intoArray(run, j);
      }
      for (; j < width; j++) {
        float sum = run[j];
        for (int r = 0; r < 8; r++) {
          sum += Mem.f32(x, from + r * columns + j);
        }
        run[j] = sum;
      }
    }

    private static void row(MemorySegment x, long from, int width, float[] run) {
      int j = 0;
      for (; j <= width - W; j += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, from + j << 2, ORDER))
            .add(FLOATS.cast(FloatVector.fromArray(F, run, j)))
            .intoArray(run, j);
      }
      for (; j < width; j++) {
        run[j] += Mem.f32(x, from + j);
      }
    }

    /** to[i] += from[i] for {@code count} elements, which must not overlap. */
    private static void add(float[] from, int f, int count, float[] to, int t) {
      int j = 0;
      for (; j <= count - W; j += W) {
        FLOATS
            .cast(FloatVector.fromArray(F, to, t + j))
            .add(FLOATS.cast(FloatVector.fromArray(F, from, f + j)))
            .intoArray(to, t + j);
      }
      for (; j < count; j++) {
        to[t + j] += from[f + j];
      }
    }

    /** The other levels: run sums of the columns of p [rows, columns], to the first row. */
    private static void fold(float[] p, int rows, int columns) {
      for (int left = rows; left > 1; left = Math.ceilDiv(left, RUN)) {
        for (int run = 0; run < left; run += RUN) {
          int to = run / RUN * columns;
          if (run > 0) {
            System.arraycopy(p, run * columns, p, to, columns);
          }
          for (int r = run + 1; r < Math.min(left, run + RUN); r++) {
            add(p, r * columns, columns, p, to);
          }
        }
      }
    }
  }
}

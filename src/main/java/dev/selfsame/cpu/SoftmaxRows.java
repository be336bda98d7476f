package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Exponentials of rows of up to 1,024 elements, each row less its maximum, and their block sums.
 * Four rows at a time stay in the first-level cache between the two passes; the sum of one alone
 * would be two chains of additions that wait for each other, and each row's undecided lanes a call
 * of their own.
 */
interface SoftmaxRows {
  /** Rows of 32 elements or more at a time. */
  int ROWS = 4;

  /**
   * y = e^(x − m) for the first few of the rows that are left, with m and the sums of y left in the
   * scratch.
   *
   * @param left rows that lie behind each other from {@code at} on
   * @param scratch with the first row's maximum as {@link Scratch#next}; afterwards it is that of
   *     the first row after these
   * @return how many rows are done: of short ones, as many as fill a block
   */
  int exponentials(
      MemorySegment x, long at, int left, int columns, MemorySegment y, long yAt, Scratch scratch);

  /** The kernel for a vector width. */
  static SoftmaxRows on(int bits) {
    return Lanes.kernel(Kernel.class, SoftmaxRows.class, bits);
  }

  /** What a thread keeps between rows. */
  final class Scratch {
    private static final ThreadLocal<Scratch> MINE = ThreadLocal.withInitial(Scratch::new);

    /** The maximum of the row that comes next. */
    float next;

    /** Of the rows and of the next one. */
    final float[] maxima = new float[BLOCK + 1];

    final float[] sums = new float[BLOCK];

    /** Room for exponentials that are not themselves a result. */
    final MemorySegment rows = Arena.ofAuto().allocate((long) ROWS * BLOCK * Float.BYTES, 64);

    final float[][] lanes = new float[ROWS][LANES];

    private Scratch() {}

    /** The calling thread's. */
    static Scratch mine() {
      return MINE.get();
    }
  }

  // Rows that fill no vector end together, too: a slice for each would be an object in some
  // processes.

  /** y = (x − m) − c, row by row. */
  static void subtract(
      MemorySegment x, float[] m, float[] c, MemorySegment y, long at, int rows, int columns) {
    MemorySegment xs = x.asSlice(at << 2, (long) rows * columns << 2);
    MemorySegment ys = y.asSlice(at << 2, (long) rows * columns << 2);
    for (int r = 0; r < rows; r++) {
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        f32(ys, i, (f32(xs, i) - m[r]) - c[r]);
      }
    }
  }

  /** y = y / s, row by row. */
  static void divide(MemorySegment y, float[] s, long at, int rows, int columns) {
    MemorySegment ys = y.asSlice(at << 2, (long) rows * columns << 2);
    for (int r = 0; r < rows; r++) {
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        f32(ys, i, f32(ys, i) / s[r]);
      }
    }
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements SoftmaxRows {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    Kernel() {}

    @Override
    public int exponentials(
        MemorySegment x,
        long at,
        int left,
        int columns,
        MemorySegment y,
        long yAt,
        Scratch scratch) {
      if (columns < LANES) {
        int rows = Math.min(BLOCK / columns, left);
        shortRows(x, at, rows, columns, y, yAt, scratch);
        return rows;
      }
      int rows = Math.min(ROWS, left);
      // After the last row none is read ahead; any other will do.
      long next = rows < left ? at + (long) rows * columns : at;
      scratch.maxima[0] = scratch.next;
      EXACT.expRows(x, at, rows, columns, next, scratch.maxima, y, yAt);
      scratch.next = scratch.maxima[rows];
      lanes(y, yAt, rows, columns, scratch);
      int whole = columns & -LANES;
      for (int r = 0; r < rows; r++) {
        float[] lane = scratch.lanes[r];
        long rest = yAt + (long) r * columns + whole;
        for (int i = 0; i < columns - whole; i++) {
          lane[i] += f32(y, rest + i);
        }
        scratch.sums[r] = OrderedSum.combineLanes(lane, LANES);
      }
      return rows;
    }

    /** Rows that fill no vector: one after the other but for their exponentials. */
    private static void shortRows(
        MemorySegment x,
        long at,
        int rows,
        int columns,
        MemorySegment y,
        long yAt,
        Scratch scratch) {
      MemorySegment xs = x.asSlice(at << 2, (long) rows * columns << 2);
      MemorySegment ys = y.asSlice(yAt << 2, (long) rows * columns << 2);
      for (int r = 0; r < rows; r++) {
        int row = r * columns;
        float m = f32(xs, row);
        for (int i = 1; i < columns; i++) {
          m = Math.max(m, f32(xs, row + i));
        }
        for (int i = 0; i < columns; i++) {
          f32(ys, row + i, f32(xs, row + i) - m);
        }
        scratch.maxima[r] = m;
      }
      EXACT.exp(y, yAt, y, yAt, (long) rows * columns);
      float[] lane = scratch.lanes[0];
      for (int r = 0; r < rows; r++) {
        int row = r * columns;
        for (int i = 0; i < columns; i++) {
          lane[i] = f32(ys, row + i);
        }
        scratch.sums[r] = OrderedSum.combineLanes(lane, columns);
      }
    }

    /** The sums of the rows' lanes, but for a rest of fewer than 32 columns. */
    private static void lanes(MemorySegment y, long at, int rows, int columns, Scratch scratch) {
      MemorySegment ys = y.asSlice(at << 2, (long) rows * columns << 2);
      // What a group lacks to four rows is its last row again.
      long row = (long) columns << 2;
      long second = Math.min(1, rows - 1) * row;
      long third = Math.min(2, rows - 1) * row;
      long fourth = (rows - 1) * row;
      long whole = (long) (columns & -LANES) << 2;
      for (int j = 0; j < LANES; j += 2 * W) {
        // −0 is what an addition leaves alone: a lane's sum begins with its first term's own bits.
        FloatVector a0 = FLOATS.cast(FloatVector.broadcast(F, -0f));
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector c0 = a0;
        FloatVector c1 = a0;
        FloatVector d0 = a0;
        FloatVector d1 = a0;
        for (long i = (long) j << 2; i < whole; i += 4L * LANES) {
          a0 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i, ORDER)).add(a0);
          a1 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i + 4L * W, ORDER)).add(a1);
          long k = i + second;
          b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k, ORDER)).add(b0);
          b1 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k + 4L * W, ORDER)).add(b1);
          k = i + third;
          c0 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k, ORDER)).add(c0);
          c1 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k + 4L * W, ORDER)).add(c1);
          k = i + fourth;
          d0 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k, ORDER)).add(d0);
          d1 = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, k + 4L * W, ORDER)).add(d1);
        }
        FLOATS.cast(a0).intoArray(scratch.lanes[0], j);
        FLOATS.cast(a1).intoArray(scratch.lanes[0], j + W);
        FLOATS.cast(b0).intoArray(scratch.lanes[1], j);
        FLOATS.cast(b1).intoArray(scratch.lanes[1], j + W);
        FLOATS.cast(c0).intoArray(scratch.lanes[2], j);
        FLOATS.cast(c1).intoArray(scratch.lanes[2], j + W);
        FLOATS.cast(d0).intoArray(scratch.lanes[3], j);
        FLOATS.cast(d1).intoArray(scratch.lanes[3], j + W);
      }
    }
  }
}

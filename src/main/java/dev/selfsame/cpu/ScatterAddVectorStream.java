package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;
import static dev.selfsame.cpu.ScatterAddScratch.KEPT;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Scatter-add of narrow rows in source order (op/ScatterAdd), for destinations that receive several
 * terms a row: src is the larger side then, and is read from its begin to its end. By destination,
 * as {@link ScatterAddVector} goes, it would be read at random, a row or two of cache lines at a
 * time.
 *
 * <p>Each row has two sums in scratch: of its run so far, and of its finished runs. These are the
 * two lower levels of its tree, so rows of up to 1,024 terms can be summed so. Lanes lie across
 * columns; a task takes a strip of one or four vectors of columns, and all rows or, where there are
 * more threads than strips, a share of them.
 */
public interface ScatterAddVectorStream {
  /**
   * dst[r] += runSum(src rows whose index is r), if no row receives more than 1,024 terms.
   *
   * @param src [n, columns]
   * @param indices [n], each in [0, rows)
   * @param padding a row that receives nothing, or −1
   * @param dst [rows, columns]
   * @param clears whether all of dst becomes +0 first
   * @return false if a row receives more terms; then nothing was written
   */
  boolean scatterAdd(
      MemorySegment src,
      MemorySegment indices,
      int n,
      int rows,
      int columns,
      int padding,
      MemorySegment dst,
      boolean clears,
      Workers workers);

  /** Whether this way is the faster one, and can be taken. */
  static boolean pays(int bits, long n, long rows, long columns) {
    int fitting = fitting(bits, columns);
    return fitting > 0 && n >= 2 * rows && rows * Math.min(columns, fitting / 8) <= KEPT;
  }

  /** The kernel for rows of so many columns, if that {@link #pays}. */
  static ScatterAddVectorStream on(int bits, long columns) {
    return Lanes.kernel(Kernel.class, ScatterAddVectorStream.class, fitting(bits, columns));
  }

  /** The widest vectors of which such a row is one, four or eight; 0 if there are none. */
  private static int fitting(int bits, long columns) {
    for (int fitting = bits; fitting >= 128; fitting /= 2) {
      int lanes = fitting / Float.SIZE;
      if (columns == lanes || columns == 4L * lanes || columns == 8L * lanes) {
        return fitting;
      }
    }
    return 0;
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ScatterAddVectorStream {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();

    /** Bytes of a vector. */
    private static final int V = F.vectorByteSize();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Fewest rows of a task, where threads share them. */
    private static final int SHARE = 1_024;

    /** Terms at a time. */
    private static final int BLOCK = 1_024;

    Kernel() {}

    @Override
    public boolean scatterAdd(
        MemorySegment src,
        MemorySegment indices,
        int n,
        int rows,
        int columns,
        int padding,
        MemorySegment dst,
        boolean clears,
        Workers workers) {
      int[] counts = ScatterAddScratch.mine().counts(rows);
      int most = count(indices, n, rows, padding, counts);
      if (most > RUN * RUN) {
        return false;
      }
      int width = columns == W ? W : 4 * W;
      int strips = columns / width;
      // Threads that find no strip of columns share the rows of dst. What a row is added to does
      // not depend on it: each row's terms meet one task, in their order. Rows of one vector don't
      // pay for choosing terms.
      int wanted = width == W ? 1 : Math.ceilDiv(workers.threads(), strips);
      int shares = Math.clamp(rows / SHARE, 1, wanted);
      workers.run(
          (long) shares * strips,
          task -> {
            int first = (int) (task / strips * rows / shares);
            int end = (int) ((task / strips + 1) * rows / shares);
            ScatterAddScratch mine = ScatterAddScratch.mine();
            MemorySegment runs = mine.runs((end - first) * width);
            MemorySegment finished = most > RUN ? mine.finished((end - first) * width) : runs;
            int[] seen = mine.seen(end - first);
            Arrays.fill(seen, 0, end - first, 0);
            long column = task % strips * width * Float.BYTES;
            long pitch = (long) columns * Float.BYTES;
            if (width == W) {
              one(src, indices, n, padding, seen, runs, finished);
            } else {
              int[] places = mine.order(BLOCK);
              boolean all = shares == 1 && padding < 0;
              for (int i = 0; all && i < BLOCK; i++) {
                places[i] = i;
              }
              for (int from = 0; from < n; from += BLOCK) {
                int block = Math.min(BLOCK, n - from);
                int count = all ? block : choose(indices, from, block, first, end, padding, places);
                four(src, column, pitch, indices, from, places, count, first, seen, runs, finished);
              }
            }
            int bytes = width * Float.BYTES;
            add(counts, first, end, runs, finished, dst, column, pitch, bytes, clears);
          });
      return true;
    }

    /** Counts each row's terms; the largest count. */
    private static int count(MemorySegment indices, int n, int rows, int padding, int[] counts) {
      Arrays.fill(counts, 0, rows, 0);
      for (int i = 0; i < n; i++) {
        counts[Mem.i32(indices, i)]++;
      }
      if (padding >= 0) {
        counts[padding] = 0;
      }
      int most = 0;
      for (int row = 0; row < rows; row++) {
        most = Math.max(most, counts[row]);
      }
      return most;
    }

    /**
     * Lists which of a block's terms belong to rows {@code first} … {@code end} − 1, without a
     * branch: half of all terms would take one the wrong way.
     */
    private static int choose(
        MemorySegment indices, int from, int block, int first, int end, int padding, int[] places) {
      int count = 0;
      for (int j = 0; j < block; j++) {
        int row = Mem.i32(indices, from + j);
        int other = row ^ padding;
        places[count] = j;
        count += (other | -other) >>> 31 & ~((row - first) | (end - 1 - row)) >>> 31;
      }
      return count;
    }

    /** Sums runs of rows of one vector. Slices leave one check for a row. */
    private static void one(
        MemorySegment src,
        MemorySegment indices,
        int n,
        int padding,
        int[] seen,
        MemorySegment runs,
        MemorySegment finished) {
      for (int i = 0; i < n; i++) {
        int row = Mem.i32(indices, i);
        if (row == padding) {
          continue;
        }
        MemorySegment sum = runs.asSlice((long) row * V, V);
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, src, (long) i * V, ORDER));
        int earlier = seen[row]++;
        if (earlier % RUN == 0) {
          if (earlier > 0) {
            finish(runs, finished, (long) row * V, V, earlier == RUN);
          }
          a.intoMemorySegment(sum, 0, ORDER);
        } else {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, sum, 0, ORDER))
              .add(a)
              .intoMemorySegment(sum, 0, ORDER);
        }
      }
    }

    /**
     * The same for four vectors of longer rows, for terms that are listed of a block; column and
     * pitch in bytes.
     */
    private static void four(
        MemorySegment src,
        long column,
        long pitch,
        MemorySegment indices,
        int from,
        int[] places,
        int count,
        int first,
        int[] seen,
        MemorySegment runs,
        MemorySegment finished) {
      for (int k = 0; k < count; k++) {
        int i = from + places[k];
        int row = Mem.i32(indices, i) - first;
        MemorySegment x = src.asSlice(i * pitch + column, 4L * V);
        MemorySegment sum = runs.asSlice(row * (4L * V), 4L * V);
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 0, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, V, ORDER));
        FloatVector c = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 2 * V, ORDER));
        FloatVector d = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 3 * V, ORDER));
        int earlier = seen[row]++;
        if (earlier % RUN == 0) {
          if (earlier > 0) {
            finish(runs, finished, row * (4L * V), 4 * V, earlier == RUN);
          }
          a.intoMemorySegment(sum, 0, ORDER);
          b.intoMemorySegment(sum, V, ORDER);
          c.intoMemorySegment(sum, 2 * V, ORDER);
          d.intoMemorySegment(sum, 3 * V, ORDER);
        } else {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, sum, 0, ORDER))
              .add(a)
              .intoMemorySegment(sum, 0, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, sum, V, ORDER))
              .add(b)
              .intoMemorySegment(sum, V, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, sum, 2 * V, ORDER))
              .add(c)
              .intoMemorySegment(sum, 2 * V, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, sum, 3 * V, ORDER))
              .add(d)
              .intoMemorySegment(sum, 3 * V, ORDER);
        }
      }
    }

    /** Takes a run of 32 terms to the sum of the row's finished runs. */
    private static void finish(
        MemorySegment runs, MemorySegment finished, long at, int bytes, boolean first) {
      finished = Lanes.expectNative(finished);
      for (long j = at; j < at + bytes; j += V) {
        FloatVector run = FLOATS.cast(FloatVector.fromMemorySegment(F, runs, j, ORDER));
        if (first) {
          run.intoMemorySegment(finished, j, ORDER);
        } else {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, finished, j, ORDER))
              .add(run)
              .intoMemorySegment(finished, j, ORDER);
        }
      }
    }

    /** dst += finished runs + last run, for the rows that received something. */
    private static void add(
        int[] counts,
        int first,
        int end,
        MemorySegment runs,
        MemorySegment finished,
        MemorySegment dst,
        long column,
        long pitch,
        int bytes,
        boolean clears) {
      runs = Lanes.expectNative(runs);
      dst = Lanes.expectNative(dst);
      for (int row = first; row < end; row++) {
        long to = row * pitch + column;
        if (clears) {
          MemorySegment.copy(BlockScratch.ZEROS, 0, dst, to, bytes);
        }
        int count = counts[row];
        for (int j = 0; count > 0 && j < bytes; j += V) {
          long at = (long) (row - first) * bytes + j;
          FloatVector sum = FLOATS.cast(FloatVector.fromMemorySegment(F, runs, at, ORDER));
          if (count > RUN) {
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, finished, at, ORDER))
                .add(sum)
                .intoMemorySegment(runs, at, ORDER);
          }
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, dst, to + j, ORDER))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, runs, at, ORDER)))
              .intoMemorySegment(dst, to + j, ORDER);
        }
      }
    }
  }
}

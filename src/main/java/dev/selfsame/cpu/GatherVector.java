package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** Copies rows of a table by index on vectors (op/Gather). Words are moved, not computed with. */
public interface GatherVector {
  /** out[i] = table[indices[i]], rows of {@code columns} words. */
  void gather(
      MemorySegment table,
      MemorySegment indices,
      long n,
      long columns,
      MemorySegment out,
      Workers workers);

  /** Position of the first index outside [0, rows), or −1. */
  long firstOutside(MemorySegment indices, long n, long rows, Workers workers);

  /** The kernel for rows of so many columns: of the width, or narrower for a few odd columns. */
  static GatherVector on(int bits, long columns) {
    return Lanes.kernel(Kernel.class, GatherVector.class, Lanes.filled(bits, columns));
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements GatherVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
    private static final int W = F.length();

    /** Bytes of a vector. */
    private static final int V = F.vectorByteSize();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Words of a task, about; a row counts for 16 more. */
    private static final long TASK = 32_768;

    /**
     * From this length on, the platform's own copy is faster than a loop: a row from memory is
     * waited for, and the fewer instructions rows take, the more of the next are asked for
     * meanwhile.
     */
    private static final long LONG_ROW = 128;

    private static final int CHECK_TASK = 65_536;

    private static final int CHECK_CHUNK = 1024;

    Kernel() {}

    @Override
    public void gather(
        MemorySegment table,
        MemorySegment indices,
        long n,
        long columns,
        MemorySegment out,
        Workers workers) {
      long taskRows = Math.max(1, TASK / (columns + 16));
      workers.run(
          Math.ceilDiv(n, taskRows),
          task -> {
            long end = Math.min(n, (task + 1) * taskRows);
            if (columns == 4 * W) {
              fours(table, indices, task * taskRows, end, out);
              return;
            }
            for (long i = task * taskRows; i < end; i++) {
              row(table, Mem.i32(indices, i) * columns, out, i * columns, columns);
            }
          });
    }

    /** Rows of four vectors. */
    private static void fours(
        MemorySegment table, MemorySegment indices, long first, long end, MemorySegment out) {
      for (long i = first; i < end; i++) {
        MemorySegment x = table.asSlice(Mem.i32(indices, i) * (4L * V), 4L * V);
        MemorySegment y = out.asSlice(i * (4L * V), 4L * V);
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 0, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, V, ORDER));
        FloatVector c = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 2 * V, ORDER));
        FloatVector d = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 3 * V, ORDER));
        a.intoMemorySegment(y, 0, ORDER);
        b.intoMemorySegment(y, V, ORDER);
        c.intoMemorySegment(y, 2 * V, ORDER);
        d.intoMemorySegment(y, 3 * V, ORDER);
      }
    }

    private static void row(
        MemorySegment table, long from, MemorySegment out, long to, long columns) {
      out = Lanes.expectNative(out);
      if (columns >= LONG_ROW) {
        MemorySegment.copy(table, from * Float.BYTES, out, to * Float.BYTES, columns * Float.BYTES);
        return;
      }
      long j = 0;
      for (; j <= columns - 4 * W; j += 4 * W) {
        // Slices of a constant size leave one check for four vectors.
        MemorySegment x = table.asSlice((from + j) * Float.BYTES, 4L * V);
        MemorySegment y = out.asSlice((to + j) * Float.BYTES, 4L * V);
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 0, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, V, ORDER));
        FloatVector c = FLOATS.cast(FloatVector.fromMemorySegment(F, x, 2 * V, ORDER));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, 3 * V, ORDER))
            .intoMemorySegment(y, 3 * V, ORDER);
        a.intoMemorySegment(y, 0, ORDER);
        b.intoMemorySegment(y, V, ORDER);
        c.intoMemorySegment(y, 2 * V, ORDER);
      }
      for (; j <= columns - W; j += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, table, (from + j) * Float.BYTES, ORDER))
            .intoMemorySegment(out, (to + j) * Float.BYTES, ORDER);
      }
      for (; j < columns; j++) {
        Mem.i32(out, to + j, Mem.i32(table, from + j));
      }
    }

    @Override
    public long firstOutside(MemorySegment indices, long n, long rows, Workers workers) {
      int tasks = Math.toIntExact(Math.ceilDiv(n, (long) CHECK_TASK));
      long[] bad = new long[tasks];
      workers.run(
          tasks,
          task -> {
            long first = task * CHECK_TASK;
            bad[(int) task] = outside(indices, first, Math.min(n, first + CHECK_TASK), rows);
          });
      for (long position : bad) {
        if (position >= 0) {
          return position;
        }
      }
      return -1;
    }

    /** A chunk at a time without branches, and then the position in the first bad one. */
    private static long outside(MemorySegment indices, long first, long end, long rows) {
      IntVector last = INTS.cast(IntVector.broadcast(I, (int) (Math.min(rows, 1L << 31) - 1)));
      long i = first;
      while (i <= end - CHECK_CHUNK) {
        IntVector bad = IntVector.zero(I);
        for (int j = 0; j < CHECK_CHUNK; j += W) {
          IntVector index =
              INTS.cast(IntVector.fromMemorySegment(I, indices, (i + j) * Integer.BYTES, ORDER));
          // The sign bit is set below 0 and above the last row.
          bad = last.sub(index).or(index).or(bad);
        }
        if (INTS.cast(bad).lt(0).anyTrue()) {
          break;
        }
        i += CHECK_CHUNK;
      }
      // Seen as unsigned, a negative index is too large as well.
      long bound = Math.min(rows, 1L << 31);
      for (; i < end; i++) {
        if (Integer.toUnsignedLong(Mem.i32(indices, i)) >= bound) {
          return i;
        }
      }
      return -1;
    }
  }
}

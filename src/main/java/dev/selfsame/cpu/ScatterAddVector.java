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
 * Scatter-add on vectors (op/ScatterAdd): lanes across columns, so vectors never reorder a row's
 * additions.
 *
 * <p>Rows of at most 32 terms are one run: summed and added to the destination at once. The runs of
 * longer rows leave partials, one row of scratch each, whatever thread sums them; so a row that
 * receives everything is as parallel as any other. The upper levels of a long row's tree, a 32nd of
 * the work, follow in tasks of one row and strip of columns.
 */
public interface ScatterAddVector {
  /**
   * dst[r] += runSum(src rows of r).
   *
   * @param src [n, columns]
   * @param dst [rows, columns]
   */
  void scatterAdd(
      MemorySegment src,
      ScatterAddVectorSort sorted,
      long columns,
      MemorySegment dst,
      Workers workers);

  /** The kernel for a vector width. */
  static ScatterAddVector on(int bits) {
    return Lanes.kernel(Kernel.class, ScatterAddVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ScatterAddVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Floats of a task, about; a row counts for 16 more. */
    private static final int TASK = 65_536;

    private static final int STRIP = 4096;

    /** Columns of a task of the upper levels. */
    private static final int TOP_STRIP = 64;

    private static final int SCRATCH = 1 << 24;

    Kernel() {}

    @Override
    public void scatterAdd(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        long columns,
        MemorySegment dst,
        Workers workers) {
      int n = sorted.order().length;
      int[] slots = sorted.slots();
      int used = slots[sorted.segments()];
      // As many columns at once as the partials of long rows leave room for.
      long room = used == 0 ? columns : Math.clamp(SCRATCH / used / 16 * 16L, 1, columns);
      float[] partials = new float[Math.toIntExact(used * room)];
      for (long first = 0; first < columns; first += room) {
        Strip all = new Strip(first, Math.min(columns, first + room), columns);
        runs(src, sorted, n, slots, partials, all, dst, workers);
        if (used > 0) {
          tops(sorted, slots, partials, all, dst, workers);
        }
      }
    }

    // ---- first level: all runs
    // ---------------------------------------------------------------------------------

    private static void runs(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        int n,
        int[] slots,
        float[] partials,
        Strip all,
        MemorySegment dst,
        Workers workers) {
      int strip = (int) Math.min(STRIP, all.end() - all.first());
      long strips = Math.ceilDiv(all.end() - all.first(), strip);
      int places = Math.max(1, TASK / (strip + 16));
      workers.run(
          Math.ceilDiv(n, places) * strips,
          task -> {
            int place = (int) (task / strips * places);
            long first = all.first() + task % strips * strip;
            Strip mine = new Strip(first, Math.min(all.end(), first + strip), all.columns());
            int end = (int) Math.min(n, (long) place + places);
            runsOf(src, sorted, place, end, slots, partials, all, mine, dst);
          });
    }

    /** The runs that begin in places {@code from … end − 1}. */
    private static void runsOf(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        int from,
        int end,
        int[] slots,
        float[] partials,
        Strip all,
        Strip mine,
        MemorySegment dst) {
      int[] order = sorted.order();
      int[] starts = sorted.starts();
      int width = (int) (mine.end() - mine.first());
      int segment = sorted.segmentOf(from);
      int run = Math.ceilDiv(from - starts[segment], RUN);
      while (true) {
        long place = starts[segment] + (long) run * RUN;
        if (place >= starts[segment + 1]) {
          segment++;
          run = 0;
          if (segment == sorted.segments()) {
            return;
          }
          continue;
        }
        if (place >= end) {
          return;
        }
        int count = (int) Math.min(RUN, starts[segment + 1] - place);
        if (starts[segment + 1] - starts[segment] <= RUN) {
          long to = sorted.rows()[segment] * mine.columns() + mine.first();
          row(src, order, (int) place, count, mine.first(), mine.columns(), width, dst, to);
        } else {
          long room = all.end() - all.first();
          int to = (int) ((slots[segment] + run) * room + (mine.first() - all.first()));
          partial(
              src, order, (int) place, count, mine.first(), mine.columns(), width, partials, to);
        }
        run++;
      }
    }

    /** One run, added to the destination. */
    private static void row(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long first,
        long columns,
        int width,
        MemorySegment dst,
        long to) {
      int j = 0;
      for (; j <= width - 4 * W; j += 4 * W) {
        row4(src, order, place, count, first + j, columns, dst, to + j);
      }
      for (; j <= width - W; j += W) {
        FloatVector sum = run1(src, order, place, count, first + j, columns);
        at(dst, to + j).add(sum).intoMemorySegment(dst, (to + j) * Float.BYTES, ORDER);
      }
      for (; j < width; j++) {
        float sum = run(src, order, place, count, first + j, columns);
        Mem.f32(dst, to + j, Mem.f32(dst, to + j) + sum);
      }
    }

    /** One run, kept as a partial. */
    private static void partial(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long first,
        long columns,
        int width,
        float[] partials,
        int to) {
      int j = 0;
      for (; j <= width - 4 * W; j += 4 * W) {
        partial4(src, order, place, count, first + j, columns, partials, to + j);
      }
      for (; j <= width - W; j += W) {
        run1(src, order, place, count, first + j, columns).intoArray(partials, to + j);
      }
      for (; j < width; j++) {
        partials[to + j] = run(src, order, place, count, first + j, columns);
      }
    }

    private static void row4(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long first,
        long columns,
        MemorySegment dst,
        long to) {
      long from = order[place] * columns + first;
      FloatVector a = at(src, from);
      FloatVector b = at(src, from + W);
      FloatVector c = at(src, from + 2 * W);
      FloatVector d = at(src, from + 3 * W);
      for (int i = 1; i < count; i++) {
        from = order[place + i] * columns + first;
        a = a.add(at(src, from));
        b = b.add(at(src, from + W));
        c = c.add(at(src, from + 2 * W));
        d = d.add(at(src, from + 3 * W));
      }
      at(dst, to).add(a).intoMemorySegment(dst, to * Float.BYTES, ORDER);
      at(dst, to + W).add(b).intoMemorySegment(dst, (to + W) * Float.BYTES, ORDER);
      at(dst, to + 2 * W).add(c).intoMemorySegment(dst, (to + 2 * W) * Float.BYTES, ORDER);
      at(dst, to + 3 * W).add(d).intoMemorySegment(dst, (to + 3 * W) * Float.BYTES, ORDER);
    }

    private static void partial4(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long first,
        long columns,
        float[] partials,
        int to) {
      long from = order[place] * columns + first;
      FloatVector a = at(src, from);
      FloatVector b = at(src, from + W);
      FloatVector c = at(src, from + 2 * W);
      FloatVector d = at(src, from + 3 * W);
      for (int i = 1; i < count; i++) {
        from = order[place + i] * columns + first;
        a = a.add(at(src, from));
        b = b.add(at(src, from + W));
        c = c.add(at(src, from + 2 * W));
        d = d.add(at(src, from + 3 * W));
      }
      a.intoArray(partials, to);
      b.intoArray(partials, to + W);
      c.intoArray(partials, to + 2 * W);
      d.intoArray(partials, to + 3 * W);
    }

    private static FloatVector run1(
        MemorySegment src, int[] order, int place, int count, long first, long columns) {
      FloatVector sum = at(src, order[place] * columns + first);
      for (int i = 1; i < count; i++) {
        sum = sum.add(at(src, order[place + i] * columns + first));
      }
      return sum;
    }

    private static float run(
        MemorySegment src, int[] order, int place, int count, long first, long columns) {
      float sum = Mem.f32(src, order[place] * columns + first);
      for (int i = 1; i < count; i++) {
        sum += Mem.f32(src, order[place + i] * columns + first);
      }
      return sum;
    }

    private static FloatVector at(MemorySegment x, long element) {
      return FloatVector.fromMemorySegment(F, x, element * Float.BYTES, ORDER);
    }

    // ---- upper levels of long rows
    // -----------------------------------------------------------------------------

    private static void tops(
        ScatterAddVectorSort sorted,
        int[] slots,
        float[] partials,
        Strip all,
        MemorySegment dst,
        Workers workers) {
      int room = (int) (all.end() - all.first());
      int strips = Math.ceilDiv(room, TOP_STRIP);
      int[] longRows = longRows(slots);
      workers.run(
          (long) longRows.length * strips,
          task -> {
            int segment = longRows[(int) (task / strips)];
            int first = (int) (task % strips) * TOP_STRIP;
            int width = Math.min(TOP_STRIP, room - first);
            int base = slots[segment] * room + first;
            int count = slots[segment + 1] - slots[segment];
            top(partials, base, room, count, width);
            long to = sorted.rows()[segment] * all.columns() + all.first() + first;
            for (int j = 0; j < width; j++) {
              Mem.f32(dst, to + j, Mem.f32(dst, to + j) + partials[base + j]);
            }
          });
    }

    private static int[] longRows(int[] slots) {
      int[] found = new int[slots.length];
      int count = 0;
      for (int s = 0; s + 1 < slots.length; s++) {
        if (slots[s + 1] > slots[s]) {
          found[count++] = s;
        }
      }
      return Arrays.copyOf(found, count);
    }

    /** Sums {@code count} rows of partials, in runs, into the first. */
    private static void top(float[] partials, int base, int room, int count, int width) {
      // Each run's sum takes the place of its first term, so a level's terms lie `step` rows apart.
      int terms = count;
      for (int step = 1; terms > 1; step *= RUN) {
        for (int run = 0; run < terms; run += RUN) {
          int to = base + run * step * room;
          int end = Math.min(terms, run + RUN);
          for (int i = run + 1; i < end; i++) {
            add(partials, base + i * step * room, to, width);
          }
        }
        terms = Math.ceilDiv(terms, RUN);
      }
    }

    private static void add(float[] partials, int from, int to, int width) {
      int j = 0;
      for (; j <= width - W; j += W) {
        FloatVector.fromArray(F, partials, to + j)
            .add(FloatVector.fromArray(F, partials, from + j))
            .intoArray(partials, to + j);
      }
      for (; j < width; j++) {
        partials[to + j] += partials[from + j];
      }
    }
  }

  /**
   * Columns {@code first … end − 1} of rows of {@code columns}.
   *
   * @param first first column
   * @param end behind the last column
   * @param columns of a row
   */
  record Strip(long first, long end, long columns) {}
}

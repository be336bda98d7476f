package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Scatter-add on vectors (op/ScatterAdd): lanes across columns, so vectors never reorder a row's
 * additions. Narrow rows of several terms go by {@link ScatterAddVectorStream}.
 *
 * <p>The work is cut into blocks: up to 1,024 terms of one destination row, so two levels of its
 * tree. A thread sums a block in its own scratch, term after term along the whole strip of columns;
 * one to three terms go straight to the destination. Columns that are too few for that are summed
 * in registers, a vector of columns at a time. The blocks of a row of more than 1,024 terms leave
 * partials, one row of scratch each, whatever thread sums them; so a row that receives everything
 * is as parallel as any other. The upper levels of its tree, a 1,024th of the work, follow in tasks
 * of one row and strip of columns.
 */
public interface ScatterAddVector {
  /**
   * dst[r] += runSum(src rows of r).
   *
   * @param src [n, columns]
   * @param dst [rows, columns]
   * @param clears whether all of dst becomes +0 first: done row by row, so that a row is still in a
   *     cache when its sum is added
   */
  void scatterAdd(
      MemorySegment src,
      ScatterAddVectorSort sorted,
      long columns,
      MemorySegment dst,
      boolean clears,
      Workers workers);

  /** The kernel for rows of so many columns: of the width, or narrower for a few odd columns. */
  static ScatterAddVector on(int bits, long columns) {
    return Lanes.kernel(Kernel.class, ScatterAddVector.class, Lanes.filled(bits, columns));
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ScatterAddVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();

    /** Bytes of a vector. */
    private static final int V = F.vectorByteSize();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final ScatterAddRuns RUNS = ScatterAddRuns.on(F.vectorBitSize());

    /** Terms of a block. Twin: ScatterAddVectorSort.TERMS. */
    private static final int TERMS = ScatterAddVectorSort.TERMS;

    /** Floats of a task, about; a row counts for 16 more. */
    private static final int TASK = 65_536;

    /** Columns of a task: what a block of scratch holds. */
    private static final int STRIP = BlockScratch.FLOATS;

    /** Where a run is summed in scratch; a block's total lies at 0. */
    private static final long RUN_SUM = (long) BlockScratch.FLOATS * Float.BYTES;

    private static final int SCRATCH = 1 << 24;

    Kernel() {}

    @Override
    public void scatterAdd(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        long columns,
        MemorySegment dst,
        boolean clears,
        Workers workers) {
      int used = sorted.slots()[sorted.longRows().length];
      // As many columns at once as the partials of long rows leave room for.
      long room = used == 0 ? columns : Math.clamp(SCRATCH / used / 16 * 16L, 1, columns);
      float[] partials = ScatterAddScratch.mine().partials(Math.toIntExact(used * room));
      for (long first = 0; first < columns; first += room) {
        ScatterAddStrip all = new ScatterAddStrip(first, Math.min(columns, first + room), columns);
        blocks(src, sorted, partials, all, dst, clears, workers);
        if (used > 0) {
          ScatterAddTops.add(sorted, partials, all, dst, workers);
        }
      }
    }

    // ---- two levels: all blocks

    private static void blocks(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        float[] partials,
        ScatterAddStrip all,
        MemorySegment dst,
        boolean clears,
        Workers workers) {
      int n = sorted.terms();
      int strip = (int) Math.min(STRIP, all.end() - all.first());
      long strips = Math.ceilDiv(all.end() - all.first(), strip);
      int places = Math.max(1, TASK / (strip + 16));
      workers.run(
          Math.ceilDiv(n, places) * strips,
          task -> {
            int place = (int) (task / strips * places);
            long first = all.first() + task % strips * strip;
            long last = Math.min(all.end(), first + strip);
            ScatterAddStrip mine =
                strips == 1 ? all : new ScatterAddStrip(first, last, all.columns());
            int end = (int) Math.min(n, (long) place + places);
            blocksOf(src, sorted, place, end, partials, all, mine, dst, clears);
          });
    }

    /** The blocks that begin in places {@code from … end − 1}. */
    private static void blocksOf(
        MemorySegment src,
        ScatterAddVectorSort sorted,
        int from,
        int end,
        float[] partials,
        ScatterAddStrip all,
        ScatterAddStrip mine,
        MemorySegment dst,
        boolean clears) {
      MemorySegment scratch = BlockScratch.mine();
      int[] order = sorted.order();
      int[] starts = sorted.starts();
      int[] rows = sorted.rows();
      long pitch = mine.columns() * Float.BYTES;
      long column = mine.first() * Float.BYTES;
      int width = (int) (mine.end() - mine.first());
      int segment = sorted.segmentOf(from);
      int place = from;
      if (place > starts[segment]) {
        // The next block of this row, or the next row.
        int begun = starts[segment] + Math.ceilDiv(place - starts[segment], TERMS) * TERMS;
        boolean inside = begun >= 0 && begun < starts[segment + 1];
        place = inside ? begun : starts[++segment];
      }
      boolean any = place < end;
      while (place < end) {
        int stop = starts[segment + 1];
        if (clears && place == starts[segment]) {
          mine.clear(dst, segment == 0 ? 0 : rows[segment - 1] + 1L, rows[segment] + 1L);
        }
        if (stop - starts[segment] <= TERMS) {
          long to = rows[segment] * pitch + column;
          row(src, order, place, stop - place, column, pitch, width, dst, to, scratch);
          segment++;
        } else {
          stop = Math.min(stop - place, TERMS) + place;
          int count = stop - place;
          int bytes = along(width) * Float.BYTES;
          if (bytes > 0) {
            block(src, order, place, count, column, pitch, bytes, scratch);
          }
          int rest = width * Float.BYTES - bytes;
          across(
              src,
              order,
              place,
              count,
              column + bytes,
              pitch,
              rest,
              scratch,
              bytes,
              false,
              scratch);
          long room = all.end() - all.first();
          int slot = sorted.slotOf(segment) + (place - starts[segment]) / TERMS;
          int to = (int) (slot * room + (mine.first() - all.first()));
          MemorySegment.copy(scratch, ValueLayout.JAVA_FLOAT, 0, partials, to, width);
          segment += stop == starts[segment + 1] ? 1 : 0;
        }
        place = stop;
      }
      if (clears && any && place == sorted.terms()) {
        long behind = dst.byteSize() / pitch;
        mine.clear(dst, rows[segment - 1] + 1L, behind);
      }
    }

    /** Of {@code width} columns, those that are summed along the rows: whole vectors, if many. */
    private static int along(int width) {
      return width > 4 * W ? width - width % W : 0;
    }

    /** A block that is a whole row, added to the destination. */
    private static void row(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        int width,
        MemorySegment dst,
        long to,
        MemorySegment scratch) {
      int bytes = along(width) * Float.BYTES;
      if (bytes > 0) {
        long a = order[place] * pitch + column;
        if (count == 1) {
          plus(src, a, dst, to, bytes);
        } else if (count == 2) {
          plus2(src, a, order[place + 1] * pitch + column, dst, to, bytes);
        } else if (count == 3) {
          long b = order[place + 1] * pitch + column;
          plus3(src, a, b, order[place + 2] * pitch + column, dst, to, bytes);
        } else {
          block(src, order, place, count, column, pitch, bytes, scratch);
          plus(scratch, 0, dst, to, bytes);
        }
      }
      int rest = width * Float.BYTES - bytes;
      if (rest > 0) {
        across(
            src, order, place, count, column + bytes, pitch, rest, dst, to + bytes, true, scratch);
      }
    }

    /** Sums up to 1,024 terms to the begin of scratch, along the rows. */
    private static void block(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        int bytes,
        MemorySegment scratch) {
      run(src, order, place, Math.min(RUN, count), column, pitch, scratch, 0, bytes);
      for (int i = RUN; i < count; i += RUN) {
        int terms = Math.min(RUN, count - i);
        run(src, order, place + i, terms, column, pitch, scratch, RUN_SUM, bytes);
        plus(scratch, RUN_SUM, scratch, 0, bytes);
      }
    }

    /** Sums one run of up to 32 terms to scratch, from left to right. */
    private static void run(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        MemorySegment scratch,
        long to,
        int bytes) {
      int done = 0;
      for (; done <= bytes - 16 * V; done += 16 * V) {
        RUNS.sixteen(src, order, place, count, column + done, pitch, scratch, to + done);
      }
      if (done < bytes) {
        few(src, order, place, count, column + done, pitch, scratch, to + done, bytes - done);
      }
    }

    /** Less than sixteen vectors of columns: four terms at a time. */
    private static void few(
        MemorySegment src,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        MemorySegment scratch,
        long to,
        int bytes) {
      MemorySegment.copy(src, order[place] * pitch + column, scratch, to, bytes);
      int i = place + 1;
      for (; i <= place + count - 4; i += 4) {
        long a = order[i] * pitch + column;
        long b = order[i + 1] * pitch + column;
        long c = order[i + 2] * pitch + column;
        more(src, a, b, c, order[i + 3] * pitch + column, scratch, to, bytes);
      }
      for (; i < place + count; i++) {
        plus(src, order[i] * pitch + column, scratch, to, bytes);
      }
    }

    // ---- along the columns: offsets in bytes. Slices of a constant size leave one check.

    /** to + a. */
    private static void plus(MemorySegment x, long a, MemorySegment y, long to, int bytes) {
      int j = 0;
      for (; j <= bytes - 4 * V; j += 4 * V) {
        MemorySegment p = x.asSlice(a + j, 4L * V);
        MemorySegment t = y.asSlice(to + j, 4L * V);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, t, 0, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, p, 0, ORDER)))
            .intoMemorySegment(t, 0, ORDER);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, t, V, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, p, V, ORDER)))
            .intoMemorySegment(t, V, ORDER);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, t, 2 * V, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, p, 2 * V, ORDER)))
            .intoMemorySegment(t, 2 * V, ORDER);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, t, 3 * V, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, p, 3 * V, ORDER)))
            .intoMemorySegment(t, 3 * V, ORDER);
      }
      for (; j < bytes; j += V) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, to + j, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, a + j, ORDER)))
            .intoMemorySegment(y, to + j, ORDER);
      }
    }

    /** to + (a + b). */
    private static void plus2(
        MemorySegment x, long a, long b, MemorySegment y, long to, int bytes) {
      y = Lanes.expectNative(y);
      for (int j = 0; j < bytes; j += V) {
        FloatVector sum =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, x, a + j, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, b + j, ORDER)));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, to + j, ORDER))
            .add(sum)
            .intoMemorySegment(y, to + j, ORDER);
      }
    }

    /** to + ((a + b) + c). */
    private static void plus3(
        MemorySegment x, long a, long b, long c, MemorySegment y, long to, int bytes) {
      y = Lanes.expectNative(y);
      for (int j = 0; j < bytes; j += V) {
        FloatVector sum =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, x, a + j, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, b + j, ORDER)))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, c + j, ORDER)));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, y, to + j, ORDER))
            .add(sum)
            .intoMemorySegment(y, to + j, ORDER);
      }
    }

    /** The next four terms of a run: (((to + a) + b) + c) + d. */
    private static void more(
        MemorySegment x, long a, long b, long c, long d, MemorySegment y, long to, int bytes) {
      y = Lanes.expectNative(y);
      for (int j = 0; j < bytes; j += V) {
        FloatVector sum =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, y, to + j, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, a + j, ORDER)))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, b + j, ORDER)))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, x, c + j, ORDER)));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, d + j, ORDER))
            .add(sum)
            .intoMemorySegment(y, to + j, ORDER);
      }
    }

    // ---- across the rows, in registers: a block of up to 1,024 terms

    /** Sums columns of {@code bytes} bytes; adds them to {@code y}, or sets them. */
    private static void across(
        MemorySegment x,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        int bytes,
        MemorySegment y,
        long to,
        boolean adds,
        MemorySegment scratch) {
      int j = 0;
      for (; j <= bytes - 4 * V; j += 4 * V) {
        // More than one run, and y holds something else: they come together in scratch.
        boolean apart = adds && count > RUN;
        MemorySegment sums = apart ? scratch : y;
        long at = apart ? RUN_SUM : to + j;
        for (int i = 0; i < count; i += RUN) {
          int terms = Math.min(RUN, count - i);
          boolean joins = i > 0 || adds && !apart;
          four(x, order, place + i, terms, column + j, pitch, sums, at, joins);
        }
        if (apart) {
          plus(scratch, RUN_SUM, y, to + j, 4 * V);
        }
      }
      for (; j <= bytes - V; j += V) {
        vector(x, order, place, count, column + j, pitch, y, to + j, adds);
      }
      for (; j < bytes; j += Float.BYTES) {
        float sum = column(x, order, place, count, (column + j) >> 2, pitch >> 2);
        long element = (to + j) >> 2;
        Mem.f32(y, element, adds ? Mem.f32(y, element) + sum : sum);
      }
    }

    private static void vector(
        MemorySegment x,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        MemorySegment y,
        long to,
        boolean adds) {
      y = Lanes.expectNative(y);
      FloatVector total = FloatVector.zero(F);
      for (int i = 0; i < count; i += RUN) {
        int end = place + Math.min(count, i + RUN);
        long from = order[place + i] * pitch + column;
        FloatVector sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, from, ORDER));
        for (int k = place + i + 1; k < end; k++) {
          from = order[k] * pitch + column;
          sum = FLOATS.cast(FloatVector.fromMemorySegment(F, x, from, ORDER)).add(sum);
        }
        // Not 0 + sum: that would turn −0 into +0.
        total = i == 0 ? sum : FLOATS.cast(sum).add(total);
      }
      if (adds) {
        total = FLOATS.cast(FloatVector.fromMemorySegment(F, y, to, ORDER)).add(total);
      }
      FLOATS.cast(total).intoMemorySegment(y, to, ORDER);
    }

    /**
     * Sums one run of four vectors of columns, and adds it to what {@code y} holds, or stores it.
     */
    private static void four(
        MemorySegment x,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        MemorySegment y,
        long to,
        boolean adds) {
      MemorySegment p = x.asSlice(order[place] * pitch + column, 4L * V);
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, p, 0, ORDER));
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, p, V, ORDER));
      FloatVector c = FLOATS.cast(FloatVector.fromMemorySegment(F, p, 2 * V, ORDER));
      FloatVector d = FLOATS.cast(FloatVector.fromMemorySegment(F, p, 3 * V, ORDER));
      for (int k = place + 1; k < place + count; k++) {
        MemorySegment q = x.asSlice(order[k] * pitch + column, 4L * V);
        a = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 0, ORDER)).add(a);
        b = FLOATS.cast(FloatVector.fromMemorySegment(F, q, V, ORDER)).add(b);
        c = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 2 * V, ORDER)).add(c);
        d = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 3 * V, ORDER)).add(d);
      }
      MemorySegment sum = y.asSlice(to, 4L * V);
      if (adds) {
        a = FLOATS.cast(FloatVector.fromMemorySegment(F, sum, 0, ORDER)).add(a);
        b = FLOATS.cast(FloatVector.fromMemorySegment(F, sum, V, ORDER)).add(b);
        c = FLOATS.cast(FloatVector.fromMemorySegment(F, sum, 2 * V, ORDER)).add(c);
        d = FLOATS.cast(FloatVector.fromMemorySegment(F, sum, 3 * V, ORDER)).add(d);
      }
      FLOATS.cast(a).intoMemorySegment(sum, 0, ORDER);
      FLOATS.cast(b).intoMemorySegment(sum, V, ORDER);
      FLOATS.cast(c).intoMemorySegment(sum, 2 * V, ORDER);
      FLOATS.cast(d).intoMemorySegment(sum, 3 * V, ORDER);
    }

    private static float column(
        MemorySegment x, int[] order, int place, int count, long column, long columns) {
      float total = 0;
      for (int i = 0; i < count; i += RUN) {
        float sum = Mem.f32(x, order[place + i] * columns + column);
        for (int k = i + 1; k < Math.min(i + RUN, count); k++) {
          sum += Mem.f32(x, order[place + k] * columns + column);
        }
        total = i == 0 ? sum : total + sum;
      }
      return total;
    }
  }
}

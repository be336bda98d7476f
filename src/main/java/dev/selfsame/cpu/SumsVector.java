package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The contract's two sum trees on vectors (op/Sums). A block's 32 lanes lie across vector lanes, a
 * run sum's columns too, so vectors never reorder a chain of additions.
 */
public interface SumsVector {
  /**
   * Block sum of each row of x [rows, columns] to out [rows].
   *
   * @param squared whether the terms are the elements' squares
   */
  void blockSums(
      MemorySegment x,
      long rows,
      long columns,
      MemorySegment out,
      boolean squared,
      Workers workers);

  /** Block sum of the squares of all elements. */
  float squares(MemorySegment x, Workers workers);

  /**
   * Run sum of each channel of x [n, channels, space], terms in the order (n, space), to out
   * [channels].
   */
  void runSums(
      MemorySegment x, long n, long channels, long space, MemorySegment out, Workers workers);

  /** The kernel for a vector width. */
  static SumsVector on(int bits) {
    return Lanes.kernel(Kernel.class, SumsVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements SumsVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;
    private static final Class<? extends FloatVector> FOURS = Lanes.type(FloatVector.zero(FOUR));
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Rows of a task, of one block each: enough to outweigh its hand-over. */
    private static final int TASK_ROWS = 64;

    private static final LongRow.Pass SQUARES =
        (row, from, n, lanes) -> block(row.x, from, n, true, lanes);

    private static final ColumnSums COLUMNS = ColumnSums.on(F.vectorBitSize());

    Kernel() {}

    @Override
    public void blockSums(
        MemorySegment x,
        long rows,
        long columns,
        MemorySegment out,
        boolean squared,
        Workers workers) {
      if (columns > BLOCK) {
        LongRow.Pass sums = (row, from, n, lanes) -> block(x, from, n, squared, lanes);
        RowBlocks.rows(rows, columns, workers, (r, row) -> Mem.f32(out, r, row.sum(sums)));
        return;
      }
      workers.run(
          Math.ceilDiv(rows, TASK_ROWS),
          task -> {
            long end = Math.min(rows, (task + 1) * TASK_ROWS);
            float[] lanes = LongRow.lanes();
            for (long row = task * TASK_ROWS; row < end; row++) {
              Mem.f32(out, row, block(x, row * columns, (int) columns, squared, lanes));
            }
          });
    }

    @Override
    public float squares(MemorySegment x, Workers workers) {
      long count = x.byteSize() / Float.BYTES;
      if (count <= BLOCK) {
        return block(x, 0, (int) count, true, LongRow.lanes());
      }
      LongRow row = LongRow.mine(count, count < RowBlocks.SHARED_ROW ? null : workers).at(0);
      row.x = x;
      float sum = row.sum(SQUARES);
      row.release();
      return sum;
    }

    /** One block of 1 … 1,024 terms from element {@code from} on. */
    private static float block(
        MemorySegment x, long from, int count, boolean squared, float[] lanes) {
      int rows = count / LANES;
      if (2 * W == LANES && count % LANES == 0) {
        return wholeRows(x, from, rows, squared, lanes);
      }
      for (int j = 0; j < LANES && rows > 0; j += 4 * W) {
        // Up to four chains at once, to hide the latency of an addition.
        switch (Math.min(4, (LANES - j) / W)) {
          case 4 -> lanes4(x, from + j, rows, squared, lanes, j);
          case 2 -> lanes2(x, from + j, rows, squared, lanes, j);
          default -> throw new AssertionError("32 lanes in vectors of " + W);
        }
      }
      int first = rows * LANES;
      for (int i = first; i < count; i++) {
        float term = Mem.f32(x, from + i);
        term = squared ? term * term : term;
        lanes[i - first] = rows == 0 ? term : lanes[i - first] + term;
      }
      return OrderedSum.combineLanes(lanes, Math.min(count, LANES));
    }

    /**
     * A block of whole rows of two vectors, whose lanes are combined by halving in vectors, too.
     */
    private static float wholeRows(
        MemorySegment x, long from, int rows, boolean squared, float[] lanes) {
      lanes2(x, from, rows, squared, lanes, 0);
      FLOATS
          .cast(FloatVector.fromArray(F, lanes, 0))
          .add(FLOATS.cast(FloatVector.fromArray(F, lanes, W)))
          .intoArray(lanes, 0);
      FloatVector low =
          FOURS
              .cast(FloatVector.fromArray(FOUR, lanes, 0))
              .add(FOURS.cast(FloatVector.fromArray(FOUR, lanes, 8)));
      FloatVector high =
          FOURS
              .cast(FloatVector.fromArray(FOUR, lanes, 4))
              .add(FOURS.cast(FloatVector.fromArray(FOUR, lanes, 12)));
      low.add(high).intoArray(lanes, 0);
      return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    }

    private static void lanes2(
        MemorySegment x, long from, int rows, boolean squared, float[] lanes, int j) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, from << 2, ORDER));
      a = squared ? a.mul(a) : a;
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + W) << 2, ORDER));
      b = squared ? b.mul(b) : b;
      for (int r = 1; r < rows; r++) {
        long at = from + (long) r * LANES;
        FloatVector nextA = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at << 2, ORDER));
        a = (squared ? nextA.mul(nextA) : nextA).add(a);
        FloatVector nextB = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + W) << 2, ORDER));
        b = (squared ? nextB.mul(nextB) : nextB).add(b);
      }
      FLOATS.cast(a).intoArray(lanes, j);
      FLOATS.cast(b).intoArray(lanes, j + W);
    }

    private static void lanes4(
        MemorySegment x, long from, int rows, boolean squared, float[] lanes, int j) {
      FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, x, from << 2, ORDER));
      a = squared ? a.mul(a) : a;
      FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + W) << 2, ORDER));
      b = squared ? b.mul(b) : b;
      FloatVector c = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + 2 * W) << 2, ORDER));
      c = squared ? c.mul(c) : c;
      FloatVector d = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (from + 3 * W) << 2, ORDER));
      d = squared ? d.mul(d) : d;
      for (int r = 1; r < rows; r++) {
        long at = from + (long) r * LANES;
        FloatVector nextA = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at << 2, ORDER));
        a = (squared ? nextA.mul(nextA) : nextA).add(a);
        FloatVector nextB = FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + W) << 2, ORDER));
        b = (squared ? nextB.mul(nextB) : nextB).add(b);
        FloatVector nextC =
            FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + 2 * W) << 2, ORDER));
        c = (squared ? nextC.mul(nextC) : nextC).add(c);
        FloatVector nextD =
            FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + 3 * W) << 2, ORDER));
        d = (squared ? nextD.mul(nextD) : nextD).add(d);
      }
      FLOATS.cast(a).intoArray(lanes, j);
      FLOATS.cast(b).intoArray(lanes, j + W);
      FLOATS.cast(c).intoArray(lanes, j + 2 * W);
      FLOATS.cast(d).intoArray(lanes, j + 3 * W);
    }

    @Override
    public void runSums(
        MemorySegment x, long n, long channels, long space, MemorySegment out, Workers workers) {
      if (space == 1) {
        COLUMNS.columns(x, n, channels, out, workers);
      } else {
        channelRuns(x, n, channels, space, out, workers);
      }
    }

    // ---- channels with space: each run is short and contiguous
    // -----------------------------------

    private static void channelRuns(
        MemorySegment x, long n, long channels, long space, MemorySegment out, Workers workers) {
      if (W == RunSums.W) {
        RunSums.channels(x, n, channels, space, out, workers);
        return;
      }
      long terms = Math.multiplyExact(n, space);
      int runs = Math.toIntExact(Math.ceilDiv(terms, (long) RUN));
      int taskRuns = 256;
      int tasks = Math.ceilDiv(runs, taskRuns);
      float[] partials = new float[Math.toIntExact(Math.multiplyExact(channels, runs))];
      workers.run(
          channels * tasks,
          task -> {
            long channel = task / tasks;
            int first = (int) (task % tasks) * taskRuns;
            int end = Math.min(runs, first + taskRuns);
            runs(x, n, channels, space, channel, first, end, partials, (int) channel * runs);
          });
      for (int c = 0; c < channels; c++) {
        Mem.f32(out, c, OrderedSum.runSum(partials, c * runs, runs));
      }
    }

    /** Runs first … end − 1 of a channel, brought together in memory order some at a time. */
    private static void runs(
        MemorySegment x,
        long n,
        long channels,
        long space,
        long channel,
        int first,
        int end,
        float[] partials,
        int to) {
      float[] t = BlockScratch.myArray();
      int most = t.length / RUN;
      for (int run = first; run < end; run += most) {
        long term = (long) run * RUN;
        int count = (int) Math.min((long) Math.min(most, end - run) * RUN, n * space - term);
        collect(x, channels, space, channel, term, count, t);
        int done = 0;
        for (; done <= count - 8 * RUN; done += 8 * RUN) {
          eightRuns(t, done, partials, to + run + done / RUN);
        }
        for (; done < count; done += RUN) {
          partials[to + run + done / RUN] = run(t, done, Math.min(done + RUN, count));
        }
      }
    }

    /** Terms of a channel from number {@code term} on. */
    private static void collect(
        MemorySegment x, long channels, long space, long channel, long term, int count, float[] t) {
      long image = term / space;
      long inImage = term % space;
      for (int i = 0; i < count; ) {
        int some = (int) Math.min(count - i, space - inImage);
        long at = (image * channels + channel) * space + inImage;
        MemorySegment.copy(x, ValueLayout.JAVA_FLOAT_UNALIGNED, at << 2, t, i, some);
        i += some;
        image++;
        inImage = 0;
      }
    }

    /** Eight chains of additions at once, to hide their latency. */
    private static void eightRuns(float[] t, int from, float[] partials, int to) {
      float a = t[from];
      float b = t[from + RUN];
      float c = t[from + 2 * RUN];
      float d = t[from + 3 * RUN];
      float e = t[from + 4 * RUN];
      float f = t[from + 5 * RUN];
      float g = t[from + 6 * RUN];
      float h = t[from + 7 * RUN];
      for (int i = from + 1; i < from + RUN; i++) {
        a += t[i];
        b += t[i + RUN];
        c += t[i + 2 * RUN];
        d += t[i + 3 * RUN];
        e += t[i + 4 * RUN];
        f += t[i + 5 * RUN];
        g += t[i + 6 * RUN];
        h += t[i + 7 * RUN];
      }
      partials[to] = a;
      partials[to + 1] = b;
      partials[to + 2] = c;
      partials[to + 3] = d;
      partials[to + 4] = e;
      partials[to + 5] = f;
      partials[to + 6] = g;
      partials[to + 7] = h;
    }

    private static float run(float[] t, int from, int end) {
      float sum = t[from];
      for (int i = from + 1; i < end; i++) {
        sum += t[i];
      }
      return sum;
    }
  }
}

package dev.selfsame.cpu;

import dev.selfsame.cpu.GemmVector.Extent;
import dev.selfsame.cpu.GemmVector.Layout;
import dev.selfsame.cpu.GemmVector.Matrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The steps of one pass of a recurrent layer over its sequence on vectors: each step's product of
 * matrices, and the elementwise rest, a {@link Cell}. The weights are packed once for all steps.
 *
 * <p>Samples don't depend on each other. Where the weights are few enough to stay in a core's
 * second-level cache, a task is a group of samples that goes through all steps by itself, so that
 * threads meet at the end of the sequence only. Else all samples take a step together, its product
 * shared out by columns and its cell by samples.
 */
public final class RecurrentSteps {
  /** Floats of the inputs' part that are computed at once: 1 MB, half a second-level cache. */
  private static final long TOGETHER = 1 << 18;

  /** Floats of the weights up to which each thread has them in a cache of its own. */
  private static final long CACHED = 1 << 18;

  /** Samples of a group. */
  private static final long GROUP = 8;

  /** Multiply-adds of a pass from which on groups are worth their hand-over. */
  private static final long SHARED = 4_000_000;

  /** Multiply-adds of a step of long short-term memory from which on threads share it. */
  private static final long STEP = 500_000;

  /** Units of a task of a cell, about. */
  private static final long TASK = 2048;

  private final int bits;
  private final GemmVector on;
  private final RecurrentSizes z;
  private final boolean grouped;
  private final MemorySegment scratch;
  private final Workers workers;

  /**
   * A pass.
   *
   * @param scratch native memory of {@link #scratch} floats
   */
  RecurrentSteps(int bits, RecurrentSizes z, MemorySegment scratch, Workers workers) {
    this.bits = bits;
    this.on = GemmVector.on(bits);
    this.z = z;
    this.scratch = scratch;
    this.workers = workers;
    long weights = z.width() * (z.inputs() + z.hidden());
    grouped =
        workers.threads() > 1
            && z.batch() > GROUP
            && weights <= CACHED
            && z.steps() * z.batch() * weights >= SHARED;
  }

  /** The elementwise part of a step for some samples. */
  interface Cell {
    /**
     * Does it for samples {@code first} … {@code first + count} − 1.
     *
     * @param input forward: what the inputs add to the gates, without a bias; from {@code inputAt}
     *     on a row for each of these samples
     */
    void run(long t, long first, long count, MemorySegment input, long inputAt);
  }

  /** All steps of some samples. */
  private interface Samples {
    void run(long first, long count);
  }

  /** Floats of scratch for a pass, forward or back. */
  public static long scratch(int bits, RecurrentSizes z) {
    GemmVector on = GemmVector.on(bits);
    long forward =
        on.packedLength(z.width(), z.hidden())
            + on.packedLength(z.width(), z.inputs())
            + together(z) * z.batch() * z.width();
    return Math.max(forward, on.packedLength(z.hidden(), z.width()));
  }

  /** Floats of scratch for {@link #lstm}. */
  static long lstmScratch(int bits, RecurrentSizes z) {
    long groups = Math.ceilDiv(z.batch(), GROUP) * LstmSteps.partFloats(bits, z, GROUP);
    long part = LstmSteps.partFloats(bits, z, z.batch() * together(z));
    return LstmWeights.floats(bits, z) + Math.max(groups, part);
  }

  /** Steps whose inputs' part is computed at once, where samples aren't grouped. */
  private static long together(RecurrentSizes z) {
    return Math.clamp(TOGETHER / (z.batch() * z.width()), 1, z.steps());
  }

  /**
   * Forward: for each step products = h·wHhᵀ + recurrentBias, then the cell.
   *
   * @param x [T, B, I]
   * @param wIh [G·H, I]
   * @param wHh [G·H, H]
   * @param h the states before each step, [T, B, H]; cells write those after it
   * @param products [T, B, G·H], written
   */
  void forward(
      MemorySegment x,
      MemorySegment wIh,
      MemorySegment wHh,
      @Nullable MemorySegment recurrentBias,
      MemorySegment h,
      MemorySegment products,
      Cell cell) {
    long width = z.width();
    long packed = on.packedLength(width, z.hidden());
    Matrix hidden = pack(wHh, Layout.TRANSPOSED, width, z.hidden(), scratch);
    Matrix inputs = pack(wIh, Layout.TRANSPOSED, width, z.inputs(), from(scratch, packed));
    MemorySegment part = from(scratch, packed + on.packedLength(width, z.inputs()));
    long together = grouped ? 1 : together(z);
    long step = z.batch() * z.inputs();
    samples((first, count) -> {
      GemmProduct recurrent =
          on.products(
              new Matrix(from(h, first * z.hidden()), Layout.ROWS, z.state()),
              hidden,
              recurrentBias,
              from(products, first * width),
              z.batch() * width,
              new Extent(z.steps(), count, width, z.hidden()),
              workers);
      GemmProduct whole =
          on.products(
              new Matrix(from(x, first * z.inputs()), Layout.ROWS, together * step),
              inputs,
              null,
              from(part, first * width),
              0,
              new Extent(z.steps() / together, together * count, width, z.inputs()),
              workers);
      for (long t = 0; t < z.steps(); t++) {
        long left = z.steps() - t;
        if (t % together == 0 && left >= together) {
          whole.run(t / together);
        } else if (t % together == 0) {
          on.products(
                  new Matrix(from(x, t * step), Layout.ROWS, 0),
                  inputs,
                  null,
                  part,
                  0,
                  new Extent(1, left * count, width, z.inputs()),
                  workers)
              .run(0);
        }
        recurrent.run(t);
        cell(cell, t, first, count, part, (t % together * z.batch() + first) * width);
      }
    });
  }

  /**
   * Forward for long short-term memory, whose products and cells are taken together ({@link
   * LstmSteps}): see op/Lstm.
   */
  void lstm(
      MemorySegment x,
      MemorySegment wIh,
      MemorySegment wHh,
      MemorySegment bias,
      MemorySegment h,
      MemorySegment c,
      MemorySegment gates) {
    LstmWeights weights = LstmWeights.pack(bits, z, wIh, wHh, bias, scratch, workers);
    MemorySegment parts = from(scratch, LstmWeights.floats(bits, z));
    long together = grouped ? 1 : together(z);
    boolean shared =
        !grouped && workers.threads() > 1 && z.state() * z.hidden() * z.gates() >= STEP;
    samples((first, count) -> {
      MemorySegment part = from(parts, first / GROUP * LstmSteps.partFloats(bits, z, GROUP));
      new LstmSteps(bits, z, weights, x, h, c, gates, part, first, count, together, shared, workers)
          .run();
    });
  }

  /**
   * Back: for each step, the last one first, the cell, then dr = d·wHh.
   *
   * @param d [T, B, G·H], what the cells write
   * @param dr [B, H]
   * @param first whether dr is wanted of the first step, too
   */
  void back(MemorySegment d, MemorySegment wHh, MemorySegment dr, boolean first, Cell cell) {
    long width = z.width();
    Matrix hidden = pack(wHh, Layout.ROWS, z.hidden(), width, scratch);
    samples((from, count) -> {
      GemmProduct product =
          on.products(
              new Matrix(from(d, from * width), Layout.ROWS, z.batch() * width),
              hidden,
              null,
              from(dr, from * z.hidden()),
              0,
              new Extent(z.steps(), count, z.hidden(), width),
              workers);
      for (long t = z.steps() - 1; t >= 0; t--) {
        cell(cell, t, from, count, scratch, 0);
        if (t > 0 || first) {
          product.run(t);
        }
      }
    });
  }

  private Matrix pack(MemorySegment b, Layout layout, long n, long k, MemorySegment to) {
    return on.pack(new Matrix(b, layout, 0), n, k, to, workers);
  }

  private void samples(Samples steps) {
    if (grouped) {
      workers.run(
          Math.ceilDiv(z.batch(), GROUP),
          group -> steps.run(group * GROUP, Math.min(GROUP, z.batch() - group * GROUP)));
    } else {
      steps.run(0, z.batch());
    }
  }

  private void cell(Cell cell, long t, long first, long count, MemorySegment input, long inputAt) {
    long samples = Math.max(1, TASK / z.hidden());
    if (grouped || workers.threads() == 1 || count <= samples) {
      cell.run(t, first, count, input, inputAt);
      return;
    }
    workers.run(
        Math.ceilDiv(count, samples),
        task -> {
          long at = task * samples;
          cell.run(t, at, Math.min(samples, count - at), input, inputAt + at * z.width());
        });
  }

  private static MemorySegment from(MemorySegment s, long element) {
    return s.asSlice(element << 2);
  }
}

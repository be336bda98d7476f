package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.FloatAt;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.SumsVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/**
 * Sums in the contract's two orders (see {@link OrderedSum}), which depend on the number of terms
 * only.
 *
 * <ul>
 *   <li>Along a contiguous axis, {@link #sum}, {@link #mean}, {@link #squares}, {@link #rows}: the
 *       block sum.
 *   <li>Across rows, {@link #columns}, {@link #channels}: the run sum, terms in memory order.
 * </ul>
 *
 * Every addition rounds once. The mean is the sum divided once by the float nearest to the count; a
 * square is one product, rounded before it is added.
 */
public final class Sums {
  private static final Kernel BLOCKS = Kernel.of("sums_blocks");
  private static final Kernel DIVIDE = Kernel.of("sums_divide");
  private static final Kernel RUNS_OF_CHANNELS = Kernel.of("sums_runs_of_channels");

  private Sums() {}

  /**
   * Sum of all elements in memory order.
   *
   * @param x any shape, at least one element
   * @param out [1]
   */
  public static void sum(Tensor x, Tensor out) {
    total("sum", x, out, false);
  }

  /**
   * Sum of the squares of all elements in memory order.
   *
   * @param x any shape, at least one element
   * @param out [1]
   */
  public static void squares(Tensor x, Tensor out) {
    total("squares", x, out, true);
  }

  /**
   * Mean of all elements: their {@link #sum}, divided once.
   *
   * @param x any shape, at least one element
   * @param out [1]
   */
  public static void mean(Tensor x, Tensor out) {
    total("mean", x, out, false);
    float count = x.elements();
    if (out.device() instanceof Device.Cuda d) {
      d.context().launch(DIVIDE).grid(1).block(1).arg(out.address()).arg(count).run();
    } else {
      f32(out.memory(), 0, f32(out.memory(), 0) / count);
    }
  }

  private static void total(String op, Tensor x, Tensor out, boolean squared) {
    Check.plain(op, "out", out, DType.F32);
    Check.input(op, "x", x, out);
    Check.notEmpty(op, "x", x);
    Check.shape(op, "out", out, 1);
    Check.apart(op, "x", x, "out", out);
    blockSums(op, x, 1, x.elements(), out, squared);
  }

  /**
   * Sum of each row.
   *
   * @param x [R, C], C at least 1
   * @param out [R]
   */
  public static void rows(Tensor x, Tensor out) {
    Check.plain("rows", "out", out, DType.F32);
    Check.input("rows", "x", x, out);
    Check.rank("rows", "x", x, 2, "[R, C]");
    Check.notEmpty("rows", "x", x);
    Check.shape("rows", "out", out, x.size(0));
    Check.apart("rows", "x", x, "out", out);
    blockSums("rows", x, x.size(0), x.size(1), out, false);
  }

  private static void blockSums(
      String op, Tensor x, long rows, long columns, Tensor out, boolean squared) {
    switch (out.device()) {
      case Device.Scalar d -> scalarBlockSums(x.memory(), rows, columns, out.memory(), squared);
      case Device.Vector d ->
          SumsVector.on(d.bits())
              .blockSums(x.memory(), rows, columns, out.memory(), squared, d.workers());
      case Device.Cuda d ->
          cudaBlockSums(
              d.context(),
              () -> op + " of " + x,
              x.address(),
              rows,
              columns,
              out.address(),
              squared);
    }
  }

  private static void scalarBlockSums(
      MemorySegment x, long rows, long columns, MemorySegment out, boolean squared) {
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      FloatAt terms = squared ? i -> f32(x, row + i) * f32(x, row + i) : i -> f32(x, row + i);
      f32(out, r, OrderedSum.blockSum(terms, columns));
    }
  }

  /** Level by level: each launch sums the blocks of every row, until a row is one block. */
  private static void cudaBlockSums(
      CudaContext context,
      Supplier<String> what,
      long from,
      long rows,
      long count,
      long out,
      boolean squared) {
    long blocks = Math.ceilDiv(count, (long) Contract.BLOCK);
    boolean last = blocks == 1;
    long to = last ? out : context.allocate(rows * blocks * Float.BYTES);
    try {
      context
          .launch(BLOCKS)
          .grid(Math.ceilDiv(rows * blocks, 8))
          .block(256)
          .arg(from)
          .arg(rows)
          .arg(count)
          .arg(to)
          .arg(squared ? 1 : 0)
          .what(what)
          .run();
      if (!last) {
        cudaBlockSums(context, what, to, rows, blocks, out, false);
      }
    } finally {
      if (!last) {
        context.free(to);
      }
    }
  }

  /**
   * Sum of each column, over the rows in order.
   *
   * @param x [R, C], R at least 1
   * @param out [C]
   */
  public static void columns(Tensor x, Tensor out) {
    Check.rank("columns", "x", x, 2, "[R, C]");
    runSums("columns", x, x.size(0), x.size(1), 1, out);
  }

  /**
   * Sum of each channel, over all else in memory order: the gradient of a bias.
   *
   * @param x [N, C, …], N and the rest at least 1
   * @param out [C]
   */
  public static void channels(Tensor x, Tensor out) {
    if (x.shape().rank() < 2) {
      throw new ShapeException("channels: x has shape " + x.shape() + "; [N, C, …] is needed");
    }
    long n = x.size(0);
    long c = x.size(1);
    runSums("channels", x, n, c, n * c == 0 ? 0 : x.elements() / (n * c), out);
  }

  private static void runSums(String op, Tensor x, long n, long channels, long space, Tensor out) {
    Check.plain(op, "out", out, DType.F32);
    Check.input(op, "x", x, out);
    Check.notEmpty(op, "x", x);
    Check.shape(op, "out", out, channels);
    Check.apart(op, "x", x, "out", out);
    switch (out.device()) {
      case Device.Scalar d -> scalarRunSums(x.memory(), n, channels, space, out.memory());
      case Device.Vector d ->
          SumsVector.on(d.bits())
              .runSums(x.memory(), n, channels, space, out.memory(), d.workers());
      case Device.Cuda d ->
          cudaRunSums(
              d.context(), () -> op + " of " + x, x.address(), n, channels, space, out.address());
    }
  }

  private static void scalarRunSums(
      MemorySegment x, long n, long channels, long space, MemorySegment out) {
    for (long c = 0; c < channels; c++) {
      long channel = c;
      FloatAt terms = i -> f32(x, (i / space * channels + channel) * space + i % space);
      f32(out, c, OrderedSum.runSum(terms, n * space));
    }
  }

  /**
   * Level by level: the first launch leaves partials [runs, C], the others sum runs of those rows.
   */
  private static void cudaRunSums(
      CudaContext context,
      Supplier<String> what,
      long from,
      long n,
      long channels,
      long space,
      long out) {
    long rows = n * space;
    long runs = Math.ceilDiv(rows, (long) Contract.RUN);
    boolean last = runs == 1;
    long to = last ? out : context.allocate(runs * channels * Float.BYTES);
    try {
      if (space > 1) {
        context
            .launch(RUNS_OF_CHANNELS)
            .grid(Math.multiplyExact(channels, Math.ceilDiv(runs, (long) Contract.RUN)))
            .block(256)
            .arg(from)
            .arg(n)
            .arg(channels)
            .arg(space)
            .arg(to)
            .what(what)
            .run();
      } else {
        RunSums.launch(context, from, rows, channels, to, what);
      }
      if (!last) {
        cudaRunSums(context, what, to, runs, channels, 1, out);
      }
    } finally {
      if (!last) {
        context.free(to);
      }
    }
  }
}

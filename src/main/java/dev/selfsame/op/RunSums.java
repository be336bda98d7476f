package dev.selfsame.op;

import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The upper levels of the run sums of some columns on a CUDA device, for an operation whose own
 * kernel adds the first level's runs of 32 rows. All memory is allocated before the first launch,
 * so that a lack of it changes nothing.
 */
final class RunSums implements AutoCloseable {
  private static final Kernel RUNS = Kernel.of("sums_runs_of_columns");

  private final CudaContext context;
  private final long runs;
  private final long columns;
  private final @Nullable Tensor[] sums;
  private final long memory;

  /**
   * Sums over {@code runs} runs to several destinations.
   *
   * @param runs at least 1
   * @param sums [columns] each; where null, only the memory for the partials is there
   */
  RunSums(CudaContext context, long runs, long columns, @Nullable Tensor... sums) {
    this.context = context;
    this.runs = runs;
    this.columns = columns;
    this.sums = sums;
    memory = context.allocate(Math.multiplyExact(rows() * sums.length, columns) * Float.BYTES);
  }

  /** Partials of all levels of one destination, one after the other. */
  private long rows() {
    long rows = runs;
    for (long level = runs; level > 1; ) {
      level = Math.ceilDiv(level, (long) Contract.RUN);
      rows += level;
    }
    return rows;
  }

  /**
   * Address of the first level's partials [runs, columns] of destination {@code i}: with one run
   * they are the sums.
   */
  long partials(int i) {
    Tensor sum = sums[i];
    return runs == 1 && sum != null ? sum.address() : memory + i * rows() * columns * Float.BYTES;
  }

  /** Floats that a thread takes of a row: 4 where its length and all addresses, or-ed, allow it. */
  static int width(long columns, long addresses) {
    return columns % 4 == 0 && addresses % 16 == 0 ? 4 : 1;
  }

  /** One level: [rows, columns] to [ceil(rows / 32), columns]. */
  static void launch(
      CudaContext context, long from, long rows, long columns, long to, Supplier<String> what) {
    int width = width(columns, from | to);
    long runs = Math.ceilDiv(rows, (long) Contract.RUN);
    context
        .launch(RUNS)
        .grid(Math.ceilDiv(Math.multiplyExact(columns, runs) / width, 256))
        .block(256)
        .arg(from)
        .arg(rows)
        .arg(columns)
        .arg(to)
        .arg(width)
        .what(what)
        .run();
  }

  /** Adds the partials up, level by level. */
  void finish(Supplier<String> what) {
    for (int i = 0; i < sums.length; i++) {
      Tensor sum = sums[i];
      long from = partials(i);
      for (long rows = runs; rows > 1 && sum != null; ) {
        long left = Math.ceilDiv(rows, (long) Contract.RUN);
        long to = left == 1 ? sum.address() : from + rows * columns * Float.BYTES;
        launch(context, from, rows, columns, to, what);
        from = to;
        rows = left;
      }
    }
  }

  @Override
  public void close() {
    context.free(memory);
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.cpu.GemmKernel.DEPTH;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.GemmPack.Scratch;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Matrix multiplication with packed operands and register tiles (Goto and van de Geijn 2008,
 * "Anatomy of high-performance matrix multiplication"), in the contract's order: k is taken in
 * steps that never cross a chunk, chains are stored and reloaded between steps of one chunk, and
 * totals live in the output.
 *
 * <p>The output is cut into blocks whose packed operands fit a thread's share of cache, then into
 * tasks; both by the sizes alone.
 */
public final class GemmVector {
  /** Multiply-adds below which handing tasks to other threads costs more than it brings. */
  private static final long SMALL = 1 << 17;

  /** Multiply-adds of one product up to which a batch is shared out by products. */
  private static final long MODERATE = 1 << 22;

  private static final int TASKS = 16;
  private static final int GROUP_ROWS = 120;
  private static final int GROUP_COLUMNS = 256;

  private final GemmKernel kernel;
  private final GemmEnds ends;

  private GemmVector(GemmKernel kernel, GemmEnds ends) {
    this.kernel = kernel;
    this.ends = ends;
  }

  /** The kernels of a vector width. */
  public static GemmVector on(int bits) {
    return new GemmVector(
        Lanes.kernel(GemmTiles.class, GemmKernel.class, bits),
        Lanes.kernel(GemmPanels.class, GemmEnds.class, bits));
  }

  /**
   * An operand.
   *
   * @param memory all of its elements
   * @param transposed whether memory holds the transpose, row-major
   * @param step elements from one product's matrix to the next; 0 if all use the same
   */
  public record Matrix(MemorySegment memory, boolean transposed, long step) {}

  /** {@code batch} products of [m, k] by [k, n]; all at least 1. */
  public record Extent(long batch, long m, long n, long k) {}

  /** out[g] = relu?(a[g]·b[g] + bias?), with out [batch, m, n] dense. */
  public void gemm(
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment out,
      Extent size,
      Workers workers) {
    long terms = size.m * size.n * size.k;
    if (size.batch > 1 && terms <= MODERATE && size.batch <= Long.MAX_VALUE / terms) {
      long together = Math.max(1, SMALL / terms);
      workers.run(
          Math.ceilDiv(size.batch, together),
          task -> {
            long end = Math.min(size.batch, (task + 1) * together);
            for (long g = task * together; g < end; g++) {
              product(new Product(a, b, bias, relu, out, size, g), null);
            }
          });
    } else {
      for (long g = 0; g < size.batch; g++) {
        product(new Product(a, b, bias, relu, out, size, g), terms < SMALL ? null : workers);
      }
    }
  }

  /** One product of the batch. */
  private record Product(
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment out,
      Extent size,
      long g) {}

  private void product(Product p, @Nullable Workers workers) {
    // Long chunks keep their chains in memory between steps, so blocks are smaller then.
    boolean whole = Contract.chunk(p.size.k) == DEPTH;
    int rows = whole ? 1920 : 480;
    int columns = whole ? 2048 : 512;
    for (long column = 0; column < p.size.n; column += columns) {
      for (long row = 0; row < p.size.m; row += rows) {
        block(
            new Block(
                p,
                row,
                (int) Math.min(rows, p.size.m - row),
                column,
                (int) Math.min(columns, p.size.n - column)),
            workers);
      }
    }
  }

  /** A block of the output. */
  private record Block(Product product, long row, int rows, long column, int columns) {}

  /** One step along k of a block: terms {@code k} to {@code k + depth}. */
  private record Step(Block block, long k, int depth, float[] a, float[] b, float[] chains) {}

  private void block(Block block, @Nullable Workers workers) {
    long terms = block.product.size.k;
    Scratch scratch = Scratch.of();
    int rows = roundUp(block.rows, kernel.rows());
    int columns = roundUp(block.columns, kernel.columns());
    int deepest = (int) Math.min(terms, DEPTH);
    float[] a = scratch.a(rows * deepest);
    float[] b = scratch.b(columns * deepest);
    float[] chains = Contract.chunk(terms) == DEPTH ? new float[0] : scratch.chains(rows * columns);
    int panels = Math.ceilDiv(block.columns, kernel.columns());
    int groupRows = GROUP_ROWS / kernel.rows();
    int groupPanels = GROUP_COLUMNS / kernel.columns();
    int tiles = rows / kernel.rows();
    while (groupPanels > 1 && tasks(tiles, groupRows, panels, groupPanels) < TASKS) {
      groupPanels /= 2;
    }
    while (groupRows > 1 && tasks(tiles, groupRows, panels, groupPanels) < TASKS) {
      groupRows /= 2;
    }
    int tall = groupRows;
    int wide = groupPanels;
    int across = Math.ceilDiv(panels, wide);
    for (long k = 0; k < terms; k += DEPTH) {
      Step step = new Step(block, k, (int) Math.min(DEPTH, terms - k), a, b, chains);
      run(
          workers,
          tiles + panels,
          task -> {
            if (task < tiles) {
              packRows(step, (int) task);
            } else {
              packColumns(step, (int) task - tiles);
            }
          });
      run(
          workers,
          tasks(tiles, tall, panels, wide),
          task -> {
            int row = (int) task / across * tall;
            int panel = (int) task % across * wide;
            tiles(
                step,
                row,
                Math.min(row + tall, tiles),
                panel,
                Math.min(panel + wide, panels),
                panels);
          });
    }
  }

  private static int tasks(int tiles, int tall, int panels, int wide) {
    return Math.ceilDiv(tiles, tall) * Math.ceilDiv(panels, wide);
  }

  private static void run(
      @Nullable Workers workers, int tasks, java.util.function.LongConsumer task) {
    if (workers != null) {
      workers.run(tasks, task);
    } else {
      for (int i = 0; i < tasks; i++) {
        task.accept(i);
      }
    }
  }

  private void packRows(Step step, int tile) {
    Block block = step.block;
    Matrix a = block.product.a;
    Extent size = block.product.size;
    int first = tile * kernel.rows();
    int rows = Math.min(kernel.rows(), block.rows - first);
    long row = block.row + first;
    pack(
        a,
        block.product.g,
        row,
        step,
        size.k,
        size.m,
        !a.transposed,
        rows,
        kernel.rows(),
        step.a,
        first);
  }

  private void packColumns(Step step, int panel) {
    Block block = step.block;
    Matrix b = block.product.b;
    Extent size = block.product.size;
    int first = panel * kernel.columns();
    int columns = Math.min(kernel.columns(), block.columns - first);
    long column = block.column + first;
    int width = kernel.width(columns);
    pack(
        b,
        block.product.g,
        column,
        step,
        size.k,
        size.n,
        b.transposed,
        columns,
        width,
        step.b,
        first);
  }

  /** Rows of a or columns of b; {@code contiguous} if each is contiguous in memory. */
  private void pack(
      Matrix x,
      long g,
      long from,
      Step step,
      long terms,
      long others,
      boolean contiguous,
      int count,
      int width,
      float[] packed,
      int first) {
    long base = g * x.step;
    int to = first * step.depth;
    if (contiguous) {
      long at = base + from * terms + step.k;
      GemmPack.interleave(x.memory, at, terms, count, width, step.depth, packed, to);
    } else {
      long at = base + step.k * others + from;
      ends.packAdjacent(x.memory, at, others, count, width, step.depth, packed, to);
    }
  }

  /**
   * Tiles of rows {@code tile} … {@code lastTile} − 1 and panels {@code panel} … {@code lastPanel}
   * − 1.
   */
  private void tiles(Step step, int tile, int lastTile, int panel, int lastPanel, int panels) {
    Block block = step.block;
    Product p = block.product;
    long chunk = Contract.chunk(p.size.k);
    long end = step.k + step.depth;
    boolean starts = step.k % chunk == 0;
    boolean complete = end % chunk == 0 || end == p.size.k;
    boolean last = end == p.size.k;
    int area = kernel.rows() * kernel.columns();
    boolean kept = step.chains.length > 0;
    float[] chains = kept ? step.chains : Scratch.of().tile(area);
    for (int i = tile; i < lastTile; i++) {
      int row = i * kernel.rows();
      int rows = Math.min(kernel.rows(), block.rows - row);
      for (int j = panel; j < lastPanel; j++) {
        int column = j * kernel.columns();
        int columns = Math.min(kernel.columns(), block.columns - column);
        int at = kept ? (i * panels + j) * area : 0;
        if (starts) {
          Arrays.fill(chains, at, at + area, 0f);
        }
        kernel.tile(
            rows,
            columns,
            step.a,
            row * step.depth,
            step.b,
            column * step.depth,
            step.depth,
            chains,
            at);
        if (complete) {
          ends.finish(
              chains,
              at,
              rows,
              columns,
              step.k < chunk,
              last ? p.bias : null,
              block.column + column,
              last && p.relu,
              p.out,
              (p.g * p.size.m + block.row + row) * p.size.n + block.column + column,
              p.size.n);
        }
      }
    }
  }

  private static int roundUp(int value, int multiple) {
    return Math.ceilDiv(value, multiple) * multiple;
  }
}

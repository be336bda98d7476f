package dev.selfsame.cpu;

import static dev.selfsame.cpu.GemmKernel.DEPTH;

import dev.selfsame.contract.Contract;
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
  private final PanelPack pack;

  private GemmVector(GemmKernel kernel, GemmEnds ends, PanelPack pack) {
    this.kernel = kernel;
    this.ends = ends;
    this.pack = pack;
  }

  /** The kernels of a vector width. */
  public static GemmVector on(int bits) {
    return new GemmVector(
        Lanes.kernel(GemmTiles.class, GemmKernel.class, bits),
        Lanes.kernel(GemmPanels.class, GemmEnds.class, bits),
        PanelPack.on(bits));
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

  /**
   * One step along k of a block: terms {@code k} to {@code k + depth}. An operand that is null here
   * is packed where it is used, because no two tasks use the same part of it.
   */
  private record Step(
      Block block,
      long k,
      int depth,
      float @Nullable [] a,
      float @Nullable [] b,
      float @Nullable [] chains) {}

  private void block(Block block, @Nullable Workers workers) {
    long terms = block.product.size.k;
    int tiles = Math.ceilDiv(block.rows, kernel.rows());
    int panels = Math.ceilDiv(block.columns, kernel.columns());
    int tall = GROUP_ROWS / kernel.rows();
    int wide = GROUP_COLUMNS / kernel.columns();
    boolean flat = tiles <= tall && (panels >= TASKS || tiles <= 2);
    boolean slim = !flat && panels <= wide && (tiles >= TASKS || panels <= 2);
    tall = flat ? tiles : tall;
    wide = slim ? panels : wide;
    while (!slim && wide > 1 && tasks(tiles, tall, panels, wide) < TASKS) {
      wide /= 2;
    }
    while (!flat && tall > 1 && tasks(tiles, tall, panels, wide) < TASKS) {
      tall /= 2;
    }
    GemmScratch scratch = GemmScratch.of();
    int rows = tiles * kernel.rows();
    int columns = panels * kernel.columns();
    int deepest = (int) Math.min(terms, DEPTH);
    float[] a = slim ? null : scratch.a(rows * deepest);
    float[] b = flat ? null : scratch.b(columns * deepest);
    float[] chains = Contract.chunk(terms) == DEPTH ? null : scratch.chains(rows * columns);
    int rowPacks = slim ? 0 : tiles;
    int columnPacks = flat ? 0 : panels;
    int groupRows = tall;
    int groupPanels = wide;
    int across = Math.ceilDiv(panels, wide);
    for (long k = 0; k < terms; k += DEPTH) {
      Step step = new Step(block, k, (int) Math.min(DEPTH, terms - k), a, b, chains);
      run(
          workers,
          rowPacks + columnPacks,
          task -> {
            int i = (int) task;
            if (a != null && i < rowPacks) {
              packRows(step, i, a, i * kernel.rows() * step.depth);
            } else if (b != null) {
              packColumns(step, i - rowPacks, b, (i - rowPacks) * kernel.columns() * step.depth);
            }
          });
      run(
          workers,
          tasks(tiles, tall, panels, wide),
          task -> {
            int tile = (int) task / across * groupRows;
            int panel = (int) task % across * groupPanels;
            int lastTile = Math.min(tile + groupRows, tiles);
            tiles(step, tile, lastTile, panel, Math.min(panel + groupPanels, panels), panels);
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

  private void packRows(Step step, int tile, float[] packed, int at) {
    Block block = step.block;
    Matrix a = block.product.a;
    Extent size = block.product.size;
    int first = tile * kernel.rows();
    int rows = Math.min(kernel.rows(), block.rows - first);
    long base = block.product.g * a.step;
    long row = block.row + first;
    if (a.transposed) {
      long from = base + step.k * size.m + row;
      ends.packAdjacent(a.memory, from, size.m, rows, kernel.rows(), step.depth, packed, at);
    } else {
      long from = base + row * size.k + step.k;
      pack.transpose(a.memory, from, size.k, rows, step.depth, packed, at, kernel.rows());
    }
  }

  private void packColumns(Step step, int panel, float[] packed, int at) {
    Block block = step.block;
    Matrix b = block.product.b;
    Extent size = block.product.size;
    int first = panel * kernel.columns();
    int columns = Math.min(kernel.columns(), block.columns - first);
    int width = kernel.width(columns);
    long base = block.product.g * b.step;
    long column = block.column + first;
    if (b.transposed) {
      long from = base + column * size.k + step.k;
      pack.transpose(b.memory, from, size.k, columns, step.depth, packed, at, width);
    } else {
      long from = base + step.k * size.n + column;
      ends.packAdjacent(b.memory, from, size.n, columns, width, step.depth, packed, at);
    }
  }

  /**
   * Tiles of rows {@code tile} … {@code lastTile} − 1 and panels {@code panel} … {@code lastPanel}
   * − 1.
   */
  private void tiles(Step step, int tile, int lastTile, int panel, int lastPanel, int panels) {
    float[] a = step.a;
    float[] b = step.b;
    int rowFloats = kernel.rows() * step.depth;
    int columnFloats = kernel.columns() * step.depth;
    if (b == null && a != null) {
      float[] own = GemmScratch.of().panel(columnFloats);
      for (int j = panel; j < lastPanel; j++) {
        packColumns(step, j, own, 0);
        for (int i = tile; i < lastTile; i++) {
          tile(step, i, j, panels, a, i * rowFloats, own, 0);
        }
      }
    } else if (b != null) {
      float[] own = a == null ? GemmScratch.of().panel(rowFloats) : a;
      for (int i = tile; i < lastTile; i++) {
        int at = a == null ? 0 : i * rowFloats;
        if (a == null) {
          packRows(step, i, own, 0);
        }
        for (int j = panel; j < lastPanel; j++) {
          tile(step, i, j, panels, own, at, b, j * columnFloats);
        }
      }
    }
  }

  private void tile(
      Step step, int tile, int panel, int panels, float[] a, int aAt, float[] b, int bAt) {
    Block block = step.block;
    Product p = block.product;
    long chunk = Contract.chunk(p.size.k);
    long end = step.k + step.depth;
    boolean last = end == p.size.k;
    int area = kernel.rows() * kernel.columns();
    float[] chains = step.chains == null ? GemmScratch.of().tile(area) : step.chains;
    int at = step.chains == null ? 0 : (tile * panels + panel) * area;
    int firstRow = tile * kernel.rows();
    int firstColumn = panel * kernel.columns();
    int rows = Math.min(kernel.rows(), block.rows - firstRow);
    int columns = Math.min(kernel.columns(), block.columns - firstColumn);
    if (step.k % chunk == 0) {
      Arrays.fill(chains, at, at + area, 0f);
    }
    kernel.tile(rows, columns, a, aAt, b, bAt, step.depth, chains, at);
    if (end % chunk == 0 || last) {
      long row = block.row + firstRow;
      long column = block.column + firstColumn;
      ends.finish(
          chains,
          at,
          rows,
          columns,
          step.k < chunk,
          last ? p.bias : null,
          column,
          last && p.relu,
          p.out,
          (p.g * p.size.m + row) * p.size.n + column,
          p.size.n);
    }
  }
}

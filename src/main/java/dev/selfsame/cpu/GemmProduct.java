package dev.selfsame.cpu;

import static dev.selfsame.cpu.OutputTile.DEPTH;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.GemmVector.Extent;
import dev.selfsame.cpu.GemmVector.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One product of a {@link GemmVector} call: its blocks and tasks.
 *
 * <p>One operand is packed by the caller's team before the tasks begin and read by all of them, as
 * much of it as stays in a core's second-level cache ({@link #SHARED} floats, but at least {@link
 * #STEPS} steps of columns); of the other, each task packs what it needs, which then is in its
 * first-level cache. A <em>flat</em> product (few rows) shares its rows and a task takes panels of
 * columns; else columns are shared and a task takes tiles of rows. Columns that lie well, or that
 * the caller packed, are read in place.
 *
 * <p>k is taken in steps of at most {@link OutputTile#DEPTH} terms, which never cross a chunk.
 * Where chunks are longer, unfinished chains stay in memory between steps.
 */
final class GemmProduct implements LongConsumer {
  /** Floats of the shared operand that are packed at once, 1 MB, where steps are not longer. */
  private static final int SHARED = 1 << 18;

  /**
   * Steps along k, at least, that a group of tiles takes before the next group does: what a chunk's
   * chains are added to is then still in a near cache.
   */
  private static final int STEPS = 2;

  /**
   * Tiles of such a group. More of them would push each other's results out of the cache; each
   * group reads all columns of the block again, which may come from the last cache.
   */
  private static final int GROUP = 3;

  /** Tiles for which groups are made as large as that; fewer would leave threads idle. */
  private static final int GROUPED = 48;

  /** Columns of a block if columns are shared. */
  private static final int BLOCK_COLUMNS = 512;

  /** Rows of a block if columns are shared: a few megabytes when packed. */
  private static final int BLOCK_ROWS = 2080;

  /** The same if unfinished chains are kept. */
  private static final int CHAINED_ROWS = 520;

  /** Columns of a flat block if unfinished chains are kept. */
  private static final int CHAINED_COLUMNS = 4096;

  /** Most columns of a block, so that its sizes are ints. */
  private static final int MOST = 1 << 20;

  /** Rows up to which a product is flat. */
  private static final int FLAT = 104;

  /** Most tasks of a phase. */
  private static final int TASKS = 64;

  /** Panels of columns, or tiles of rows, that are packed in one sweep over pages of memory. */
  private static final int PANELS_TOGETHER = 8;

  private static final int TILES_TOGETHER = 16;

  /** Floats from which on packing is shared out. */
  private static final int PACK_TOGETHER = 1 << 16;

  private final GemmVector on;
  private final OutputTile kernel;
  private final Matrix a;
  private final Matrix b;
  private final @Nullable MemorySegment bias;
  private final boolean relu;
  private final MemorySegment out;
  private final long outProduct;
  private final Extent size;
  private final @Nullable Workers workers;
  private final long chunk;
  private final boolean straight;
  private final boolean flat;
  private final boolean inPlace;

  private long g;

  // The block, its group of steps along k, and its shared operand.
  private long row;
  private int rows;
  private int tiles;
  private long column;
  private int columns;
  private int panels;
  private long firstK;
  private int steps;
  private boolean sharesRows;
  private boolean packing;
  private int rowPacks;
  private int perTask;
  private float[] sharedRows = {};
  private MemorySegment sharedColumns = MemorySegment.NULL;
  private MemorySegment chains = MemorySegment.NULL;

  /**
   * The products of a batch.
   *
   * @param outProduct elements from one product's results to the next's
   */
  GemmProduct(
      GemmVector on,
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment out,
      long outProduct,
      Extent size,
      @Nullable Workers workers) {
    this.on = on;
    this.kernel = on.kernel;
    this.a = a;
    this.b = b;
    this.bias = bias;
    this.relu = relu;
    this.out = out;
    this.outProduct = outProduct;
    this.size = size;
    this.workers = workers;
    chunk = Contract.chunk(size.k());
    straight = out.isNative();
    flat = size.m() <= FLAT;
    inPlace =
        b.layout() == GemmVector.Layout.ROWS
            && b.memory().isNative()
            && (size.m() <= kernel.rows() || size.n() <= 256 && flat);
  }

  /** Computes product {@code g} of the batch. */
  void run(long g) {
    this.g = g;
    boolean chained = chunk > DEPTH;
    int mostRows = flat ? FLAT : chained ? CHAINED_ROWS : BLOCK_ROWS;
    int mostColumns = flat ? (chained ? CHAINED_COLUMNS : MOST) : even(BLOCK_COLUMNS);
    // Unfinished chains are kept for one block only: its steps must follow each other. Else rows
    // that are packed for a step serve all blocks beside each other.
    long across = chained ? mostColumns : size.n();
    // A transposed tile touches a page for each term: many tiles are packed in one sweep, unless
    // the matrix stays in the second-level cache.
    boolean spread = a.transposed() && size.m() * size.k() >= SHARED;
    for (row = 0; row < size.m(); row += mostRows) {
      rows = (int) Math.min(mostRows, size.m() - row);
      tiles = Math.ceilDiv(rows, kernel.rows());
      for (long left = 0; left < size.n(); left += across) {
        int widest = (int) Math.min(mostColumns, size.n() - left);
        int panelsOfWidest = Math.ceilDiv(widest, kernel.columns());
        if (chained) {
          long area = (long) kernel.rows() * kernel.columns();
          chains = GemmScratch.of().chains(tiles * panelsOfWidest * area);
        }
        sharesRows = flat || !chained && (spread || size.n() > mostColumns);
        int shared = flat ? tiles * kernel.rows() : panelsOfWidest * kernel.columns();
        int least = flat || chained ? 1 : STEPS;
        int most = Math.max(least, SHARED / (shared * (int) Math.min(size.k(), DEPTH)));
        for (firstK = 0; firstK < size.k(); firstK += (long) most * DEPTH) {
          steps = (int) Math.min(most, Math.ceilDiv(size.k() - firstK, DEPTH));
          for (column = left; column < Math.min(left + across, size.n()); column += mostColumns) {
            columns = (int) Math.min(mostColumns, size.n() - column);
            panels = Math.ceilDiv(columns, kernel.columns());
            block(column == left);
          }
        }
      }
    }
  }

  /** Columns of blocks of at most {@code most} columns, all about the same. */
  private int even(int most) {
    long blocks = Math.ceilDiv(size.n(), most);
    long width = Math.ceilDiv(Math.ceilDiv(size.n(), blocks), kernel.columns());
    return (int) width * kernel.columns();
  }

  private void block(boolean leftmost) {
    GemmScratch scratch = GemmScratch.of();
    int deepest = depth(0);
    rowPacks = 0;
    int columnPacks = 0;
    if (sharesRows && leftmost) {
      rowPacks = Math.ceilDiv(tiles, TILES_TOGETHER) * steps;
      sharedRows = scratch.sharedRows(tiles * steps * kernel.rows() * deepest);
    }
    if (!flat && !b.packed()) {
      columnPacks = Math.ceilDiv(panels, PANELS_TOGETHER) * steps;
      sharedColumns = scratch.sharedColumns((long) panels * steps * kernel.columns() * deepest);
    }
    packing = true;
    long rowFloats = rowPacks == 0 ? 0 : (long) tiles * kernel.rows();
    long columnFloats = columnPacks == 0 ? 0 : (long) panels * kernel.columns();
    share(rowPacks + columnPacks, (rowFloats + columnFloats) * steps * deepest >= PACK_TOGETHER);
    packing = false;
    int parts = flat ? panels : tiles;
    perTask = Math.ceilDiv(parts, TASKS);
    if (!flat && steps > 1 && parts >= GROUPED) {
      perTask = Math.max(perTask, GROUP);
    }
    share(Math.ceilDiv(parts, perTask), true);
  }

  private void share(long tasks, boolean together) {
    if (workers != null && together) {
      workers.run(tasks, this);
    } else {
      for (long i = 0; i < tasks; i++) {
        accept(i);
      }
    }
  }

  /** One task of the current phase. */
  @Override
  public void accept(long task) {
    GemmScratch scratch = GemmScratch.of();
    if (packing) {
      pack((int) task);
      return;
    }
    int first = (int) task * perTask;
    int last = Math.min(first + perTask, flat ? panels : tiles);
    if (flat) {
      for (int i = first; i < last; i++) {
        column(i, scratch);
      }
    } else {
      for (int step = 0; step < steps; step++) {
        for (int i = first; i < last; i++) {
          row(i, step, scratch);
        }
      }
    }
  }

  private void pack(int part) {
    int deepest = depth(0);
    if (part < rowPacks) {
      int parts = Math.ceilDiv(tiles, TILES_TOGETHER);
      int tile = part % parts * TILES_TOGETHER;
      int step = part / parts;
      int at = (step * tiles + tile) * kernel.rows() * deepest;
      packRows(tile, Math.min(TILES_TOGETHER, tiles - tile), step, sharedRows, at);
    } else {
      int parts = Math.ceilDiv(panels, PANELS_TOGETHER);
      int panel = (part - rowPacks) % parts * PANELS_TOGETHER;
      int step = (part - rowPacks) / parts;
      long at = (long) (step * panels + panel) * kernel.columns() * deepest;
      packColumns(panel, Math.min(PANELS_TOGETHER, panels - panel), step, sharedColumns, at);
    }
  }

  /** Terms of a step of the group; the first is the longest. */
  private int depth(int step) {
    return (int) Math.min(DEPTH, size.k() - firstK - (long) step * DEPTH);
  }

  /** All tiles of a panel of columns. */
  private void column(int panel, GemmScratch scratch) {
    boolean there = inPlace && columns(panel) == kernel.columns();
    long bStep = there ? size.n() : kernel.columns();
    for (int step = 0; step < steps; step++) {
      MemorySegment from = b.memory();
      long place = there ? place(panel, step) : b.packed() ? packedPlace(panel, step) : 0;
      if (!there && !b.packed()) {
        from = scratch.columns((long) kernel.columns() * DEPTH);
        packColumns(panel, 1, step, from, 0);
      }
      for (int k = 0; k < depth(step); k += kernel.depth()) {
        for (int tile = 0; tile < tiles; tile++) {
          tile(tile, panel, step, k, sharedRows, from, place, bStep);
        }
      }
    }
  }

  /** All panels of a tile of rows, for one step. */
  private void row(int tile, int step, GemmScratch scratch) {
    MemorySegment from = b.packed() ? b.memory() : sharedColumns;
    float[] packed = sharesRows ? sharedRows : scratch.rows(kernel.rows() * depth(0));
    if (!sharesRows) {
      packRows(tile, 1, step, packed, 0);
    }
    for (int k = 0; k < depth(step); k += kernel.depth()) {
      for (int panel = 0; panel < panels; panel++) {
        long at =
            b.packed()
                ? packedPlace(panel, step)
                : (long) (step * panels + panel) * kernel.columns() * depth(0);
        tile(tile, panel, step, k, packed, from, at, kernel.columns());
      }
    }
  }

  private int rows(int tile) {
    return Math.min(kernel.rows(), rows - tile * kernel.rows());
  }

  private int columns(int panel) {
    return Math.min(kernel.columns(), columns - panel * kernel.columns());
  }

  /** Where a panel's columns begin in b, for its first term of a step. */
  private long place(int panel, int step) {
    long k = firstK + (long) step * DEPTH;
    long j = column + (long) panel * kernel.columns();
    return g * b.step() + (b.transposed() ? j * size.k() + k : k * size.n() + j);
  }

  /** The same in b as {@link GemmVector#pack} leaves it. */
  private long packedPlace(int panel, int step) {
    long j = column + (long) panel * kernel.columns();
    return j * size.k() + (firstK + (long) step * DEPTH) * kernel.columns();
  }

  /** Packs the rows of some tiles, one after the other. */
  private void packRows(int first, int count, int step, float[] packed, int at) {
    long k = firstK + (long) step * DEPTH;
    int tileFloats = kernel.rows() * depth(0);
    int tile = first;
    if (a.transposed() && count > 1) {
      int whole = Math.min(count, rows / kernel.rows() - first);
      long from = g * a.step() + k * size.m() + row + (long) first * kernel.rows();
      on.ends.packAdjacent(
          a.memory(), from, size.m(), whole, kernel.rows(), depth(step), packed, at, tileFloats);
      tile += whole;
    }
    for (; tile < first + count; tile++) {
      packRows(tile, k, depth(step), packed, at + (tile - first) * tileFloats);
    }
  }

  private void packRows(int tile, long k, int depth, float[] packed, int at) {
    long i = row + (long) tile * kernel.rows();
    int count = rows(tile);
    int width = kernel.rows(count);
    if (a.transposed()) {
      long from = g * a.step() + k * size.m() + i;
      on.ends.packAdjacent(a.memory(), from, size.m(), count, width, depth, packed, at);
    } else {
      long from = g * a.step() + i * size.k() + k;
      on.pack.transpose(a.memory(), from, size.k(), count, depth, packed, at, width);
    }
  }

  /** Packs some panels of columns, one after the other. */
  private void packColumns(int first, int count, int step, MemorySegment packed, long at) {
    long from = place(first, step);
    int some = Math.min(count * kernel.columns(), columns - first * kernel.columns());
    long panelFloats = (long) kernel.columns() * depth(0);
    on.packColumns(b, from, size.n(), size.k(), some, depth(step), packed, at, panelFloats);
  }

  /**
   * Terms of a step from its term {@code first} on, for a tile's rows and a panel's columns.
   *
   * @param packed the tile's rows alone, or all shared ones
   * @param at where {@code from} holds the panel's first term of the step
   */
  private void tile(
      int tile,
      int panel,
      int step,
      int first,
      float[] packed,
      MemorySegment from,
      long at,
      long bStep) {
    int rows = rows(tile);
    int columns = columns(panel);
    int width = kernel.columns();
    int computed = kernel.rows(rows);
    int depth = Math.min(kernel.depth(), depth(step) - first);
    long k = firstK + (long) step * DEPTH + first;
    boolean goesOn = k % chunk != 0;
    boolean last = k + depth == size.k();
    boolean ends = last || (k + depth) % chunk == 0;
    boolean total = k < chunk;
    long i = row + (long) tile * kernel.rows();
    long j = column + (long) panel * width;
    long outAt = g * outProduct + i * size.n() + j;
    boolean direct = straight && total && computed == rows && columns == width;
    MemorySegment to = out;
    long toAt = outAt;
    long toStep = size.n();
    if (!direct) {
      int area = kernel.rows() * width;
      // Tiles that follow each other wait for the step's other terms.
      int places = kernel.depth() == DEPTH ? 1 : flat ? tiles : panels;
      int waiting = flat ? tile : panel;
      boolean kept = chunk > DEPTH;
      to = kept ? chains : GemmScratch.of().tile(places * area);
      toAt = kept ? (long) (tile * panels + panel) * area : (long) waiting % places * area;
      toStep = width;
    }
    int rowsAt = sharesRows ? (step * tiles + tile) * kernel.rows() * depth(0) : 0;
    int aAt = rowsAt + first * computed;
    long bAt = at + first * bStep;
    if (columns <= width / 2) {
      kernel.half(computed, packed, aAt, from, bAt, bStep, depth, goesOn, to, toAt, toStep);
    } else {
      kernel.tile(computed, packed, aAt, from, bAt, bStep, depth, goesOn, to, toAt, toStep);
    }
    if (ends && (!direct || last && (bias != null || relu))) {
      on.ends.finish(
          to,
          toAt,
          toStep,
          !direct,
          rows,
          columns,
          total,
          last ? bias : null,
          j,
          last && relu,
          out,
          outAt,
          size.n());
    }
  }
}

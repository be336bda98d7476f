package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * dw[k, (c, r, s)] = Σ over (n, p, q) of dy[n, k, p, q]·x[n, c, pixel]: a matrix product whose two
 * operands are turned into panels first; lanes across (c, r, s), rows of a tile across k.
 *
 * <p>dy is turned by tasks of its own, for as many terms as a second cache holds. Then a task is a
 * panel of (c, r, s): it turns the pixels that its weights meet, or copies what {@link
 * Conv2dVectorTapPanels} has turned, and takes them through all rows.
 *
 * <p>Where panels are too few to share, tasks are chunks: a task takes one through all panels, and
 * turns rows of dy for itself, which the other threads' caches then don't have. Where chunks are
 * few, too, each chunk of a panel is a task. Chains are stored, and added in order afterwards.
 */
final class Conv2dVectorWeightGradient {
  /**
   * Terms of a panel; both divide the shortest chunk, so that chunks end where panels end. A long
   * panel is read from the second cache, which a tile of 12 rows doesn't notice, and saves storing
   * chains.
   */
  private static final int LONG_PANEL = 512;

  /** With 16 registers a tile passes over b twice, and wants it in the first cache. */
  private static final int SHORT_PANEL = 256;

  /** Most tiles for which a panel that holds all terms is short there, too. */
  private static final int FEW_TILES = 16;

  private static final long MIN_TASKS = 16;

  /** Chunks that are tasks enough. */
  private static final long MIN_CHUNKS = 6;

  /** About as much is turned before it is used, and as much of the pixels prepared. */
  private static final long TURNED_FLOATS = 1 << 18;

  private static final long PREPARED_FLOATS = 1 << 20;

  /**
   * Panels of a task whose tiles are written straight, 1 KB of a row where vectors have 512 bits,
   * and most of their floats.
   */
  private static final int NEIGHBOURS = 8;

  private static final long NEIGHBOUR_FLOATS = 1 << 16;

  /** Tasks for a thread, at least, so that all end at about the same time. */
  private static final long TASKS_OF_THREAD = 2;

  /** Tiles that a task turns. */
  private static final int TURNED_TILES = 8;

  private final GemmKernel kernel;

  /** For tiles that are written by themselves. */
  private final OutputTile outputs;

  private final Conv2dVectorPanelKernel mover;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dVectorOperands operands;

  /** Where panels are taps of blocks of channels; null where they are weights as they lie. */
  private final @Nullable Conv2dVectorTapPanels tapPanels;

  private final MemorySegment dw;
  private final long groups;
  private final long terms;
  private final long chunk;

  // Of one group: columns are a filter's weights, cut into panels; rows are filters, cut into
  // tiles.
  private final int columns;
  private final int width;
  private final int panels;
  private final int rows;
  private final int height;
  private final int fullTiles;
  private final int tailRows;
  private final int tiles;
  private final int panelFloats;

  /** Terms of a panel. */
  private final int depth;

  // The terms whose rows are turned at once, and the tasks that share a panel's.
  private final long span;
  private final long blocks;
  private final int parts;

  /** Whether a task takes a chunk through all panels, with rows that it turns for itself. */
  private final boolean chunked;

  private final int tileFloats;

  /** Whether tiles of all rows and columns may be written by themselves. */
  private final boolean straight;

  /** Most panels of a task, where one holds all terms. */
  private final int most;

  private int together;

  Conv2dVectorWeightGradient(
      GemmKernel kernel,
      OutputTile outputs,
      Conv2dVectorPanelKernel mover,
      Conv2dVectorTurnKernel turns,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z,
      MemorySegment x,
      MemorySegment dy,
      MemorySegment dw) {
    this.kernel = kernel;
    this.outputs = outputs;
    this.mover = mover;
    this.rowKernel = rowKernel;
    this.dw = dw;
    int lanes = mover.lanes();
    groups = z.groups();
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);

    columns = Math.toIntExact(z.groupC() * z.r() * z.s());
    rows = Math.toIntExact(z.groupK());
    width = kernel.width(Math.min(columns, kernel.columns()));
    panels = Math.ceilDiv(columns, width);
    height = kernel.rows();
    int left = rows % height;
    // The rows that fill no tile: two of two thirds of a tile fill 32 registers better than one
    // full and one of a third.
    int third = height == 12 ? 4 : 2;
    boolean two = lanes == 16 && width > lanes && left > 0 && left <= third && rows > height;
    fullTiles = rows / height - (two ? 1 : 0);
    tailRows = two ? 2 * third : left;
    tiles = fullTiles + Math.ceilDiv(rows - fullTiles * height, Math.max(1, tailRows));
    panelFloats = tiles * height * width;
    boolean longer = lanes == 16 || tiles > FEW_TILES && terms <= LONG_PANEL;
    depth = longer ? LONG_PANEL : SHORT_PANEL;
    operands = new Conv2dVectorOperands(mover, turns, rowKernel, z, x, dy, depth);

    long fit = TURNED_FLOATS / (groups * tiles * height) / chunk;
    long chunks = Math.ceilDiv(terms, chunk);
    chunked =
        groups * panels < MIN_TASKS
            && chunks >= MIN_CHUNKS
            && groups * panels * panelFloats <= TURNED_FLOATS;
    if (chunked) {
      fit = chunks;
    }
    while (fit > 1 && operands.preparedFloats(fit * chunk) > PREPARED_FLOATS) {
      fit /= 2;
    }
    span = Math.min(terms, Math.max(1, fit) * chunk);
    var taps = new Conv2dVectorTapPanels(operands, z, x, lanes, depth, width);
    tapPanels = taps.takes(span) ? taps : null;
    blocks = Math.ceilDiv(span, depth);
    parts = groups * panels < MIN_TASKS ? (int) Math.ceilDiv(span, chunk) : 1;
    // Turning writes up to half a vector more terms, and a vector beyond them.
    tileFloats = (depth + lanes / 2) * height + lanes;
    straight = dw.isNative() && width == outputs.columns() && height == outputs.rows();
    long fitting = Math.min(NEIGHBOURS, NEIGHBOUR_FLOATS / (Math.min(terms, depth) * width));
    most = straight ? (int) Math.max(1, fitting) : 1;
  }

  void run(Workers workers) {
    long all = groups * panels;
    int tileGroups = Math.ceilDiv(tiles, TURNED_TILES);
    boolean split = chunked || parts > 1;
    boolean alone = !split && span == terms && tapPanels == null;
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] turned =
        mine.floats(Conv2dVectorScratch.SHARED, chunked ? 0 : groups * tiles * blocks * tileFloats);
    float[] sums =
        mine.floats(
            Conv2dVectorScratch.SUMS,
            alone ? 0 : place(all * (split ? parts + 1 : 1)) + mover.lanes());

    for (long start = 0; start < terms; start += span) {
      long begin = start;
      long end = Math.min(terms, begin + span);
      boolean fresh = begin == 0;
      long prepared = plan(begin, end - begin);
      workers.run(
          prepared + (chunked ? 0 : groups * blocks * tileGroups),
          task -> {
            if (task < prepared) {
              prepare(task);
            } else {
              turnRows(task - prepared, tileGroups, begin, end, turned);
            }
          });
      if (alone && terms <= depth) {
        long tasksAtLeast = TASKS_OF_THREAD * Math.max(2, workers.threads());
        together = Math.clamp(groups * panels / tasksAtLeast, 1, most);
        long tasks = groups * Math.ceilDiv(panels, together);
        workers.run(tasks, task -> neighbours(task, turned));
      } else if (alone) {
        workers.run(all, panel -> alone(panel, turned));
      } else if (!split) {
        workers.run(
            all, panel -> sum(panel, turned, begin, begin, end, sums, (int) place(panel), fresh));
      } else {
        int count = (int) Math.ceilDiv(end - begin, chunk);
        if (chunked) {
          workers.run(
              count,
              task -> {
                long first = begin + task * chunk;
                long last = Math.min(end, first + chunk);
                sumChunk(first, last, sums, (int) place(all * (1 + task)));
              });
        } else {
          workers.run(
              all * count,
              task -> {
                long first = begin + task / all * chunk;
                long last = Math.min(end, first + chunk);
                sum(task % all, turned, begin, first, last, sums, (int) place(all + task), true);
              });
        }
        workers.run(all, panel -> fold(panel, sums, count, fresh));
      }
    }
    if (tapPanels != null) {
      Conv2dVectorTapPanels stores = tapPanels;
      workers.run(
          stores.blocks() * tiles,
          task -> {
            int tile = (int) (task % tiles);
            stores.store(task / tiles, firstRow(tile), rowsOf(tile), sums, panelFloats, dw);
          });
    } else if (!alone) {
      workers.run(all, panel -> store(panel, 0, rows, sums, (int) place(panel)));
    }
  }

  /** Prepares pixels for {@code n} terms: says how many tasks there are of it. */
  private long plan(long begin, long n) {
    if (tapPanels == null) {
      return operands.plan(begin, n);
    }
    tapPanels.plan(begin, n);
    return tapPanels.blocks();
  }

  private void prepare(long task) {
    if (tapPanels == null) {
      operands.prepare(task);
    } else {
      tapPanels.prepare(task);
    }
  }

  /** Where a panel's sums are. */
  private long place(long panel) {
    return panel * panelFloats;
  }

  /** Turns the rows of some tiles at a block of terms. */
  private void turnRows(long task, int tileGroups, long begin, long end, float[] turned) {
    long group = task / tileGroups / blocks;
    long block = task / tileGroups % blocks;
    int firstTile = (int) (task % tileGroups) * TURNED_TILES;
    int endTile = Math.min(tiles, firstTile + TURNED_TILES);
    long t = begin + block * depth;
    int n = (int) Math.min(depth, end - t);
    for (int tile = firstTile; n > 0 && tile < endTile; tile++) {
      int to = tile(group, tile, block);
      operands.outputs(group, firstRow(tile), rowsOf(tile), t, n, turned, to, height);
    }
  }

  /** Where a tile's turned rows of a block of terms are. */
  private int tile(long group, int tile, long block) {
    return (int) (((group * tiles + tile) * blocks + block) * tileFloats);
  }

  private int firstRow(int tile) {
    return Math.min(tile, fullTiles) * height + Math.max(0, tile - fullTiles) * tailRows;
  }

  private int rowsOf(int tile) {
    return Math.min(tile < fullTiles ? height : tailRows, rows - firstRow(tile));
  }

  /** All of a panel's terms, and the results to memory. */
  private void alone(long panel, float[] turned) {
    float[] total = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.TOTAL, panelFloats);
    sum(panel, turned, 0, 0, terms, total, 0, true);
    store(panel, 0, rows, total, 0);
  }

  /**
   * The same of some neighbouring panels, where a panel holds all terms: each tile is written at
   * once, so that the writes to memory hide behind the next one's work, and the next one writes
   * where this one's rows go on.
   */
  private void neighbours(long task, float[] turned) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    long blocksOfGroup = Math.ceilDiv(panels, together);
    long group = task / blocksOfGroup;
    int first = (int) (task % blocksOfGroup) * together;
    int some = Math.min(together, panels - first);
    int n = (int) terms;
    long floats = (long) n * width;
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, height * width);
    MemorySegment pixels =
        mine.natives(Conv2dVectorScratch.PANELS, (some - 1) * floats + operands.panelFloats(width));
    for (int i = 0; i < some; i++) {
      int column = (first + i) * width;
      int count = Math.min(width, columns - column);
      operands.pixels(group, column, count, 0, n, pixels, i * floats, width);
    }
    for (int tile = 0; tile < tiles; tile++) {
      int count = rowsOf(tile);
      int a = tile(group, tile, 0);
      for (int i = 0; i < some; i++) {
        int column = (first + i) * width;
        if (straight && count == height && column + width <= columns) {
          long to = (group * rows + firstRow(tile)) * columns + column;
          outputs.tile(height, turned, a, pixels, i * floats, width, n, false, dw, to, columns);
          continue;
        }
        kernel.tile(
            count,
            width,
            turned,
            a,
            pixels,
            i * floats,
            n,
            GemmKernel.PLUS_ZEROS,
            0,
            GemmKernel.MINUS_ZEROS,
            0,
            total,
            0);
        store(group * panels + first + i, firstRow(tile), count, total, 0);
      }
    }
  }

  /** A panel's columns at terms t … t+n−1. */
  private MemorySegment turnColumns(long panel, long t, int n) {
    MemorySegment turned =
        Conv2dVectorScratch.mine().natives(Conv2dVectorScratch.PANELS, operands.panelFloats(width));
    if (tapPanels != null) {
      tapPanels.pixels(panel, t, turned);
      return turned;
    }
    int first = (int) (panel % panels) * width;
    int count = Math.min(width, columns - first);
    operands.pixels(panel / panels, first, count, t, n, turned, 0, width);
    return turned;
  }

  /**
   * Takes a panel's terms {@code from} … {@code to} − 1, whole chunks, into its total.
   *
   * @param begin the first term whose rows are turned
   * @param fresh whether the total starts with these terms
   */
  private void sum(
      long panel,
      float[] turned,
      long begin,
      long from,
      long to,
      float[] total,
      int at,
      boolean fresh) {
    long group = panel / panels;
    float[] chains = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.CHAIN, panelFloats);
    for (long t = from; t < to; t += depth) {
      int n = (int) Math.min(depth, to - t);
      boolean begins = t % chunk == 0;
      boolean ends = (t + n) % chunk == 0 || t + n == to;
      boolean first = fresh && t < from + chunk;
      MemorySegment b = turnColumns(panel, t, n);
      for (int tile = 0; tile < tiles; tile++) {
        int place = firstRow(tile) * width;
        int sum = at + place;
        // Where a chain waits for the next panel.
        float[] chain = first ? total : chains;
        int waits = first ? sum : place;
        kernel.tile(
            rowsOf(tile),
            width,
            turned,
            tile(group, tile, (t - begin) / depth),
            b,
            0,
            n,
            begins ? GemmKernel.PLUS_ZEROS : chain,
            begins ? 0 : waits,
            ends && !first ? total : GemmKernel.MINUS_ZEROS,
            ends && !first ? sum : 0,
            ends ? total : chain,
            ends ? sum : waits);
      }
    }
  }

  /** Takes a chunk through all panels, a block of terms after the other. */
  private void sumChunk(long from, long to, float[] chains, int at) {
    float[] turned =
        Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.WINDOW, groups * tiles * tileFloats);
    for (long t = from; t < to; t += depth) {
      int n = (int) Math.min(depth, to - t);
      for (int i = 0; i < groups * tiles; i++) {
        int tile = i % tiles;
        operands.outputs(
            i / tiles, firstRow(tile), rowsOf(tile), t, n, turned, i * tileFloats, height);
      }
      for (int panel = 0; panel < groups * panels; panel++) {
        MemorySegment b = turnColumns(panel, t, n);
        for (int tile = 0; tile < tiles; tile++) {
          int chain = at + (int) place(panel) + firstRow(tile) * width;
          kernel.tile(
              rowsOf(tile),
              width,
              turned,
              (panel / panels * tiles + tile) * tileFloats,
              b,
              0,
              n,
              t == from ? GemmKernel.PLUS_ZEROS : chains,
              t == from ? 0 : chain,
              GemmKernel.MINUS_ZEROS,
              0,
              chains,
              chain);
        }
      }
    }
  }

  /** Adds the chains of a panel's chunks to its total, in order. */
  private void fold(long panel, float[] sums, int count, boolean fresh) {
    int total = (int) place(panel);
    for (int part = 0; part < count; part++) {
      int from = (int) place((part + 1L) * groups * panels + panel);
      if (fresh && part == 0) {
        System.arraycopy(sums, from, sums, total, panelFloats);
      } else {
        rowKernel.fold(sums, total, sums, from, panelFloats);
      }
    }
  }

  /** Writes rows of a panel to memory. */
  private void store(long panel, int firstRow, int count, float[] total, int at) {
    int first = (int) (panel % panels) * width;
    long to = (panel / panels * rows + firstRow) * columns + first;
    mover.store(total, at, width, count, Math.min(width, columns - first), dw, to, columns);
  }
}

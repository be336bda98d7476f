package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A correlation as a matrix product: filters by positions, over (channel, tap). The positions of
 * all images of a batch are one sequence, so that small images leave no lanes empty.
 *
 * <p>A task is a block of positions and of output rows of one group; tasks depend on the sizes
 * alone. It packs what its positions read, panel by panel, for a span of terms that stays in the
 * second-level cache; then every tile of filters, in the first-level cache, meets all panels.
 * Filters are packed once if several tasks use them, else by the task, tile by tile.
 */
final class Conv2dVectorProduct {
  /** Terms that the window is filled for at once; divides a tile's steps. */
  static final int FILL = 256;

  private static final long SHARED_FLOATS = 1 << 25;

  private final OutputTile kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Image in;
  private final Conv2dVectorWindow window;
  private final Conv2dVectorFilterPanels filters;
  private final int rows;
  private final long terms;
  private final long chunk;
  private final int tileRows;

  /** Most terms of a step. */
  private final int depth;

  private final int panel;

  private final Conv2dVectorOutputs outputs;

  private final Conv2dVectorBlocks blocks;

  Conv2dVectorProduct(
      GemmVector on, Conv2dVectorRowKernel rowKernel, Image in, Grid out, Taps taps) {
    this.rowKernel = rowKernel;
    this.in = in;
    kernel = on.kernel;
    rows = Math.toIntExact(out.rows());
    int tapCount = taps.row().length * taps.col().length;
    terms = in.channels() * tapCount;
    chunk = Contract.chunk(terms);
    tileRows = kernel.rows();
    depth = kernel.depth();
    panel = kernel.columns();
    outputs = new Conv2dVectorOutputs(rowKernel, in, out, panel);
    blocks = new Conv2dVectorBlocks(in, out, tapCount, terms, kernel);
    window = new Conv2dVectorWindow(rowKernel, on.ends, in, out, taps, blocks);
    filters = new Conv2dVectorFilterPanels(on, rowKernel, taps, rows, terms);
  }

  /**
   * @param packed all filters as {@link Conv2dVectorFilterPanels#packAll} leaves them, or null:
   *     then they are packed as they are needed
   */
  void run(
      MemorySegment image,
      MemorySegment weights,
      float @Nullable [] packed,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    float[] shared = packed != null ? packed : packShared(weights, workers);
    workers.run(blocks.tasks(), id -> task(id, image, weights, shared, bias, relu, to));
  }

  /** All filters, where several tasks use the same ones. */
  private float @Nullable [] packShared(MemorySegment weights, Workers workers) {
    long floats = Conv2dVectorFilterPanels.floats(kernel, in.groups(), rows, terms);
    if (!blocks.sharesFilters() || floats > SHARED_FLOATS) {
      return null;
    }
    float[] shared = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.SHARED, floats);
    filters.packAll(weights, in.groups(), shared, workers);
    return shared;
  }

  private void task(
      long id,
      MemorySegment image,
      MemorySegment weights,
      float @Nullable [] shared,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    int firstRow = blocks.firstRow(id);
    int rowCount = blocks.rows(id);
    int count = blocks.positions(id);
    int panels = Math.ceilDiv(count, panel);
    long group = blocks.group(id);
    int span = (int) Math.min(terms, blocks.span((long) panels * panel));
    int tiles = Math.ceilDiv(rowCount, tileRows);

    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] a =
        shared != null
            ? shared
            : mine.floats(
                Conv2dVectorScratch.SCALARS, (long) tileRows * span + Conv2dVectorFilterPanels.GAP);
    State state = mine.state();
    state.panels = panels;
    state.count = count;
    state.rowFloats = panels * panel + 16;
    // Between spans, totals of all tiles are kept.
    long kept = span < terms ? tiles : 1;
    long floats = kept * tileRows * state.rowFloats;
    state.b = mine.natives(Conv2dVectorScratch.PANELS, (long) panels * panel * span);
    state.totals = mine.natives(Conv2dVectorScratch.TOTALS, floats);
    state.chains =
        mine.natives(
            Conv2dVectorScratch.CHAINS, (chunk > depth ? kept * panels : 1) * tileRows * panel);
    window.begin(mine.block(), id, count, panels * panel);
    boolean straight = terms <= chunk && bias == null && !relu && to.isNative();
    outputs.begin(mine.pieces(), blocks.first(id), count, straight);
    for (long from = 0; from < terms; from += span) {
      int n = (int) Math.min(span, terms - from);
      packPositions(mine.block(), image, from, n, state);
      for (int tile = 0; tile < tiles; tile++) {
        int row = firstRow + tile * tileRows;
        int wanted = Math.min(tileRows, rowCount - tile * tileRows);
        int at = 0;
        if (shared == null) {
          filters.pack(weights, group, row, wanted, from, n, a, 0);
        } else {
          at = (int) (filters.tile(group, row) + from * kernel.rows(wanted));
        }
        state.tile = kept == 1 ? 0 : tile;
        for (int step = 0; step < n; step += depth) {
          step(from, step, n, wanted, a, at, group * rows + row, mine, to);
        }
        if (from + n == terms) {
          long first = (long) state.tile * tileRows * state.rowFloats;
          long channel = group * rows + row;
          outputs.write(
              mine.pieces(), state.totals, first, state.rowFloats, wanted, channel, bias, relu, to);
        }
      }
    }
  }

  private void packPositions(
      Conv2dVectorWindow.Block block, MemorySegment image, long from, int n, State state) {
    if (window.direct()) {
      window.packDirect(block, image, from, n, state.count, state.b, (long) n * panel);
      return;
    }
    for (int t = 0; t < n; t += FILL) {
      int fill = Math.min(FILL, n - t);
      window.fill(block, image, from + t, fill);
      for (int j = 0; j < state.panels; j++) {
        int columns = Math.min(panel, state.count - j * panel);
        long at = ((long) j * n + t) * panel;
        window.pack(block, image, from + t, fill, j * panel, columns, state.b, at);
      }
    }
  }

  /** A step of a tile of filters with all panels. */
  private void step(
      long from,
      int step,
      int n,
      int wanted,
      float[] a,
      int tileAt,
      long channel,
      Conv2dVectorScratch mine,
      MemorySegment to) {
    State state = mine.state();
    long t = from + step;
    int some = Math.min(depth, n - step);
    boolean goesOn = t % chunk != 0;
    boolean ends = t + some == terms || (t + some) % chunk == 0;
    int computed = kernel.rows(wanted);
    int at = tileAt + step * computed;
    for (int j = 0; j < state.panels; j++) {
      long place = ((long) j * n + step) * panel;
      boolean straight = outputs.straight(mine.pieces(), j);
      long target = straight ? outputs.target(mine.pieces(), j, channel) : 0;
      if (straight && computed == wanted) {
        kernel.tile(
            computed, a, at, state.b, place, panel, some, goesOn, to, target, outputs.plane());
        continue;
      }
      boolean first = t < chunk;
      MemorySegment c = first ? state.totals : state.chains;
      long total = (long) state.tile * tileRows * state.rowFloats + (long) j * panel;
      long chain = chunk > depth ? (long) (state.tile * state.panels + j) * tileRows * panel : 0;
      long cAt = first ? total : chain;
      long cStep = first ? state.rowFloats : panel;
      int columns = state.count - j * panel;
      if (columns <= panel / 2) {
        kernel.half(computed, a, at, state.b, place, panel, some, goesOn, c, cAt, cStep);
      } else if (columns == HalfAndOneTile.COLUMNS && panel == 32 && computed == 12 && !goesOn) {
        HalfAndOneTile.tile(a, at, state.b, place, panel, some, state.last, c, cAt, cStep);
      } else {
        kernel.tile(computed, a, at, state.b, place, panel, some, goesOn, c, cAt, cStep);
      }
      if (straight && ends) {
        // More rows were computed than there are.
        for (int i = 0; i < wanted; i++) {
          MemorySegment.copy(
              c, (cAt + i * cStep) * 4, to, (target + i * outputs.plane()) * 4, panel * 4L);
        }
      } else if (ends && !first) {
        rowKernel.fold(state.totals, total, state.rowFloats, c, cAt, computed);
      }
    }
  }

  /** What a task's steps work on, kept in the thread's scratch. */
  static final class State {
    private int panels;
    private int count;

    /** Floats from one row of totals to the next: not a power of two. */
    private int rowFloats;

    /** The tile's place among the kept ones. */
    private int tile;

    private final float[] last = new float[16];

    private MemorySegment b = MemorySegment.NULL;
    private MemorySegment totals = MemorySegment.NULL;
    private MemorySegment chains = MemorySegment.NULL;
  }
}

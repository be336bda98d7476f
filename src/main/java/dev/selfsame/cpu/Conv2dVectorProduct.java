package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A correlation as a matrix product: filters by positions, over (channel, tap). The positions of
 * all images of a batch are one sequence, so that small images leave no lanes empty. Both operands
 * are packed where they are used: a task packs a step of its filters, then, panel by panel, what
 * its positions read, and each panel meets all filters while it lies in the first-level cache.
 *
 * <p>A task is a block of positions and of output rows of one group; tasks depend on the sizes
 * alone.
 */
final class Conv2dVectorProduct {
  /** Terms of a step: divides every chunk, and a panel of them fits the first-level cache. */
  static final int DEPTH = 256;

  /** Terms of filters that are packed at once: several steps, because memory is read faster so. */
  private static final int SPAN = 2 * DEPTH;

  private static final long SHARED_FLOATS = 1 << 25;

  /** Floats that packing may overwrite after a tile. */
  private static final int GAP = 16;

  private final GemmKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Image in;
  private final Grid out;
  private final Conv2dVectorWindow window;
  private final Conv2dVectorFilterPanels filters;
  private final int rows;
  private final long terms;
  private final long chunk;
  private final int tileRows;

  /** Floats from one tile of shared filters to the next. */
  private final long sharedTile;

  private final int panel;
  private final boolean dense;
  private final Conv2dVectorBlocks blocks;

  Conv2dVectorProduct(
      GemmKernel kernel,
      GemmEnds ends,
      PanelPack pack,
      Conv2dVectorRowKernel rowKernel,
      Image in,
      Grid out,
      Taps taps) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.in = in;
    this.out = out;
    rows = Math.toIntExact(out.rows());
    terms = in.channels() * taps.row().length * taps.col().length;
    chunk = Contract.chunk(terms);
    tileRows = kernel.rows();
    sharedTile = terms * tileRows + GAP;
    panel = kernel.columns();
    dense = out.stepH() == 1 && out.stepW() == 1;
    blocks =
        new Conv2dVectorBlocks(
            in, out, taps.row().length * taps.col().length, terms, tileRows, panel / 2);
    window = new Conv2dVectorWindow(rowKernel, ends, in, out, taps, blocks);
    filters = new Conv2dVectorFilterPanels(ends, pack, rowKernel, taps, tileRows);
  }

  void run(
      MemorySegment image,
      MemorySegment weights,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    float[] shared = packShared(weights, workers);
    workers.run(blocks.tasks(), id -> task(id, image, weights, shared, bias, relu, to));
  }

  /** All filters, where several tasks use the same ones: a tile of rows is followed by a gap. */
  private float @Nullable [] packShared(MemorySegment weights, Workers workers) {
    long tiles = Math.ceilDiv(rows, tileRows);
    long floats = in.groups() * tiles * sharedTile;
    if (!blocks.sharesFilters() || floats > SHARED_FLOATS) {
      return null;
    }
    float[] shared = Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.SHARED, floats);
    workers.run(
        in.groups() * tiles,
        tile -> {
          int row = (int) (tile % tiles) * tileRows;
          int count = Math.min(tileRows, rows - row);
          int at = (int) (tile * sharedTile);
          filters.pack(weights, tile / tiles, row, count, 0, (int) terms, shared, at);
        });
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
    int paddedRows = Math.ceilDiv(rowCount, tileRows) * tileRows;
    int panelFloats = paddedRows * panel;

    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] a =
        shared != null
            ? shared
            : mine.floats(Conv2dVectorScratch.SCALARS, paddedRows * Math.min(SPAN, terms) + GAP);
    float[] b = mine.floats(Conv2dVectorScratch.PANEL, panel * DEPTH + 16L);
    long outputs = (long) panelFloats * panels;
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, outputs);
    float[] chains = terms <= chunk ? total : mine.floats(Conv2dVectorScratch.CHAIN, outputs);
    Conv2dVectorWindow.Block block = mine.block();
    window.begin(block, id, count, panels * panel);
    long group = blocks.group(id);

    // The task's first tile in a, and the distance of tiles.
    int tileFloats = (int) sharedTile;
    int firstTile =
        shared == null ? 0 : (int) (group * Math.ceilDiv(rows, tileRows)) + firstRow / tileRows;
    for (long t = 0; t < terms; t += DEPTH) {
      int n = (int) Math.min(DEPTH, terms - t);
      boolean starts = t % chunk == 0;
      boolean ends = t >= chunk && ((t + n) % chunk == 0 || t + n == terms);
      float[] c = t < chunk ? total : chains;
      if (shared == null && t % SPAN == 0) {
        tileFloats = (int) Math.min(SPAN, terms - t) * tileRows;
        filters.pack(weights, group, firstRow, rowCount, t, tileFloats / tileRows, a, 0);
      }
      int aAt = firstTile * tileFloats + (int) (shared == null ? t % SPAN : t) * tileRows;
      window.fill(block, image, t, n);
      for (int j = 0; j < panels; j++) {
        int columns = Math.min(panel, count - j * panel);
        window.pack(block, image, t, n, j * panel, kernel.width(columns), b);
        int from = j * panelFloats;
        for (int row = 0, tile = aAt; row < rowCount; row += tileRows, tile += tileFloats) {
          int at = from + row * panel;
          int wanted = Math.min(tileRows, rowCount - row);
          if (starts) {
            Arrays.fill(c, at, at + tileRows * panel, 0f);
          }
          kernel.tile(wanted, columns, a, tile, b, 0, n, c, at);
          if (ends) {
            rowKernel.fold(total, at, chains, at, tileRows * panel);
          }
        }
      }
    }
    write(id, total, panelFloats, bias, relu, to);
  }

  /** Takes totals to memory, row by row: long runs are written faster than a tile's short ones. */
  private void write(
      long id,
      float[] total,
      int panelFloats,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    long group = blocks.group(id);
    int firstRow = blocks.firstRow(id);
    int rowCount = blocks.rows(id);
    int count = blocks.positions(id);
    long first = blocks.first(id);
    // Positions that are neighbours in memory: of one image, or of one row.
    long run = dense ? out.u() * out.v() : out.v();
    for (int i = 0; i < rowCount; i++) {
      long channel = group * rows + firstRow + i;
      float add = bias == null ? 0f : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, channel * 4);
      for (int done = 0; done < count; ) {
        long position = first + done;
        int length = (int) Math.min(count - done, run - position % run);
        long line = position / run;
        long target =
            dense
                ? (line * in.groups() * out.rows() + channel) * run + position % run
                : (((line / out.u() * in.groups() * out.rows() + channel) * out.h()
                            + line % out.u() * out.stepH()
                            + out.atH())
                        * out.w()
                    + position % run * out.stepW()
                    + out.atW());
        for (int end = done + length; done < end; ) {
          int lane = done % panel;
          int width = kernel.width(Math.min(panel, count - (done - lane)));
          int part = Math.min(end - done, width - lane);
          int from =
              done / panel * panelFloats
                  + i / tileRows * tileRows * panel
                  + i % tileRows * width
                  + lane;
          if (dense) {
            rowKernel.finish(total, from, to, target, part, bias != null, add, relu);
            target += part;
          } else {
            for (int x = 0; x < part; x++, target += out.stepW()) {
              to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, target * 4, total[from + x]);
            }
          }
          done += part;
        }
      }
    }
  }
}

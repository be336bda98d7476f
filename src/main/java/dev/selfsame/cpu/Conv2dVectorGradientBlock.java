package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A block of grid places of {@link Conv2dVectorDataGradient}. A step takes some filters: tasks of
 * filters pack the output gradients that tiles of pixels read, then tasks of channels pack their
 * weights, which stay in the first-level cache, and take all tiles through them. Sums are kept as
 * [phase][panel of channels][pixel][channel] until the last step.
 */
final class Conv2dVectorGradientBlock implements LongConsumer {
  /** Floats of a window that output gradients are packed from: it should stay near, too. */
  private static final int WINDOW = 1 << 13;

  /** Weights that a task should read in a row, where there are more than a few tasks. */
  private static final int RUN = 256;

  /** Tasks of channels that a few threads share evenly. */
  private static final int TASKS = 4;

  /** Floats around the sums that may be read when they are turned, and after the windows. */
  private static final int SLACK = 64;

  private enum Stage {
    PIXELS,
    CHANNELS,
    RESULTS
  }

  private @Nullable Conv2dVectorDataGradient plan;
  private Stage stage = Stage.PIXELS;
  private final Conv2dVectorGradientWindow.View view = new Conv2dVectorGradientWindow.View();
  private long group;
  private long first;
  private int count;
  private int tiles;
  private int panels;
  private int taskFilters;
  private int taskPanels;

  // The step: its filters and, of a single phase, its terms.
  private long firstFilter;
  private long endFilter;
  private long from;
  private long to;

  /** [phase][tile][filter, tap][pixel]. */
  private float[] pixels = {};

  private float[] sums = {};
  private float[] chains = {};
  private int panelSums;

  /** Computes block {@code id}. */
  void run(Conv2dVectorDataGradient on, long id, Workers workers) {
    plan = on;
    group = on.blocks.group(id);
    first = on.blocks.first(id);
    count = on.blocks.places(id);
    tiles = Math.ceilDiv(count, on.tileRows);
    panels = Math.ceilDiv((int) on.z.groupC(), on.width);
    panelSums = tiles * on.tileRows * on.width;
    int taps = on.phases.taps();
    on.window.look(view, group, first, count, on.blocks.inRow());
    taskFilters = Math.clamp(WINDOW / view.plane, 1, on.stepFilters);
    taskPanels =
        Math.min(Math.ceilDiv(panels, TASKS), Math.ceilDiv(RUN, on.width * on.phases.filterTaps()));
    int packed = tiles * on.tileRows * taps * on.stepFilters;
    pixels = Conv2dVectorGradientScratch.atLeast(pixels, packed);
    int all = Math.toIntExact((long) on.phases.active() * panels * panelSums + SLACK);
    sums = Conv2dVectorGradientScratch.atLeast(sums, all);
    chains = Conv2dVectorGradientScratch.atLeast(chains, on.chained ? all : 0);

    long filters = on.z.groupK();
    long terms = filters * taps;
    for (long step = 0; step < (on.single ? terms : filters); step = on.single ? to : endFilter) {
      from = on.single ? step : 0;
      to = on.single ? Math.min(terms, step + OutputTile.DEPTH) : Long.MAX_VALUE;
      firstFilter = on.single ? from / taps : step;
      endFilter = on.single ? Math.ceilDiv(to, taps) : Math.min(filters, step + on.stepFilters);
      share(Stage.PIXELS, Math.ceilDiv(endFilter - firstFilter, taskFilters), workers);
      share(Stage.CHANNELS, Math.ceilDiv(panels, taskPanels), workers);
    }
    share(Stage.RESULTS, panels, workers);
    plan = null;
  }

  private void share(Stage what, long tasks, Workers workers) {
    stage = what;
    workers.run(tasks, this);
  }

  @Override
  public void accept(long task) {
    Conv2dVectorDataGradient on = Objects.requireNonNull(plan);
    Conv2dVectorGradientScratch mine = Conv2dVectorGradientScratch.mine();
    switch (stage) {
      case PIXELS -> packPixels(on, mine, firstFilter + task * taskFilters);
      case CHANNELS -> channels(on, mine, (int) task * taskPanels);
      case RESULTS -> {
        int panel = (int) task;
        int columns = Math.min(on.width, (int) on.z.groupC() - panel * on.width);
        long channel = group * on.z.groupC() + (long) panel * on.width;
        on.results.write(
            sums, sumsAt(0, panel), panels * panelSums, first, count, channel, columns, on.dx);
      }
    }
  }

  /** Where the sums of a panel of a phase begin, of those that have any. */
  private int sumsAt(int phase, int panel) {
    return SLACK / 2 + (phase * panels + panel) * panelSums;
  }

  /** Packs output gradients of some filters for all tiles. */
  private void packPixels(Conv2dVectorDataGradient on, Conv2dVectorGradientScratch mine, long k) {
    int filters = (int) Math.min(taskFilters, endFilter - k);
    float[] window = mine.window(taskFilters * view.plane + SLACK);
    on.window.fill(view, on.dy, k, k + filters, window);
    int[] base = mine.base(filters * on.phases.mostTaps());
    for (int phase = 0; phase < on.phases.count(); phase++) {
      int taps = on.phases.taps(phase);
      int firstTap = on.phases.first(phase);
      for (int i = 0, t = 0; i < filters; i++) {
        for (int tap = 0; tap < taps; tap++) {
          base[t++] = i * view.plane + view.distances[firstTap + tap];
        }
      }
      for (int tile = 0; taps > 0 && tile < tiles; tile++) {
        int place = tile * on.tileRows;
        int some = Math.min(on.tileRows, count - place);
        int rows = on.tile.rows(some);
        int at = pixelsAt(on, phase, tile) + (int) (k - firstFilter) * taps * rows;
        on.packer.pixels(
            window,
            base,
            filters * taps,
            view.places,
            place,
            some,
            mine.near,
            mine.pattern,
            pixels,
            at,
            rows);
      }
    }
  }

  /** Where what a tile of a phase reads is. */
  private int pixelsAt(Conv2dVectorDataGradient on, int phase, int tile) {
    int terms = on.phases.first(phase) * tiles + tile * on.phases.taps(phase);
    return terms * on.stepFilters * on.tileRows;
  }

  /** Takes some panels through the step. */
  private void channels(Conv2dVectorDataGradient on, Conv2dVectorGradientScratch mine, int panel) {
    int some = Math.min(taskPanels, panels - panel);
    long panelFloats = ((long) on.phases.taps() * on.stepFilters + 1) * on.width;
    MemorySegment weights = mine.weights(some * panelFloats);
    packWeights(on, mine, panel, some, weights, panelFloats);
    int most = on.tile.depth();
    for (int phase = 0; phase < on.phases.count(); phase++) {
      int taps = on.phases.taps(phase);
      long last = Math.min(to, endFilter * taps);
      for (long t = Math.max(from, firstFilter * taps), end; t < last; t = end) {
        // Up to the end of a chunk, if there is one.
        end = Math.min(last, (t / most + 1) * most);
        tiles(on, mine, phase, panel, some, t, end, weights, panelFloats);
      }
    }
  }

  /** Packs the step's weights for all phases: [panel of channels][phase][filter, tap][channel]. */
  private void packWeights(
      Conv2dVectorDataGradient on,
      Conv2dVectorGradientScratch mine,
      int panel,
      int some,
      MemorySegment weights,
      long panelFloats) {
    int filterTaps = on.phases.filterTaps();
    long firstChannel = (long) panel * on.width;
    int channels = (int) Math.min((long) some * on.width, on.z.groupC() - firstChannel);
    if (filterTaps == 1) {
      long at = (group * on.z.groupK() + firstFilter) * on.z.groupC() + firstChannel;
      int filters = (int) (endFilter - firstFilter);
      on.ends.packColumns(on.w, at, on.z.groupC(), channels, filters, weights, 0, panelFloats);
      return;
    }
    long[] place = mine.place(filterTaps);
    // Taps that meet no pixel go behind all others.
    Arrays.fill(place, 0, filterTaps, panelFloats - on.width);
    for (int i = 0; i < endFilter - firstFilter; i++) {
      for (int phase = 0; phase < on.phases.count(); phase++) {
        int firstTap = on.phases.first(phase);
        int taps = on.phases.taps(phase);
        for (int tap = 0; tap < taps; tap++) {
          place[on.phases.place(firstTap + tap)] =
              ((long) firstTap * on.stepFilters + i * taps + tap) * on.width;
        }
      }
      long filter = (group * on.z.groupK() + firstFilter + i) * on.z.groupC();
      long at = (filter + firstChannel) * filterTaps;
      if (filterTaps == Conv2dVectorGradientKernel.NINE) {
        on.packer.weights(on.w, at, channels, weights, place, panelFloats);
      } else {
        turnWeights(on, mine, at, channels, weights, place, panelFloats);
      }
    }
  }

  /** A filter of any number of taps. */
  private void turnWeights(
      Conv2dVectorDataGradient on,
      Conv2dVectorGradientScratch mine,
      long at,
      int channels,
      MemorySegment weights,
      long[] place,
      long panelFloats) {
    int taps = on.phases.filterTaps();
    float[] turned = mine.turned(taps * on.width);
    for (int c = 0; c < channels; c += on.width) {
      int some = Math.min(on.width, channels - c);
      on.pack.transpose(on.w, at + (long) c * taps, taps, some, taps, turned, 0, on.width);
      on.packer.spread(turned, taps, weights, place, c / on.width * panelFloats);
    }
  }

  /**
   * Takes terms {@code t} … {@code end} − 1 of a phase, all of one chunk, into the chains of some
   * panels.
   */
  private void tiles(
      Conv2dVectorDataGradient on,
      Conv2dVectorGradientScratch mine,
      int phase,
      int firstPanel,
      int some,
      long t,
      long end,
      MemorySegment weights,
      long panelFloats) {
    int taps = on.phases.taps(phase);
    long terms = on.z.groupK() * taps;
    long chunk = Contract.chunk(terms);
    boolean starts = t % chunk == 0;
    boolean ends = end % chunk == 0 || end == terms;
    int depth = (int) (end - t);
    int index = on.phases.index(phase);
    int skipped = (int) (t - firstFilter * taps);
    long b = ((long) on.phases.first(phase) * on.stepFilters + skipped) * on.width;
    int tileFloats = on.tileRows * on.width;
    float[] kept = t < chunk ? sums : on.chained ? chains : mine.chains(some * panelSums);
    for (int panel = 0; panel < some; panel++) {
      int total = sumsAt(index, firstPanel + panel);
      int at = t < chunk || on.chained ? total : panel * panelSums;
      for (int tile = 0; tile < tiles; tile++, at += tileFloats, total += tileFloats) {
        int rows = on.tile.rows(Math.min(on.tileRows, count - tile * on.tileRows));
        int a = pixelsAt(on, phase, tile) + skipped * rows;
        float[] start = starts ? ChainTile.ZEROS : kept;
        int startAt = starts ? 0 : at;
        on.tile.tile(rows, pixels, a, weights, b, depth, start, startAt, kept, at);
        if (ends && t >= chunk) {
          on.rowKernel.fold(sums, total, kept, at, rows * on.width);
        }
      }
      b += panelFloats;
    }
  }
}

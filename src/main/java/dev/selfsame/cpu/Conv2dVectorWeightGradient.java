package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * dw[k, (c, r, s)] = Σ over (n, p, q) of dy[n, k, p, q]·x[n, c, pixel]: a matrix product whose two
 * operands are turned into panels first; lanes across (c, r, s), rows of a tile across k.
 *
 * <p>dy is turned once, by tasks of its own. Then a task is a panel of (c, r, s): it turns the
 * pixels that its weights meet, and takes them through all rows while they are in the first cache.
 * Where panels are too few to share, each chunk of a panel is a task; chains are stored, and added
 * in order afterwards.
 */
final class Conv2dVectorWeightGradient {
  /** Terms of a panel; divides the shortest chunk, so that chunks end where panels end. */
  private static final int DEPTH = 256;

  /** Terms turned at once, of rows that were copied side by side. */
  private static final int STAGED = 128;

  /** Distance of staged rows: not a power of two, they would share cache sets. */
  private static final int STAGED_STEP = STAGED + 16;

  private static final long MIN_TASKS = 16;

  /** About as much of dy is turned before it is used. */
  private static final long TURNED_FLOATS = 1 << 21;

  /** Tiles of dy that a task turns. */
  private static final int TURNED_TILES = 8;

  private final GemmKernel kernel;
  private final Conv2dVectorPanelKernel mover;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dSizes z;
  private final int lanes;
  private final long terms;
  private final long chunk;

  /** Whether each term's pixel is the one in its own place. */
  private final boolean flat;

  // Of one group: weights of a filter, cut into panels; filters, cut into tiles.
  private final int columns;
  private final int width;
  private final int panels;
  private final int rows;
  private final int height;
  private final int fullTiles;
  private final int tailRows;
  private final int tiles;
  private final int panelFloats;
  private final int turnedFloats;

  // The terms whose dy is turned at once, and the tasks that share a panel's.
  private final long span;
  private final int parts;

  Conv2dVectorWeightGradient(
      GemmKernel kernel,
      Conv2dVectorPanelKernel mover,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z) {
    this.kernel = kernel;
    this.mover = mover;
    this.rowKernel = rowKernel;
    this.z = z;
    lanes = mover.lanes();
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);

    flat = z.r() * z.s() == 1 && z.strideH() * z.strideW() == 1 && z.paddingH() + z.paddingW() == 0;

    columns = Math.toIntExact(z.groupC() * z.r() * z.s());
    width = kernel.width(Math.min(columns, kernel.columns()));
    panels = Math.ceilDiv(columns, width);
    rows = Math.toIntExact(z.groupK());
    height = kernel.rows();
    int left = rows % height;
    // The rows that fill no tile: two of two thirds of a tile fill the registers better than one
    // full and one of a third.
    int third = height == 12 ? 4 : 2;
    boolean two = width > lanes && left > 0 && left <= third && rows > height;
    fullTiles = rows / height - (two ? 1 : 0);
    tailRows = two ? 2 * third : left;
    tiles = fullTiles + Math.ceilDiv(rows - fullTiles * height, Math.max(1, tailRows));
    panelFloats = tiles * height * width;
    turnedFloats = DEPTH * height + lanes / 2 * height + lanes;

    long fit = Math.max(1, TURNED_FLOATS / (z.groups() * tiles * height) / chunk);
    span = Math.min(terms, fit * chunk);
    parts = z.groups() * panels < MIN_TASKS ? (int) Math.ceilDiv(span, chunk) : 1;
  }

  void run(MemorySegment x, MemorySegment dy, MemorySegment dw, Workers workers) {
    long all = z.groups() * panels;
    long blocks = Math.ceilDiv(span, DEPTH);
    int tileGroups = Math.ceilDiv(tiles, TURNED_TILES);
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] turned =
        mine.floats(Conv2dVectorScratch.SHARED, z.groups() * tiles * blocks * turnedFloats);
    boolean alone = span == terms && parts == 1;
    float[] sums =
        mine.floats(
            Conv2dVectorScratch.SUMS, alone ? 0 : all * (parts == 1 ? 1 : parts + 1) * panelFloats);

    for (long start = 0; start < terms; start += span) {
      long begin = start;
      long end = Math.min(terms, begin + span);
      workers.run(
          z.groups() * blocks * tileGroups,
          task -> {
            long block = task / tileGroups % blocks;
            long t = begin + block * DEPTH;
            int firstTile = (int) (task % tileGroups) * TURNED_TILES;
            if (t < end) {
              turnOutputs(
                  dy,
                  task / tileGroups / blocks,
                  firstTile,
                  Math.min(tiles, firstTile + TURNED_TILES),
                  t,
                  (int) Math.min(DEPTH, end - t),
                  turned,
                  block,
                  blocks);
            }
          });
      if (alone) {
        workers.run(all, panel -> alone(panel, x, turned, blocks, dw));
      } else if (parts == 1) {
        workers.run(
            all,
            panel ->
                sum(
                    panel,
                    x,
                    turned,
                    blocks,
                    begin,
                    begin,
                    end,
                    sums,
                    (int) (panel * panelFloats),
                    begin == 0));
      } else {
        int count = (int) Math.ceilDiv(end - begin, chunk);
        workers.run(
            all * count,
            task -> {
              long first = begin + task % count * chunk;
              int at = (int) ((all + task) * panelFloats);
              long last = Math.min(end, first + chunk);
              sum(task / count, x, turned, blocks, begin, first, last, sums, at, true);
            });
        workers.run(
            all, panel -> fold(panel, sums, (int) (all + panel * count), count, begin == 0));
      }
    }
    if (!alone) {
      workers.run(all, panel -> store(panel, 0, rows, sums, (int) (panel * panelFloats), dw));
    }
  }

  /** Adds the chains of a panel's chunks to its total, in order. */
  private void fold(long panel, float[] sums, int firstPart, int count, boolean fresh) {
    int total = (int) panel * panelFloats;
    for (int part = 0; part < count; part++) {
      int from = (firstPart + part) * panelFloats;
      if (fresh && part == 0) {
        System.arraycopy(sums, from, sums, total, panelFloats);
      } else {
        rowKernel.fold(sums, total, sums, from, panelFloats);
      }
    }
  }

  /** All of a panel's terms, and the results to memory. */
  private void alone(long panel, MemorySegment x, float[] turned, long blocks, MemorySegment dw) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] total = mine.floats(Conv2dVectorScratch.TOTAL, panelFloats);
    if (terms > DEPTH) {
      sum(panel, x, turned, blocks, 0, 0, terms, total, 0, true);
      store(panel, 0, rows, total, 0, dw);
      return;
    }
    // Each tile is stored at once, so that the writes to memory hide behind the next one's work.
    long group = panel / panels;
    float[] pixels = mine.floats(Conv2dVectorScratch.WINDOW, (long) (DEPTH + lanes) * width);
    Conv2dVectorRuns runs = new Conv2dVectorRuns(z, rowKernel, lanes);
    turnPixels(x, group, (int) (panel % panels) * width, runs, 0, (int) terms, pixels);
    for (int tile = 0; tile < tiles; tile++) {
      int row = firstRow(tile);
      int count = Math.min(tile < fullTiles ? height : tailRows, rows - row);
      Arrays.fill(total, 0, height * width, 0f);
      int a = (int) ((group * tiles + tile) * turnedFloats);
      kernel.tile(count, width, turned, a, pixels, 0, (int) terms, total, 0);
      store(panel, row, count, total, 0, dw);
    }
  }

  /**
   * Takes a panel's terms {@code from} … {@code to} − 1, whole chunks, into its total.
   *
   * @param begin the first term whose dy is turned
   * @param fresh whether the total starts with these terms
   */
  private void sum(
      long panel,
      MemorySegment x,
      float[] turned,
      long blocks,
      long begin,
      long from,
      long to,
      float[] total,
      int at,
      boolean fresh) {
    long group = panel / panels;
    int firstColumn = (int) (panel % panels) * width;
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] pixels = mine.floats(Conv2dVectorScratch.WINDOW, (long) (DEPTH + lanes) * width);
    float[] chains = mine.floats(Conv2dVectorScratch.CHAIN, panelFloats);
    Conv2dVectorRuns runs = new Conv2dVectorRuns(z, rowKernel, lanes);
    for (long t = from; t < to; t += DEPTH) {
      int n = (int) Math.min(DEPTH, to - t);
      boolean first = fresh && t < from + chunk;
      float[] c = first ? total : chains;
      int ct = first ? at : 0;
      if (t % chunk == 0) {
        Arrays.fill(c, ct, ct + panelFloats, 0f);
      }
      turnPixels(x, group, firstColumn, runs, t, n, pixels);
      long a = group * tiles * blocks + (t - begin) / DEPTH;
      for (int tile = 0; tile < tiles; tile++) {
        int row = firstRow(tile);
        kernel.tile(
            Math.min(tile < fullTiles ? height : tailRows, rows - row),
            width,
            turned,
            (int) ((a + tile * blocks) * turnedFloats),
            pixels,
            0,
            n,
            c,
            ct + row * width);
      }
      if (!first && ((t + n) % chunk == 0 || t + n == to)) {
        rowKernel.fold(total, at, chains, 0, panelFloats);
      }
    }
  }

  private int firstRow(int tile) {
    return Math.min(tile, fullTiles) * height + Math.max(0, tile - fullTiles) * tailRows;
  }

  /** Writes rows of a panel to memory. */
  private void store(long panel, int firstRow, int count, float[] total, int at, MemorySegment dw) {
    int firstColumn = (int) (panel % panels) * width;
    mover.store(
        total,
        at,
        width,
        count,
        Math.min(width, columns - firstColumn),
        dw,
        (panel / panels * rows + firstRow) * columns + firstColumn,
        columns);
  }

  /** dy of some tiles of a group at terms t … t+n−1. */
  private void turnOutputs(
      MemorySegment dy,
      long group,
      int firstTile,
      int endTile,
      long t,
      int n,
      float[] turned,
      long block,
      long blocks) {
    for (int tile = firstTile; tile < endTile; tile++) {
      int row = firstRow(tile);
      int count = Math.min(tile < fullTiles ? height : tailRows, rows - row);
      int to = (int) (((group * tiles + tile) * blocks + block) * turnedFloats);
      turnPlanes(dy, group * rows + row, z.k(), z.p() * z.q(), count, t, n, turned, to, height);
    }
  }

  /**
   * Turns {@code count} planes of as many images as the terms span: those of channels {@code
   * first}, … of {@code channels}.
   */
  private void turnPlanes(
      MemorySegment from,
      long first,
      long channels,
      long plane,
      int count,
      long t,
      int n,
      float[] to,
      int at,
      int size) {
    for (int done = 0; done < n; ) {
      long position = (t + done) % plane;
      int run = (int) Math.min(n - done, plane - position);
      long start = ((t + done) / plane * channels + first) * plane + position;
      turnRows(from, start, plane, count, run, to, at + done * size, size);
      done += run;
    }
  }

  /** Turns rows in memory, directly where the vectors that are read lie in the segment. */
  private void turnRows(
      MemorySegment from, long start, long step, int count, int n, float[] to, int at, int size) {
    boolean inside =
        start >= lanes && start + (count - 1) * step + n + 2L * lanes <= from.byteSize() >> 2;
    if (inside) {
      int first = 0;
      for (; first < size - lanes; first += lanes) {
        turnDirectly(from, start, step, first, count, n, to, at, size);
      }
      turnDirectly(from, start, step, Math.max(0, size - lanes), count, n, to, at, size);
      return;
    }
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] staged = mine.floats(Conv2dVectorScratch.SCALARS, STAGED_STEP * (size + 1L));
    int[] place = mine.ints(size + lanes);
    place(place, size + lanes, count);
    for (int done = 0; done < n; done += STAGED) {
      int some = Math.min(STAGED, n - done);
      for (int i = 0; i < count; i++) {
        rowKernel.copy(from, start + i * step + done, 1, staged, lanes + i * STAGED_STEP, some);
      }
      turnStaged(staged, place, some, to, at + done * size, size);
    }
  }

  private void turnDirectly(
      MemorySegment from,
      long start,
      long step,
      int first,
      int count,
      int n,
      float[] to,
      int at,
      int size) {
    int row = Math.min(first, count - 1);
    mover.turn(from, start + row * step, step, count - 1 - row, n, to, at + first, size);
  }

  /** Places of staged rows; those beyond the last one repeat it. */
  private void place(int[] place, int size, int count) {
    for (int i = 0; i < size; i++) {
      place[i] = lanes + Math.min(i, count - 1) * STAGED_STEP;
    }
  }

  private void turnStaged(float[] from, int[] place, int n, float[] to, int at, int size) {
    int first = 0;
    for (; first < size - lanes; first += lanes) {
      mover.turn(from, 0, place, first, n, to, at + first, size);
    }
    // Rows that don't fill a vector: the last one must not write beside its terms.
    first = Math.max(0, size - lanes);
    mover.turn(from, 0, place, first, n, to, at + first, size);
  }

  /** The pixels that a panel's weights meet at terms t … t+n−1. */
  private void turnPixels(
      MemorySegment x,
      long group,
      int firstColumn,
      Conv2dVectorRuns runs,
      long t,
      int n,
      float[] pixels) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int[] place = mine.ints(width);
    int count = Math.min(width, columns - firstColumn);
    int taps = (int) (z.r() * z.s());
    int firstChannel = firstColumn / taps;
    int channels = (firstColumn + count - 1) / taps - firstChannel + 1;
    if (runs.fill(x, group, firstChannel, channels, t, n)) {
      for (int i = 0; i < width; i++) {
        int column = firstColumn + Math.min(i, count - 1);
        int tap = column % taps;
        place[i] =
            runs.offset(column / taps - firstChannel, (int) (tap / z.s()), (int) (tap % z.s()));
      }
      int at = 0;
      for (int run = 0; run < runs.count(); run++) {
        for (int lane = 0; lane < width; lane += lanes) {
          mover.turn(
              runs.window(),
              runs.place(run),
              place,
              lane,
              runs.length(run),
              pixels,
              at * width + lane,
              width);
        }
        at += runs.length(run);
      }
      return;
    }
    if (flat) {
      long channel = group * columns + firstColumn;
      turnPlanes(x, channel, z.c(), z.h() * z.w(), count, t, n, pixels, 0, width);
      return;
    }
    place(place, width, count);
    float[] staged = mine.floats(Conv2dVectorScratch.SCALARS, STAGED_STEP * (width + 1L));
    for (int done = 0; done < n; done += STAGED) {
      int some = Math.min(STAGED, n - done);
      for (int i = 0; i < count; i++) {
        scan(x, group, firstColumn + i, t + done, some, staged, lanes + i * STAGED_STEP);
      }
      turnStaged(staged, place, some, pixels, done * width, width);
    }
  }

  /**
   * The pixels that weight {@code column} = (c, r, s) meets at terms t … t+n−1; +0 outside of the
   * image.
   */
  private void scan(MemorySegment x, long group, int column, long t, int n, float[] to, int at) {
    long s = column % z.s();
    long r = column / z.s() % z.r();
    long channel = group * z.groupC() + column / (z.s() * z.r());
    long left = s * z.dilationW() - z.paddingW();
    long inside = Math.ceilDiv(-left, z.strideW());
    long outside = Math.floorDiv(z.w() - 1 - left, z.strideW()) + 1;
    long q = t % z.q();
    long p = t / z.q() % z.p();
    long image = t / (z.q() * z.p());
    for (int done = 0; done < n; ) {
      int run = (int) Math.min(n - done, z.q() - q);
      int place = at + done;
      long h = p * z.strideH() - z.paddingH() + r * z.dilationH();
      int lo = h < 0 || h >= z.h() ? run : Math.clamp(inside - q, 0, run);
      int hi = Math.clamp(outside - q, lo, run);
      for (int i = 0; i < lo; i++) {
        to[place + i] = 0f;
      }
      long from = ((image * z.c() + channel) * z.h() + h) * z.w() + left + (q + lo) * z.strideW();
      rowKernel.copy(x, from, z.strideW(), to, place + lo, hi - lo);
      for (int i = hi; i < run; i++) {
        to[place + i] = 0f;
      }
      done += run;
      q = 0;
      if (++p == z.p()) {
        p = 0;
        image++;
      }
    }
  }
}

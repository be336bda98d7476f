package dev.selfsame.cpu;

import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;

/**
 * The partition of {@link Conv2dVectorProduct}: tasks of a group, a block of positions and a block
 * of output rows, chosen by the sizes alone for the least work on few threads.
 */
final class Conv2dVectorBlocks {
  /** Floats of a task's panels: half of a second-level cache. */
  private static final long PANELS = 1 << 18;

  /** Totals of a task, where they are kept between spans of terms. */
  private static final long OUTPUTS = 1 << 18;

  /** Floats of a task's window, were it as large as the block. */
  private static final long WINDOW = 1 << 17;

  /** Floats of filters that stay in the second-level cache between tasks. */
  private static final long FILTERS = 1 << 18;

  /**
   * Cycles that a float of shared filters costs two threads: both pack them, wait for each other,
   * then read what the other one has packed.
   */
  private static final double SHARING = 4;

  private static final int MOST_POSITIONS = 512;

  /** Grid rows from which on positions are blocked row by row: a window of whole rows is large. */
  private static final long LONG_ROW = 512;

  private final Grid out;
  private final int rows;
  private final int tileRows;
  private final int panel;
  private final long terms;
  private final long groups;

  /** Most channels of a step. */
  private final long channels;

  /** Cycles that a term of a panel takes to copy to the window and to pack. */
  private final double positions;

  /** Positions that lie in sequence: of the whole batch, or of one grid row. */
  private final long sequence;

  private final long sequences;
  private long rowBlocks = 1;
  private long positionBlocks = 1;

  Conv2dVectorBlocks(Image in, Grid out, int taps, long terms, OutputTile kernel) {
    this.out = out;
    this.terms = terms;
    rows = (int) out.rows();
    channels = Math.min(in.channels(), Conv2dVectorProduct.FILL / Math.max(1, taps) + 2);
    positions = 20 + 50.0 / Math.max(1, taps);
    tileRows = kernel.rows();
    panel = kernel.columns();
    groups = in.groups();
    boolean byRow =
        out.v() > LONG_ROW
            || out.u() == 1 && Math.ceilDiv(out.v(), panel) * panel * 16 <= out.v() * 17;
    sequence = byRow ? out.v() : in.n() * out.u() * out.v();
    sequences = byRow ? in.n() * out.u() : 1;
    choose();
  }

  private void choose() {
    long tiles = Math.ceilDiv(rows, tileRows);
    long panels = Math.ceilDiv(sequence, panel);
    double best = Double.MAX_VALUE;
    for (long r = tiles; r >= 1; r = next(tiles, r)) {
      for (long v = panels; v >= 1; v = next(panels, v)) {
        long height = Math.min(rows, r * tileRows);
        long width = Math.min(sequence, v * panel);
        // The smallest block is taken if none fits.
        boolean fits =
            width <= MOST_POSITIONS
                && width * channels <= WINDOW
                && (span(v * panel) >= terms || width * height <= OUTPUTS);
        double cost = fits ? cost(height, width) : Double.MAX_VALUE;
        if (cost <= best) {
          best = cost;
          rowBlocks = Math.ceilDiv(tiles, r);
          positionBlocks = Math.ceilDiv(panels, v);
        }
      }
    }
  }

  /** The next smaller part that makes another number of parts. */
  private static long next(long whole, long part) {
    return part == 1 ? 0 : Math.min(part - 1, Math.ceilDiv(whole, Math.ceilDiv(whole, part) + 1));
  }

  /** Cycles, roughly, of two threads. */
  private double cost(long height, long width) {
    long tasks = groups * sequences * Math.ceilDiv(rows, height) * Math.ceilDiv(sequence, width);
    long panels = Math.ceilDiv(width, panel);
    // A task alone with its filters packs them. Else each task reads them once more, from the
    // second-level cache if they fit it, and rows of the image that its neighbours read, too.
    boolean shares = sequences * Math.ceilDiv(sequence, width) > 1;
    double filters = height * (!shares || height * terms > FILTERS ? 0.5 : 0.1);
    double task = terms * (panels * (height + positions) + filters + 40) + 3000;
    long spans = Math.ceilDiv(terms, span(panels * panel));
    if (spans > 1) {
      // Totals are read and written for each chunk, beside the panels in the second-level cache.
      task += 0.2 * spans * height * width;
    }
    double idle = 0.6 + 0.3 * waste(tasks, 2) + 0.1 * waste(tasks, 4) + 0.15 / tasks;
    return tasks * task * idle + (shares ? SHARING * groups * rows * terms : 0);
  }

  /** Rounds of that many threads over the tasks, as a multiple of what is done in them. */
  static double waste(long tasks, long threads) {
    return (double) (Math.ceilDiv(tasks, threads) * threads) / tasks;
  }

  /**
   * Terms of {@code positions} positions that are packed at once: as many as a cache holds, in
   * whole steps.
   */
  long span(long positions) {
    return Math.max(1, PANELS / positions / OutputTile.DEPTH) * OutputTile.DEPTH;
  }

  long tasks() {
    return groups * sequences * rowBlocks * positionBlocks;
  }

  /** Whether several tasks use the same filters. */
  boolean sharesFilters() {
    return sequences * positionBlocks > 1;
  }

  /** A task's first output row. */
  int firstRow(long id) {
    return firstRowOf(id % rowBlocks);
  }

  /** How many output rows a task has. */
  int rows(long id) {
    return firstRowOf(id % rowBlocks + 1) - firstRowOf(id % rowBlocks);
  }

  private int firstRowOf(long block) {
    long tiles = Math.ceilDiv(rows, tileRows);
    return (int) Math.min(rows, block * tiles / rowBlocks * tileRows);
  }

  long group(long id) {
    return id / rowBlocks % groups;
  }

  /** A task's first position, counted over (image, grid row, grid column). */
  long first(long id) {
    long block = id / rowBlocks / groups;
    return block / positionBlocks * sequence + firstOf(block % positionBlocks);
  }

  /** How many positions a task has. */
  int positions(long id) {
    long block = id / rowBlocks / groups % positionBlocks;
    return (int) (firstOf(block + 1) - firstOf(block));
  }

  private long firstOf(long block) {
    long panels = Math.ceilDiv(sequence, panel);
    return Math.min(sequence, block * panels / positionBlocks * panel);
  }

  /** Whether every block lies in one grid row. */
  boolean byRow() {
    return sequence == out.v();
  }
}

package dev.selfsame.cpu;

import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;

/**
 * The partition of {@link Conv2dVectorProduct}: tasks of a group, a block of positions and a block
 * of output rows, chosen by the sizes alone for the least work on few threads.
 */
final class Conv2dVectorBlocks {
  /** Outputs of a task: totals and chains shall stay in the second-level cache. */
  private static final long OUTPUTS = 1 << 17;

  /** Floats of a task's window, were it as large as the block. */
  private static final long WINDOW = 1 << 17;

  /** Floats of filters that stay in the second-level cache between tasks. */
  private static final long FILTERS = 1 << 18;

  private static final int MOST_POSITIONS = 2048;
  private static final int MOST_ROWS = 512;

  /** Grid rows from which on positions are blocked row by row: a window of whole rows is large. */
  private static final long LONG_ROW = 512;

  private final Grid out;
  private final int rows;
  private final int tileRows;
  private final int lanes;
  private final long terms;
  private final long groups;

  /** Most channels of a step. */
  private final long channels;

  /** Positions that lie in sequence: of the whole batch, or of one grid row. */
  private final long sequence;

  private final long sequences;
  private long rowBlocks = 1;
  private long positionBlocks = 1;

  Conv2dVectorBlocks(Image in, Grid out, int taps, long terms, int tileRows, int lanes) {
    this.out = out;
    rows = (int) out.rows();
    channels = Math.min(in.channels(), Conv2dVectorProduct.DEPTH / Math.max(1, taps) + 2);
    this.terms = terms;
    this.tileRows = tileRows;
    this.lanes = lanes;
    groups = in.groups();
    boolean byRow =
        out.v() > LONG_ROW
            || out.u() == 1 && Math.ceilDiv(out.v(), lanes) * lanes * 10 <= out.v() * 11;
    sequence = byRow ? out.v() : in.n() * out.u() * out.v();
    sequences = byRow ? in.n() * out.u() : 1;
    choose();
  }

  private void choose() {
    long tiles = Math.ceilDiv(rows, tileRows);
    long vectors = Math.ceilDiv(sequence, lanes);
    double best = Double.MAX_VALUE;
    for (long r = tiles; r >= 1; r = next(tiles, r)) {
      for (long v = vectors; v >= 1; v = next(vectors, v)) {
        long height = Math.min(rows, r * tileRows);
        long width = Math.min(sequence, v * lanes);
        // The smallest block is taken if none fits.
        boolean fits =
            height <= MOST_ROWS
                && width <= MOST_POSITIONS
                && width * height <= OUTPUTS
                && width * channels <= WINDOW;
        double cost = fits ? cost(height, width) : Double.MAX_VALUE;
        if (cost <= best) {
          best = cost;
          rowBlocks = Math.ceilDiv(tiles, r);
          positionBlocks = Math.ceilDiv(vectors, v);
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
    // A single vector at a task's end costs a little more than half of two.
    long vectors = Math.ceilDiv(width, lanes);
    double columns = vectors * 0.5 + vectors % 2 * 0.1;
    long tail = height % tileRows;
    double tiles = height - tail + (tail == 0 ? 0 : Math.max(tail, tileRows / 2) + 1);
    // Each task reads its filters once more, from the second-level cache if they fit it, and rows
    // of the image that its neighbours read, too.
    double filters = height * (height * terms > FILTERS ? 0.5 : 0.1);
    double task = terms * (columns * tiles + columns * 14 + filters + 40) + 3000;
    double idle = 0.6 + 0.3 * waste(tasks, 2) + 0.1 * waste(tasks, 4) + 0.15 / tasks;
    return tasks * task * idle;
  }

  private static double waste(long tasks, long threads) {
    return (double) (Math.ceilDiv(tasks, threads) * threads) / tasks;
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
    long vectors = Math.ceilDiv(sequence, lanes);
    return Math.min(sequence, block * vectors / positionBlocks * lanes);
  }

  /** Whether every block lies in one grid row. */
  boolean byRow() {
    return sequence == out.v();
  }
}

package dev.selfsame.cpu;

/**
 * The partition of {@link Conv2dVectorDataGradient}: blocks of grid places of one group, which
 * depend on the sizes alone.
 */
final class Conv2dVectorGradientBlocks {
  /** Grid columns from which on a block lies in one row: a window of whole rows is large. */
  private static final long LONG_ROW = 512;

  private final boolean inRow;
  private final int tileRows;
  private final long groups;

  /** Places that follow each other: of the whole batch, or of one row. */
  private final long sequence;

  private final long sequences;
  private final long parts;

  /**
   * @param most places that a block should have at most
   */
  Conv2dVectorGradientBlocks(Conv2dSizes z, Conv2dVectorPhases phases, int tileRows, long most) {
    this.tileRows = tileRows;
    groups = z.groups();
    inRow = phases.gridColumns() > LONG_ROW;
    sequence = inRow ? phases.gridColumns() : z.n() * phases.gridRows() * phases.gridColumns();
    sequences = inRow ? z.n() * phases.gridRows() : 1;
    long wanted = Math.ceilDiv(sequence, Math.max(tileRows, most));
    // A few are made as many as a few threads share evenly.
    parts = wanted > 2 && wanted < 16 ? Math.ceilDiv(wanted, 4) * 4 : wanted;
  }

  long count() {
    return groups * sequences * parts;
  }

  /** Whether every block lies in one row of the grid. */
  boolean inRow() {
    return inRow;
  }

  long group(long id) {
    return id % groups;
  }

  /** A block's first grid place, counted over (image, row, column). */
  long first(long id) {
    long block = id / groups;
    return block / parts * sequence + firstOf(block % parts);
  }

  int places(long id) {
    long part = id / groups % parts;
    return (int) (firstOf(part + 1) - firstOf(part));
  }

  private long firstOf(long part) {
    long tiles = Math.ceilDiv(sequence, tileRows);
    return Math.min(sequence, part * tiles / parts * tileRows);
  }
}

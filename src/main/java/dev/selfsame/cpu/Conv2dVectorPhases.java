package dev.selfsame.cpu;

import dev.selfsame.cpu.Conv2dVectorCorrelation.Taps;

/**
 * The stride phases of a data gradient: pixels (u·strideH + h, v·strideW + w) of one (h, w) meet
 * the same taps of a filter, at outputs (u + row, v + column). All phases have one grid of (u, v);
 * where the image's size is no multiple of the stride, some have no pixel at its last row or
 * column.
 *
 * <p>Phases are numbered h·columns() + w. The taps of all phases are the filter's taps, each once,
 * except those that meet no pixel; a phase's are in the order r, s.
 */
final class Conv2dVectorPhases {
  private final Conv2dSizes z;
  private final int rows;
  private final int columns;

  /** The first tap of each phase, and the end. */
  private final int[] first;

  // Of each tap: its place r·S + s in the filter, and its outputs' distance from (u, v).
  private final int[] place;
  private final long[] row;
  private final long[] column;

  Conv2dVectorPhases(Conv2dSizes z) {
    this.z = z;
    rows = (int) Math.min(z.strideH(), z.h());
    columns = (int) Math.min(z.strideW(), z.w());
    int taps = Math.toIntExact(z.r() * z.s());
    first = new int[rows * columns + 1];
    place = new int[taps];
    row = new long[taps];
    column = new long[taps];
    int tap = 0;
    for (int phase = 0; phase < count(); phase++) {
      first[phase] = tap;
      long h = phase / columns + z.paddingH();
      long w = phase % columns + z.paddingW();
      for (long r = 0; r < z.r(); r++) {
        for (long s = 0; s < z.s(); s++) {
          long down = h - r * z.dilationH();
          long across = w - s * z.dilationW();
          if (down % z.strideH() == 0 && across % z.strideW() == 0) {
            place[tap] = (int) (r * z.s() + s);
            row[tap] = down / z.strideH();
            column[tap++] = across / z.strideW();
          }
        }
      }
    }
    first[count()] = tap;
  }

  int count() {
    return rows * columns;
  }

  /** Phases of a row of pixels. */
  int columns() {
    return columns;
  }

  /** Rows of the grid. */
  long gridRows() {
    return Math.ceilDiv(z.h(), z.strideH());
  }

  /** Columns of the grid. */
  long gridColumns() {
    return Math.ceilDiv(z.w(), z.strideW());
  }

  /** Phases of a column of pixels. */
  int rows() {
    return rows;
  }

  /** Phases that have a tap. */
  int active() {
    return index(count());
  }

  /** How many phases before this one have a tap. */
  int index(int phase) {
    int index = 0;
    for (int i = 0; i < phase; i++) {
      index += taps(i) > 0 ? 1 : 0;
    }
    return index;
  }

  /** Taps of a filter. */
  int filterTaps() {
    return place.length;
  }

  int taps() {
    return first[count()];
  }

  int taps(int phase) {
    return first[phase + 1] - first[phase];
  }

  /** A phase's first tap. */
  int first(int phase) {
    return first[phase];
  }

  /** Most taps of a phase. */
  int mostTaps() {
    int most = 0;
    for (int phase = 0; phase < count(); phase++) {
      most = Math.max(most, taps(phase));
    }
    return most;
  }

  /** A tap's place in the filter. */
  int place(int tap) {
    return place[tap];
  }

  long row(int tap) {
    return row[tap];
  }

  long column(int tap) {
    return column[tap];
  }

  long firstRow() {
    return taps() == 0 ? 0 : Taps.least(row, taps());
  }

  long lastRow() {
    return taps() == 0 ? 0 : Taps.most(row, taps());
  }

  long firstColumn() {
    return taps() == 0 ? 0 : Taps.least(column, taps());
  }

  long lastColumn() {
    return taps() == 0 ? 0 : Taps.most(column, taps());
  }
}

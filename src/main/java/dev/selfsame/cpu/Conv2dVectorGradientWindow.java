package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The output gradients that a block of grid places reads in {@link Conv2dVectorDataGradient}: rows
 * of its images, with +0 around them, as far as any tap of any stride phase reaches. A grid place
 * is a place in the window, and each tap a distance from there.
 */
final class Conv2dVectorGradientWindow {
  private final Conv2dVectorRowKernel kernel;
  private final Conv2dSizes z;
  private final Conv2dVectorPhases phases;
  private final long gridRows;
  private final long gridColumns;
  private final long firstRow;
  private final long firstColumn;
  private final int extraRows;
  private final int extraColumns;

  /** What a window is of. */
  static final class View {
    private long group;
    private long firstImage;
    private long lastImage;
    private long top;
    private long bottom;
    private long left;
    private int width;

    /** Floats of a filter's gradients. */
    int plane;

    /** Where each grid place is. */
    int[] places = {};

    /** How far each tap is from there, by phase. */
    int[] distances = {};
  }

  Conv2dVectorGradientWindow(
      Conv2dVectorRowKernel kernel, Conv2dSizes z, Conv2dVectorPhases phases) {
    this.kernel = kernel;
    this.z = z;
    this.phases = phases;
    gridRows = phases.gridRows();
    gridColumns = phases.gridColumns();
    firstRow = phases.firstRow();
    firstColumn = phases.firstColumn();
    extraRows = (int) (phases.lastRow() - firstRow);
    extraColumns = (int) (phases.lastColumn() - firstColumn);
  }

  /**
   * Looks at {@code count} grid places of a group, from {@code first} on in the order (image, row,
   * column).
   *
   * @param inRow whether they are of one row; else whole rows are held
   */
  void look(View view, long group, long first, int count, boolean inRow) {
    long image = gridRows * gridColumns;
    long last = first + count - 1;
    view.group = group;
    view.firstImage = first / image;
    view.lastImage = last / image;
    view.top = first % image / gridColumns;
    view.bottom = last % image / gridColumns;
    view.left = inRow ? first % gridColumns : 0;
    view.width = Math.toIntExact((inRow ? count : gridColumns) + extraColumns);
    if (view.places.length < count) {
      view.places = new int[count];
    }
    int at = 0;
    int line = 0;
    for (long n = view.firstImage; n <= view.lastImage; n++, line += extraRows) {
      long end = n == view.lastImage ? view.bottom : gridRows - 1;
      for (long u = n == view.firstImage ? view.top : 0; u <= end; u++, line++) {
        int v = at == 0 ? (int) (first % gridColumns - view.left) : 0;
        int stop = Math.min(count, at + view.width - extraColumns - v);
        for (int place = line * view.width + v; at < stop; at++) {
          view.places[at] = place++;
        }
      }
    }
    view.plane = Math.multiplyExact(line, view.width);
    if (view.distances.length < phases.taps()) {
      view.distances = new int[phases.taps()];
    }
    for (int tap = 0; tap < phases.taps(); tap++) {
      long down = phases.row(tap) - firstRow;
      view.distances[tap] = (int) (down * view.width + phases.column(tap) - firstColumn);
    }
  }

  /** Copies filters {@code first} … {@code end} − 1. May overwrite a vector after them. */
  void fill(View view, MemorySegment dy, long first, long end, float[] window) {
    // In the window's order: a copy may run over its row's end, which the next row then overwrites.
    int at = 0;
    for (long k = first; k < end; k++) {
      at = fill(view, dy, k, window, at);
    }
  }

  private int fill(View view, MemorySegment dy, long k, float[] window, int start) {
    int at = start;
    int width = view.width;
    long left = view.left + firstColumn;
    int lo = Math.clamp(-left, 0, width);
    int hi = Math.clamp(z.q() - left, lo, width);
    for (long n = view.firstImage; n <= view.lastImage; n++) {
      long plane = (n * z.k() + view.group * z.groupK() + k) * z.p();
      long p = (n == view.firstImage ? view.top : 0) + firstRow;
      long end = (n == view.lastImage ? view.bottom : gridRows - 1) + firstRow + extraRows + 1;
      long top = Math.clamp(0L, p, end);
      long bottom = Math.clamp(z.p(), top, end);
      int inside = at + (int) (top - p) * width;
      int below = inside + (int) (bottom - top) * width;
      Arrays.fill(window, at, inside, 0f);
      long pixel = (plane + top) * z.q() + left + lo;
      kernel.copyRows(dy, pixel, z.q(), 1, (int) (bottom - top), window, inside, width, lo, hi);
      at = below + (int) (end - bottom) * width;
      Arrays.fill(window, below, at, 0f);
    }
    return at;
  }
}

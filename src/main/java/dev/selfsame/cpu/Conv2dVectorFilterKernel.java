package dev.selfsame.cpu;

/** What {@link Conv2dVectorFewFilters} calls of a vector width. */
interface Conv2dVectorFilterKernel {
  /** Rows of a filter, and taps of each, that {@link #taps} takes at once. */
  int TAPS = 5;

  /**
   * Continues the chains of five taps of five filter rows, of as many filters as there are lanes:
   * c[5i + j] ← fma(x[place[t] + row[first + i] + j], dy[t], c[5i + j]) for t = 0 … n−1 in order,
   * dy and c vectors of filters.
   */
  void taps(float[] x, int[] place, int[] row, int first, float[] dy, int n, float[] c, int ct);
}

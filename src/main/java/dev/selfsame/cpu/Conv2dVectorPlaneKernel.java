package dev.selfsame.cpu;

/** The register tile of {@link Conv2dVectorPlanes}. */
interface Conv2dVectorPlaneKernel {
  /** Floats in a vector. */
  int lanes();

  /**
   * Two blocks of rows of outputs, a vector wide: y[yt + i·yStep] = chain over (r, s) from +0 of
   * x[xt + (i + r)·step + col s]·w[3·r + s] for i in [0, rows); the first block from {@code xa} to
   * {@code ya}, the second one from {@code xb} to {@code yb}. Blocks may overlap.
   */
  void rows(
      float[] x,
      int xa,
      int xb,
      int step,
      int col0,
      int col1,
      int col2,
      float[] w,
      int rows,
      float[] y,
      int ya,
      int yb,
      int yStep);
}

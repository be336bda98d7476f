package dev.selfsame.study;

/**
 * The untied contrast of a convolution: a filter of its own at each output position, as a batch of
 * products over the windows. The windows are cut on the host: data is moved, nothing computed.
 */
final class Untied {
  private Untied() {}

  /**
   * The windows of images, position by position.
   *
   * @param images [N, C, H, W]
   * @return [P·Q, N, C·k·k]: for the batched product with filters [P·Q, C·k·k, K]
   */
  static float[] windows(float[] images, int n, int c, int h, int w, int kernel, int stride) {
    int rows = (h - kernel) / stride + 1;
    int columns = (w - kernel) / stride + 1;
    float[] windows = new float[Figures.product(rows, columns, n, c, kernel, kernel)];
    int to = 0;
    for (int p = 0; p < rows; p++) {
      for (int q = 0; q < columns; q++) {
        for (int channel = 0; channel < n * c; channel++) {
          for (int r = 0; r < kernel; r++) {
            int from = (channel * h + p * stride + r) * w + q * stride;
            System.arraycopy(images, from, windows, to, kernel);
            to += kernel;
          }
        }
      }
    }
    return windows;
  }
}

package dev.selfsame.data;

import dev.selfsame.DataException;

/**
 * Bytes to floats: value(x) = (x / 255 − mean) / std, in float, with three roundings in this order:
 * the division by 255, the subtraction, the division by std. So the values are the same bits
 * everywhere.
 *
 * @param mean subtracted from pixels scaled to 0 … 1; finite
 * @param std divides the difference; finite and above 0
 */
public record Normalization(float mean, float std) {
  /** x / 255. */
  public static final Normalization NONE = new Normalization(0f, 1f);

  /** Mean and standard deviation of the MNIST training pixels, to four digits. */
  public static final Normalization MNIST = new Normalization(0.1307f, 0.3081f);

  /** Mean and standard deviation of the Fashion-MNIST training pixels, to four digits. */
  public static final Normalization FASHION = new Normalization(0.2860f, 0.3530f);

  public Normalization {
    if (!Float.isFinite(mean) || !Float.isFinite(std) || !(std > 0f)) {
      throw new DataException(
          "mean is %s and std is %s; expected finite numbers and std above 0".formatted(mean, std));
    }
  }

  /** The float of a pixel, 0 to 255. */
  public float value(int pixel) {
    return (pixel / 255f - mean) / std;
  }

  /** The floats of all 256 pixels. */
  float[] table() {
    float[] table = new float[256];
    for (int pixel = 0; pixel < 256; pixel++) {
      table[pixel] = value(pixel);
    }
    return table;
  }
}

package dev.selfsame.bench;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;

/** The median of some samples, with the 10th and the 90th percentile. */
public record Spread(double median, double p10, double p90) {
  public static Spread of(double[] samples) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    return new Spread(at(sorted, 0.5), at(sorted, 0.1), at(sorted, 0.9));
  }

  /** The spread of scale / sample. */
  Spread reciprocal(double scale) {
    return new Spread(scale / median, scale / p90, scale / p10);
  }

  /** To four significant digits, for records. */
  Spread rounded() {
    return new Spread(round(median), round(p10), round(p90));
  }

  public static double round(double value) {
    return Double.isFinite(value)
        ? new BigDecimal(value).round(new MathContext(4)).doubleValue()
        : value;
  }

  private static double at(double[] sorted, double quantile) {
    double position = quantile * (sorted.length - 1);
    int below = (int) position;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
  }
}

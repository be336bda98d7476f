package dev.selfsame.study;

import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import java.util.List;
import java.util.Locale;

/** What several studies need on the host: random data, slopes, comparisons of bits. */
final class Figures {
  private Figures() {}

  /** Standard normal values on a device, from one stream of the seed. */
  static Tensor normal(Scope scope, Study.Settings settings, long stream, long... sizes) {
    return Tensor.of(
        scope, settings.device(), normals(settings.seed(), stream, product(sizes)), sizes);
  }

  /** Standard normal values on the host. */
  static float[] normals(long seed, long stream, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = Philox.normal(seed, stream, i);
    }
    return values;
  }

  static int product(long... sizes) {
    long product = 1;
    for (long size : sizes) {
      product *= size;
    }
    return Math.toIntExact(product);
  }

  /** The exponent b of y = a·x^b, by least squares over the logarithms. */
  static double exponent(List<Double> x, List<Double> y) {
    int n = x.size();
    double sx = 0;
    double sy = 0;
    double sxx = 0;
    double sxy = 0;
    for (int i = 0; i < n; i++) {
      double u = StrictMath.log(x.get(i));
      double v = StrictMath.log(y.get(i));
      sx += u;
      sy += v;
      sxx += u * u;
      sxy += u * v;
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
  }

  /** Formats as everywhere. */
  static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}

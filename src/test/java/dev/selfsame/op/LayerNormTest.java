package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class LayerNormTest {
  private static final float EPS = 1e-5f;

  /** Around lanes, a warp's widths, blocks of the sum, runs of rows and what fits shared memory. */
  private static final long[][] SHAPES = {
    {1, 1},
    {3, 1},
    {5, 2},
    {7, 10},
    {9, 15},
    {4, 16},
    {2, 17},
    {8, 31},
    {33, 32},
    {31, 33},
    {65, 48},
    {3, 128},
    {130, 129},
    {3, 512},
    {2, 513},
    {5, 1000},
    {1, 1023},
    {9, 1024},
    {2, 1025},
    {3, 2047},
    {33, 1056},
    {1, 4096},
    {2, 4097},
    {1, 5120},
    {3, 8193},
    {1030, 3}
  };

  private record Results(
      float[] y, float[] mean, float[] rstd, float[] dx, float[] dgamma, float[] dbeta) {
    void assertSame(String what, Results actual) {
      Bits.assertSame(what + ": y", y, actual.y);
      Bits.assertSame(what + ": mean", mean, actual.mean);
      Bits.assertSame(what + ": rstd", rstd, actual.rstd);
      Bits.assertSame(what + ": dx", dx, actual.dx);
      Bits.assertSame(what + ": dgamma", dgamma, actual.dgamma);
      Bits.assertSame(what + ": dbeta", dbeta, actual.dbeta);
    }
  }

  /** In place where that is allowed: y over x, dx over dy. */
  private static Results run(
      Device device,
      boolean inPlace,
      float[] x,
      float[] gamma,
      float[] beta,
      float[] dy,
      long... shape) {
    try (Scope scope = Scope.open()) {
      long rows = shape[0];
      long columns = shape[1];
      Tensor xs = Tensor.of(scope, device, x, shape);
      Tensor gammas = Tensor.of(scope, device, gamma, columns);
      Tensor betas = Tensor.of(scope, device, beta, columns);
      Tensor dys = Tensor.of(scope, device, dy, shape);
      Tensor mean = Tensor.empty(scope, device, rows).fill(12345f);
      Tensor rstd = Tensor.empty(scope, device, rows).fill(12345f);
      Tensor dgamma = Tensor.empty(scope, device, columns).fill(12345f);
      Tensor dbeta = Tensor.empty(scope, device, columns).fill(12345f);
      Tensor y = Tensor.empty(scope, device, shape).fill(12345f);
      Tensor dx = Tensor.empty(scope, device, shape).fill(12345f);
      LayerNorm.forward(xs, gammas, betas, EPS, y, mean, rstd);
      if (inPlace) {
        LayerNorm.gradient(dys, xs, gammas, mean, rstd, null, dgamma, null);
        LayerNorm.gradient(dys, xs, gammas, mean, rstd, dys, null, dbeta);
        LayerNorm.forward(xs, gammas, betas, EPS, xs, mean, rstd);
        y = xs;
        dx = dys;
      } else {
        LayerNorm.gradient(dys, xs, gammas, mean, rstd, dx, dgamma, dbeta);
      }
      return new Results(
          y.toFloatArray(),
          mean.toFloatArray(),
          rstd.toFloatArray(),
          dx.toFloatArray(),
          dgamma.toFloatArray(),
          dbeta.toFloatArray());
    }
  }

  private static float[] values(int kind, long seed, long n) {
    float[] values = kind == 1 ? Values.integers(seed, n) : Values.random(seed, n);
    if (kind == 2) {
      float[] special = Values.special(seed, n);
      for (int i = 0; i < values.length; i += 1 + (int) ((i * 2654435761L + seed) >>> 7 & 63)) {
        values[i] = special[i];
      }
    }
    return values;
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      long n = shape[0] * shape[1];
      for (int kind : n > 10_000 ? new int[] {2} : new int[] {0, 1, 2}) {
        float[] x = values(kind, shape[1], n);
        float[] gamma = values(kind == 2 ? 0 : kind, shape[1] + 1, shape[1]);
        float[] beta = values(kind, shape[1] + 2, shape[1]);
        float[] dy = values(kind, shape[1] + 3, n);
        Results expected = run(Devices.control(), false, x, gamma, beta, dy, shape);
        String what = "layer norm of " + Arrays.toString(shape) + ", values " + kind + " on ";
        expected.assertSame(
            what + "scalar in place", run(Devices.control(), true, x, gamma, beta, dy, shape));
        for (Device device : Devices.tested()) {
          expected.assertSame(what + device, run(device, false, x, gamma, beta, dy, shape));
          expected.assertSame(
              what + device + " in place", run(device, true, x, gamma, beta, dy, shape));
        }
      }
    }
  }

  @Test
  void aRowAloneIsARowOfABatch() {
    for (int columns : new int[] {10, 96, 1500}) {
      float[] x = Values.random(5, 7L * columns);
      float[] gamma = Values.random(6, columns);
      float[] beta = Values.random(7, columns);
      float[] dy = Values.random(8, 7L * columns);
      Results all = run(Devices.control(), false, x, gamma, beta, dy, 7, columns);
      for (int r = 0; r < 7; r++) {
        float[] row = Arrays.copyOfRange(x, r * columns, (r + 1) * columns);
        float[] slope = Arrays.copyOfRange(dy, r * columns, (r + 1) * columns);
        for (Device device : Devices.tested()) {
          Results alone = run(device, false, row, gamma, beta, slope, 1, columns);
          Bits.assertSame(
              "y of row " + r + " on " + device,
              Arrays.copyOfRange(all.y, r * columns, (r + 1) * columns),
              alone.y);
          Bits.assertSame(
              "dx of row " + r + " on " + device,
              Arrays.copyOfRange(all.dx, r * columns, (r + 1) * columns),
              alone.dx);
        }
      }
    }
  }

  @Test
  void knownRows() {
    float[] x = {1, 3, 5, 5, -0f, 0f, Float.POSITIVE_INFINITY, 1};
    float[] ones = {1, 1};
    Results r = run(Devices.control(), false, x, ones, new float[] {0, 10}, new float[8], 4, 2);
    float s = ExactMath.rsqrt(1 + EPS);
    float nan = Float.NaN;
    Bits.assertSame("y", new float[] {-s, 10 + s, 0, 10, 0, 10, nan, nan}, r.y);
    Bits.assertSame("mean", new float[] {2, 5, 0, Float.POSITIVE_INFINITY}, r.mean);
    float most = ExactMath.rsqrt(EPS);
    Bits.assertSame("rstd", new float[] {s, most, most, nan}, r.rstd);
  }

  // ---- accuracy, against double

  private static double[] normalized(double[] x, float[] gamma, float[] beta) {
    double mean = Arrays.stream(x).sum() / x.length;
    double var = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum() / x.length;
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = (x[i] - mean) / Math.sqrt(var + EPS) * gamma[i] + beta[i];
    }
    return y;
  }

  private static double[] toDouble(float[] x) {
    double[] d = new double[x.length];
    for (int i = 0; i < d.length; i++) {
      d[i] = x[i];
    }
    return d;
  }

  private static float[] unit(long seed, int n) {
    float[] values = new float[n];
    var random = new java.util.SplittableRandom(seed);
    for (int i = 0; i < n; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  /**
   * With u = 2⁻²⁴, |x| ≤ 1 and a depth of 40 additions for sums of 1,024: the mean is off by
   * 42·u·1, so x − mean by 44·u absolutely; the variance (near 1/3) by 2·44·u·E|d| + 43·u·var, so
   * rstd by 100·u relatively; h (at most 2) by 44·u·1.8 + 2·102·u, and y by that times gamma and
   * one more rounding: below 300·u + 4·u.
   */
  @Test
  void isCloseToDouble() {
    double u = Math.scalb(1.0, -24);
    for (int columns : new int[] {64, 768, 1024}) {
      float[] x = unit(columns, columns);
      float[] gamma = unit(1, columns);
      float[] beta = unit(2, columns);
      double[] exact = normalized(toDouble(x), gamma, beta);
      float[] y = run(Devices.control(), false, x, gamma, beta, x, 1, columns).y;
      for (int i = 0; i < columns; i++) {
        assertEquals(exact[i], y[i], 304 * u);
      }
    }
  }

  /**
   * Central differences in double of Σ g·y over a row, step 1e-4: their own error is about
   * h²/6·third derivative, below 1e-6 here; the op's roundings are below 1e-4 · u·10³.
   */
  @Test
  void gradientsAreTheSlopes() {
    int columns = 40;
    int rows = 35;
    float[] x = unit(1, rows * columns);
    float[] gamma = unit(2, columns);
    float[] beta = unit(3, columns);
    float[] dy = unit(4, rows * columns);
    Results r = run(Devices.control(), false, x, gamma, beta, dy, rows, columns);
    double h = 1e-4;
    double[] dgamma = new double[columns];
    double[] dbeta = new double[columns];
    for (int row = 0; row < rows; row++) {
      double[] xs = toDouble(Arrays.copyOfRange(x, row * columns, (row + 1) * columns));
      float[] ones = new float[columns];
      Arrays.fill(ones, 1f);
      double[] hs = normalized(xs, ones, new float[columns]);
      for (int i = 0; i < columns; i++) {
        dgamma[i] += dy[row * columns + i] * hs[i];
        dbeta[i] += dy[row * columns + i];
        double[] up = xs.clone();
        double[] down = xs.clone();
        up[i] += h;
        down[i] -= h;
        double[] yUp = normalized(up, gamma, beta);
        double[] yDown = normalized(down, gamma, beta);
        double slope = 0;
        for (int j = 0; j < columns; j++) {
          slope += dy[row * columns + j] * (yUp[j] - yDown[j]) / (2 * h);
        }
        assertEquals(slope, r.dx[row * columns + i], 1e-5, "dx " + row + ", " + i);
      }
    }
    for (int i = 0; i < columns; i++) {
      assertEquals(dgamma[i], r.dgamma[i], 1e-5, "dgamma " + i);
      assertEquals(dbeta[i], r.dbeta[i], 1e-5, "dbeta " + i);
    }
  }

  @Test
  void anotherOrderWouldBeSeen() {
    int n = 1000;
    float[] x = Values.random(9, n);
    float[] gamma = Values.random(11, n);
    float[] beta = Values.random(10, n);
    Results r = run(Devices.control(), false, x, gamma, beta, x, 1, n);
    float sum = 0;
    float fused = 0;
    float[] unfused = new float[n];
    for (int i = 0; i < n; i++) {
      sum += x[i];
      float d = x[i] - r.mean[0];
      fused = Math.fma(d, d, fused);
      unfused[i] = d * r.rstd[0] * gamma[i] + beta[i];
    }
    assertTrue(sum / n != r.mean[0], "a plain sum had the same bits");
    assertTrue(ExactMath.rsqrt(fused / n + EPS) != r.rstd[0], "fused squares had the same bits");
    assertTrue(Bits.compare(r.y, unfused).isPresent(), "an unfused end had the same bits");
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor x = Tensor.zeros(scope, device, 2, 3);
      Tensor v = Tensor.zeros(scope, device, 3);
      Tensor y = Tensor.zeros(scope, device, 2, 3).fill(9f);
      Tensor r = Tensor.zeros(scope, device, 2).fill(9f);
      Tensor s = Tensor.zeros(scope, device, 2).fill(9f);
      Tensor empty = Tensor.zeros(scope, device, 0, 3);
      for (float eps : new float[] {-1e-9f, Float.NaN, Float.POSITIVE_INFINITY}) {
        assertThrows(
            IllegalArgumentException.class, () -> LayerNorm.forward(x, v, v, eps, y, r, s));
      }
      assertThrows(ShapeException.class, () -> LayerNorm.forward(x, r, v, EPS, y, r, s));
      assertThrows(ShapeException.class, () -> LayerNorm.forward(x, v, v, EPS, y, r, r));
      assertThrows(ShapeException.class, () -> LayerNorm.forward(empty, v, v, EPS, empty, r, s));
      assertThrows(ShapeException.class, () -> LayerNorm.gradient(x, x, v, s, s, y, r, v));
      assertThrows(ShapeException.class, () -> LayerNorm.gradient(x, y, v, s, s, y, null, null));
      assertThrows(ShapeException.class, () -> LayerNorm.gradient(x, x, v, s, s, y, null, v));
      float[] nines = new float[6];
      Arrays.fill(nines, 9f);
      assertArrayEquals(nines, y.toFloatArray());
      assertArrayEquals(new float[] {9, 9}, r.toFloatArray());
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.op.BatchNorm.Running;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchNormTest {
  private static final float EPS = 1e-5f;

  /** Around lanes, planes that cross blocks of the sum, one and several blocks, no planes. */
  private static final long[][] SHAPES = {
    {2, 1},
    {3, 5},
    {33, 17},
    {64, 120},
    {1025, 3},
    {1, 3, 2},
    {2, 3, 1, 1},
    {2, 2, 4, 4},
    {5, 3, 7, 7},
    {43, 2, 5, 5},
    {4, 2, 16, 16},
    {3, 1, 32, 32},
    {5, 2, 32, 33},
    {9, 3, 28, 28},
    {2, 1, 67, 71}
  };

  private static final List<String> NAMES =
      List.of(
          "y",
          "mean",
          "rstd",
          "running mean",
          "running variance",
          "evaluated",
          "dx",
          "dgamma",
          "dbeta");

  /** In place where that is allowed: y over x, dx over dy. */
  private static List<float[]> run(
      Device device, boolean inPlace, float[] x, float[] vectors, float[] dy, long... shape) {
    try (Scope scope = Scope.open()) {
      int c = (int) shape[1];
      Tensor xs = Tensor.of(scope, device, x, shape);
      Tensor dys = Tensor.of(scope, device, dy, shape);
      Tensor gamma = Tensor.of(scope, device, Arrays.copyOf(vectors, c), c);
      Tensor beta = Tensor.of(scope, device, Arrays.copyOfRange(vectors, c, 2 * c), c);
      Tensor runningMean = Tensor.of(scope, device, Arrays.copyOfRange(vectors, 2 * c, 3 * c), c);
      Tensor runningVariance = Tensor.zeros(scope, device, c).fill(0.75f);
      Tensor mean = Tensor.zeros(scope, device, c).fill(12345f);
      Tensor rstd = Tensor.zeros(scope, device, c).fill(12345f);
      Tensor dgamma = Tensor.zeros(scope, device, c).fill(12345f);
      Tensor dbeta = Tensor.zeros(scope, device, c).fill(12345f);
      Tensor y = Tensor.zeros(scope, device, shape).fill(12345f);
      Tensor evaluated = Tensor.zeros(scope, device, shape).fill(12345f);
      Tensor dx = inPlace ? dys : Tensor.zeros(scope, device, shape).fill(12345f);
      Running running = new Running(runningMean, runningVariance, 0.1f);
      BatchNorm.forward(xs, gamma, beta, EPS, running, y, mean, rstd);
      BatchNorm.evaluate(xs, gamma, beta, EPS, runningMean, runningVariance, evaluated);
      if (inPlace) {
        BatchNorm.gradient(dys, xs, gamma, mean, rstd, null, dgamma, dbeta);
      }
      BatchNorm.gradient(dys, xs, gamma, mean, rstd, dx, dgamma, dbeta);
      if (inPlace) {
        BatchNorm.forward(xs, gamma, beta, EPS, null, xs, mean, rstd);
        y = xs;
      }
      return List.of(
          y.toFloatArray(),
          mean.toFloatArray(),
          rstd.toFloatArray(),
          runningMean.toFloatArray(),
          runningVariance.toFloatArray(),
          evaluated.toFloatArray(),
          dx.toFloatArray(),
          dgamma.toFloatArray(),
          dbeta.toFloatArray());
    }
  }

  private static void assertSame(String what, List<float[]> expected, List<float[]> actual) {
    for (int i = 0; i < NAMES.size(); i++) {
      Bits.assertSame(what + ": " + NAMES.get(i), expected.get(i), actual.get(i));
    }
  }

  private static float[] values(int kind, long seed, long n) {
    float[] values = kind == 1 ? Values.integers(seed, n) : Values.random(seed, n);
    if (kind == 2) {
      float[] special = Values.special(seed, n);
      for (int i = 0; i < values.length; i += 1 + (int) ((i * 2654435761L + seed) >>> 7 & 255)) {
        values[i] = special[i];
      }
    }
    return values;
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      long n = Shape.of(shape).elements();
      for (int kind : new int[] {0, 1, 2}) {
        float[] x = values(kind, n, n);
        float[] vectors = values(kind == 2 ? 0 : kind, n + 1, 3 * shape[1]);
        float[] dy = values(kind, n + 2, n);
        List<float[]> expected = run(Devices.control(), false, x, vectors, dy, shape);
        String what = "batch norm of " + Arrays.toString(shape) + ", values " + kind + " on ";
        assertSame(
            what + "scalar in place",
            expected,
            run(Devices.control(), true, x, vectors, dy, shape));
        for (Device device : Devices.tested()) {
          assertSame(what + device, expected, run(device, false, x, vectors, dy, shape));
          assertSame(
              what + device + " in place", expected, run(device, true, x, vectors, dy, shape));
        }
      }
    }
  }

  @Test
  void aChannelAloneIsAChannelOfMany() {
    int n = 5;
    int c = 3;
    int s = 49;
    float[] x = Values.random(1, (long) n * c * s);
    float[] vectors = Values.random(2, 3L * c);
    List<float[]> all = run(Devices.control(), false, x, vectors, x, n, c, s);
    float[] alone = new float[n * s];
    float[] expected = new float[n * s];
    for (int i = 0; i < n; i++) {
      System.arraycopy(x, (i * c + 1) * s, alone, i * s, s);
      System.arraycopy(all.get(0), (i * c + 1) * s, expected, i * s, s);
    }
    float[] its = {vectors[1], vectors[c + 1], vectors[2 * c + 1]};
    for (Device device : Devices.tested()) {
      Bits.assertSame(
          "channel 1 on " + device,
          expected,
          run(device, false, alone, its, alone, n, 1, s).get(0));
    }
  }

  @Test
  void knownChannels() {
    float[] x = {1, 5, 3, 5};
    List<float[]> r =
        run(Devices.control(), false, x, new float[] {1, 1, 0, 10, 4, 4}, new float[4], 2, 2);
    float s = ExactMath.rsqrt(1 + EPS);
    assertArrayEquals(new float[] {-s, 10, s, 10}, r.get(0));
    assertArrayEquals(new float[] {2, 5}, r.get(1));
    // Unbiased: (1 + 1) / (2 − 1).
    assertArrayEquals(
        new float[] {Math.fma(0.1f, 1.25f, 0.75f), Math.fma(0.1f, -0.75f, 0.75f)}, r.get(4));
    assertArrayEquals(new float[] {Math.fma(0.1f, -2f, 4f), Math.fma(0.1f, 1f, 4f)}, r.get(3));
  }

  // ---- accuracy, against double

  /** One channel. */
  private static double[] normalized(double[] x, double gamma, double beta) {
    double mean = Arrays.stream(x).sum() / x.length;
    double var = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum() / x.length;
    return Arrays.stream(x).map(v -> (v - mean) / Math.sqrt(var + EPS) * gamma + beta).toArray();
  }

  private static float[] unit(long seed, int n) {
    float[] values = new float[n];
    var random = new java.util.SplittableRandom(seed);
    for (int i = 0; i < n; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  /** The bound of LayerNormTest.isCloseToDouble: sums of this size have the same depth. */
  @Test
  void isCloseToDouble() {
    float[] x = unit(1, 900);
    float[] vectors = {0.7f, -0.3f, 0f};
    double[] exact = normalized(doubles(x), 0.7f, -0.3f);
    float[] y = run(Devices.control(), false, x, vectors, x, 4, 1, 15, 15).get(0);
    for (int i = 0; i < x.length; i++) {
      assertEquals(exact[i], y[i], 304 * Math.scalb(1.0, -24));
    }
  }

  private static double[] doubles(float[] x) {
    double[] d = new double[x.length];
    for (int i = 0; i < d.length; i++) {
      d[i] = x[i];
    }
    return d;
  }

  /** Central differences in double, step 1e-4; their error is below 1e-6 here. */
  @Test
  void gradientsAreTheSlopes() {
    float[] x = unit(1, 48);
    float[] dy = unit(2, 48);
    List<float[]> r =
        run(Devices.control(), false, x, new float[] {0.7f, 0.2f, 0f}, dy, 3, 1, 4, 4);
    double h = 1e-4;
    double[] ones = normalized(doubles(x), 1, 0);
    double dgamma = 0;
    double dbeta = 0;
    for (int i = 0; i < x.length; i++) {
      dgamma += dy[i] * ones[i];
      dbeta += dy[i];
      double[] up = doubles(x);
      double[] down = doubles(x);
      up[i] += h;
      down[i] -= h;
      double[] yUp = normalized(up, 0.7f, 0);
      double[] yDown = normalized(down, 0.7f, 0);
      double slope = 0;
      for (int j = 0; j < x.length; j++) {
        slope += dy[j] * (yUp[j] - yDown[j]) / (2 * h);
      }
      assertEquals(slope, r.get(6)[i], 1e-5, "dx " + i);
    }
    assertEquals(dgamma, r.get(7)[0], 1e-5);
    assertEquals(dbeta, r.get(8)[0], 1e-5);
  }

  @Test
  void anotherOrderWouldBeSeen() {
    float[] x = Values.random(9, 1000);
    List<float[]> r = run(Devices.control(), false, x, new float[] {1, 0, 0}, x, 4, 1, 250);
    float sum = 0;
    for (float v : x) {
      sum += v;
    }
    assertTrue(sum / 1000 != r.get(1)[0], "a plain sum had the same bits");
    assertTrue(sum != r.get(8)[0], "a plain sum had the same bits");
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor x = Tensor.zeros(scope, device, 2, 3);
      Tensor one = Tensor.zeros(scope, device, 1, 3);
      Tensor v = Tensor.zeros(scope, device, 3);
      Tensor short2 = Tensor.zeros(scope, device, 2);
      Tensor y = Tensor.zeros(scope, device, 2, 3).fill(9f);
      Tensor m = Tensor.zeros(scope, device, 3).fill(9f);
      Tensor s = Tensor.zeros(scope, device, 3).fill(9f);
      assertThrows(ShapeException.class, () -> BatchNorm.forward(one, v, v, EPS, null, one, m, s));
      assertThrows(ShapeException.class, () -> BatchNorm.forward(x, short2, v, EPS, null, y, m, s));
      assertThrows(ShapeException.class, () -> BatchNorm.forward(x, v, v, EPS, null, y, m, m));
      Running same = new Running(m, s, 0.1f);
      assertThrows(ShapeException.class, () -> BatchNorm.forward(x, v, v, EPS, same, y, m, s));
      assertThrows(
          IllegalArgumentException.class, () -> BatchNorm.forward(x, v, v, -1f, null, y, m, s));
      assertThrows(IllegalArgumentException.class, () -> new Running(m, s, 1.5f));
      assertThrows(ShapeException.class, () -> BatchNorm.gradient(x, x, v, v, v, y, m, m));
      assertThrows(ShapeException.class, () -> BatchNorm.gradient(x, y, v, v, v, y, m, s));
      float[] nines = new float[6];
      Arrays.fill(nines, 9f);
      assertArrayEquals(nines, y.toFloatArray());
      assertArrayEquals(new float[] {9, 9, 9}, m.toFloatArray());
    }
  }
}

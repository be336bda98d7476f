package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KlDivergenceTest {
  private static final long[][] SHAPES = {
    {1, 1},
    {5, 2},
    {64, 10},
    {7, 31},
    {9, 32},
    {17, 33},
    {3, 127},
    {3, 129},
    {2, 513},
    {2, 1023},
    {2, 1024},
    {9, 1025},
    {3, 3073},
    {1, 33_000},
    {1025, 3}
  };

  private record Result(float[] losses, float[] loss, float[] gradient) {}

  private static Result run(
      Device device, float[] t, float[] s, float temperature, boolean inPlace, long... shape) {
    try (Scope scope = Scope.open()) {
      Tensor teacher = Tensor.of(scope, device, t, shape);
      Tensor student = Tensor.of(scope, device, s, shape);
      Tensor losses = Tensor.empty(scope, device, shape[0]).fill(12345f);
      Tensor loss = Tensor.empty(scope, device, 1).fill(12345f);
      Tensor d = inPlace ? student : Tensor.empty(scope, device, shape).fill(12345f);
      KlDivergence.forward(teacher, student, temperature, losses, loss);
      KlDivergence.gradient(teacher, student, temperature, 0.7f, d);
      return new Result(losses.toFloatArray(), loss.toFloatArray(), d.toFloatArray());
    }
  }

  private static void assertSame(String what, Result expected, Result actual) {
    Bits.assertSame(what + ", losses", expected.losses, actual.losses);
    Bits.assertSame(what + ", loss", expected.loss, actual.loss);
    Bits.assertSame(what + ", gradient", expected.gradient, actual.gradient);
  }

  /** Of the size that a network gives. */
  private static float[] logits(long seed, long n) {
    float[] values = new float[(int) n];
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() * 12 - 6);
    }
    return values;
  }

  private static float[] values(int kind, long seed, long n) {
    return switch (kind) {
      case 0 -> Values.random(seed, n);
      case 1 -> Values.integers(seed, n);
      case 2 -> logits(seed, n);
      default -> Values.special(seed, n);
    };
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      long n = shape[0] * shape[1];
      boolean many = n > 10_000 || shape[0] > 50;
      for (int kind = many ? 2 : 0; kind < (many ? 3 : 4); kind++) {
        float[] t = values(kind, n, n);
        float[] s = values(kind, n + 1, n);
        float temperature = kind == 1 ? 1f : 3f;
        Result expected = run(Devices.control(), t, s, temperature, false, shape);
        for (Device device : Devices.tested()) {
          String what = "divergence of " + shape[0] + "×" + shape[1] + " on " + device;
          assertSame(what, expected, run(device, t, s, temperature, false, shape));
          if (kind == 2) {
            assertSame(what + " in place", expected, run(device, t, s, temperature, true, shape));
          }
        }
      }
    }
  }

  /** By way of the other operations: at a temperature of 1 the same roundings, so the same bits. */
  @Test
  void isMadeOfSoftmaxes() {
    float[] t = logits(1, 330);
    float[] s = logits(2, 330);
    for (Device device : Devices.tested()) {
      Result got = run(device, t, s, 1f, false, 33, 10);
      try (Scope scope = Scope.open()) {
        float[] p = softmax(scope, device, t, false);
        float[] logP = softmax(scope, device, t, true);
        float[] q = softmax(scope, device, s, false);
        float[] logQ = softmax(scope, device, s, true);
        float[] terms = new float[330];
        float[] gradient = new float[330];
        for (int i = 0; i < 330; i++) {
          terms[i] = p[i] * (logP[i] - logQ[i]);
          gradient[i] = (q[i] - p[i]) * (0.7f / 33f);
        }
        Tensor losses = Tensor.empty(scope, device, 33);
        Tensor loss = Tensor.empty(scope, device, 1);
        Sums.rows(Tensor.of(scope, device, terms, 33, 10), losses);
        Sums.mean(losses, loss);
        assertSame(
            "by parts on " + device,
            new Result(losses.toFloatArray(), loss.toFloatArray(), gradient),
            got);
      }
    }
  }

  private static float[] softmax(Scope scope, Device device, float[] x, boolean log) {
    Tensor y = Tensor.of(scope, device, x, 33, 10);
    if (log) {
      Softmax.logSoftmax(y, y);
    } else {
      Softmax.softmax(y, y);
    }
    return y.toFloatArray();
  }

  @Test
  void aRowAloneIsARowOfABatch() {
    for (int columns : new int[] {10, 1500}) {
      float[] t = logits(3, 5L * columns);
      float[] s = logits(4, 5L * columns);
      float[] all = run(Devices.control(), t, s, 2f, false, 5, columns).losses;
      for (int r = 0; r < 5; r++) {
        float[] oneT = Arrays.copyOfRange(t, r * columns, (r + 1) * columns);
        float[] oneS = Arrays.copyOfRange(s, r * columns, (r + 1) * columns);
        for (Device device : Devices.tested()) {
          Result one = run(device, oneT, oneS, 2f, false, 1, columns);
          assertEquals(all[r], one.losses[0], "row " + r + " on " + device);
        }
      }
    }
  }

  /** A class that the teacher rules out counts nothing, even if the student rules it out, too. */
  @Test
  void ruledOutClassesCountNothing() {
    float out = Float.NEGATIVE_INFINITY;
    float[] t = {1, out, 2, out};
    float[] s = {1, out, 2, 0};
    for (Device device : Devices.tested()) {
      Result with = run(device, t, s, 1f, false, 1, 4);
      assertTrue(with.loss[0] > 0 && Float.isFinite(with.loss[0]), device + ": " + with.loss[0]);
      assertEquals(0f, with.gradient[1]);
      assertEquals(0f, run(device, t, t, 1f, false, 1, 4).loss[0]);
    }
  }

  private static double loss(double[] t, double[] s, int columns, double temperature) {
    int rows = t.length / columns;
    double sum = 0;
    for (int r = 0; r < rows; r++) {
      double zt = 0;
      double zs = 0;
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        zt += StrictMath.exp(t[i] / temperature);
        zs += StrictMath.exp(s[i] / temperature);
      }
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        double logP = t[i] / temperature - StrictMath.log(zt);
        double logQ = s[i] / temperature - StrictMath.log(zs);
        sum += StrictMath.exp(logP) * (logP - logQ);
      }
    }
    return sum / rows * temperature * temperature;
  }

  /**
   * Central differences in double, step 1e-4: h²/6 times a third derivative of at most 1/T; the
   * op's roundings are a hundred or so units of 2⁻²⁴ of softmax values of at most 1, times T.
   */
  @Test
  void gradientIsTheSlope() {
    int rows = 6;
    int columns = 9;
    float[] t = logits(5, (long) rows * columns);
    float[] s = logits(6, (long) rows * columns);
    double[] tt = new double[t.length];
    double[] ss = new double[s.length];
    for (int i = 0; i < t.length; i++) {
      tt[i] = t[i];
      ss[i] = s[i];
    }
    for (float temperature : new float[] {1f, 2.5f, 0.7f}) {
      Result got = run(Devices.control(), t, s, temperature, false, rows, columns);
      double u = Math.scalb(1.0, -24);
      double square = temperature * temperature;
      // Terms are below 20/T each, so a row's sum of roundings is below 100·20/T units.
      assertEquals(loss(tt, ss, columns, temperature), got.loss[0], 2000 * u * Math.max(square, 1));
      double h = 1e-4;
      for (int i = 0; i < s.length; i++) {
        double[] up = ss.clone();
        double[] down = ss.clone();
        up[i] += h;
        down[i] -= h;
        double slope =
            (loss(tt, up, columns, temperature) - loss(tt, down, columns, temperature)) / (2 * h);
        assertEquals(
            0.7 * slope, got.gradient[i], temperature * (1e-7 + 150 * u) / rows, "at " + i);
      }
    }
  }

  /** A product with 1/T for the division, the wrong way round, or a forgotten factor. */
  @Test
  void otherDefinitionsWouldBeSeen() {
    float[] t = logits(7, 330);
    float[] s = logits(8, 330);
    Result got = run(Devices.control(), t, s, 3f, false, 33, 10);
    float[] tr = t.clone();
    float[] sr = s.clone();
    for (int i = 0; i < 330; i++) {
      tr[i] = t[i] * (1f / 3f);
      sr[i] = s[i] * (1f / 3f);
    }
    Result reciprocal = run(Devices.control(), tr, sr, 1f, false, 33, 10);
    float[] times9 = reciprocal.losses.clone();
    for (int i = 0; i < 33; i++) {
      times9[i] *= 9f;
    }
    assertTrue(Bits.compare(got.losses, times9).isPresent(), "1/T had the same bits");
    assertTrue(Bits.compare(got.losses, reciprocal.losses).isPresent(), "no T² was seen");
    Result swapped = run(Devices.control(), s, t, 3f, false, 33, 10);
    assertTrue(Bits.compare(got.losses, swapped.losses).isPresent(), "swapped, the same bits");
  }

  @Test
  void badInputChangesNothing() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor t = Tensor.zeros(scope, device, 2, 3);
        Tensor s = Tensor.zeros(scope, device, 2, 3);
        Tensor losses = Tensor.zeros(scope, device, 2).fill(9f);
        Tensor loss = Tensor.zeros(scope, device, 1).fill(9f);
        Tensor d = Tensor.zeros(scope, device, 2, 3).fill(9f);
        for (float bad : new float[] {0f, -1f, Float.NaN, Float.POSITIVE_INFINITY}) {
          String message =
              assertThrows(
                      IllegalArgumentException.class,
                      () -> KlDivergence.forward(t, s, bad, losses, loss))
                  .getMessage();
          assertTrue(message.contains("temperature is " + bad), message);
          assertThrows(
              IllegalArgumentException.class, () -> KlDivergence.gradient(t, s, bad, 1f, d));
        }
        Tensor empty = Tensor.zeros(scope, device, 0, 3);
        Tensor none = Tensor.zeros(scope, device, 0);
        assertThrows(
            ShapeException.class, () -> KlDivergence.forward(empty, empty, 1f, none, loss));
        assertThrows(ShapeException.class, () -> KlDivergence.forward(t, s, 1f, losses, losses));
        assertThrows(
            ShapeException.class,
            () -> KlDivergence.forward(t, s, 1f, s.reshape(6).slice(0, 2), loss));
        assertThrows(ShapeException.class, () -> KlDivergence.gradient(t, s, 1f, 1f, t));
        assertArrayEquals(new float[] {9, 9}, losses.toFloatArray());
        assertArrayEquals(new float[] {9}, loss.toFloatArray());
        assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, d.toFloatArray());
      }
    }
  }
}

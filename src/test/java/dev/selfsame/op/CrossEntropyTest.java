package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CrossEntropyTest {
  private static final long[][] SHAPES = {
    {1, 1},
    {3, 1},
    {5, 2},
    {64, 10},
    {7, 31},
    {9, 32},
    {17, 33},
    {3, 127},
    {3, 129},
    {2, 513},
    {3, 1000},
    {2, 1024},
    {20, 1025},
    {4, 2048},
    {3, 3073},
    {1, 66_000},
    {1025, 10},
    {3000, 3}
  };

  private record Result(float[] losses, float[] loss, float[] gradient) {}

  private static Result run(
      Device device, float[] x, int[] labels, float scale, boolean inPlace, long[] shape) {
    try (Scope scope = Scope.open()) {
      Tensor logits = Tensor.of(scope, device, x, shape);
      Tensor l = Tensor.of(scope, device, labels, shape[0]);
      Tensor losses = Tensor.empty(scope, device, shape[0]).fill(12345f);
      Tensor loss = Tensor.empty(scope, device, 1).fill(12345f);
      Tensor d = inPlace ? logits : Tensor.empty(scope, device, shape).fill(12345f);
      CrossEntropy.forward(logits, l, losses, loss);
      CrossEntropy.gradient(logits, l, scale, d);
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

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      long n = shape[0] * shape[1];
      int[] labels = Values.indices(n, (int) shape[0], (int) shape[1]);
      // Many rows only once: softcuda takes its time.
      for (int kind = shape[0] > 50 ? 2 : 0; kind < (shape[0] > 50 ? 3 : 4); kind++) {
        float[] x =
            switch (kind) {
              case 0 -> Values.random(n, n);
              case 1 -> Values.integers(n, n);
              case 2 -> logits(n, n);
              default -> Values.special(n, n);
            };
        float scale = kind == 0 ? 1f : 0.7f;
        Result expected = run(Devices.control(), x, labels, scale, false, shape);
        for (Device device : Devices.tested()) {
          String what = "cross-entropy of " + shape[0] + "×" + shape[1] + " on " + device;
          assertSame(what, expected, run(device, x, labels, scale, false, shape));
          assertSame(what + " in place", expected, run(device, x, labels, scale, true, shape));
        }
      }
    }
  }

  /** The definition by way of the other operations: the same roundings, so the same bits. */
  @Test
  void isLogSoftmaxAtTheLabelsAndSoftmaxLessOne() {
    long[] shape = {33, 10};
    float[] x = logits(1, 330);
    int[] labels = Values.indices(2, 33, 10);
    for (Device device : Devices.tested()) {
      Result got = run(device, x, labels, 1f, false, shape);
      try (Scope scope = Scope.open()) {
        Tensor logits = Tensor.of(scope, device, x, shape);
        Tensor y = Tensor.empty(scope, device, shape);
        Softmax.logSoftmax(logits, y);
        float[] log = y.toFloatArray();
        Softmax.softmax(logits, y);
        float[] soft = y.toFloatArray();
        float[] losses = new float[33];
        float[] gradient = new float[330];
        float c = 1f / 33f;
        for (int r = 0; r < 33; r++) {
          losses[r] = -log[r * 10 + labels[r]];
          for (int i = 0; i < 10; i++) {
            float s = soft[r * 10 + i];
            gradient[r * 10 + i] = (i == labels[r] ? s - 1f : s) * c;
          }
        }
        Tensor mean = Tensor.empty(scope, device, 1);
        Sums.mean(Tensor.of(scope, device, losses, 33), mean);
        assertSame("by parts", new Result(losses, mean.toFloatArray(), gradient), got);
      }
    }
  }

  @Test
  void aRowAloneIsARowOfABatch() {
    for (int columns : new int[] {10, 1500}) {
      float[] x = logits(3, 5L * columns);
      int[] labels = Values.indices(4, 5, columns);
      float[] all = run(Devices.control(), x, labels, 1f, false, new long[] {5, columns}).losses;
      for (int r = 0; r < 5; r++) {
        float[] row = Arrays.copyOfRange(x, r * columns, (r + 1) * columns);
        for (Device device : Devices.tested()) {
          Result one = run(device, row, new int[] {labels[r]}, 1f, false, new long[] {1, columns});
          assertEquals(all[r], one.losses[0], "row " + r + " on " + device);
        }
      }
    }
  }

  private static double loss(double[] x, int[] labels, int columns) {
    double sum = 0;
    for (int r = 0; r < labels.length; r++) {
      double s = 0;
      for (int i = 0; i < columns; i++) {
        s += StrictMath.exp(x[r * columns + i]);
      }
      sum -= x[r * columns + labels[r]] - StrictMath.log(s);
    }
    return sum / labels.length;
  }

  /**
   * Central differences in double, step 1e-4: error below h²/6·6 = 1e-8 in a softmax value of at
   * most 1; the op's own roundings are 64·2⁻²⁴ of it (SoftmaxTest), two more for − 1 and · c. Both
   * are divided by R. The mean's bound is log softmax's 100·2⁻²⁴ and 40 roundings of values of at
   * most 15.
   */
  @Test
  void gradientIsTheSlope() {
    int rows = 6;
    int columns = 9;
    float[] x = logits(5, (long) rows * columns);
    int[] labels = Values.indices(6, rows, columns);
    Result got = run(Devices.control(), x, labels, 1f, false, new long[] {rows, columns});
    double[] at = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i];
    }
    double u = Math.scalb(1.0, -24);
    assertEquals(loss(at, labels, columns), got.loss[0], 700 * u);
    double h = 1e-4;
    for (int i = 0; i < x.length; i++) {
      double[] up = at.clone();
      double[] down = at.clone();
      up[i] += h;
      down[i] -= h;
      double slope = (loss(up, labels, columns) - loss(down, labels, columns)) / (2 * h);
      assertEquals(slope, got.gradient[i], (1e-7 + 66 * u) / rows, "at " + i);
    }
  }

  /** Scaling before the subtraction, or a division after it, would be other bits. */
  @Test
  void anotherOrderWouldBeSeen() {
    float[] x = logits(7, 330);
    int[] labels = Values.indices(8, 33, 10);
    float[] got = run(Devices.control(), x, labels, 1f, false, new long[] {33, 10}).gradient;
    try (Scope scope = Scope.open()) {
      Tensor y = Tensor.of(scope, Devices.control(), x, 33, 10);
      Softmax.softmax(y, y);
      float[] other = y.toFloatArray();
      for (int i = 0; i < other.length; i++) {
        boolean label = i % 10 == labels[i / 10];
        other[i] = (label ? other[i] - 1f : other[i]) / 33f;
      }
      assertTrue(Bits.compare(got, other).isPresent(), "a division had the same bits");
    }
    int[] wrong = labels.clone();
    wrong[32] = (wrong[32] + 1) % 10;
    float[] shifted = run(Devices.control(), x, wrong, 1f, false, new long[] {33, 10}).gradient;
    assertTrue(Bits.compare(got, shifted).isPresent(), "another label had the same bits");
  }

  /** The first bad position is named, on every device, and nothing is written. */
  @Test
  void labelsOutOfRange() {
    int rows = 3000;
    for (int[] bad :
        new int[][] {{0, -1}, {2999, 5}, {1234, Integer.MAX_VALUE}, {7, -2147483648}}) {
      int[] labels = Values.indices(9, rows, 5);
      labels[bad[0]] = bad[1];
      labels[2999] = bad[0] == 2999 ? labels[2999] : 99;
      for (Device device : Devices.tested()) {
        labelsOutOfRange(device, labels, bad);
      }
      labelsOutOfRange(Devices.control(), labels, bad);
    }
  }

  private static void labelsOutOfRange(Device device, int[] values, int[] bad) {
    try (Scope scope = Scope.open()) {
      Tensor logits = Tensor.zeros(scope, device, values.length, 5);
      Tensor labels = Tensor.of(scope, device, values, values.length);
      Tensor losses = Tensor.zeros(scope, device, values.length).fill(9f);
      Tensor loss = Tensor.zeros(scope, device, 1).fill(9f);
      Tensor d = Tensor.zeros(scope, device, values.length, 5).fill(9f);
      String message =
          assertThrows(
                  IndexException.class, () -> CrossEntropy.forward(logits, labels, losses, loss))
              .getMessage();
      assertTrue(message.contains("labels[" + bad[0] + "] is " + bad[1] + ";"), message);
      assertThrows(IndexException.class, () -> CrossEntropy.gradient(logits, labels, 1f, d));
      for (Tensor untouched : new Tensor[] {losses, loss, d}) {
        for (float v : untouched.toFloatArray()) {
          assertEquals(9f, v);
        }
      }
    }
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor logits = Tensor.zeros(scope, device, 2, 3);
      Tensor labels = Tensor.of(scope, device, new int[2], 2);
      Tensor floats = Tensor.zeros(scope, device, 2);
      Tensor losses = Tensor.zeros(scope, device, 2).fill(9f);
      Tensor loss = Tensor.zeros(scope, device, 1).fill(9f);
      Tensor empty = Tensor.zeros(scope, device, 0, 3);
      Tensor none = Tensor.of(scope, device, new int[0], 0);
      assertThrows(DTypeException.class, () -> CrossEntropy.forward(logits, floats, losses, loss));
      assertThrows(
          ShapeException.class, () -> CrossEntropy.forward(logits, labels, losses, losses));
      assertThrows(ShapeException.class, () -> CrossEntropy.forward(logits, labels, loss, loss));
      assertThrows(ShapeException.class, () -> CrossEntropy.forward(logits, none, losses, loss));
      assertThrows(
          ShapeException.class,
          () -> CrossEntropy.forward(empty, none, Tensor.zeros(scope, device, 0), loss));
      assertThrows(
          ShapeException.class,
          () -> CrossEntropy.forward(logits, labels, logits.reshape(6).slice(0, 2), loss));
      assertThrows(
          ShapeException.class,
          () -> CrossEntropy.gradient(logits, labels, 1f, Tensor.zeros(scope, device, 3, 2)));
      assertArrayEquals(new float[] {9, 9}, losses.toFloatArray());
      assertArrayEquals(new float[] {9}, loss.toFloatArray());
      assertArrayEquals(new float[6], logits.toFloatArray());
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class SoftmaxTest {
  /** Around lanes, a warp's widths (32, 128, 512, 1,024), blocks of the sum, and groups of rows. */
  private static final long[][] SHAPES = {
    {1, 1},
    {3, 1},
    {5, 2},
    {7, 10},
    {9, 15},
    {1, 16},
    {2, 17},
    {8, 31},
    {9, 32},
    {17, 33},
    {40, 48},
    {3, 127},
    {3, 128},
    {130, 129},
    {2, 511},
    {3, 512},
    {2, 513},
    {3, 1000},
    {1, 1023},
    {9, 1024},
    {37, 1024},
    {19, 1000},
    {2, 1025},
    {3, 1056},
    {2, 2047},
    {4, 2048},
    {3, 3073},
    {1, 40_000},
    {2, 66_000},
    {105, 10},
    {85, 100},
    {1030, 1}
  };

  /** Runs {@code op} on matrices with the values; the last one's values come back. */
  private static float[] run(Device device, long[] shape, float[][] values, Consumer<Tensor[]> op) {
    try (Scope scope = Scope.open()) {
      Tensor[] tensors = new Tensor[values.length];
      for (int t = 0; t < values.length; t++) {
        tensors[t] = Tensor.of(scope, device, values[t], shape);
      }
      op.accept(tensors);
      return tensors[values.length - 1].toFloatArray();
    }
  }

  private static float[] control(long[] shape, float[][] values, Consumer<Tensor[]> op) {
    return run(Devices.control(), shape, values, op);
  }

  private static void sameEverywhere(
      String what, long[] shape, float[][] values, Consumer<Tensor[]> op) {
    float[] expected = control(shape, values, op);
    for (Device device : Devices.tested()) {
      Bits.assertSame(
          what + " " + shape[0] + "×" + shape[1] + " on " + device,
          expected,
          run(device, shape, values, op));
    }
  }

  /** Many elements only once: softcuda takes its time. */
  private static int[] kinds(long[] shape) {
    return shape[0] * shape[1] > 10_000
        ? new int[] {3}
        : shape[0] > 50 ? new int[] {2} : new int[] {0, 1, 2, 3};
  }

  private static float[] values(int kind, long seed, long[] shape) {
    long n = shape[0] * shape[1];
    return switch (kind) {
      case 0 -> Values.random(seed, n);
      case 1 -> Values.integers(seed, n);
      case 2 -> logits(seed, n);
      default -> rareSpecials(seed, n);
    };
  }

  /** Of the size that a network gives: no exponential is lost. */
  private static float[] logits(long seed, long n) {
    float[] values = new float[(int) n];
    var random = new java.util.SplittableRandom(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() * 12 - 6);
    }
    return values;
  }

  /** Some rows hold specials, not all. */
  private static float[] rareSpecials(long seed, long n) {
    float[] values = logits(seed, n);
    float[] special = Values.special(seed, n);
    for (int i = 0; i < values.length; i += 1 + (int) ((i * 2654435761L + seed) >>> 7 & 63)) {
      values[i] = special[i];
    }
    return values;
  }

  private static float[] poison(long[] shape) {
    float[] values = new float[(int) (shape[0] * shape[1])];
    Arrays.fill(values, 12345f);
    return values;
  }

  @Test
  void forwardBitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      for (int kind : kinds(shape)) {
        float[] x = values(kind, shape[1], shape);
        float[][] apart = {x, poison(shape)};
        sameEverywhere("softmax", shape, apart, t -> Softmax.softmax(t[0], t[1]));
        sameEverywhere("log softmax", shape, apart, t -> Softmax.logSoftmax(t[0], t[1]));
        float[][] same = {x};
        sameEverywhere("softmax in place", shape, same, t -> Softmax.softmax(t[0], t[0]));
        sameEverywhere("log softmax in place", shape, same, t -> Softmax.logSoftmax(t[0], t[0]));
      }
    }
  }

  @Test
  void gradientBitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      for (int kind : kinds(shape)) {
        float[] x = values(kind, shape[1] + 1, shape);
        float[] dy = values(kind, shape[1] + 2, shape);
        float[] y = control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
        float[] log = control(shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0]));
        sameEverywhere(
            "softmax gradient",
            shape,
            new float[][] {y, dy, poison(shape)},
            t -> Softmax.softmaxGradient(t[0], t[1], t[2]));
        sameEverywhere(
            "softmax gradient over dy",
            shape,
            new float[][] {y, dy},
            t -> Softmax.softmaxGradient(t[0], t[1], t[1]));
        sameEverywhere(
            "softmax gradient over y",
            shape,
            new float[][] {dy, y},
            t -> Softmax.softmaxGradient(t[1], t[0], t[1]));
        sameEverywhere(
            "log softmax gradient",
            shape,
            new float[][] {log, dy, poison(shape)},
            t -> Softmax.logSoftmaxGradient(t[0], t[1], t[2]));
        sameEverywhere(
            "log softmax gradient over dy",
            shape,
            new float[][] {log, dy},
            t -> Softmax.logSoftmaxGradient(t[0], t[1], t[1]));
        sameEverywhere(
            "log softmax gradient over y",
            shape,
            new float[][] {dy, log},
            t -> Softmax.logSoftmaxGradient(t[1], t[0], t[1]));
      }
    }
  }

  @Test
  void aRowAloneIsARowOfABatch() {
    for (int columns : new int[] {10, 33, 1024, 1500}) {
      long[] shape = {7, columns};
      float[] x = values(2, 5, shape);
      float[] all = control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
      float[] logs = control(shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0]));
      for (int r = 0; r < 7; r++) {
        float[][] row = {Arrays.copyOfRange(x, r * columns, (r + 1) * columns)};
        float[] expected = Arrays.copyOfRange(all, r * columns, (r + 1) * columns);
        float[] expectedLog = Arrays.copyOfRange(logs, r * columns, (r + 1) * columns);
        for (Device device : Devices.tested()) {
          long[] alone = {1, columns};
          Bits.assertSame(
              "row " + r + " on " + device,
              expected,
              run(device, alone, row, t -> Softmax.softmax(t[0], t[0])));
          Bits.assertSame(
              "log row " + r + " on " + device,
              expectedLog,
              run(device, alone, row, t -> Softmax.logSoftmax(t[0], t[0])));
        }
      }
    }
  }

  @Test
  void specialRows() {
    float inf = Float.POSITIVE_INFINITY;
    float nan = Float.NaN;
    float[] x = {0, 0, -inf, -inf, 1, inf, nan, 1, 5, -inf, 3e38f, -3e38f, -0f, 0f};
    long[] shape = {7, 2};
    float[] y = {.5f, .5f, nan, nan, nan, nan, nan, nan, 1, 0, 1, 0, .5f, .5f};
    Bits.assertSame(
        "softmax", y, control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0])));
    float log2 = -ExactMath.log(2f);
    float[] l = {log2, log2, nan, nan, nan, nan, nan, nan, 0, -inf, 0, -inf, log2, log2};
    Bits.assertSame(
        "log softmax", l, control(shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0])));
    sameEverywhere("softmax", shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
    sameEverywhere("log softmax", shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0]));
  }

  // ---- accuracy

  private static double[] softmaxInDouble(double[] x) {
    double m = Arrays.stream(x).max().orElseThrow();
    double[] e = Arrays.stream(x).map(v -> StrictMath.exp(v - m)).toArray();
    double s = Arrays.stream(e).sum();
    return Arrays.stream(e).map(v -> v / s).toArray();
  }

  private static double[] toDouble(float[] x) {
    double[] d = new double[x.length];
    for (int i = 0; i < d.length; i++) {
      d[i] = x[i];
    }
    return d;
  }

  /**
   * With u = 2⁻²⁴ and logits in ±6: x − m is off by at most 12·u, so exp by (12 + 1)·u, s by that
   * and 37·u more for the sum tree's depth, y by one more rounding: 64·u relative. log(s) then is
   * off by 50·u absolutely, and by its rounding, 8·u for s ≤ 1,500; the two subtractions round at ≤
   * 20·u each.
   */
  @Test
  void isCloseToDouble() {
    double u = Math.scalb(1.0, -24);
    for (int columns : new int[] {10, 1000, 1500}) {
      long[] shape = {1, columns};
      float[] x = values(2, columns, shape);
      double[] exact = softmaxInDouble(toDouble(x));
      float[] y = control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
      float[] l = control(shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0]));
      for (int i = 0; i < columns; i++) {
        assertEquals(exact[i], y[i], 64 * u * exact[i]);
        assertEquals(StrictMath.log(exact[i]), l[i], 100 * u);
      }
    }
  }

  /**
   * Central differences in double of Σ g·softmax(x), step 1e-4: their error is h²/6 times a third
   * derivative of at most 6·Σ|g|·y, below 1e-8·Σ|g|·y; then the op's own roundings: 64·u in y and
   * 40·u in the sum, on terms of at most y·(|g| + Σ|g|·y).
   */
  @Test
  void gradientsAreTheSlopes() {
    double u = Math.scalb(1.0, -24);
    for (int columns : new int[] {7, 40}) {
      long[] shape = {1, columns};
      float[] x = values(2, columns, shape);
      float[] g = values(0, columns + 1, shape);
      float[] y = control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
      float[] l = control(shape, new float[][] {x}, t -> Softmax.logSoftmax(t[0], t[0]));
      float[] dx =
          control(shape, new float[][] {y, g}, t -> Softmax.softmaxGradient(t[0], t[1], t[1]));
      float[] dl =
          control(shape, new float[][] {l, g}, t -> Softmax.logSoftmaxGradient(t[0], t[1], t[1]));
      double weighted = 0;
      double total = 0;
      for (int i = 0; i < columns; i++) {
        weighted += Math.abs(g[i]) * y[i];
        total += Math.abs(g[i]);
      }
      double h = 1e-4;
      for (int i = 0; i < columns; i++) {
        double[] up = toDouble(x);
        double[] down = toDouble(x);
        up[i] += h;
        down[i] -= h;
        double[] yUp = softmaxInDouble(up);
        double[] yDown = softmaxInDouble(down);
        double slope = 0;
        double logSlope = 0;
        for (int j = 0; j < columns; j++) {
          slope += g[j] * (yUp[j] - yDown[j]) / (2 * h);
          logSlope += g[j] * (StrictMath.log(yUp[j]) - StrictMath.log(yDown[j])) / (2 * h);
        }
        double bound = 128 * u * y[i] * (Math.abs(g[i]) + weighted) + 1e-7 * weighted;
        assertEquals(slope, dx[i], bound, "softmax at " + i);
        double logBound = 200 * u * (Math.abs(g[i]) + y[i] * total) + 1e-7 * total;
        assertEquals(logSlope, dl[i], logBound, "log softmax at " + i);
      }
    }
  }

  @Test
  void anotherOrderWouldBeSeen() {
    long[] shape = {1, 1000};
    float[] x = values(2, 9, shape);
    float[] y = control(shape, new float[][] {x}, t -> Softmax.softmax(t[0], t[0]));
    float m = Float.NEGATIVE_INFINITY;
    for (float v : x) {
      m = Math.max(m, v);
    }
    float s = 0;
    for (float v : x) {
      s += ExactMath.exp(v - m);
    }
    float[] leftToRight = new float[1000];
    float[] reciprocal = new float[1000];
    float exact = Softmax.sumOfExp(java.lang.foreign.MemorySegment.ofArray(x), 0, 1000, m);
    for (int i = 0; i < 1000; i++) {
      leftToRight[i] = ExactMath.exp(x[i] - m) / s;
      reciprocal[i] = ExactMath.exp(x[i] - m) * (1 / exact);
    }
    assertTrue(Bits.compare(y, leftToRight).isPresent(), "a plain loop had the same bits");
    assertTrue(Bits.compare(y, reciprocal).isPresent(), "a reciprocal had the same bits");
  }

  @Test
  void emptyMatricesAreAllowed() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        for (long[] shape : new long[][] {{0, 3}, {3, 0}}) {
          Tensor e = Tensor.zeros(scope, device, shape);
          Softmax.softmax(e, e);
          Softmax.logSoftmax(e, e);
          Softmax.softmaxGradient(e, e, e);
          Softmax.logSoftmaxGradient(e, e, e);
        }
      }
    }
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor y = Tensor.zeros(scope, device, 2, 3).fill(9f);
      Tensor x = Tensor.zeros(scope, device, 3, 2);
      Tensor flat = Tensor.zeros(scope, device, 6);
      Tensor ints = Tensor.of(scope, device, new int[6], 2, 3);
      Tensor rows = Tensor.zeros(scope, device, 3, 3);
      Tensor elsewhere = Tensor.zeros(scope, Devices.tested().get(0), 2, 3);
      assertThrows(ShapeException.class, () -> Softmax.softmax(x, y));
      assertThrows(ShapeException.class, () -> Softmax.softmax(x.transpose(), y));
      assertThrows(ShapeException.class, () -> Softmax.softmax(flat, flat));
      assertThrows(ShapeException.class, () -> Softmax.softmax(rows.slice(0, 2), rows.slice(1, 3)));
      assertThrows(DTypeException.class, () -> Softmax.logSoftmax(ints, y));
      assertThrows(DeviceException.class, () -> Softmax.logSoftmax(elsewhere, y));
      assertThrows(ShapeException.class, () -> Softmax.softmaxGradient(y, x, y));
      assertThrows(ShapeException.class, () -> Softmax.logSoftmaxGradient(x, y, y));
      assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, y.toFloatArray());
    }
  }
}

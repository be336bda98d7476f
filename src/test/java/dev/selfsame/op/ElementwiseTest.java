package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ElementwiseTest {
  /**
   * Around lanes (4, 8, 16), a CUDA thread's 4, a scratch block and a CUDA block (1,024), a task.
   */
  private static final int[] SIZES = {
    1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 49, 1023, 1024, 1025, 1040, 3073, 8191, 8192, 8193, 24_577
  };

  /** Runs {@code op} on tensors with the values; the last one's values come back. */
  private static float[] run(Device device, int from, float[][] values, Consumer<Tensor[]> op) {
    try (Scope scope = Scope.open()) {
      Tensor[] tensors = new Tensor[values.length];
      for (int t = 0; t < values.length; t++) {
        // A slice from an odd element is misaligned.
        int n = values[t].length;
        tensors[t] = Tensor.zeros(scope, device, n + from).slice(from, from + n);
        tensors[t].copyFrom(Tensor.of(scope, device, values[t], n));
      }
      op.accept(tensors);
      return tensors[values.length - 1].toFloatArray();
    }
  }

  private static void sameEverywhere(String what, float[][] values, Consumer<Tensor[]> op) {
    float[] expected = run(Devices.control(), 0, values, op);
    for (Device device : Devices.tested()) {
      Bits.assertSame(what + " on " + device, expected, run(device, 0, values, op));
      if (expected.length < 2000) {
        Bits.assertSame(what + " misaligned on " + device, expected, run(device, 1, values, op));
      }
    }
  }

  private static float[] poison(int n) {
    float[] values = new float[n];
    java.util.Arrays.fill(values, 12345f);
    return values;
  }

  /** Floats of any bit pattern. */
  private static float[] patterns(long seed, int n) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    return values;
  }

  private static float[] values(int kind, long seed, int n) {
    return switch (kind) {
      case 0 -> Values.random(seed, n);
      case 1 -> Values.special(seed, n);
      default -> patterns(seed, n);
    };
  }

  @ParameterizedTest
  @EnumSource(Unary.class)
  void unary(Unary op) {
    for (int n : SIZES) {
      for (int kind = 0; kind < 3; kind++) {
        float[] x = values(kind, n + kind, n);
        sameEverywhere(
            op + " of " + n, new float[][] {x, poison(n)}, t -> Elementwise.unary(op, t[0], t[1]));
        if (n < 2000) {
          sameEverywhere(
              op + " in place of " + n, new float[][] {x}, t -> Elementwise.unary(op, t[0], t[0]));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Unary.class)
  void gradient(Unary op) {
    for (int n : SIZES) {
      for (int kind = 0; kind < 3; kind++) {
        float[] x = values(kind, n + kind, n);
        float[] y =
            run(Devices.control(), 0, new float[][] {x}, t -> Elementwise.unary(op, t[0], t[0]));
        float[] dy = values(kind, n + 7, n);
        sameEverywhere(
            op + "'s gradient of " + n,
            new float[][] {x, y, dy, poison(n)},
            t -> Elementwise.gradient(op, t[0], t[1], t[2], t[3]));
        if (n == 33 || n == 1025) {
          sameEverywhere(
              op + "'s gradient over dy of " + n,
              new float[][] {x, y, dy},
              t -> Elementwise.gradient(op, t[0], t[1], t[2], t[2]));
          sameEverywhere(
              op + "'s gradient over x of " + n,
              new float[][] {dy, y, x},
              t -> Elementwise.gradient(op, t[2], t[1], t[0], t[2]));
          sameEverywhere(
              op + "'s gradient over y of " + n,
              new float[][] {x, dy, y},
              t -> Elementwise.gradient(op, t[0], t[2], t[1], t[2]));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Binary.class)
  void binary(Binary op) {
    for (int n : SIZES) {
      for (int kind = 0; kind < 3; kind++) {
        float[] a = values(kind, n + kind, n);
        float[] b = values(kind, n + 9, n);
        sameEverywhere(
            op + " of " + n,
            new float[][] {a, b, poison(n)},
            t -> Elementwise.binary(op, t[0], t[1], t[2]));
        sameEverywhere(
            op + " into a of " + n,
            new float[][] {b, a},
            t -> Elementwise.binary(op, t[1], t[0], t[1]));
        sameEverywhere(
            op + " into b of " + n,
            new float[][] {a, b},
            t -> Elementwise.binary(op, t[0], t[1], t[1]));
      }
    }
  }

  @Test
  void zerosAndNansOfMaximumAndMinimum() {
    float nan = Float.NaN;
    float[] a = {0f, -0f, nan, 1f, nan, -0f};
    float[] b = {-0f, 0f, 1f, nan, nan, -0f};
    sameEverywhere(
        "max", new float[][] {a, b}, t -> Elementwise.binary(Binary.MAX, t[0], t[1], t[1]));
    float[] max =
        run(
            Devices.control(),
            0,
            new float[][] {a, b},
            t -> Elementwise.binary(Binary.MAX, t[0], t[1], t[1]));
    float[] min =
        run(
            Devices.control(),
            0,
            new float[][] {a, b},
            t -> Elementwise.binary(Binary.MIN, t[0], t[1], t[1]));
    Bits.assertSame("max", new float[] {0f, 0f, nan, nan, nan, -0f}, max);
    Bits.assertSame("min", new float[] {-0f, -0f, nan, nan, nan, -0f}, min);
    float[] x = {-0f, 0f, -1f, 2f, nan, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY};
    float[] relu = {0f, 0f, 0f, 2f, nan, 0f, Float.POSITIVE_INFINITY};
    for (Device device : Devices.tested()) {
      Bits.assertSame(
          "relu",
          relu,
          run(device, 0, new float[][] {x}, t -> Elementwise.unary(Unary.RELU, t[0], t[0])));
    }
  }

  @Test
  void scaleAndFma() {
    for (int n : SIZES) {
      for (int kind = 0; kind < 3; kind++) {
        float[] a = values(kind, n + kind, n);
        float[] b = values(kind, n + 9, n);
        for (float c : new float[] {0.1f, -0f, Float.MIN_VALUE, Float.NaN}) {
          sameEverywhere(
              "scale", new float[][] {a, poison(n)}, t -> Elementwise.scale(t[0], c, t[1]));
          sameEverywhere("scale", new float[][] {a}, t -> Elementwise.scale(t[0], c, t[0]));
          sameEverywhere(
              "fma", new float[][] {a, b, poison(n)}, t -> Elementwise.fma(t[0], c, t[1], t[2]));
          sameEverywhere("fma", new float[][] {a, b}, t -> Elementwise.fma(t[0], c, t[1], t[1]));
        }
      }
    }
  }

  // ---- accuracy

  private static double reference(Unary op, double x) {
    return switch (op) {
      case RELU -> Math.max(x, 0);
      case TANH -> StrictMath.tanh(x);
      case SIGMOID -> 1 / (1 + StrictMath.exp(-x));
      case GELU -> 0.5 * x * (1 + erf(x * Math.sqrt(0.5)));
      case EXP -> StrictMath.exp(x);
      case LOG -> StrictMath.log(x);
      case LOG1P -> StrictMath.log1p(x);
      case EXPM1 -> StrictMath.expm1(x);
      case ERF -> erf(x);
      case SIN -> StrictMath.sin(x);
      case COS -> StrictMath.cos(x);
      case SQRT -> Math.sqrt(x);
      case RSQRT -> 1 / Math.sqrt(x);
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case SQUARE -> x * x;
    };
  }

  /** The error function by its power series (Abramowitz &amp; Stegun 7.1.6), for |x| ≤ 3. */
  private static double erf(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; n < 120; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(StrictMath.PI) * StrictMath.exp(-x * x) * sum;
  }

  /** Points of each function's domain, away from kinks and poles, |x| ≤ 4. */
  private static float[] points(Unary op) {
    SplittableRandom random = new SplittableRandom(op.ordinal());
    float[] x = new float[500];
    for (int i = 0; i < x.length; i++) {
      float v = (float) (random.nextDouble() * 3.75 + 0.25);
      boolean positive =
          switch (op) {
            case LOG, LOG1P, SQRT, RSQRT -> true;
            default -> false;
          };
      x[i] = positive || random.nextBoolean() ? v : -v;
    }
    return x;
  }

  /**
   * Every formula has at most six roundings of intermediate values whose magnitude is at most 4
   * times the larger of 1 and the result's; so 2⁻²⁴·6·4·(1 + |f|), doubled.
   */
  private static double bound(double f) {
    return 48 * Math.scalb(1.0, -24) * (1 + Math.abs(f));
  }

  @ParameterizedTest
  @EnumSource(Unary.class)
  void valuesAreClose(Unary op) {
    float[] x = points(op);
    float[] y =
        run(Devices.control(), 0, new float[][] {x}, t -> Elementwise.unary(op, t[0], t[0]));
    for (int i = 0; i < x.length; i++) {
      double f = reference(op, x[i]);
      assertEquals(f, y[i], bound(f), op + " of " + x[i]);
    }
  }

  /**
   * Central differences in double with step h = 1e-4: their error is h²/6·|f‴| ≤ 2e-9·|f‴| plus
   * 2⁻⁵²·|f|/h ≈ 2e-12·|f|; the third derivatives are below 6·4³ + 60 here (RSQRT at 1/4 has 240,
   * LOG 128), so 1e-6 covers both.
   */
  @ParameterizedTest
  @EnumSource(Unary.class)
  void gradientsAreTheSlopes(Unary op) {
    float[] x = points(op);
    float[] y =
        run(Devices.control(), 0, new float[][] {x}, t -> Elementwise.unary(op, t[0], t[0]));
    float[] dy = Values.random(3, x.length);
    float[] dx =
        run(
            Devices.control(),
            0,
            new float[][] {x, y, dy},
            t -> Elementwise.gradient(op, t[0], t[1], t[2], t[2]));
    DoubleUnaryOperator f = v -> reference(op, v);
    double h = 1e-4;
    for (int i = 0; i < x.length; i++) {
      double slope = (f.applyAsDouble(x[i] + h) - f.applyAsDouble(x[i] - h)) / (2 * h);
      double error = Math.abs(dy[i]) * (bound(slope) + 1e-6);
      assertEquals(slope * dy[i], dx[i], error, op + "'s slope at " + x[i]);
    }
  }

  /** Contracting a product and a sum, or rounding erf's argument otherwise, shows. */
  @Test
  void anotherRoundingWouldBeSeen() {
    float[] x = Values.random(1, 1000);
    float[] y =
        run(
            Devices.control(),
            0,
            new float[][] {x},
            t -> Elementwise.unary(Unary.TANH, t[0], t[0]));
    float[] dy = Values.random(2, 1000);
    float[] dx =
        run(
            Devices.control(),
            0,
            new float[][] {x, y, dy},
            t -> Elementwise.gradient(Unary.TANH, t[0], t[1], t[2], t[2]));
    float[] unfused = new float[1000];
    for (int i = 0; i < 1000; i++) {
      unfused[i] = dy[i] * (1f - y[i] * y[i]);
    }
    assertTrue(Bits.compare(dx, unfused).isPresent(), "1 − y·y unfused had the same bits");
    float[] b = Values.random(4, 1000);
    float[] fma =
        run(
            Devices.control(),
            0,
            new float[][] {x, b},
            t -> Elementwise.fma(t[0], 0.3f, t[1], t[1]));
    for (int i = 0; i < 1000; i++) {
      unfused[i] = x[i] * 0.3f + b[i];
    }
    assertTrue(Bits.compare(fma, unfused).isPresent(), "an unfused fma had the same bits");
  }

  @Test
  void emptyTensorsAreAllowed() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor e = Tensor.zeros(scope, device, 0, 3);
        Elementwise.unary(Unary.GELU, e, e);
        Elementwise.gradient(Unary.GELU, e, e, e, e);
        Elementwise.binary(Binary.ADD, e, e, e);
        Elementwise.scale(e, 2f, e);
        Elementwise.fma(e, 2f, e, e);
      }
    }
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor y = Tensor.zeros(scope, device, 4).fill(9f);
      Tensor six = Tensor.zeros(scope, device, 6);
      Tensor flat = Tensor.zeros(scope, device, 2, 2);
      Tensor ints = Tensor.of(scope, device, new int[4], 4);
      assertThrows(ShapeException.class, () -> Elementwise.unary(Unary.EXP, six, y));
      assertThrows(ShapeException.class, () -> Elementwise.unary(Unary.EXP, flat, y));
      assertThrows(
          ShapeException.class,
          () -> Elementwise.unary(Unary.EXP, six.slice(0, 4), six.slice(1, 5)));
      assertThrows(DTypeException.class, () -> Elementwise.unary(Unary.EXP, ints, y));
      assertThrows(ShapeException.class, () -> Elementwise.binary(Binary.ADD, y, six, y));
      assertThrows(ShapeException.class, () -> Elementwise.gradient(Unary.EXP, y, six, y, y));
      assertThrows(ShapeException.class, () -> Elementwise.scale(six, 2f, y));
      assertThrows(ShapeException.class, () -> Elementwise.fma(y, 2f, six, y));
      assertThrows(ShapeException.class, () -> Elementwise.scale(flat.transpose(), 2f, flat));
      Tensor closed = Tensor.zeros(scope, device, 4);
      closed.close();
      assertThrows(ClosedException.class, () -> Elementwise.unary(Unary.EXP, closed, y));
      assertThrows(
          dev.selfsame.DeviceException.class,
          () -> Elementwise.unary(Unary.EXP, Tensor.zeros(scope, Devices.tested().get(0), 4), y));
      assertArrayEquals(new float[] {9, 9, 9, 9}, y.toFloatArray());
    }
  }
}

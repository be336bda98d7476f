package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LstmTest {
  private static final List<String> NAMES =
      List.of("h", "c", "gates", "dx", "dwIh", "dwHh", "dbias", "dh0", "dc0");

  /** T, B, I, H: around lanes and blocks of units, and T·B over a chunk. */
  private static final int[][] SIZES = {
    {1, 1, 1, 1},
    {3, 2, 5, 3},
    {2, 3, 1, 15},
    {4, 1, 7, 16},
    {2, 2, 3, 17},
    {3, 5, 33, 31},
    {5, 4, 16, 48},
    {1, 1, 4, 1025},
    {9, 61, 3, 5}
  };

  record Inputs(
      int steps,
      int batch,
      int inputs,
      int units,
      float[] x,
      float[] wIh,
      float[] wHh,
      float[] bias,
      float[] h0,
      float[] c0,
      float[] dy) {
    static Inputs of(long seed, int steps, int batch, int inputs, int units) {
      float scale = (float) (1 / Math.sqrt(Math.max(inputs, units)));
      return new Inputs(
          steps,
          batch,
          inputs,
          units,
          unit(seed, steps * batch * inputs, 1),
          unit(seed + 1, 4 * units * inputs, scale),
          unit(seed + 2, 4 * units * units, scale),
          unit(seed + 3, 4 * units, 1),
          unit(seed + 4, batch * units, 1),
          unit(seed + 5, batch * units, 1),
          unit(seed + 6, steps * batch * units, 1));
    }

    /** The same, only sample n of the batch. */
    Inputs only(int n) {
      return new Inputs(
          steps,
          1,
          inputs,
          units,
          rows(x, n, inputs, steps),
          wIh,
          wHh,
          bias,
          rows(h0, n, units, 1),
          rows(c0, n, units, 1),
          rows(dy, n, units, steps));
    }

    float[] rows(float[] all, int n, int width, int count) {
      float[] out = new float[count * width];
      for (int t = 0; t < count; t++) {
        System.arraycopy(all, (t * batch + n) * width, out, t * width, width);
      }
      return out;
    }
  }

  private static float[] unit(long seed, int n, float scale) {
    float[] values = Values.random(seed, n);
    for (int i = 0; i < n; i++) {
      values[i] = (float) Math.sin(values[i]) * scale;
    }
    return values;
  }

  /** All results, in the order of NAMES. */
  private static float[][] run(Device device, Inputs in) {
    try (Scope scope = Scope.open()) {
      int t = in.steps;
      int b = in.batch;
      int i = in.inputs;
      int u = in.units;
      Tensor x = Tensor.of(scope, device, in.x, t, b, i);
      Tensor wIh = Tensor.of(scope, device, in.wIh, 4L * u, i);
      Tensor wHh = Tensor.of(scope, device, in.wHh, 4L * u, u);
      Tensor bias = Tensor.of(scope, device, in.bias, 4L * u);
      Tensor h = Tensor.empty(scope, device, t + 1, b, u).fill(12345f);
      Tensor c = Tensor.empty(scope, device, t + 1, b, u).fill(12345f);
      h.slice(0, 1).copyFrom(Tensor.of(scope, device, in.h0, 1, b, u));
      c.slice(0, 1).copyFrom(Tensor.of(scope, device, in.c0, 1, b, u));
      Tensor gates = Tensor.empty(scope, device, t, b, 4L * u).fill(12345f);
      Lstm.forward(x, wIh, wHh, bias, h, c, gates);
      Tensor dx = Tensor.empty(scope, device, t, b, i).fill(12345f);
      Tensor dwIh = Tensor.empty(scope, device, 4L * u, i).fill(12345f);
      Tensor dwHh = Tensor.empty(scope, device, 4L * u, u).fill(12345f);
      Tensor dbias = Tensor.empty(scope, device, 4L * u).fill(12345f);
      Tensor dh0 = Tensor.empty(scope, device, b, u).fill(12345f);
      Tensor dc0 = Tensor.empty(scope, device, b, u).fill(12345f);
      Tensor dy = Tensor.of(scope, device, in.dy, t, b, u);
      Lstm.gradient(dy, x, wIh, wHh, h, c, gates, dx, dwIh, dwHh, dbias, dh0, dc0);
      return List.of(h, c, gates, dx, dwIh, dwHh, dbias, dh0, dc0).stream()
          .map(Tensor::toFloatArray)
          .toArray(float[][]::new);
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (int[] s : SIZES) {
      Inputs in = Inputs.of(s[3], s[0], s[1], s[2], s[3]);
      float[][] expected = run(Devices.control(), in);
      for (Device device : Devices.tested()) {
        float[][] actual = run(device, in);
        for (int k = 0; k < expected.length; k++) {
          String what = "lstm " + Arrays.toString(s) + " on " + device + ": " + NAMES.get(k);
          Bits.assertSame(what, expected[k], actual[k]);
        }
      }
    }
  }

  @Test
  void specialValuesPass() {
    Inputs in = Inputs.of(1, 4, 3, 5, 19);
    float[] special = Values.special(3, in.x.length);
    System.arraycopy(special, 0, in.x, 0, in.x.length);
    float[][] expected = run(Devices.control(), in);
    for (Device device : Devices.tested()) {
      float[][] actual = run(device, in);
      for (int k = 0; k < expected.length; k++) {
        Bits.assertSame(NAMES.get(k) + " on " + device, expected[k], actual[k]);
      }
    }
  }

  @Test
  void aSampleAloneIsASampleOfABatch() {
    Inputs in = Inputs.of(5, 4, 3, 7, 20);
    for (Device device : List.of(Device.scalar(), Device.vector())) {
      float[][] all = run(device, in);
      for (int n = 0; n < in.batch; n++) {
        float[][] alone = run(device, in.only(n));
        Bits.assertSame("h", in.rows(all[0], n, in.units, in.steps + 1), alone[0]);
        Bits.assertSame("c", in.rows(all[1], n, in.units, in.steps + 1), alone[1]);
        Bits.assertSame("dx", in.rows(all[3], n, in.inputs, in.steps), alone[3]);
      }
    }
  }

  /**
   * The sum of what each step alone contributes, by differences in double with one step's copy
   * moved.
   */
  @Test
  void weightGradientIsTheSumOverTheSteps() {
    Inputs in = Inputs.of(7, 6, 2, 3, 4);
    float[][] all = run(Device.scalar(), in);
    double[] sum = new double[in.wHh.length];
    double[] magnitude = new double[in.wHh.length];
    Reference reference = new Reference(in);
    for (int t = 0; t < in.steps; t++) {
      double[] term = reference.recurrentGradientOfStep(t);
      for (int k = 0; k < sum.length; k++) {
        sum[k] += term[k];
        magnitude[k] += Math.abs(term[k]);
      }
    }
    for (int k = 0; k < sum.length; k++) {
      assertEquals(sum[k], all[5][k], 1e-5 * (magnitude[k] + 1), "dwHh " + k);
    }
  }

  /** Central differences of a double implementation of the loss Σ dy·h. */
  @Test
  void gradientsAreSlopes() {
    Inputs in = Inputs.of(11, 5, 3, 4, 6);
    float[][] actual = run(Device.vector(), in);
    float[][] variables = {in.x, in.wIh, in.wHh, in.bias, in.h0, in.c0};
    double step = 1e-5;
    for (int v = 0; v < variables.length; v++) {
      for (int k = 0; k < variables[v].length; k++) {
        double[][] moved = Reference.widen(variables);
        moved[v][k] += step;
        double above = new Reference(in, moved).loss();
        moved[v][k] -= 2 * step;
        double below = new Reference(in, moved).loss();
        double slope = (above - below) / (2 * step);
        // Differences: rounding 1e-16·|loss|/step, third derivative step²; floats: tens of
        // roundings.
        assertEquals(slope, actual[3 + v][k], 3e-5, NAMES.get(3 + v) + " " + k);
      }
    }
  }

  /** The same computation in double, gate by gate. */
  private static final class Reference {
    private final Inputs in;
    private final double[][] v;
    private final double[][][] h;
    private final double[][][] c;

    Reference(Inputs in) {
      this(in, widen(new float[][] {in.x, in.wIh, in.wHh, in.bias, in.h0, in.c0}));
    }

    Reference(Inputs in, double[][] v) {
      this.in = in;
      this.v = v;
      h = new double[in.steps + 1][in.batch][];
      c = new double[in.steps + 1][in.batch][];
      for (int n = 0; n < in.batch; n++) {
        h[0][n] = Arrays.copyOfRange(v[4], n * in.units, (n + 1) * in.units);
        c[0][n] = Arrays.copyOfRange(v[5], n * in.units, (n + 1) * in.units);
        for (int t = 0; t < in.steps; t++) {
          step(t, n);
        }
      }
    }

    static double[][] widen(float[][] values) {
      return Arrays.stream(values)
          .map(a -> IntStream.range(0, a.length).mapToDouble(i -> a[i]).toArray())
          .toArray(double[][]::new);
    }

    private double gate(int gate, int t, int n, int j) {
      int row = gate * in.units + j;
      double sum = v[3][row];
      for (int i = 0; i < in.inputs; i++) {
        sum += v[1][row * in.inputs + i] * v[0][(t * in.batch + n) * in.inputs + i];
      }
      for (int i = 0; i < in.units; i++) {
        sum += v[2][row * in.units + i] * h[t][n][i];
      }
      return gate == 2 ? Math.tanh(sum) : 1 / (1 + Math.exp(-sum));
    }

    private void step(int t, int n) {
      h[t + 1][n] = new double[in.units];
      c[t + 1][n] = new double[in.units];
      for (int j = 0; j < in.units; j++) {
        double cell = gate(1, t, n, j) * c[t][n][j] + gate(0, t, n, j) * gate(2, t, n, j);
        c[t + 1][n][j] = cell;
        h[t + 1][n][j] = gate(3, t, n, j) * Math.tanh(cell);
      }
    }

    double loss() {
      double loss = 0;
      for (int t = 0; t < in.steps; t++) {
        for (int n = 0; n < in.batch; n++) {
          for (int j = 0; j < in.units; j++) {
            loss += in.dy[(t * in.batch + n) * in.units + j] * h[t + 1][n][j];
          }
        }
      }
      return loss;
    }

    /** What the use of wHh at one step contributes: differences with that step's copy moved. */
    double[] recurrentGradientOfStep(int step) {
      double[] term = new double[in.wHh.length];
      double delta = 1e-5;
      for (int k = 0; k < term.length; k++) {
        term[k] =
            (lossWithStepMoved(step, k, delta) - lossWithStepMoved(step, k, -delta)) / (2 * delta);
      }
      return term;
    }

    private double lossWithStepMoved(int step, int k, double delta) {
      Reference moved = new Reference(in);
      for (int n = 0; n < in.batch; n++) {
        for (int t = step; t < in.steps; t++) {
          moved.v[2][k] += t == step ? delta : 0;
          moved.step(t, n);
          moved.v[2][k] -= t == step ? delta : 0;
        }
      }
      return moved.loss();
    }
  }

  /** Two samples the other way round are another order of the weights' sums: it must show. */
  @Test
  void anotherOrderShows() {
    Inputs in = Inputs.of(13, 9, 2, 5, 18);
    Inputs swapped =
        new Inputs(
            in.steps,
            2,
            in.inputs,
            in.units,
            swap(in.x, in.inputs),
            in.wIh,
            in.wHh,
            in.bias,
            swap(in.h0, in.units),
            swap(in.c0, in.units),
            swap(in.dy, in.units));
    float[][] a = run(Device.scalar(), in);
    float[][] b = run(Device.scalar(), swapped);
    Bits.assertSame("h", a[0], swap(b[0], in.units));
    assertFalse(Arrays.equals(a[5], b[5]), "dwHh must depend on the order");
    assertFalse(Arrays.equals(a[6], b[6]), "dbias must depend on the order");
  }

  private static float[] swap(float[] rows, int width) {
    float[] out = new float[rows.length];
    for (int r = 0; r < rows.length / width; r++) {
      System.arraycopy(rows, (r ^ 1) * width, out, r * width, width);
    }
    return out;
  }

  @Test
  void badInputIsRefusedBeforeAnythingIsWritten() {
    try (Scope scope = Scope.open()) {
      Device cpu = Device.scalar();
      Tensor x = Tensor.zeros(scope, cpu, 3, 2, 4);
      Tensor wIh = Tensor.zeros(scope, cpu, 20, 4);
      Tensor wHh = Tensor.zeros(scope, cpu, 20, 5);
      Tensor bias = Tensor.zeros(scope, cpu, 20);
      Tensor h = Tensor.zeros(scope, cpu, 4, 2, 5).fill(7f);
      Tensor c = Tensor.zeros(scope, cpu, 4, 2, 5);
      Tensor gates = Tensor.zeros(scope, cpu, 3, 2, 20);
      Tensor wrong = Tensor.zeros(scope, cpu, 19, 5);
      Tensor few = Tensor.zeros(scope, cpu, 3, 2, 5);
      refused("wHh has shape [19, 5]", () -> Lstm.forward(x, wIh, wrong, bias, h, c, gates));
      refused("c has shape [3, 2, 5]", () -> Lstm.forward(x, wIh, wHh, bias, h, few, gates));
      refused("c shares memory with h", () -> Lstm.forward(x, wIh, wHh, bias, h, h, gates));
      refused("gates has shape", () -> Lstm.forward(x, wIh, wHh, bias, h, c, few));
      refused("x has shape [20, 4]", () -> Lstm.forward(wIh, wIh, wHh, bias, h, c, gates));
      refused(
          "dx shares memory with x",
          () -> Lstm.gradient(few, x, wIh, wHh, h, c, gates, x, null, null, null, null, null));
      for (float value : h.toFloatArray()) {
        assertEquals(7f, value);
      }
    }
  }

  private static void refused(String words, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.contains(words), message);
  }
}

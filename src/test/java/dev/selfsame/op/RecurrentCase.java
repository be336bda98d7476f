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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What is tested of every recurrent layer: the same bits on all devices, samples that don't depend
 * on their batch, gradients against differences in double. A layer's own test says which tensors it
 * has, calls it, and gives one step in double.
 */
abstract class RecurrentCase {
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
    {9, 61, 3, 5},
    {2, 7, 2, 33},
    {2, 9, 8, 20}
  };

  /**
   * Enough work for groups of samples that take all steps by themselves (several threads), and so
   * many steps that their inputs' part is computed in two pieces (one thread); tiles of 8 rows, of
   * 12 and what they leave, panels that units fill and that they don't, inputs of two chunks; a
   * step that threads share; one to eight inputs, which tiles of 8 rows add.
   */
  private static final int[][] CUTS = {
    {24, 48, 3, 60}, {3, 16, 20, 64}, {2, 39, 513, 33}, {3, 8, 9, 96}, {3, 8, 9, 128},
    {2, 72, 1, 40}, {3, 72, 2, 96}, {3, 8, 8, 128}, {1, 8, 2, 512}, {1, 8, 6, 513}
  };

  private static final double STEP = 1e-5;

  private final String op;
  private final int gates;
  private final int biases;
  private final List<String> states;
  private final List<String> kept;

  /**
   * A layer.
   *
   * @param gates rows of the weights for each unit
   * @param biases how many it has
   * @param states h, and c if it has cells
   * @param kept what the forward pass keeps for the gradient
   */
  RecurrentCase(String op, int gates, int biases, List<String> states, List<String> kept) {
    this.op = op;
    this.gates = gates;
    this.biases = biases;
    this.states = states;
    this.kept = kept;
  }

  /**
   * Both passes.
   *
   * @param in x, wIh, wHh, the biases
   * @param states [T + 1, B, H] each, the first step set
   * @param kept [T, B, G·H] each
   * @param gradients of {@code in} and of the first states
   */
  abstract void run(Tensor dy, Tensor[] in, Tensor[] states, Tensor[] kept, Tensor[] gradients);

  /**
   * One step of one sample in double.
   *
   * @param input x·wIhᵀ + bias
   * @param product h·wHhᵀ, and the recurrent bias if there is one
   * @param states of this sample, replaced
   */
  abstract void step(double[] input, double[] product, double[][] states);

  /** Inputs: x [T, B, I], wIh, wHh, the biases, the first states [B, H]; and dy [T, B, H]. */
  private final class Data {
    private final int steps;
    private final int batch;
    private final int inputs;
    private final int units;
    private final float[][] in;
    private final float[] dy;

    Data(int[] s, float[][] in, float[] dy) {
      steps = s[0];
      batch = s[1];
      inputs = s[2];
      units = s[3];
      this.in = in;
      this.dy = dy;
    }

    int rows() {
      return gates * units;
    }

    /** With other rows for x, the states and dy: those of the samples {@code order}. */
    Data samples(int... order) {
      float[][] other = in.clone();
      other[0] = pick(in[0], steps, order);
      for (int i = in.length - states.size(); i < in.length; i++) {
        other[i] = pick(in[i], 1, order);
      }
      return new Data(
          new int[] {steps, order.length, inputs, units}, other, pick(dy, steps, order));
    }

    /** Some samples of {@code all} [count, B, …]. */
    float[] pick(float[] all, int count, int... order) {
      int width = all.length / (count * batch);
      float[] out = new float[count * order.length * width];
      for (int t = 0; t < count; t++) {
        for (int n = 0; n < order.length; n++) {
          int from = (t * batch + order[n]) * width;
          System.arraycopy(all, from, out, (t * order.length + n) * width, width);
        }
      }
      return out;
    }
  }

  private Data data(long seed, int... s) {
    float scale = (float) (1 / Math.sqrt(Math.max(s[2], s[3])));
    float[][] in = new float[3 + biases + states.size()][];
    int rows = gates * s[3];
    in[0] = unit(seed, s[0] * s[1] * s[2], 1);
    in[1] = unit(seed + 1, rows * s[2], scale);
    in[2] = unit(seed + 2, rows * s[3], scale);
    for (int i = 3; i < in.length; i++) {
      in[i] = unit(seed + i, i < 3 + biases ? rows : s[1] * s[3], 1);
    }
    return new Data(s, in, unit(seed + 9, s[0] * s[1] * s[3], 1));
  }

  private static float[] unit(long seed, int n, float scale) {
    float[] values = Values.random(seed, n);
    for (int i = 0; i < n; i++) {
      values[i] = (float) Math.sin(values[i]) * scale;
    }
    return values;
  }

  /** The states, what is kept, the gradients. */
  private float[][] results(Device device, Data d) {
    try (Scope scope = Scope.open()) {
      long t = d.steps;
      long b = d.batch;
      Tensor[] in = new Tensor[3 + biases];
      in[0] = Tensor.of(scope, device, d.in[0], t, b, d.inputs);
      in[1] = Tensor.of(scope, device, d.in[1], d.rows(), d.inputs);
      in[2] = Tensor.of(scope, device, d.in[2], d.rows(), d.units);
      for (int i = 3; i < in.length; i++) {
        in[i] = Tensor.of(scope, device, d.in[i], d.rows());
      }
      Tensor[] after = new Tensor[states.size()];
      Tensor[] gradients = new Tensor[d.in.length];
      for (int i = 0; i < in.length; i++) {
        gradients[i] = poisoned(scope, device, in[i].shape().sizes());
      }
      for (int i = 0; i < after.length; i++) {
        after[i] = poisoned(scope, device, t + 1, b, d.units);
        after[i].slice(0, 1).copyFrom(Tensor.of(scope, device, d.in[in.length + i], 1, b, d.units));
        gradients[in.length + i] = poisoned(scope, device, b, d.units);
      }
      Tensor[] saved = new Tensor[kept.size()];
      for (int i = 0; i < saved.length; i++) {
        saved[i] = poisoned(scope, device, t, b, d.rows());
      }
      run(Tensor.of(scope, device, d.dy, t, b, d.units), in, after, saved, gradients);
      return List.of(after, saved, gradients).stream()
          .flatMap(Arrays::stream)
          .map(Tensor::toFloatArray)
          .toArray(float[][]::new);
    }
  }

  private static Tensor poisoned(Scope scope, Device device, long... sizes) {
    return Tensor.empty(scope, device, sizes).fill(12345f);
  }

  /** Where the gradients begin among the results: that of x. */
  private int firstGradient() {
    return states.size() + kept.size();
  }

  private String name(int result) {
    int gradient = result - firstGradient();
    if (gradient >= 3 + biases) {
      return "d" + states.get(gradient - 3 - biases) + "0";
    }
    if (gradient >= 0) {
      return List.of("dx", "dwIh", "dwHh", "dbias", "dRecurrentBias").get(gradient);
    }
    return result < states.size() ? states.get(result) : kept.get(result - states.size());
  }

  private void sameOnEveryDevice(String what, Data d) {
    float[][] expected = results(Devices.control(), d);
    for (Device device : Devices.tested()) {
      float[][] actual = results(device, d);
      for (int k = 0; k < expected.length; k++) {
        Bits.assertSame(what + " on " + device + ": " + name(k), expected[k], actual[k]);
      }
    }
  }

  @Test
  final void bitsAreTheSameOnEveryDevice() {
    for (int[] s : SIZES) {
      sameOnEveryDevice(op + " " + Arrays.toString(s), data(s[3], s));
    }
  }

  /** Vectors only: there is nothing of the kind on other devices. */
  @Test
  final void bitsDoNotDependOnHowTheStepsAreCut() {
    for (int[] s : CUTS) {
      Data d = data(25, s);
      float[][] expected = results(Devices.control(), d);
      for (Device device : Devices.tested()) {
        if (device instanceof Device.Vector) {
          float[][] actual = results(device, d);
          for (int k = 0; k < expected.length; k++) {
            String what = op + " " + Arrays.toString(s) + " on " + device + ": " + name(k);
            Bits.assertSame(what, expected[k], actual[k]);
          }
        }
      }
    }
  }

  @Test
  final void specialValuesPass() {
    Data d = data(1, 4, 3, 5, 19);
    float[] special = Values.special(3, d.in[0].length);
    System.arraycopy(special, 0, d.in[0], 0, special.length);
    sameOnEveryDevice(op + " of special values", d);
  }

  @Test
  final void aSampleAloneIsASampleOfABatch() {
    Data d = data(5, 4, 3, 7, 20);
    for (Device device : List.of(Device.scalar(), Device.vector())) {
      float[][] all = results(device, d);
      for (int n = 0; n < d.batch; n++) {
        float[][] alone = results(device, d.samples(n));
        for (int k = 0; k <= firstGradient(); k++) {
          int count = k < states.size() ? d.steps + 1 : d.steps;
          Bits.assertSame(name(k), d.pick(all[k], count, n), alone[k]);
        }
      }
    }
  }

  /** Two samples the other way round are another order of the weights' sums: it must show. */
  @Test
  final void anotherOrderShows() {
    Data d = data(13, 9, 2, 5, 18);
    float[][] a = results(Device.scalar(), d);
    float[][] b = results(Device.scalar(), d.samples(1, 0));
    Bits.assertSame("h", d.pick(a[0], d.steps + 1, 1, 0), b[0]);
    for (int k = firstGradient() + 1; k < firstGradient() + 3 + biases; k++) {
      assertFalse(Arrays.equals(a[k], b[k]), name(k) + " must depend on the order");
    }
  }

  /** Central differences of the loss Σ dy·h, computed in double. */
  @Test
  final void gradientsAreSlopes() {
    Data d = data(11, 5, 3, 4, 6);
    float[][] actual = results(Device.vector(), d);
    for (int v = 0; v < d.in.length; v++) {
      for (int k = 0; k < d.in[v].length; k++) {
        // Differences: rounding 1e-16·|loss|/step, third derivative step²; floats: tens of
        // roundings.
        int result = firstGradient() + v;
        assertEquals(slope(d, v, k, -1), actual[result][k], 3e-5, name(result) + " " + k);
      }
    }
  }

  /** The sum of what each step's use of wHh contributes, by differences with that use moved. */
  @Test
  final void weightGradientIsTheSumOverTheSteps() {
    Data d = data(7, 6, 2, 3, 4);
    float[] dwHh = results(Device.scalar(), d)[firstGradient() + 2];
    for (int k = 0; k < dwHh.length; k++) {
      double sum = 0;
      double magnitude = 0;
      for (int t = 0; t < d.steps; t++) {
        double term = slope(d, 2, k, t);
        sum += term;
        magnitude += Math.abs(term);
      }
      assertEquals(sum, dwHh[k], 1e-5 * (magnitude + 1), "dwHh " + k);
    }
  }

  /** Of the loss by one number, where all steps use it or only step {@code at}. */
  private double slope(Data d, int variable, int element, int at) {
    return (loss(d, variable, element, STEP, at) - loss(d, variable, element, -STEP, at))
        / (2 * STEP);
  }

  private double loss(Data d, int variable, int element, double by, int at) {
    double[][] still = widen(d.in);
    double[][] moved = widen(d.in);
    moved[variable][element] += by;
    double loss = 0;
    for (int n = 0; n < d.batch; n++) {
      double[][] now = new double[states.size()][];
      for (int s = 0; s < now.length; s++) {
        double[] first = moved[d.in.length - states.size() + s];
        now[s] = Arrays.copyOfRange(first, n * d.units, (n + 1) * d.units);
      }
      for (int t = 0; t < d.steps; t++) {
        double[][] v = at < 0 || at == t ? moved : still;
        double[] x = Arrays.copyOfRange(v[0], (t * d.batch + n) * d.inputs, v[0].length);
        double[] input = product(v[1], x, d.inputs, v[3]);
        double[] product = product(v[2], now[0], d.units, biases == 2 ? v[4] : null);
        step(input, product, now);
        for (int j = 0; j < d.units; j++) {
          loss += d.dy[(t * d.batch + n) * d.units + j] * now[0][j];
        }
      }
    }
    return loss;
  }

  private static double[] product(
      double[] weights, double[] x, int width, double @Nullable [] bias) {
    double[] out = new double[weights.length / width];
    for (int row = 0; row < out.length; row++) {
      out[row] = bias == null ? 0 : bias[row];
      for (int i = 0; i < width; i++) {
        out[row] += weights[row * width + i] * x[i];
      }
    }
    return out;
  }

  private static double[][] widen(float[][] values) {
    double[][] wide = new double[values.length][];
    for (int a = 0; a < wide.length; a++) {
      wide[a] = new double[values[a].length];
      for (int k = 0; k < wide[a].length; k++) {
        wide[a][k] = values[a][k];
      }
    }
    return wide;
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  static void refused(String words, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.contains(words), message);
  }
}

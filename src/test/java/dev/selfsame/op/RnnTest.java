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
import org.junit.jupiter.api.Test;

class RnnTest {
  private static final List<String> NAMES = List.of("h", "dx", "dwIh", "dwHh", "dbias", "dh0");

  /** T, B, I, H: around lanes, and T·B over a chunk. */
  private static final int[][] SIZES = {
    {1, 1, 1, 1},
    {3, 2, 5, 3},
    {2, 3, 1, 15},
    {4, 1, 7, 16},
    {2, 2, 3, 17},
    {3, 5, 33, 31},
    {4, 4, 16, 48},
    {9, 61, 3, 5}
  };

  /** Inputs: x [T, B, I], wIh, wHh, bias, h0 [B, H], and dy [T, B, H]. */
  private record Case(int steps, int batch, int inputs, int units, float[][] in, float[] dy) {
    static Case of(long seed, int... s) {
      float scale = (float) (1 / Math.sqrt(Math.max(s[2], s[3])));
      float[][] in = {
        unit(seed, s[0] * s[1] * s[2], 1),
        unit(seed + 1, s[3] * s[2], scale),
        unit(seed + 2, s[3] * s[3], scale),
        unit(seed + 3, s[3], 1),
        unit(seed + 4, s[1] * s[3], 1)
      };
      return new Case(s[0], s[1], s[2], s[3], in, unit(seed + 5, s[0] * s[1] * s[3], 1));
    }

    /** With other rows for x, h0 and dy: those of the samples {@code order}. */
    Case samples(int... order) {
      float[][] other = in.clone();
      int last = in.length - 1;
      other[0] = rows(in[0], inputs, steps, order);
      other[last] = rows(in[last], units, 1, order);
      return new Case(steps, order.length, inputs, units, other, rows(dy, units, steps, order));
    }

    float[] rows(float[] all, int width, int count, int... order) {
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

  private static float[] unit(long seed, int n, float scale) {
    float[] values = Values.random(seed, n);
    for (int i = 0; i < n; i++) {
      values[i] = (float) Math.sin(values[i]) * scale;
    }
    return values;
  }

  /** All results, in the order of NAMES. */
  private static float[][] run(Device device, Case in) {
    try (Scope scope = Scope.open()) {
      long t = in.steps;
      long b = in.batch;
      long i = in.inputs;
      long u = in.units;
      long g = 1 * u;
      Tensor x = Tensor.of(scope, device, in.in[0], t, b, i);
      Tensor wIh = Tensor.of(scope, device, in.in[1], g, i);
      Tensor wHh = Tensor.of(scope, device, in.in[2], g, u);
      Tensor bias = Tensor.of(scope, device, in.in[3], g);
      Tensor h = Tensor.empty(scope, device, t + 1, b, u).fill(12345f);
      h.slice(0, 1).copyFrom(Tensor.of(scope, device, in.in[4], 1, b, u));
      Tensor dx = Tensor.empty(scope, device, t, b, i).fill(12345f);
      Tensor dwIh = Tensor.empty(scope, device, g, i).fill(12345f);
      Tensor dwHh = Tensor.empty(scope, device, g, u).fill(12345f);
      Tensor dbias = Tensor.empty(scope, device, g).fill(12345f);
      Tensor dh0 = Tensor.empty(scope, device, b, u).fill(12345f);
      Tensor dy = Tensor.of(scope, device, in.dy, t, b, u);
      Rnn.forward(x, wIh, wHh, bias, h);
      Rnn.gradient(dy, x, wIh, wHh, h, dx, dwIh, dwHh, dbias, dh0);
      return List.of(h, dx, dwIh, dwHh, dbias, dh0).stream()
          .map(Tensor::toFloatArray)
          .toArray(float[][]::new);
    }
  }

  private static void sameOnEveryDevice(String what, Case in) {
    float[][] expected = run(Devices.control(), in);
    for (Device device : Devices.tested()) {
      float[][] actual = run(device, in);
      for (int k = 0; k < expected.length; k++) {
        Bits.assertSame(what + " on " + device + ": " + NAMES.get(k), expected[k], actual[k]);
      }
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (int[] s : SIZES) {
      sameOnEveryDevice("rnn " + Arrays.toString(s), Case.of(s[3], s));
    }
  }

  @Test
  void specialValuesPass() {
    Case in = Case.of(1, 3, 3, 5, 19);
    float[] special = Values.special(3, in.in[0].length);
    System.arraycopy(special, 0, in.in[0], 0, special.length);
    sameOnEveryDevice("rnn of special values", in);
  }

  @Test
  void aSampleAloneIsASampleOfABatch() {
    Case in = Case.of(5, 4, 3, 7, 20);
    for (Device device : List.of(Device.scalar(), Device.vector())) {
      float[][] all = run(device, in);
      for (int n = 0; n < in.batch; n++) {
        float[][] alone = run(device, in.samples(n));
        Bits.assertSame("h", in.rows(all[0], in.units, in.steps + 1, n), alone[0]);
        Bits.assertSame("dx", in.rows(all[1], in.inputs, in.steps, n), alone[1]);
      }
    }
  }

  /** Two samples the other way round are another order of the weights' sums: it must show. */
  @Test
  void anotherOrderShows() {
    Case in = Case.of(13, 9, 2, 5, 18);
    float[][] a = run(Device.scalar(), in);
    float[][] b = run(Device.scalar(), in.samples(1, 0));
    Bits.assertSame("h", in.rows(a[0], in.units, in.steps + 1, 1, 0), b[0]);
    assertFalse(Arrays.equals(a[3], b[3]), "dwHh must depend on the order");
    assertFalse(Arrays.equals(a[4], b[4]), "dbias must depend on the order");
  }

  /** Central differences of the loss Σ dy·h, computed in double. */
  @Test
  void gradientsAreSlopes() {
    Case in = Case.of(11, 5, 3, 4, 6);
    float[][] actual = run(Device.vector(), in);
    double step = 1e-5;
    for (int v = 0; v < in.in.length; v++) {
      for (int k = 0; k < in.in[v].length; k++) {
        double slope = (loss(in, v, k, step) - loss(in, v, k, -step)) / (2 * step);
        // Differences: rounding 1e-16·|loss|/step, third derivative step²; floats: tens of
        // roundings.
        assertEquals(slope, actual[1 + v][k], 3e-5, NAMES.get(1 + v) + " " + k);
      }
    }
  }

  private static double loss(Case in, int moved, int at, double by) {
    double[][] v = new double[in.in.length][];
    for (int a = 0; a < v.length; a++) {
      v[a] = new double[in.in[a].length];
      for (int k = 0; k < v[a].length; k++) {
        v[a][k] = in.in[a][k] + (a == moved && k == at ? by : 0);
      }
    }
    int units = in.units;
    double loss = 0;
    for (int n = 0; n < in.batch; n++) {
      double[] h = Arrays.copyOfRange(v[v.length - 1], n * units, (n + 1) * units);
      for (int t = 0; t < in.steps; t++) {
        double[] next = new double[units];
        for (int j = 0; j < units; j++) {
          double sum = v[3][j];
          for (int i = 0; i < in.inputs; i++) {
            sum += v[1][j * in.inputs + i] * v[0][(t * in.batch + n) * in.inputs + i];
          }
          for (int i = 0; i < units; i++) {
            sum += v[2][j * units + i] * h[i];
          }
          next[j] = Math.tanh(sum);
          loss += in.dy[(t * in.batch + n) * units + j] * next[j];
        }
        h = next;
      }
    }
    return loss;
  }

  @Test
  void badShapesAreNamed() {
    try (Scope scope = Scope.open()) {
      Device cpu = Device.scalar();
      Tensor x = Tensor.zeros(scope, cpu, 3, 2, 4);
      Tensor w = Tensor.zeros(scope, cpu, 5, 4);
      Tensor r = Tensor.zeros(scope, cpu, 5, 5);
      Tensor b = Tensor.zeros(scope, cpu, 5);
      Tensor h = Tensor.zeros(scope, cpu, 4, 2, 5);
      refused("wHh has shape [5, 4]", () -> Rnn.forward(x, w, w, b, h));
      refused("h has shape [3, 2, 4]", () -> Rnn.forward(x, w, r, b, x));
      refused("x has shape [5, 4]", () -> Rnn.forward(w, w, r, b, h));
    }
  }

  private static void refused(String words, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.contains(words), message);
  }
}

package dev.selfsame.op;

import static dev.selfsame.op.Conv2dCases.filled;
import static dev.selfsame.op.Conv2dCases.part;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.ConvTranspose2d.Geometry;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;

class ConvTranspose2dTest {
  private static final float POISON = Float.intBitsToFloat(0x7fc0dead);

  /** x [n, c, p, q], filters [c, k/groups, r, s]. */
  private record Case(int n, int c, int p, int q, int k, int r, int s, Geometry g) {
    long[] x() {
      return new long[] {n, c, p, q};
    }

    long[] filters() {
      return new long[] {c, k / g.groups(), r, s};
    }

    long[] y() {
      return new long[] {n, k, g.outputHeight(p, r), g.outputWidth(q, s)};
    }
  }

  private record Data(float[] x, float[] w, float[] bias, float[] dy) {
    static Data of(Case z, LongFunction<float[]> values) {
      return new Data(
          values.apply(count(z.x())),
          values.apply(count(z.filters())),
          values.apply(z.k),
          values.apply(count(z.y())));
    }

    static Data random(Case z, long seed) {
      return of(z, n -> Values.random(seed + n, n));
    }

    private static long count(long[] shape) {
      return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }
  }

  private record Results(float[] y, float[] relu, float[] dx, float[] dw) {}

  /**
   * Strides with every output padding, dilation, groups, padding that cuts, one channel; then
   * contractions of more than a chunk in each pass.
   */
  private static final List<Case> SHAPES =
      List.of(
          new Case(1, 1, 1, 1, 1, 1, 1, Geometry.of(1, 0, 0)),
          new Case(2, 3, 5, 4, 4, 3, 3, Geometry.of(1, 1, 0)),
          new Case(2, 16, 7, 7, 6, 5, 5, Geometry.of(2, 2, 1)),
          new Case(1, 5, 4, 6, 3, 4, 4, Geometry.of(2, 1, 0)),
          new Case(1, 3, 5, 5, 4, 2, 2, Geometry.of(3, 0, 2)),
          new Case(2, 4, 3, 9, 5, 3, 2, new Geometry(2, 3, 1, 0, 0, 2, 2, 1, 1)),
          new Case(2, 6, 4, 5, 4, 3, 3, new Geometry(2, 2, 1, 1, 1, 1, 1, 1, 2)),
          new Case(1, 4, 6, 7, 8, 3, 5, new Geometry(1, 2, 1, 2, 0, 1, 1, 2, 4)),
          new Case(1, 2, 2, 3, 3, 1, 1, Geometry.of(3, 0, 1)),
          new Case(1, 520, 2, 3, 2, 2, 2, Geometry.of(1, 0, 0)),
          new Case(1, 70, 3, 4, 66, 3, 3, Geometry.of(1, 1, 0)),
          new Case(1, 2, 24, 25, 3, 2, 3, Geometry.of(2, 1, 1)));

  private static Results run(Device device, Case z, Data d) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, device, d.x, z.x());
      Tensor w = Tensor.of(scope, device, d.w, z.filters());
      Tensor b = Tensor.of(scope, device, d.bias, z.k);
      Tensor dy = Tensor.of(scope, device, d.dy, z.y());
      return new Results(
          guarded(
              scope, device, z.y(), y -> ConvTranspose2d.forward(x, w, b, Activation.NONE, z.g, y)),
          guarded(
              scope, device, z.y(), y -> ConvTranspose2d.forward(x, w, b, Activation.RELU, z.g, y)),
          guarded(scope, device, z.x(), dx -> ConvTranspose2d.dataGradient(dy, w, z.g, dx)),
          guarded(
              scope, device, z.filters(), dw -> ConvTranspose2d.weightGradient(x, dy, z.g, dw)));
    }
  }

  /** Runs on a poisoned destination between poisoned neighbours, which must stay as they are. */
  private static float[] guarded(Scope scope, Device device, long[] shape, Consumer<Tensor> op) {
    long[] all = shape.clone();
    all[0] *= 3;
    Tensor buffer = Tensor.empty(scope, device, all).fill(POISON);
    op.accept(buffer.slice(shape[0], 2 * shape[0]));
    float[] values = buffer.toFloatArray();
    int size = values.length / 3;
    for (int i = 0; i < size; i++) {
      assertEquals(Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[i]), "before");
      assertEquals(
          Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[2 * size + i]), "after");
    }
    return Arrays.copyOfRange(values, size, 2 * size);
  }

  private static void compare(String what, Results expected, Results actual) {
    Bits.assertSame(what + " y", expected.y, actual.y);
    Bits.assertSame(what + " relu", expected.relu, actual.relu);
    Bits.assertSame(what + " dx", expected.dx, actual.dx);
    Bits.assertSame(what + " dw", expected.dw, actual.dw);
  }

  @Test
  void everyDeviceGivesTheDefinitionsBits() {
    for (Case z : SHAPES) {
      for (Data d : List.of(Data.random(z, 1), Data.of(z, n -> Values.special(n + 2, n)))) {
        Results control = run(Devices.control(), z, d);
        for (Device device : Devices.tested()) {
          compare(device + " " + z, control, run(device, z, d));
        }
      }
    }
  }

  @Test
  void theDefinitionIsTheConvolutionsTurnedRound() {
    // Two plain loops, written apart from each other: these here and Conv2d's.
    for (Case z : SHAPES) {
      Data d = Data.random(z, 3);
      Data plain = new Data(d.x, d.w, filled(z.k, -0f), d.dy);
      Results own = run(Devices.control(), z, plain);
      try (Scope scope = Scope.open()) {
        Device cpu = Devices.control();
        Tensor x = Tensor.of(scope, cpu, d.x, z.x());
        Tensor w = Tensor.of(scope, cpu, d.w, z.filters());
        Tensor dy = Tensor.of(scope, cpu, d.dy, z.y());
        Tensor y = Tensor.zeros(scope, cpu, z.y());
        Conv2d.dataGradient(x, w, z.g.convolution(), y);
        Bits.assertSame("y " + z, y.toFloatArray(), own.y);
        Tensor dx = Tensor.zeros(scope, cpu, z.x());
        Conv2d.forward(dy, w, null, z.g.convolution(), dx);
        Bits.assertSame("dx " + z, dx.toFloatArray(), own.dx);
        Tensor dw = Tensor.zeros(scope, cpu, z.filters());
        Conv2d.weightGradient(dy, x, z.g.convolution(), dw);
        Bits.assertSame("dw " + z, dw.toFloatArray(), own.dw);
      }
    }
  }

  @Test
  void integersMatchAnIndependentWalk() {
    for (Case z : SHAPES) {
      Data d = Data.of(z, n -> Values.integers(n + 5, n));
      Results expected = independent(z, d);
      compare("control " + z, expected, run(Devices.control(), z, d));
    }
  }

  /** Every input spreads its filter over the outputs, as the operation is usually explained. */
  private static Results independent(Case z, Data d) {
    int h = (int) z.y()[2];
    int w = (int) z.y()[3];
    int perC = z.c / z.g.groups();
    int perK = z.k / z.g.groups();
    float[] y = new float[d.dy.length];
    float[] dx = new float[d.x.length];
    float[] dw = new float[d.w.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = d.bias[i / (h * w) % z.k];
    }
    for (int i = 0; i < dx.length; i++) {
      int c = i / (z.p * z.q) % z.c;
      int n = i / (z.p * z.q) / z.c;
      for (int tap = 0; tap < perK * z.r * z.s; tap++) {
        int row =
            i / z.q % z.p * z.g.strideH() + tap / z.s % z.r * z.g.dilationH() - z.g.paddingH();
        int col = i % z.q * z.g.strideW() + tap % z.s * z.g.dilationW() - z.g.paddingW();
        if (row >= 0 && col >= 0 && row < h && col < w) {
          int k = c / perC * perK + tap / (z.r * z.s);
          int o = ((n * z.k + k) * h + row) * w + col;
          int f = c * perK * z.r * z.s + tap;
          y[o] += d.x[i] * d.w[f];
          dx[i] += d.dy[o] * d.w[f];
          dw[f] += d.x[i] * d.dy[o];
        }
      }
    }
    float[] relu = y.clone();
    for (int i = 0; i < relu.length; i++) {
      relu[i] = relu[i] > 0f ? relu[i] : 0f;
    }
    return new Results(y, relu, dx, dw);
  }

  @Test
  void aSampleDoesNotSeeItsBatch() {
    Case batch = new Case(4, 5, 6, 7, 3, 3, 3, Geometry.of(2, 1, 1));
    Case alone = new Case(1, 5, 6, 7, 3, 3, 3, Geometry.of(2, 1, 1));
    Data all = Data.random(batch, 7);
    for (Device device : Devices.tested()) {
      Results whole = run(device, batch, all);
      for (int i = 0; i < 4; i++) {
        Results r =
            run(device, alone, new Data(part(all.x, i, 4), all.w, all.bias, part(all.dy, i, 4)));
        Bits.assertSame(device + " y of sample " + i, part(whole.y, i, 4), r.y);
        Bits.assertSame(device + " dx of sample " + i, part(whole.dx, i, 4), r.dx);
      }
    }
  }

  @Test
  void anotherOrderIsOtherBits() {
    // Negative control: 520 channels as one chain instead of chunks of 512.
    Case z = new Case(1, 520, 1, 3, 1, 1, 1, Geometry.of(1, 0, 0));
    Data d = Data.random(z, 9);
    float[] y = run(Devices.control(), z, new Data(d.x, d.w, filled(1, -0f), d.dy)).y;
    float[] chain = new float[3];
    for (int c = 0; c < 520; c++) {
      for (int i = 0; i < 3; i++) {
        chain[i] = Math.fma(d.x[c * 3 + i], d.w[c], chain[i]);
      }
    }
    assertTrue(Bits.compare(y, chain).isPresent(), "one chain must differ");
  }

  @Test
  void badArgumentsAreRefusedAndNothingIsWritten() {
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.add(Devices.control());
    Geometry twice = Geometry.of(2, 1, 1);
    for (Device device : devices) {
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.zeros(scope, device, 2, 4, 3, 3);
        Tensor w = Tensor.zeros(scope, device, 4, 5, 3, 3);
        Tensor y = Tensor.empty(scope, device, 2, 5, 6, 6).fill(7f);
        Tensor other = Tensor.zeros(scope, device, 3, 5, 3, 3);
        refused("[2, 5, 5, 5]", () -> forward(x, w, null, Geometry.of(2, 1, 0), y));
        refused("w has shape", () -> forward(x, other, null, twice, y));
        refused("bias has shape", () -> forward(x, w, x, twice, y));
        refused("[C, K/groups, R, S]", () -> forward(x, w.reshape(4, 45), null, twice, y));
        refused(
            "groups is 3", () -> forward(x, w, null, new Geometry(2, 2, 1, 1, 1, 1, 1, 1, 3), y));
        refused("dy has shape", () -> ConvTranspose2d.dataGradient(x, w, twice, x));
        refused("dy has shape", () -> ConvTranspose2d.weightGradient(x, x, twice, w));
        refused("padding 4", () -> forward(x, w, null, Geometry.of(2, 4, 1), y));
        Bits.assertSame("untouched", filled((int) y.elements(), 7f), y.toFloatArray());
      }
    }
    refused("outputPaddingH is 2", () -> Geometry.of(2, 0, 2));
    refused("outputPaddingW is -1", () -> new Geometry(1, 1, 0, 0, 0, -1, 1, 1, 1));
    refused("strideH is 0", () -> Geometry.of(0, 0, 0));
    refused("2^63", () -> new Geometry(1 << 30, 1, 0, 0, 0, 0, 1, 1, 1).outputHeight(1L << 40, 3));
    assertEquals(224, Geometry.of(2, 3, 1).outputHeight(112, 7));
  }

  private static void forward(Tensor x, Tensor w, Tensor bias, Geometry g, Tensor y) {
    ConvTranspose2d.forward(x, w, bias, Activation.NONE, g, y);
  }

  private static void refused(String part, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.contains(part), message);
  }
}

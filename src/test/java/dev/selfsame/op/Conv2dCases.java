package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;

/** Convolutions to test, and their runs on a device. */
final class Conv2dCases {
  private static final float POISON = Float.intBitsToFloat(0x7fc0dead);
  static final Geometry PLAIN = Geometry.of(1, 0);

  private Conv2dCases() {}

  /** One convolution: x [n, c, h, w], kernel [k, c/groups, r, s]. */
  record Case(long n, long c, long h, long w, long k, long r, long s, Geometry g) {
    long p() {
      return g.outputHeight(h, r);
    }

    long q() {
      return g.outputWidth(w, s);
    }

    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {k, c / g.groups(), r, s};
    }

    long[] y() {
      return new long[] {n, k, p(), q()};
    }
  }

  /** Values for all tensors of a case. */
  record Data(float[] x, float[] w, float[] bias, float[] dy) {
    static Data of(Case z, DoubleSupplier values) {
      return new Data(
          make(z.x(), values),
          make(z.weight(), values),
          make(new long[] {z.k}, values),
          make(z.y(), values));
    }

    static Data random(Case z, long seed) {
      return of(z, new Random(seed)::nextGaussian);
    }

    private static float[] make(long[] shape, DoubleSupplier values) {
      float[] made = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
      for (int i = 0; i < made.length; i++) {
        made[i] = (float) values.getAsDouble();
      }
      return made;
    }
  }

  record Results(float[] y, float[] relu, float[] dx, float[] dw) {}

  static final List<Case> SHAPES =
      List.of(
          new Case(1, 1, 1, 1, 1, 1, 1, PLAIN),
          new Case(2, 1, 12, 12, 6, 5, 5, Geometry.of(1, 2)),
          new Case(2, 6, 14, 14, 16, 5, 5, PLAIN),
          new Case(1, 3, 19, 17, 7, 7, 7, Geometry.of(2, 3)),
          new Case(2, 5, 9, 7, 3, 3, 3, Geometry.of(1, 1)),
          new Case(2, 4, 8, 33, 5, 3, 2, Geometry.of(1, 1).withStride(2, 3)),
          new Case(1, 4, 11, 10, 6, 3, 3, Geometry.of(2, 2).withDilation(2, 3)),
          new Case(1, 3, 7, 8, 4, 2, 2, Geometry.of(3, 0)),
          new Case(1, 2, 5, 5, 3, 1, 1, Geometry.of(3, 1)),
          new Case(1, 2, 3, 4, 3, 5, 7, Geometry.of(1, 3)),
          new Case(1, 2, 2, 3, 4, 3, 3, Geometry.of(2, 9)),
          new Case(3, 7, 6, 5, 13, 1, 1, PLAIN),
          new Case(1, 9, 1, 65, 17, 1, 1, PLAIN),
          new Case(1, 8, 6, 6, 12, 3, 3, Geometry.of(1, 1).withGroups(4)),
          new Case(2, 6, 7, 7, 4, 3, 3, Geometry.of(2, 1).withGroups(2)),
          new Case(2, 5, 13, 11, 5, 3, 3, Geometry.of(1, 1).withGroups(5)),
          new Case(1, 18, 9, 9, 18, 3, 3, Geometry.of(2, 1).withGroups(18)),
          new Case(1, 4, 6, 37, 8, 3, 5, Geometry.of(1, 2).withGroups(4)),
          new Case(1, 2, 6, 6, 25, 3, 3, Geometry.of(1, 1)),
          new Case(1, 1, 5, 70, 33, 1, 3, Geometry.of(1, 0).withPadding(0, 1)),
          new Case(1, 3, 7, 7, 70, 3, 3, Geometry.of(1, 1)),
          new Case(1, 5, 7, 7, 4, 1, 1, Geometry.of(3, 0)),
          new Case(2, 20, 5, 5, 3, 1, 2, Geometry.of(3, 1)),
          // No tap meets the one pixel.
          new Case(1, 20, 1, 1, 4, 1, 1, Geometry.of(2, 1)),
          // Several chunks, in one span of turned outputs and in several.
          new Case(3, 2, 21, 19, 7, 5, 5, Geometry.of(1, 2)),
          new Case(2, 4, 40, 50, 6, 2, 5, Geometry.of(1, 1).withStride(2, 3).withGroups(2)),
          new Case(1, 3, 40, 40, 200, 1, 1, PLAIN),
          new Case(2, 2, 24, 25, 200, 3, 3, Geometry.of(1, 1)),
          new Case(1, 2, 27, 30, 600, 1, 1, PLAIN),
          // A weight gradient's pixels turned once for all taps: whole blocks of channels.
          new Case(2, 64, 9, 7, 10, 3, 3, Geometry.of(1, 1).withGroups(2)),
          new Case(1, 32, 40, 37, 30, 2, 3, Geometry.of(1, 2).withDilation(2, 1)),
          new Case(1, 1024, 25, 25, 32, 1, 2, PLAIN.withGroups(32)));

  // ---- running
  // ------------------------------------------------------------------------------------------------

  static List<Device> vectors() {
    return Devices.tested().stream().filter(d -> !(d instanceof Device.Cuda)).toList();
  }

  /** Compares all passes on all devices with the definition; returns the definition's results. */
  static Results check(Case z, Data d, List<Device> devices) {
    Results control = run(Devices.control(), z, d);
    for (Device device : devices) {
      Results actual = run(device, z, d);
      Bits.assertSame(device + " y " + z, control.y, actual.y);
      Bits.assertSame(device + " relu " + z, control.relu, actual.relu);
      Bits.assertSame(device + " dx " + z, control.dx, actual.dx);
      Bits.assertSame(device + " dw " + z, control.dw, actual.dw);
    }
    return control;
  }

  static Results run(Device device, Case z, Data d) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, device, d.x, z.x());
      Tensor w = Tensor.of(scope, device, d.w, z.weight());
      Tensor bias = Tensor.of(scope, device, d.bias, z.k);
      Tensor dy = Tensor.of(scope, device, d.dy, z.y());
      return new Results(
          guarded(scope, device, z.y(), y -> Conv2d.forward(x, w, bias, z.g, y)),
          guarded(scope, device, z.y(), y -> Conv2d.forward(x, w, bias, Activation.RELU, z.g, y)),
          guarded(scope, device, z.x(), dx -> Conv2d.dataGradient(dy, w, z.g, dx)),
          guarded(scope, device, z.weight(), dw -> Conv2d.weightGradient(x, dy, z.g, dw)));
    }
  }

  /**
   * Runs an op on a poisoned destination between poisoned neighbours, which must stay as they are.
   */
  private static float[] guarded(Scope scope, Device device, long[] shape, Consumer<Tensor> op) {
    long[] all = shape.clone();
    all[0] *= 3;
    Tensor buffer = Tensor.empty(scope, device, all).fill(POISON);
    Tensor to = buffer.slice(shape[0], 2 * shape[0]);
    op.accept(to);
    float[] values = buffer.toFloatArray();
    int size = values.length / 3;
    for (int i = 0; i < size; i++) {
      assertEquals(
          Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[i]), "before the output");
      assertEquals(
          Float.floatToRawIntBits(POISON),
          Float.floatToRawIntBits(values[2 * size + i]),
          "after it");
    }
    return Arrays.copyOfRange(values, size, 2 * size);
  }

  static float[] part(float[] all, int i, int parts) {
    int size = all.length / parts;
    return Arrays.copyOfRange(all, i * size, (i + 1) * size);
  }

  static float[] filled(int count, float value) {
    float[] made = new float[count];
    Arrays.fill(made, value);
    return made;
  }

  static float[] floats(long[] values) {
    float[] made = new float[values.length];
    for (int i = 0; i < made.length; i++) {
      made[i] = values[i];
    }
    return made;
  }

  static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}

package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.LocallyConnected2d;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.ConvTranspose2d;
import dev.selfsame.op.Devices;
import dev.selfsame.op.Unary;
import dev.selfsame.verify.Bits;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Gradients of the convolution's kin against central differences, without a tolerance: as in {@link
 * GradCheckTest}, on whole numbers small enough for every sum to be exact.
 */
class GradCheckConvolutionsTest {
  private static final Device CPU = Device.scalar();
  private static final Geometry GEOMETRY = new Geometry(2, 1, 1, 2, 1, 2, 1);

  private static float[] whole(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(-2, 3);
    }
    return values;
  }

  private static int count(long... shape) {
    long count = 1;
    for (long s : shape) {
      count *= s;
    }
    return (int) count;
  }

  private static Var constant(Tape tape, long seed, long... shape) {
    return tape.constant(Tensor.of(tape.scope(), CPU, whole(seed, count(shape)), shape));
  }

  private static Var squared(Var x) {
    return Functions.sum(Functions.multiply(x, x));
  }

  private static void check(long seed, long[] shape, BiFunction<Tape, Var, Var> function) {
    float[] start = whole(seed, count(shape));
    try (Scope scope = Scope.open()) {
      Parameter p = new Parameter("p", Tensor.of(scope, CPU, start, shape));
      try (Tape tape = Tape.open(CPU)) {
        tape.backward(function.apply(tape, tape.parameter(p)));
      }
      float[] gradient = p.gradient().toFloatArray();
      for (int i = 0; i < start.length; i++) {
        double slope =
            (value(start, shape, i, 1, function) - value(start, shape, i, -1, function)) / 2;
        assertEquals(slope, gradient[i], "element " + i);
      }
    }
  }

  private static double value(
      float[] start, long[] shape, int i, float h, BiFunction<Tape, Var, Var> function) {
    float[] moved = start.clone();
    moved[i] += h;
    try (Tape tape = Tape.open(CPU)) {
      Var p = tape.constant(Tensor.of(tape.scope(), CPU, moved, shape));
      return function.apply(tape, p).value().item();
    }
  }

  @Test
  void locallyConnected() {
    // [2, 2, 5, 4] with filters [3, 2, 3, 2] at 3 x 6 positions.
    long[] image = {2, 2, 5, 4};
    long[] filters = {3, 2, 3, 2, 3, 6};
    long[] biases = {3, 3, 6};
    check(1, filters, (t, w) -> squared(local(constant(t, 2, image), w, constant(t, 3, biases))));
    check(2, image, (t, x) -> squared(local(x, constant(t, 1, filters), null)));
    check(3, biases, (t, b) -> squared(local(constant(t, 2, image), constant(t, 1, filters), b)));
  }

  private static Var local(Var x, Var w, Var bias) {
    return Convolutions.locallyConnected2d(x, w, bias, GEOMETRY, Activation.NONE);
  }

  @Test
  void transposed() {
    // [2, 4, 3, 3] with filters [4, 2, 3, 2] in two groups to [2, 4, 6, 5].
    long[] input = {2, 4, 3, 3};
    long[] filters = {4, 2, 3, 2};
    check(1, filters, (t, w) -> squared(turned(constant(t, 2, input), w, constant(t, 3, 4))));
    check(2, input, (t, x) -> squared(turned(x, constant(t, 1, filters), null)));
    check(
        3,
        new long[] {4},
        (t, b) -> squared(turned(constant(t, 2, input), constant(t, 1, filters), b)));
  }

  private static Var turned(Var x, Var w, Var bias) {
    var geometry = new ConvTranspose2d.Geometry(2, 2, 1, 1, 1, 0, 1, 2, 2);
    return Convolutions.convTranspose2d(x, w, bias, geometry, Activation.NONE);
  }

  @Test
  void aConvolutionAndItsMirrorShareOneWeight() {
    // Encoder and decoder of an autoencoder, tied: the gradient is the sum of both uses.
    Geometry down = Geometry.of(2, 1);
    var up = ConvTranspose2d.Geometry.of(2, 1, 1);
    check(
        4,
        new long[] {3, 2, 3, 3},
        (t, w) -> {
          Var code = Functions.conv2d(constant(t, 5, 1, 2, 4, 4), w, null, down);
          return Functions.sum(Convolutions.convTranspose2d(code, w, null, up, Activation.NONE));
        });
  }

  @Test
  void aLayerAndReluAreOnePassWithTheBitsOfTwo() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        LocallyConnected2d layer =
            LocallyConnected2d.of(
                new Initializer(scope, device, 5), "l", 2, 3, 3, Geometry.of(1, 1), 6, 5);
        assertEquals(3 * 2 * 9 * 30 + 3 * 30, layer.parameterCount());
        List<float[]> fused =
            gradients(Sequential.of(layer, Layers.activation(Unary.RELU))::forward, layer, device);
        List<float[]> apart = gradients(x -> Functions.relu(layer.forward(x)), layer, device);
        for (int i = 0; i < fused.size(); i++) {
          Bits.assertSame(device + " " + i, apart.get(i), fused.get(i));
        }
      }
    }
  }

  private static List<float[]> gradients(
      UnaryOperator<Var> model, LocallyConnected2d layer, Device device) {
    try (Tape tape = Tape.open(device)) {
      Tensor x = Tensor.of(tape.scope(), device, whole(7, 2 * 2 * 6 * 5), 2, 2, 6, 5);
      Var y = model.apply(tape.constant(x));
      tape.backward(squared(y));
      List<float[]> all =
          List.of(
              y.value().toFloatArray(),
              layer.parameters().get(0).gradient().toFloatArray(),
              layer.parameters().get(1).gradient().toFloatArray());
      layer.parameters().forEach(Parameter::clearGradient);
      return all;
    }
  }
}

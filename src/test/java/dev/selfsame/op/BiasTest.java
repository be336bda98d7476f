package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import org.junit.jupiter.api.Test;

class BiasTest {
  private static float[] run(
      Device device, float[] x, float[] bias, boolean inPlace, long... shape) {
    try (Scope scope = Scope.open()) {
      Tensor in = Tensor.of(scope, device, x, shape);
      Tensor y = inPlace ? in : Tensor.empty(scope, device, shape);
      Bias.add(in, Tensor.of(scope, device, bias, shape[1]), y);
      return y.toFloatArray();
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape :
        new long[][] {
          {1, 1},
          {3, 5},
          {64, 120},
          {7, 33},
          {2, 3, 5, 7},
          {4, 6, 12, 12},
          {1, 2, 1, 1},
          {5, 4, 4097}
        }) {
      long count = 1;
      for (long s : shape) {
        count *= s;
      }
      for (boolean special : new boolean[] {false, true}) {
        float[] x = special ? Values.special(1, count) : Values.random(1, count);
        float[] bias = special ? Values.special(2, shape[1]) : Values.random(2, shape[1]);
        float[] expected = run(Devices.control(), x, bias, false, shape);
        for (Device device : Devices.tested()) {
          Bits.assertSame("bias on " + device, expected, run(device, x, bias, false, shape));
          Bits.assertSame(
              "bias in place on " + device, expected, run(device, x, bias, true, shape));
        }
      }
    }
  }

  @Test
  void eachChannelGetsItsOwn() {
    float[] y = run(Devices.control(), new float[8], new float[] {1, 2}, false, 2, 2, 2);
    assertArrayEquals(new float[] {1, 1, 2, 2, 1, 1, 2, 2}, y);
  }

  @Test
  void gradientSumsAllButTheChannels() {
    try (Scope scope = Scope.open()) {
      Tensor dy =
          Tensor.of(scope, Devices.control(), new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2);
      Tensor dbias = Tensor.zeros(scope, Devices.control(), 2);
      Bias.gradient(dy, dbias);
      assertArrayEquals(new float[] {14, 22}, dbias.toFloatArray());
    }
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, Devices.control(), 2, 3);
      Tensor bias = Tensor.zeros(scope, Devices.control(), 2).fill(1f);
      Tensor y = Tensor.zeros(scope, Devices.control(), 2, 3);
      assertThrows(ShapeException.class, () -> Bias.add(x, bias, y));
      assertThrows(ShapeException.class, () -> Bias.add(bias, bias, bias));
      assertThrows(ShapeException.class, () -> Bias.add(x, x.reshape(6).slice(0, 3), x));
      assertArrayEquals(new float[6], y.toFloatArray());
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SgdTest {
  private static final int[] SIZES = {1, 0, 15, 17, 4095, 4096, 4097, 9000, 17 * 4096 + 5};

  private static List<float[]> run(Device device, boolean special, boolean nesterov) {
    try (Scope scope = Scope.open()) {
      List<Tensor> p = new ArrayList<>();
      List<Tensor> g = new ArrayList<>();
      List<Tensor> v = new ArrayList<>();
      for (int i = 0; i < SIZES.length; i++) {
        p.add(Tensor.of(scope, device, Values.random(i, SIZES[i]), SIZES[i]));
        g.add(
            Tensor.of(
                scope,
                device,
                special ? Values.special(50 + i, SIZES[i]) : Values.random(50 + i, SIZES[i]),
                SIZES[i]));
        v.add(Tensor.zeros(scope, device, SIZES[i]));
      }
      for (int step = 0; step < 3; step++) {
        Sgd.step(p, g, v, new Sgd.Hyper(0.05, 0.9, 1e-3, nesterov));
      }
      List<float[]> out = new ArrayList<>();
      List.of(p, v).forEach(column -> column.forEach(t -> out.add(t.toFloatArray())));
      return out;
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void bitsAreTheSameOnEveryDevice(boolean nesterov) {
    for (boolean special : new boolean[] {false, true}) {
      List<float[]> expected = run(Devices.control(), special, nesterov);
      for (Device device : Devices.tested()) {
        List<float[]> actual = run(device, special, nesterov);
        for (int i = 0; i < expected.size(); i++) {
          Bits.assertSame("sgd tensor " + i + " on " + device, expected.get(i), actual.get(i));
        }
      }
    }
  }

  /** With powers of two every step is exact, so the recurrence can be followed by hand. */
  @Test
  void followsTheRecurrence() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor p = Tensor.of(scope, device, new float[] {8}, 1);
      Tensor g = Tensor.of(scope, device, new float[] {4}, 1);
      Tensor v = Tensor.zeros(scope, device, 1);
      Sgd.Hyper hyper = new Sgd.Hyper(0.25, 0.5, 0.5, false);
      Sgd.step(List.of(p), List.of(g), List.of(v), hyper);
      assertEquals(8f, v.item()); // 4 + 0.5 · 8
      assertEquals(6f, p.item()); // 8 − 0.25 · 8
      Sgd.step(List.of(p), List.of(g), List.of(v), new Sgd.Hyper(0.25, 0.5, 0.5, true));
      assertEquals(11f, v.item()); // 0.5 · 8 + 4 + 0.5 · 6
      assertEquals(6f - 0.25f * 12.5f, p.item()); // d = 0.5 · 11 + 7
    }
  }

  @Test
  void anUnfusedUpdateWouldBeSeen() {
    float[] fused = run(Devices.control(), false, false).get(7);
    float[] p = Values.random(7, 9000);
    float[] g = Values.random(57, 9000);
    float[] v = new float[9000];
    for (int step = 0; step < 3; step++) {
      for (int i = 0; i < p.length; i++) {
        v[i] = 0.9f * v[i] + (g[i] + 1e-3f * p[i]);
        p[i] = p[i] - 0.05f * v[i];
      }
    }
    assertTrue(Bits.compare(fused, p).isPresent());
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor p = Tensor.of(scope, device, new float[] {1, 2}, 2);
      Sgd.Hyper hyper = new Sgd.Hyper(1, 0, 0, false);
      assertThrows(ShapeException.class, () -> Sgd.step(List.of(p), List.of(p), List.of(p), hyper));
      assertThrows(IllegalArgumentException.class, () -> new Sgd.Hyper(1, 1, 0, false));
      assertThrows(IllegalArgumentException.class, () -> new Sgd.Hyper(Double.NaN, 0, 0, false));
      assertArrayEquals(new float[] {1, 2}, p.toFloatArray());
    }
  }
}

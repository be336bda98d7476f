package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AdamWTest {
  private static final int[] SIZES = {
    1, 3, 0, 15, 16, 17, 49, 4095, 4096, 4097, 12289, 17 * 4096 + 5
  };

  private interface Source {
    float[] values(long seed, long count);
  }

  /** Parameters, first and second moments after some steps, in that order. */
  private static List<float[]> run(
      Device device, int[] sizes, Source source, AdamW.Decay decay, int steps) {
    try (Scope scope = Scope.open()) {
      List<Tensor> p = new ArrayList<>();
      List<Tensor> g = new ArrayList<>();
      List<Tensor> m = new ArrayList<>();
      List<Tensor> v = new ArrayList<>();
      for (int i = 0; i < sizes.length; i++) {
        p.add(Tensor.of(scope, device, source.values(10 + i, sizes[i]), sizes[i]));
        g.add(Tensor.empty(scope, device, sizes[i]));
        m.add(Tensor.zeros(scope, device, sizes[i]));
        v.add(Tensor.zeros(scope, device, sizes[i]));
      }
      for (int step = 1; step <= steps; step++) {
        for (int i = 0; i < sizes.length; i++) {
          g.get(i)
              .copyFrom(
                  Tensor.of(scope, device, source.values(1000L * step + i, sizes[i]), sizes[i]));
        }
        AdamW.step(p, g, m, v, new AdamW.Hyper(1e-3, 0.9, 0.999, 1e-8, 0.01, step, decay));
      }
      List<float[]> out = new ArrayList<>();
      List.of(p, m, v).forEach(column -> column.forEach(t -> out.add(t.toFloatArray())));
      return out;
    }
  }

  private static void sameEverywhere(int[] sizes, Source source, AdamW.Decay decay, int steps) {
    List<float[]> expected = run(Devices.control(), sizes, source, decay, steps);
    for (Device device : Devices.tested()) {
      List<float[]> actual = run(device, sizes, source, decay, steps);
      for (int i = 0; i < expected.size(); i++) {
        Bits.assertSame(
            "adamw " + decay + " tensor " + i + " on " + device, expected.get(i), actual.get(i));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void bitsAreTheSameOnEveryDevice(AdamW.Decay decay) {
    sameEverywhere(SIZES, Values::random, decay, 3);
  }

  @ParameterizedTest
  @EnumSource
  void specialValuesToo(AdamW.Decay decay) {
    sameEverywhere(SIZES, Values::special, decay, 2);
  }

  @Test
  void aThousandSmallTensorsInOneCall() {
    int[] sizes = new int[1000];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = 1 + i % 37;
    }
    sameEverywhere(sizes, Values::random, AdamW.Decay.DECOUPLED, 1);
  }

  @Test
  void misalignedSlices() {
    float[][] expected = null;
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.addFirst(Devices.control());
    for (Device device : devices) {
      try (Scope scope = Scope.open()) {
        Tensor p = Tensor.of(scope, device, Values.random(1, 5003), 5003);
        Tensor g = Tensor.of(scope, device, Values.random(2, 5003), 5003);
        Tensor m = Tensor.zeros(scope, device, 5003);
        Tensor v = Tensor.zeros(scope, device, 5003);
        AdamW.step(
            List.of(p.slice(1, 5001)),
            List.of(g.slice(2, 5002)),
            List.of(m.slice(3, 5003)),
            List.of(v.slice(0, 5000)),
            new AdamW.Hyper(0.1, 0.9, 0.99, 1e-8, 0, 1, AdamW.Decay.DECOUPLED));
        float[][] got = {p.toFloatArray(), m.toFloatArray(), v.toFloatArray()};
        if (expected == null) {
          expected = got;
        }
        for (int i = 0; i < 3; i++) {
          Bits.assertSame("slices on " + device, expected[i], got[i]);
        }
      }
    }
  }

  /**
   * Against the algorithm in double. One step from m = v = 0 with |g| in [0.1, 1]: about ten float
   * roundings reach the update lr·u with |u| ≤ 1.1, and one more is at p's size, so |error| ≤
   * 2⁻²⁴·(|p| + 12·lr·1.1 + |p|).
   */
  @Test
  void agreesWithTheAlgorithmInDouble() {
    float[] start = Values.random(3, 1000);
    float[] gradient = Values.random(4, 1000);
    for (int i = 0; i < 1000; i++) {
      gradient[i] = Math.copySign(0.1f + 0.9f * Math.min(1, Math.abs(gradient[i])), gradient[i]);
    }
    double lr = 0.01;
    double lambda = 0.1;
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor p = Tensor.of(scope, device, start, 1000);
      AdamW.step(
          List.of(p),
          List.of(Tensor.of(scope, device, gradient, 1000)),
          List.of(Tensor.zeros(scope, device, 1000)),
          List.of(Tensor.zeros(scope, device, 1000)),
          new AdamW.Hyper(lr, 0.9, 0.999, 1e-8, lambda, 1, AdamW.Decay.DECOUPLED));
      float[] got = p.toFloatArray();
      for (int i = 0; i < 1000; i++) {
        double g = gradient[i];
        double m = 0.1 * g / (1 - 0.9);
        double v = 0.001 * g * g / (1 - 0.999);
        double expected = start[i] * (1 - lr * lambda) - lr * m / (Math.sqrt(v) + 1e-8);
        double bound = Math.scalb(2 * Math.abs(start[i]) + 13.2 * lr, -24);
        assertEquals(expected, got[i], bound, "element " + i);
      }
    }
  }

  @Test
  void anUnfusedMomentWouldBeSeen() {
    float[] g = Values.random(1001, 4096);
    float[] m =
        run(Devices.control(), new int[] {4096}, Values::random, AdamW.Decay.DECOUPLED, 2).get(1);
    float[] first = Values.random(1000, 4096);
    float[] second = Values.random(2000, 4096);
    float w1 = (float) (1 - 0.9);
    float[] unfused = new float[g.length];
    for (int i = 0; i < g.length; i++) {
      float m1 = w1 * first[i];
      unfused[i] = m1 + w1 * (second[i] - m1);
    }
    assertTrue(
        Bits.compare(m, unfused).isPresent(), "mul and add gave the bits of fma on 4,096 values");
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor p = Tensor.of(scope, device, new float[] {1, 2}, 2);
      Tensor g = Tensor.of(scope, device, new float[] {1, 2}, 2);
      Tensor m = Tensor.zeros(scope, device, 2);
      Tensor v = Tensor.zeros(scope, device, 2);
      AdamW.Hyper hyper = new AdamW.Hyper(1, 0.9, 0.99, 1e-8, 0, 1, AdamW.Decay.DECOUPLED);
      ShapeException count =
          assertThrows(
              ShapeException.class,
              () -> AdamW.step(List.of(p), List.of(), List.of(m), List.of(v), hyper));
      assertTrue(
          count.getMessage().contains("gradients has 0 tensors, but parameters has 1"),
          count.getMessage());
      Tensor longer = Tensor.zeros(scope, device, 3);
      ShapeException shape =
          assertThrows(
              ShapeException.class,
              () -> AdamW.step(List.of(p), List.of(longer), List.of(m), List.of(v), hyper));
      assertTrue(
          shape.getMessage().contains("gradients[0] has shape [3]; [2] is needed"),
          shape.getMessage());
      assertThrows(
          ShapeException.class,
          () -> AdamW.step(List.of(p), List.of(g), List.of(m), List.of(m), hyper));
      assertThrows(
          ShapeException.class,
          () -> AdamW.step(List.of(p, p), List.of(g, g), List.of(m, m), List.of(v, v), hyper));
      Tensor elsewhere = Tensor.zeros(scope, Device.vector(), 2);
      assertThrows(
          DeviceException.class,
          () -> AdamW.step(List.of(p), List.of(elsewhere), List.of(m), List.of(v), hyper));
      assertThrows(
          IllegalArgumentException.class,
          () -> new AdamW.Hyper(1, 1.0, 0.99, 1e-8, 0, 1, AdamW.Decay.DECOUPLED));
      assertArrayEquals(new float[] {1, 2}, p.toFloatArray());
      AdamW.step(List.of(), List.of(), List.of(), List.of(), hyper);
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Memory that is named twice in one call is refused, however it is named. */
class TensorListTest {
  private static final Sgd.Hyper HYPER = new Sgd.Hyper(0.5, 0, 0, false);

  @Test
  void sharedMemoryIsRefusedAndNothingIsWritten() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor both = Tensor.zeros(scope, device, 6).fill(1f);
        Tensor other = Tensor.zeros(scope, device, 4).fill(1f);
        Tensor g1 = Tensor.zeros(scope, device, 4).fill(1f);
        Tensor g2 = Tensor.zeros(scope, device, 4).fill(1f);
        Tensor v1 = Tensor.zeros(scope, device, 4);
        Tensor v2 = Tensor.zeros(scope, device, 4);
        Tensor low = both.slice(0, 4);
        Tensor high = both.slice(2, 6);
        refused("parameters[0] and parameters[1]", List.of(low, high), List.of(g1, g2), v1, v2);
        refused(
            "parameters[0] and parameters[1]",
            List.of(low, low.reshape(4)),
            List.of(g1, g2),
            v1,
            v2);
        refused("parameters[1] and velocities[0]", List.of(other, low), List.of(g1, g2), high, v2);
        refused("gradients[1] and parameters[0]", List.of(low, other), List.of(g1, high), v1, v2);
        refused("gradients[0] and gradients[1]", List.of(low, other), List.of(g1, g1), v1, v2);
        Tensor norm = Tensor.zeros(scope, device, 1);
        assertThrows(
            ShapeException.class, () -> GlobalNorm.clip(List.of(low, other, high), 0.1f, norm));
        assertArrayEquals(new float[] {1, 1, 1, 1, 1, 1}, both.toFloatArray());
        assertArrayEquals(new float[4], v1.toFloatArray());
        assertArrayEquals(new float[1], norm.toFloatArray());
      }
    }
  }

  @Test
  void wrappedArraysAreComparedToo() {
    float[] array = new float[4];
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.wrap(scope, Device.scalar(), array, 4);
      Tensor b = Tensor.wrap(scope, Device.scalar(), array, 4);
      Tensor apart = Tensor.wrap(scope, Device.scalar(), new float[4], 4);
      Tensor norm = Tensor.zeros(scope, Device.scalar(), 1);
      GlobalNorm.norm(List.of(a, apart), norm);
      assertThrows(ShapeException.class, () -> GlobalNorm.norm(List.of(a, apart, b), norm));
    }
  }

  private static void refused(
      String which, List<Tensor> parameters, List<Tensor> gradients, Tensor v1, Tensor v2) {
    ShapeException e =
        assertThrows(
            ShapeException.class, () -> Sgd.step(parameters, gradients, List.of(v1, v2), HYPER));
    String[] pair = which.split(" and ");
    assertTrue(
        e.getMessage().contains(pair[0]) && e.getMessage().contains(pair[1]), e.getMessage());
  }
}

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

class GlobalNormTest {
  private static final int[] SIZES = {1, 5, 1024, 1025, 4096, 4097, 10_000, 17 * 4096 + 5};

  /** The clipped tensors, and the norm at the end. */
  private static List<float[]> clip(Device device, float maxNorm, boolean special) {
    try (Scope scope = Scope.open()) {
      List<Tensor> tensors = new ArrayList<>();
      for (int i = 0; i < SIZES.length; i++) {
        float[] x = special ? Values.special(i, SIZES[i]) : Values.random(i, SIZES[i]);
        tensors.add(Tensor.of(scope, device, x, SIZES[i]));
      }
      Tensor norm = Tensor.zeros(scope, device, 1);
      GlobalNorm.clip(tensors, maxNorm, norm);
      List<float[]> out = new ArrayList<>();
      tensors.forEach(t -> out.add(t.toFloatArray()));
      out.add(norm.toFloatArray());
      return out;
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (float maxNorm : new float[] {1f, 1e9f}) {
      for (boolean special : new boolean[] {false, true}) {
        List<float[]> expected = clip(Devices.control(), maxNorm, special);
        for (Device device : Devices.tested()) {
          List<float[]> actual = clip(device, maxNorm, special);
          for (int i = 0; i < expected.size(); i++) {
            Bits.assertSame("clip, tensor " + i + " on " + device, expected.get(i), actual.get(i));
          }
        }
      }
    }
  }

  @Test
  void scalesLargeGradientsAndKeepsSmallOnes() {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.of(scope, Devices.control(), new float[] {3, 0}, 2);
      Tensor b = Tensor.of(scope, Devices.control(), new float[] {4}, 1);
      Tensor norm = Tensor.zeros(scope, Devices.control(), 1);
      GlobalNorm.norm(List.of(a, b), norm);
      assertEquals(5f, norm.item());
      GlobalNorm.clip(List.of(a, b), 10f, norm);
      assertArrayEquals(new float[] {3, 0}, a.toFloatArray());
      GlobalNorm.clip(List.of(a, b), 1f, norm);
      // 1 / (5 + 1e-6) is within 2e-7 of 0.2, relatively.
      assertEquals(0.8f, b.item(), 0.8f * 4e-7f);
    }
  }

  @Test
  void oneChangedBitChangesTheNorm() {
    float[] x = Values.random(1, 2000);
    float[] y = x.clone();
    int largest = 0;
    for (int i = 0; i < x.length; i++) {
      largest = Math.abs(x[i]) > Math.abs(x[largest]) ? i : largest;
    }
    y[largest] = Float.intBitsToFloat(Float.floatToRawIntBits(y[largest]) ^ (1 << 12));
    assertTrue(!Bits.same(norm(x), norm(y)));
  }

  private static float norm(float[] x) {
    try (Scope scope = Scope.open()) {
      Tensor norm = Tensor.zeros(scope, Devices.control(), 1);
      GlobalNorm.norm(List.of(Tensor.of(scope, Devices.control(), x, x.length)), norm);
      return norm.item();
    }
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Tensor g = Tensor.of(scope, Devices.control(), new float[] {3}, 1);
      Tensor norm = Tensor.zeros(scope, Devices.control(), 1);
      assertThrows(IllegalArgumentException.class, () -> GlobalNorm.clip(List.of(g), 0f, norm));
      assertThrows(ShapeException.class, () -> GlobalNorm.clip(List.of(), 1f, norm));
      assertThrows(ShapeException.class, () -> GlobalNorm.clip(List.of(g), 1f, g));
      assertArrayEquals(new float[] {3}, g.toFloatArray());
    }
  }
}

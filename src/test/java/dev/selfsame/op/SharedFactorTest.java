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
import org.junit.jupiter.api.Test;

/** Products with a factor that is packed once: the bits of {@link Gemm}. */
class SharedFactorTest {
  /** M, N, K: around tiles, flat products, blocks of columns, steps and chunks of terms. */
  private static final int[][] SIZES = {
    {1, 1, 1},
    {1, 31, 7},
    {1, 33, 513},
    {12, 64, 16},
    {13, 65, 512},
    {104, 97, 100},
    {105, 97, 100},
    {130, 530, 17},
    {3, 1100, 40},
    {30, 40, 1025},
    {140, 600, 1100},
    {5, 35, 16_500},
    {110, 35, 16_500},
    {2, 5000, 20}
  };

  @Test
  void bitsAreThoseOfGemm() {
    for (int[] s : SIZES) {
      float[] a = Values.random(1, (long) s[0] * s[2]);
      float[] b = Values.random(2, (long) s[1] * s[2]);
      float[] bias = Values.random(3, s[1]);
      for (boolean transposed : new boolean[] {false, true}) {
        float[] expected = product(Device.vector(), s, a, b, bias, transposed, 1);
        for (Device device : Devices.tested()) {
          if (device instanceof Device.Vector) {
            String what = Arrays.toString(s) + " on " + device + (transposed ? ", transposed" : "");
            Bits.assertSame(what, expected, product(device, s, a, b, bias, transposed, 2));
          }
        }
      }
    }
  }

  /** One use goes through {@link Gemm}, which its own test holds to the definition. */
  private static float[] product(
      Device device, int[] s, float[] a, float[] b, float[] bias, boolean transposed, int uses) {
    try (Scope scope = Scope.open()) {
      Tensor right =
          transposed
              ? Tensor.of(scope, device, b, s[1], s[2]).transpose()
              : Tensor.of(scope, device, b, s[2], s[1]);
      Tensor out = Tensor.empty(scope, device, s[0], s[1]).fill(12345f);
      SharedFactor factor = SharedFactor.of(scope, right, uses);
      Tensor left = Tensor.of(scope, device, a, s[0], s[2]);
      for (int use = 0; use < uses; use++) {
        factor.multiply(left, Tensor.of(scope, device, bias, s[1]), out);
      }
      return out.toFloatArray();
    }
  }

  /** It is the packed copy that is read: a change after the packing must not show. */
  @Test
  void packedOnce() {
    try (Scope scope = Scope.open()) {
      Tensor b = Tensor.of(scope, Device.vector(), Values.random(2, 35), 5, 7);
      Tensor a = Tensor.of(scope, Device.vector(), Values.random(1, 10), 2, 5);
      Tensor before = Tensor.empty(scope, Device.vector(), 2, 7);
      Tensor after = Tensor.empty(scope, Device.vector(), 2, 7);
      SharedFactor factor = SharedFactor.of(scope, b, 2);
      factor.multiply(a, null, before);
      b.fill(1f);
      factor.multiply(a, null, after);
      Bits.assertSame("packed", before.toFloatArray(), after.toFloatArray());
      SharedFactor.of(scope, b, 2).multiply(a, null, after);
      assertFalse(Arrays.equals(before.toFloatArray(), after.toFloatArray()));
    }
  }

  @Test
  void badInputLeavesTheOutputUntouched() {
    try (Scope scope = Scope.open()) {
      Tensor b = Tensor.zeros(scope, Device.vector(), 5, 7);
      Tensor a = Tensor.zeros(scope, Device.vector(), 2, 4);
      Tensor out = Tensor.zeros(scope, Device.vector(), 2, 7).fill(3f);
      SharedFactor factor = SharedFactor.of(scope, b, 2);
      ShapeException e = assertThrows(ShapeException.class, () -> factor.multiply(a, null, out));
      assertTrue(e.getMessage().contains("b has shape [5, 7]"), e.getMessage());
      for (float value : out.toFloatArray()) {
        assertEquals(3f, value);
      }
    }
  }
}

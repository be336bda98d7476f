package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.op.Dropout.Mask;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class DropoutTest {
  /** Around blocks of four, vectors of blocks, and tasks. */
  private static final int[] SIZES = {
    1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 1000, 1025, 16_383, 16_385, 50_001
  };

  private static float[] run(Device device, float[] x, Mask mask, boolean inPlace) {
    try (Scope scope = Scope.open()) {
      Tensor in = Tensor.of(scope, device, x, x.length);
      Tensor y = inPlace ? in : Tensor.empty(scope, device, x.length).fill(12345f);
      if (inPlace) {
        Dropout.gradient(in, mask, y);
      } else {
        Dropout.dropout(in, mask, y);
      }
      return y.toFloatArray();
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (int n : SIZES) {
      for (long first : new long[] {0, 1, 6, 0x3_ffff_fff7L, Long.MAX_VALUE - n}) {
        Mask mask = new Mask(0.3f, 0x9abcdef0_12345678L * n, -n - (first << 32), first);
        float[] x = Values.special(n, n);
        float[] expected = run(Devices.control(), x, mask, false);
        for (Device device : Devices.tested()) {
          String what = n + " elements from " + first + " on " + device;
          Bits.assertSame(what, expected, run(device, x, mask, false));
          Bits.assertSame(what + " in place", expected, run(device, x, mask, true));
        }
      }
    }
  }

  @Test
  void theThresholdIsExact() {
    // A uniform that occurs: kept if p is it, dropped if p is the next float.
    float at = Philox.uniform(7, 3, 5);
    for (Device device : Devices.tested()) {
      float[] ones = new float[64];
      Arrays.fill(ones, 1f);
      Mask kept = new Mask(at, 7, 3);
      Mask dropped = new Mask(Math.nextUp(at), 7, 3);
      assertEquals(kept.scale(), run(device, ones, kept, false)[5], device.toString());
      assertEquals(0f, run(device, ones, dropped, false)[5], device.toString());
    }
  }

  @Test
  void aPartIsAPartOfTheWhole() {
    float[] x = Values.random(1, 1000);
    float[] all = run(Devices.control(), x, new Mask(0.5f, 1, 2), false);
    for (Device device : Devices.tested()) {
      for (int from : new int[] {0, 1, 4, 333}) {
        float[] part = Arrays.copyOfRange(x, from, from + 500);
        Bits.assertSame(
            "from " + from + " on " + device,
            Arrays.copyOfRange(all, from, from + 500),
            run(device, part, new Mask(0.5f, 1, 2, from), false));
      }
    }
  }

  @Test
  void keepsTheShareAndTheMean() {
    int n = 100_000;
    float[] ones = new float[n];
    Arrays.fill(ones, 1f);
    for (float p : new float[] {0f, 0.1f, 0.5f, 0.9f}) {
      Mask mask = new Mask(p, 11, 4);
      float[] y = run(Devices.control(), ones, mask, false);
      int kept = 0;
      for (float v : y) {
        assertTrue(v == 0 || v == (float) (1 / (1 - (double) p)));
        kept += v != 0 ? 1 : 0;
      }
      // Five standard deviations of a binomial count.
      assertEquals((1 - p) * n, kept, 5 * Math.sqrt(n * p * (1 - p)) + 1e-9);
    }
  }

  @Test
  void droppedElementsArePlusZero() {
    float[] x = {Float.NaN, Float.POSITIVE_INFINITY, -0f, -1f};
    float[] y = run(Devices.control(), x, new Mask(0.999999f, 1, 1), false);
    Bits.assertSame("dropped", new float[4], y);
  }

  @Test
  void anotherStreamOrOrderWouldBeSeen() {
    float[] x = Values.random(1, 64);
    float[] y = run(Devices.control(), x, new Mask(0.5f, 1, 2), false);
    for (Mask other :
        new Mask[] {new Mask(0.5f, 1, 3), new Mask(0.5f, 2, 2), new Mask(0.5f, 1, 2, 1)}) {
      assertTrue(Bits.compare(y, run(Devices.control(), x, other, false)).isPresent());
    }
  }

  @Test
  void badInputChangesNothing() {
    for (float p : new float[] {-0.1f, 1f, Float.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> new Mask(p, 1, 1));
    }
    assertThrows(IllegalArgumentException.class, () -> new Mask(0.5f, 1, 1, -1));
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, Devices.control(), 7);
      Tensor y = Tensor.zeros(scope, Devices.control(), 6).fill(9f);
      Mask mask = new Mask(0.5f, 1, 1);
      assertThrows(ShapeException.class, () -> Dropout.dropout(x, mask, y));
      assertThrows(ShapeException.class, () -> Dropout.dropout(x.slice(0, 6), mask, x.slice(1, 7)));
      Mask far = new Mask(0.5f, 1, 1, Long.MAX_VALUE);
      assertThrows(IllegalArgumentException.class, () -> Dropout.dropout(y, far, y));
      assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, y.toFloatArray());
    }
  }
}

package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.Devices;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BatchesTest {
  /** 11 images of two pixels: image i is (i, 100 + i), label i % 10. */
  private static final ImageSet SET = numbered(11);

  private static ImageSet numbered(int n) {
    byte[] pixels = new byte[2 * n];
    byte[] labels = new byte[n];
    for (int i = 0; i < n; i++) {
      pixels[2 * i] = (byte) i;
      pixels[2 * i + 1] = (byte) (100 + i);
      labels[i] = (byte) (i % 10);
    }
    return ImageSet.of("numbered", 1, 1, 2, 10, pixels, labels);
  }

  @Test
  void inOrderKeepsTheLastSmallBatch() {
    var batches = Batches.inOrder(SET, Normalization.NONE, 4);
    assertEquals(3, batches.perEpoch());
    float[] pixels = new float[8];
    int[] labels = new int[4];
    assertEquals(4, batches.fill(0, pixels, labels));
    assertArrayEquals(new int[] {0, 1, 2, 3}, labels);
    assertEquals(2f / 255f, pixels[4]);
    assertEquals(102f / 255f, pixels[5]);
    Arrays.fill(labels, -1);
    assertEquals(3, batches.fill(2, pixels, labels));
    assertArrayEquals(new int[] {8, 9, 0, -1}, labels);
    assertEquals(4, batches.size(3));
    assertEquals(1, batches.epoch(3));
    assertEquals(0, batches.index(3, 0));
  }

  @Test
  void shuffledTakesEachImageAtMostOnceAnEpoch() {
    var batches = Batches.shuffled(SET, Normalization.MNIST, 4, 42);
    assertEquals(2, batches.perEpoch());
    for (int epoch = 0; epoch < 20; epoch++) {
      var seen = new java.util.HashSet<Integer>();
      for (int step = 2 * epoch; step < 2 * epoch + 2; step++) {
        assertEquals(4, batches.size(step));
        for (int i = 0; i < 4; i++) {
          assertTrue(seen.add(batches.index(step, i)));
        }
      }
    }
  }

  @Test
  void orderDependsOnSeedAndStepOnly() {
    var forth = Batches.shuffled(SET, Normalization.NONE, 3, 7);
    var back = Batches.shuffled(SET, Normalization.NONE, 3, 7);
    var other = Batches.shuffled(SET, Normalization.NONE, 3, 8);
    int[][] first = new int[30][];
    for (int step = 0; step < 30; step++) {
      first[step] = indices(forth, step);
    }
    int same = 0;
    for (int step = 29; step >= 0; step--) {
      assertArrayEquals(first[step], indices(back, step));
      same += Arrays.equals(first[step], indices(other, step)) ? 1 : 0;
    }
    assertTrue(same < 5, "another seed gave the same order");
    assertFalse(Arrays.equals(first[0], first[3]), "another epoch has the same order");
  }

  private static int[] indices(Batches batches, long step) {
    int[] out = new int[batches.size(step)];
    for (int i = 0; i < out.length; i++) {
      out[i] = batches.index(step, i);
    }
    return out;
  }

  /** A change here changes every trained model: it needs a new contract version. */
  @Test
  void orderIsPinned() {
    var batches = Batches.shuffled(SET, Normalization.NONE, 11, 1);
    assertArrayEquals(new int[] {3, 1, 6, 10, 7, 0, 5, 9, 8, 4, 2}, indices(batches, 0));
    assertArrayEquals(new int[] {9, 5, 3, 4, 6, 2, 0, 8, 10, 7, 1}, indices(batches, 1));
  }

  @Test
  void fillsNativeMemoryWithTheSameBits() {
    var batches = Batches.shuffled(SET, Normalization.MNIST, 5, 3);
    float[] pixels = new float[10];
    int[] labels = new int[5];
    batches.fill(1, pixels, labels);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment p = arena.allocate(44, 4);
      MemorySegment l = arena.allocate(24, 4);
      p.fill((byte) 0x5a);
      l.fill((byte) 0x5a);
      batches.fill(1, p, l);
      assertArrayEquals(pixels, p.asSlice(0, 40).toArray(ValueLayout.JAVA_FLOAT));
      assertArrayEquals(labels, l.asSlice(0, 20).toArray(ValueLayout.JAVA_INT));
      assertEquals(0x5a5a5a5a, p.get(ValueLayout.JAVA_INT, 40));
      assertEquals(0x5a5a5a5a, l.get(ValueLayout.JAVA_INT, 20));
    }
  }

  @Test
  void fillsTensorsOfTheBatchSizeOnly() {
    var batches = Batches.inOrder(SET, Normalization.MNIST, 4);
    float[] expected = new float[6];
    int[] labels = new int[3];
    batches.fill(2, expected, labels);
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, Device.scalar(), 3, 1, 1, 2);
      Tensor y = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(3)).fill(-7);
      assertEquals(3, batches.fill(2, x, y));
      assertArrayEquals(expected, x.toFloatArray());
      assertArrayEquals(labels, y.toIntArray());
      var shape = assertThrows(ShapeException.class, () -> batches.fill(0, x, y));
      assertEquals("pixels has shape [3, 1, 1, 2]; the batch needs 8 elements", shape.getMessage());
      var type = assertThrows(DTypeException.class, () -> batches.fill(2, x, x));
      assertEquals("labels is F32; the batch needs I32", type.getMessage());
      assertArrayEquals(expected, x.toFloatArray());
    }
  }

  @Test
  void fillsTensorsOfEveryDevice() {
    var batches = Batches.shuffled(SET, Normalization.MNIST, 4, 11);
    float[] pixels = new float[8];
    int[] labels = new int[4];
    batches.fill(1, pixels, labels);
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.zeros(scope, device, 4, 1, 1, 2);
        Tensor y = Tensor.empty(scope, device, DType.I32, Shape.of(4));
        batches.fill(1, x, y);
        assertArrayEquals(pixels, x.toFloatArray(), device.toString());
        assertArrayEquals(labels, y.toIntArray(), device.toString());
      }
    }
  }

  @Test
  void refusesBadArgumentsAndLeavesOutputsAlone() {
    var batches = Batches.inOrder(SET, Normalization.NONE, 4);
    float[] pixels = new float[8];
    int[] labels = new int[4];
    Arrays.fill(pixels, -5f);
    Arrays.fill(labels, -5);
    assertThrows(SelfsameException.class, () -> batches.fill(-1, pixels, labels));
    var e = assertThrows(SelfsameException.class, () -> batches.fill(0, pixels, new int[3]));
    assertEquals("labels has room for 3 elements; the batch needs 4", e.getMessage());
    assertThrows(SelfsameException.class, () -> batches.fill(0, new float[7], labels));
    var readOnly = MemorySegment.ofArray(new float[8]).asReadOnly();
    assertThrows(
        SelfsameException.class, () -> batches.fill(0, readOnly, MemorySegment.ofArray(labels)));
    assertThrows(SelfsameException.class, () -> batches.index(0, 4));
    assertThrows(SelfsameException.class, () -> Batches.inOrder(SET, Normalization.NONE, 0));
    assertThrows(SelfsameException.class, () -> Batches.shuffled(SET, Normalization.NONE, 12, 0));
    assertEquals(-5f, pixels[0]);
    assertEquals(-5, labels[0]);
  }
}

package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.op.Binary;
import dev.selfsame.op.Devices;
import dev.selfsame.op.Elementwise;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TensorTest {
  private static final Device CPU = Device.scalar();

  @Test
  void copiesInAndOut() {
    try (Scope scope = Scope.open()) {
      Tensor t = Tensor.of(scope, CPU, new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
      assertArrayEquals(
          new float[] {1, 2, 3, 4, 5, 6}, t.to(scope, Device.vector()).toFloatArray());
      assertEquals("F32[2, 3]@scalar", t.toString());
    }
  }

  @Test
  void viewsShareMemory() {
    try (Scope scope = Scope.open()) {
      Tensor t = Tensor.zeros(scope, CPU, 4, 2);
      t.slice(1, 3).fill(7f);
      assertArrayEquals(new float[] {0, 0, 7, 7, 7, 7, 0, 0}, t.reshape(8).toFloatArray());
      assertTrue(t.overlaps(t.slice(1, 2)));
      assertFalse(t.slice(0, 1).overlaps(t.slice(1, 2)));
      Tensor transposed = t.transpose();
      assertEquals(Shape.of(2, 4), transposed.shape());
      assertThrows(ShapeException.class, transposed::memory);
      assertEquals(Shape.of(4, 2), transposed.transpose().shape());
      transposed.transpose().memory();
    }
  }

  @Test
  void wrapsWithoutACopy() {
    float[] array = {1, 2, 3};
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(12).order(ByteOrder.nativeOrder()).asFloatBuffer();
    try (Scope scope = Scope.open();
        Arena arena = Arena.ofConfined()) {
      Tensor.wrap(scope, CPU, array, 3).fill(4f);
      Tensor.wrap(scope, CPU, buffer, 3).fill(5f);
      MemorySegment memory = arena.allocate(12, 4);
      Tensor.wrap(scope, CPU, DType.I32, memory, 3).fill(6);
      assertEquals(6, memory.get(java.lang.foreign.ValueLayout.JAVA_INT, 8));
      assertThrows(ShapeException.class, () -> Tensor.wrap(scope, CPU, array, 4));
    }
    assertArrayEquals(new float[] {4, 4, 4}, array);
    assertEquals(5f, buffer.get(2));
  }

  @Test
  void vectorKernelsTakeWrappedMemory() {
    float[] array = new float[100];
    Arrays.fill(array, 2f);
    try (Scope scope = Scope.open();
        Arena confined = Arena.ofConfined()) {
      for (int threads : new int[] {1, 3}) {
        Device device = Device.vector(128, threads);
        Tensor x = Tensor.wrap(scope, device, array, 100);
        Tensor y = Tensor.wrap(scope, device, new float[100], 100);
        Elementwise.binary(Binary.ADD, x, x, y);
        assertEquals(4f, y.floatBuffer().get(99));
        assertEquals(4f, y.slice(98, 100).floatBuffer().get(1));
        assertEquals(2, y.slice(98, 100).floatBuffer().remaining());
      }
      MemorySegment memory = confined.allocate(400, 4);
      Tensor.wrap(scope, Device.vector(128, 1), DType.F32, memory, 100);
      DeviceException e =
          assertThrows(
              DeviceException.class,
              () -> Tensor.wrap(scope, Device.vector(128, 3), DType.F32, memory, 100));
      assertTrue(e.getMessage().contains("confined"), e.getMessage());
    }
  }

  @Test
  void buffersShareMemory() {
    try (Scope scope = Scope.open()) {
      Tensor t = Tensor.zeros(scope, CPU, 3, 2);
      FloatBuffer buffer = t.slice(1, 3).floatBuffer();
      assertEquals(4, buffer.remaining());
      buffer.put(3, 7f);
      assertArrayEquals(new float[] {0, 0, 0, 0, 0, 7}, t.toFloatArray());
      FloatBuffer foreign =
          ByteBuffer.allocateDirect(12).order(ByteOrder.BIG_ENDIAN).asFloatBuffer();
      assertThrows(DTypeException.class, () -> Tensor.wrap(scope, CPU, foreign, 3));
    }
  }

  @Test
  void copiesOfOverlappingMemoryAreRefused() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor t = Tensor.of(scope, device, new float[] {1, 2, 3}, 3);
        assertThrows(ShapeException.class, () -> t.slice(0, 2).copyFrom(t.slice(1, 3)));
        t.copyFrom(t.reshape(3));
        assertArrayEquals(new float[] {1, 2, 3}, t.toFloatArray());
      }
    }
  }

  @Test
  void useAfterCloseIsAnException() {
    Tensor t;
    MemorySegment handedOut;
    Tensor view;
    try (Scope scope = Scope.open()) {
      t = Tensor.zeros(scope, CPU, 3);
      view = t.slice(0, 2);
      handedOut = t.segment();
    }
    assertThrows(ClosedException.class, t::toFloatArray);
    assertThrows(ClosedException.class, view::memory);
    assertThrows(IllegalStateException.class, () -> handedOut.fill((byte) 1));
  }

  @Test
  void liveBytesReturnToZero() {
    long before = Tensor.liveBytes();
    try (Scope scope = Scope.open()) {
      Tensor.zeros(scope, CPU, 100);
      Tensor early = Tensor.zeros(scope, CPU, 50);
      assertEquals(before + 600, Tensor.liveBytes());
      assertEquals(600, scope.liveBytes());
      early.close();
      assertEquals(400, scope.liveBytes());
    }
    assertEquals(before, Tensor.liveBytes());
  }

  @Test
  void aTensorHandedOutIsNotReusedBeforeItsScopeEnds() {
    try (Scope scope = Scope.open()) {
      Tensor t = Tensor.zeros(scope, CPU, 1000);
      MemorySegment handedOut = t.segment();
      t.close();
      Tensor next = Tensor.zeros(scope, CPU, 1000);
      handedOut.fill((byte) 1);
      assertEquals(0f, next.toFloatArray()[0]);
    }
  }

  @Test
  void movesBetweenScopes() {
    try (Scope outer = Scope.open()) {
      Tensor kept;
      try (Scope inner = Scope.open()) {
        kept = Tensor.zeros(inner, CPU, 3);
        assertThrows(ClosedException.class, () -> outer.move(kept, inner));
        inner.move(kept, outer);
      }
      assertEquals(0f, kept.toFloatArray()[2]);
    }
  }

  @Test
  void badSizesNameThemselves() {
    try (Scope scope = Scope.open()) {
      assertTrue(message(() -> Shape.of(2, -1)).contains("axis 1 is -1"));
      assertTrue(
          message(() -> Shape.of(1L << 40, 1L << 40)).contains("[1099511627776, 1099511627776]"));
      assertThrows(ShapeException.class, () -> Shape.of(0, 1L << 40, 1L << 40));
      assertThrows(ShapeException.class, () -> Shape.of(1L << 40, 1L << 40, 0));
      assertEquals(0, Shape.of(1L << 40, 0, 1L << 20).elements());
      long tooMany = (1L << 61) - 1;
      DeviceException full =
          assertThrows(DeviceException.class, () -> Tensor.empty(scope, CPU, tooMany));
      assertTrue(full.getMessage().contains("9223372036854775804"), full.getMessage());
      assertTrue(message(() -> Tensor.of(scope, CPU, new float[3], 2, 2)).contains("3 elements"));
      Tensor t = Tensor.zeros(scope, CPU, 2, 2);
      assertTrue(message(() -> t.reshape(3)).contains("[2, 2] to [3]"));
      assertTrue(message(() -> t.slice(1, 3)).contains("[1, 3)"));
      assertThrows(DTypeException.class, t::toIntArray);
      assertThrows(DeviceException.class, t::address);
      assertThrows(DeviceException.class, () -> Device.parse("gpu", 1));
      assertThrows(DeviceException.class, () -> Device.parse("scalar:2", 1));
      assertThrows(DeviceException.class, () -> Device.vector(128, 0));
      assertThrows(DeviceException.class, () -> Device.vector(192, 1));
    }
  }

  private static String message(Runnable bad) {
    return assertThrows(ShapeException.class, bad::run).getMessage();
  }
}

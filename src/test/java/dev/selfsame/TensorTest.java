package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
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
      assertTrue(message(() -> Tensor.of(scope, CPU, new float[3], 2, 2)).contains("3 elements"));
      Tensor t = Tensor.zeros(scope, CPU, 2, 2);
      assertTrue(message(() -> t.reshape(3)).contains("[2, 2] to [3]"));
      assertTrue(message(() -> t.slice(1, 3)).contains("[1, 3)"));
      assertThrows(DTypeException.class, t::toIntArray);
      assertThrows(DeviceException.class, t::address);
      assertThrows(DeviceException.class, () -> Device.parse("gpu", 1));
      assertThrows(DeviceException.class, () -> Device.vector(192, 1));
    }
  }

  private static String message(Runnable bad) {
    return assertThrows(ShapeException.class, bad::run).getMessage();
  }
}

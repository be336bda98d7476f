package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Pool2dTest {
  private record Result(float[] y, int[] argmax, float[] dx, float[] average, float[] averageDx) {}

  private static Result run(
      Device device, float[] x, Shape shape, Pool2d.Geometry geometry, boolean special) {
    try (Scope scope = Scope.open()) {
      Tensor in = Tensor.of(scope, device, x, shape.sizes());
      Shape out = geometry.outputShape(shape);
      Tensor y = Tensor.empty(scope, device, out.sizes());
      Tensor argmax = Tensor.empty(scope, device, DType.I32, out);
      float[] values =
          special ? Values.special(9, out.elements()) : Values.random(9, out.elements());
      Tensor dy = Tensor.of(scope, device, values, out.sizes());
      Tensor dx = Tensor.empty(scope, device, shape.sizes());
      Pool2d.max(in, geometry, y, argmax);
      Pool2d.maxGradient(dy, argmax, geometry, dx);
      float[] maxDx = dx.toFloatArray();
      float[] max = y.toFloatArray();
      Pool2d.average(in, geometry, y);
      Pool2d.averageGradient(dy, geometry, dx);
      return new Result(max, argmax.toIntArray(), maxDx, y.toFloatArray(), dx.toFloatArray());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1,1,2,2, 2,2,2,2,0,0", "2,3,24,24, 2,2,2,2,0,0", "3,2,8,8, 2,2,2,2,0,0",
        "1,2,33,71, 2,2,2,2,0,0",
    "2,1,14,14, 3,3,2,2,1,1", "1,1,40,41, 3,3,1,1,1,1", "1,3,9,50, 2,5,1,3,0,2",
        "2,2,7,7, 7,7,1,1,0,0",
    "1,1,5,67, 1,4,2,1,0,0", "1,1,64,64, 3,2,3,2,2,1"
  })
  void bitsAreTheSameOnEveryDevice(
      long n, long c, long h, long w, int kh, int kw, int sh, int sw, int ph, int pw) {
    Shape shape = Shape.of(n, c, h, w);
    Pool2d.Geometry geometry = new Pool2d.Geometry(kh, kw, sh, sw, ph, pw);
    for (int kind = 0; kind < 3; kind++) {
      long count = shape.elements();
      float[] x =
          kind == 0
              ? Values.integers(1, count)
              : kind == 1 ? Values.random(1, count) : Values.special(1, count);
      Result expected = run(Devices.control(), x, shape, geometry, kind == 2);
      for (Device device : Devices.tested()) {
        Result actual = run(device, x, shape, geometry, kind == 2);
        Bits.assertSame("max on " + device, expected.y, actual.y);
        Bits.assertSame("argmax on " + device, expected.argmax, actual.argmax);
        Bits.assertSame("max gradient on " + device, expected.dx, actual.dx);
        Bits.assertSame("average on " + device, expected.average, actual.average);
        Bits.assertSame("average gradient on " + device, expected.averageDx, actual.averageDx);
      }
    }
  }

  @Test
  void smallWindowsByHand() {
    float[] x = {1, 5, 2, 0, 3, -0f, 7, 7, 4, Float.NaN, 0f, -0f, 9, 9, -0f, 0f};
    Result r = run(Devices.control(), x, Shape.of(1, 1, 4, 4), Pool2d.Geometry.of(2), false);
    assertArrayEquals(new float[] {5, 7, Float.NaN, 0f}, r.y);
    // The first of equal elements, and +0 before -0.
    assertArrayEquals(new int[] {1, 6, 9, 10}, r.argmax);
    assertEquals(0, Float.floatToRawIntBits(r.y[3]));
    assertEquals(2.25f, r.average[0]);
  }

  @Test
  void gradientOfOverlappingWindowsAddsUp() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Pool2d.Geometry geometry = new Pool2d.Geometry(1, 2, 1, 1, 0, 0);
      Tensor x = Tensor.of(scope, device, new float[] {1, 9, 2}, 1, 1, 1, 3);
      Tensor y = Tensor.empty(scope, device, 1, 1, 1, 2);
      Tensor argmax = Tensor.empty(scope, device, DType.I32, Shape.of(1, 1, 1, 2));
      Pool2d.max(x, geometry, y, argmax);
      Tensor dy = Tensor.of(scope, device, new float[] {3, 4}, 1, 1, 1, 2);
      Pool2d.maxGradient(dy, argmax, geometry, x);
      assertArrayEquals(new float[] {0, 7, 0}, x.toFloatArray());
      Pool2d.averageGradient(dy, geometry, x);
      assertArrayEquals(new float[] {1.5f, 3.5f, 2}, x.toFloatArray());
    }
  }

  /** A gradient that took the windows in another order would have other bits. */
  @Test
  void anotherOrderOfWindowsWouldBeSeen() {
    Shape shape = Shape.of(1, 1, 40, 40);
    Pool2d.Geometry geometry = new Pool2d.Geometry(5, 5, 1, 1, 0, 0);
    float[] x = Values.random(1, 1600);
    Result r = run(Devices.control(), x, shape, geometry, false);
    float[] dy = Values.random(9, 36 * 36);
    float[] backwards = new float[1600];
    for (int i = dy.length - 1; i >= 0; i--) {
      backwards[r.argmax[i]] += dy[i];
    }
    assertTrue(Bits.compare(r.dx, backwards).isPresent());
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor x = Tensor.zeros(scope, device, 1, 1, 4, 4);
      Tensor y = Tensor.zeros(scope, device, 1, 1, 2, 2);
      Tensor argmax = Tensor.empty(scope, device, DType.I32, y.shape()).fill(99);
      Pool2d.Geometry two = Pool2d.Geometry.of(2);
      assertThrows(ShapeException.class, () -> Pool2d.max(x, Pool2d.Geometry.of(5), y, argmax));
      assertThrows(ShapeException.class, () -> Pool2d.average(y, two, x));
      assertThrows(ShapeException.class, () -> new Pool2d.Geometry(2, 2, 2, 2, 2, 0));
      Pool2d.Geometry huge = new Pool2d.Geometry(1 << 16, 1 << 16, 1, 1, 32_767, 32_767);
      Tensor many = Tensor.zeros(scope, Device.scalar(), huge.outputShape(x.shape()).sizes());
      assertThrows(ShapeException.class, () -> Pool2d.average(x, huge, many));
      assertThrows(ShapeException.class, () -> new Pool2d.Geometry(2, 0, 2, 2, 0, 0));
      x.fill(5f);
      for (Device d : new Device[] {device, Device.vector()}) {
        Tensor dx = x.to(scope, d);
        IndexException index =
            assertThrows(
                IndexException.class,
                () -> Pool2d.maxGradient(y.to(scope, d), argmax.to(scope, d), two, dx));
        assertTrue(
            index.getMessage().contains("argmax[0] is 99; it must be in [0, 16)"),
            index.getMessage());
        assertFalse(Bits.compare(x.toFloatArray(), dx.toFloatArray()).isPresent());
      }
    }
  }

  /** The first of several, in the middle of a vector and after the last whole one. */
  @Test
  void aPlaceOutsideThePlaneIsNamed() {
    try (Scope scope = Scope.open()) {
      for (int bad : new int[] {0, 41, 99}) {
        int[] places = new int[100];
        places[bad] = bad == 41 ? -1 : 400;
        places[99] = 400;
        for (Device device : List.of(Device.scalar(), Device.vector(), Device.vector(128, 1))) {
          Tensor dy = Tensor.zeros(scope, device, 1, 1, 10, 10);
          Tensor argmax = Tensor.of(scope, device, places, 1, 1, 10, 10);
          Tensor dx = Tensor.zeros(scope, device, 1, 1, 20, 20);
          IndexException index =
              assertThrows(
                  IndexException.class,
                  () -> Pool2d.maxGradient(dy, argmax, Pool2d.Geometry.of(2), dx));
          assertTrue(index.getMessage().contains("argmax[" + bad + "]"), index.getMessage());
        }
      }
    }
  }
}

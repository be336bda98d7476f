package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GatherTest {
  private static List<Device> all() {
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.addFirst(Devices.control());
    return devices;
  }

  /** Every word, payloads of NaN included, against plain array copies. */
  private static void check(int rows, int columns, int[] indices) {
    int[] table = new int[rows * columns];
    for (int i = 0; i < table.length; i++) {
      table[i] = i * 0x9E3779B1;
    }
    int[] expected = new int[indices.length * columns];
    for (int i = 0; i < indices.length; i++) {
      System.arraycopy(table, indices[i] * columns, expected, i * columns, columns);
    }
    float[] floats = new float[table.length];
    for (int i = 0; i < table.length; i++) {
      floats[i] = i % 3 == 0 ? -0f : i;
    }
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor at = Tensor.of(scope, device, indices, indices.length);
        Tensor out = Tensor.empty(scope, device, DType.I32, Shape.of(indices.length, columns));
        Gather.gather(Tensor.of(scope, device, table, rows, columns), at, out);
        assertArrayEquals(expected, out.toIntArray(), rows + "×" + columns + " on " + device);
        Tensor real = Tensor.empty(scope, device, indices.length, columns);
        Gather.gather(Tensor.of(scope, device, floats, rows, columns), at, real);
        float[] got = real.toFloatArray();
        for (int i = 0; i < got.length; i++) {
          float wanted = floats[indices[i / columns] * columns + i % columns];
          assertEquals(Float.floatToRawIntBits(wanted), Float.floatToRawIntBits(got[i]));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 15, 16, 17, 49, 127, 128, 129, 256, 511, 512, 513, 1030})
  void rowsOfAnyLength(int columns) {
    check(7, columns, Values.indices(columns, 100, 7));
    check(1, columns, new int[] {0});
  }

  @Test
  void manyIndices() {
    check(1000, 3, Values.indices(1, 70_000, 1000));
  }

  @Test
  void indicesAndRowsOfAnyShape() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor table = Tensor.of(scope, device, Values.random(1, 30), 5, 2, 3);
        Tensor at = Tensor.of(scope, device, new int[] {4, 0, 2, 2}, 2, 2);
        Tensor out = Tensor.empty(scope, device, 2, 2, 2, 3);
        Gather.gather(table, at, out);
        float[] from = table.toFloatArray();
        float[] got = out.toFloatArray();
        for (int i = 0; i < 24; i++) {
          assertEquals(from[new int[] {4, 0, 2, 2}[i / 6] * 6 + i % 6], got[i]);
        }
      }
    }
  }

  @Test
  void misalignedSlices() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor table = Tensor.of(scope, device, Values.random(1, 81), 81).slice(1, 81);
        Tensor out = Tensor.empty(scope, device, 25);
        Tensor at = Tensor.of(scope, device, new int[] {9, 3, 19}, 3);
        Gather.gather(table.reshape(20, 4), at, out.slice(3, 15).reshape(3, 4));
        float[] from = table.toFloatArray();
        float[] got = out.toFloatArray();
        for (int i = 0; i < 12; i++) {
          assertEquals(from[new int[] {9, 3, 19}[i / 4] * 4 + i % 4], got[3 + i]);
        }
      }
    }
  }

  @Test
  void noIndices() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Gather.gather(
            Tensor.zeros(scope, device, 3, 4),
            Tensor.of(scope, device, new int[0], 0),
            Tensor.empty(scope, device, 0, 4));
      }
    }
  }

  @Test
  void anIndexOutsideChangesNothing() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor table = Tensor.zeros(scope, device, 10, 4);
        Tensor out = Tensor.zeros(scope, device, 3000, 4).fill(9f);
        for (int bad : new int[] {10, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
          int[] at = Values.indices(1, 3000, 10);
          at[2999] = 77;
          at[1234] = bad;
          Tensor indices = Tensor.of(scope, device, at, 3000);
          IndexException e =
              assertThrows(IndexException.class, () -> Gather.gather(table, indices, out));
          assertTrue(
              e.getMessage().contains("indices[1234] is " + bad + "; it must be in [0, 10)"),
              e.getMessage());
        }
        for (float v : out.toFloatArray()) {
          assertEquals(9f, v);
        }
      }
    }
  }

  @Test
  void badTensorsChangeNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor table = Tensor.zeros(scope, device, 10, 4);
      Tensor indices = Tensor.of(scope, device, new int[] {1, 2}, 2);
      Tensor out = Tensor.zeros(scope, device, 2, 4).fill(9f);
      Tensor wide = Tensor.zeros(scope, device, 2, 5);
      Tensor floats = Tensor.zeros(scope, device, 2);
      Tensor elsewhere = Tensor.zeros(scope, Device.vector(), 10, 4);
      assertThrows(ShapeException.class, () -> Gather.gather(table, indices, wide));
      assertThrows(DTypeException.class, () -> Gather.gather(table, floats, out));
      assertThrows(DeviceException.class, () -> Gather.gather(elsewhere, indices, out));
      assertThrows(ShapeException.class, () -> Gather.gather(table, indices, table.slice(0, 2)));
      assertThrows(
          DTypeException.class,
          () ->
              Gather.gather(
                  table, indices, Tensor.empty(scope, device, DType.I32, Shape.of(2, 4))));
      for (float v : out.toFloatArray()) {
        assertEquals(9f, v);
      }
    }
  }
}

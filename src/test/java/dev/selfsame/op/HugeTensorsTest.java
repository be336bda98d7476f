package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.Softcuda;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Index arithmetic of CUDA kernels beyond 2^31 and 2^32 elements, on softcuda, whose large
 * allocations here take memory only where they are touched: kernels that touch little of large
 * tensors. An index of 32 bits would lead to zeros, or to a guard page and a fault.
 */
class HugeTensorsTest {
  private Device.Cuda device;

  @BeforeEach
  void sparse() {
    device =
        Devices.tested().stream()
            .filter(d -> d.toString().equals("softcuda:shuffled"))
            .map(Device.Cuda.class::cast)
            .findFirst()
            .orElseGet(() -> Assumptions.abort("NOT RUN: softcuda is not there"));
    Softcuda.controls().memory(1L << 40);
    Softcuda.controls().sparse(1L << 30);
  }

  @AfterEach
  void dense() {
    if (device != null) {
      Softcuda.controls().sparse(0);
      Softcuda.controls().memory(device.context().properties().totalBytes());
    }
  }

  private static float[] random(int seed, int count) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** First and last rows, and those around 2^31 and 2^32 elements, as far as there are any. */
  private static int[] rows(int rows, int columns) {
    return List.of(
            0L,
            1L,
            (1L << 31) / columns,
            (1L << 31) / columns + 1,
            (1L << 32) / columns,
            (1L << 32) / columns + 1,
            rows - 1L)
        .stream()
        .filter(r -> r < rows)
        .mapToInt(Long::intValue)
        .toArray();
  }

  private static void write(Tensor table, int[] rows, float[] values, int columns) {
    for (int i = 0; i < rows.length; i++) {
      float[] row = Arrays.copyOfRange(values, i * columns, (i + 1) * columns);
      table.slice(rows[i], rows[i] + 1L).copyFrom(MemorySegment.ofArray(row));
    }
  }

  /** Rows of 16-byte accesses and of 4-byte ones. */
  @ParameterizedTest
  @CsvSource({"1500000, 3072", "2100000, 1025"})
  void gather(int rows, int columns) {
    int[] touched = rows(rows, columns);
    float[] values = random(1, touched.length * columns);
    long last = (rows - 1L) * columns;
    assertNotEquals(last, (int) last, "this shape would not show a short index");
    try (Scope scope = Scope.open()) {
      Tensor table = Tensor.empty(scope, device, rows, columns);
      write(table, touched, values, columns);
      Tensor at = Tensor.of(scope, device, touched, touched.length);
      Tensor out = Tensor.empty(scope, device, touched.length, columns);
      Gather.gather(table, at, out);
      Bits.assertSame("gather", values, out.toFloatArray());
      Tensor outside = Tensor.of(scope, device, new int[] {rows}, 1);
      Tensor one = Tensor.empty(scope, device, 1, columns);
      assertThrows(IndexException.class, () -> Gather.gather(table, outside, one));
    }
  }

  @ParameterizedTest
  @CsvSource({"1500000, 3072", "2100000, 1025"})
  void scatterAdd(int rows, int columns) {
    int[] touched = rows(rows, columns);
    int terms = 3 * touched.length;
    int[] far = new int[terms];
    int[] near = new int[terms];
    for (int i = 0; i < terms; i++) {
      near[i] = (i * 5 + 1) % touched.length;
      far[i] = touched[near[i]];
    }
    float[] before = random(2, touched.length * columns);
    float[] src = random(3, terms * columns);
    try (Scope scope = Scope.open()) {
      Tensor small = Tensor.of(scope, Devices.control(), before, touched.length, columns);
      ScatterAdd.scatterAdd(
          Tensor.of(scope, Devices.control(), src, terms, columns),
          Tensor.of(scope, Devices.control(), near, terms),
          small);
      Tensor table = Tensor.empty(scope, device, rows, columns);
      write(table, touched, before, columns);
      ScatterAdd.scatterAdd(
          Tensor.of(scope, device, src, terms, columns),
          Tensor.of(scope, device, far, terms),
          table);
      for (int i = 0; i < touched.length; i++) {
        Bits.assertSame(
            "row " + touched[i],
            small.slice(i, i + 1).toFloatArray(),
            table.slice(touched[i], touched[i] + 1L).toFloatArray());
      }
      // A row beside them, where a short index could have led.
      assertArrayEquals(new float[columns], table.slice(2, 3).toFloatArray());
    }
  }

  /**
   * A wide stride reads 25 pixels of each plane of 400 million; the small image is those pixels.
   */
  @Test
  void convolutionReadsFarPixels() {
    int channels = 8;
    int size = 20_001;
    int stride = 5_000;
    int kept = 5;
    float[] pixels = random(4, channels * kept * kept);
    float[] weights = random(5, 3 * channels);
    float[] slopes = random(6, 3 * kept * kept);
    try (Scope scope = Scope.open()) {
      Device control = Devices.control();
      Conv2d.Geometry plain = Conv2d.Geometry.of(1, 0);
      Tensor small = Tensor.of(scope, control, pixels, 1, channels, kept, kept);
      Tensor y = Tensor.empty(scope, control, 1, 3, kept, kept);
      Tensor dw = Tensor.empty(scope, control, 3, channels, 1, 1);
      Conv2d.forward(small, Tensor.of(scope, control, weights, 3, channels, 1, 1), null, plain, y);
      Conv2d.weightGradient(small, Tensor.of(scope, control, slopes, 1, 3, kept, kept), plain, dw);

      Tensor x = Tensor.empty(scope, device, 1, channels, size, size);
      Tensor pixelRows = x.reshape((long) channels * size * size, 1);
      for (int i = 0; i < pixels.length; i++) {
        long row = i / kept % kept * (long) stride;
        long at = ((long) (i / kept / kept) * size + row) * size + i % kept * (long) stride;
        pixelRows.slice(at, at + 1).copyFrom(MemorySegment.ofArray(new float[] {pixels[i]}));
      }
      Conv2d.Geometry far = Conv2d.Geometry.of(stride, 0);
      Tensor farY = Tensor.empty(scope, device, 1, 3, kept, kept);
      Tensor farDw = Tensor.empty(scope, device, 3, channels, 1, 1);
      Conv2d.forward(x, Tensor.of(scope, device, weights, 3, channels, 1, 1), null, far, farY);
      Bits.assertSame("forward", y.toFloatArray(), farY.toFloatArray());
      Conv2d.weightGradient(x, Tensor.of(scope, device, slopes, 1, 3, kept, kept), far, farDw);
      Bits.assertSame("weight gradient", dw.toFloatArray(), farDw.toFloatArray());
    }
  }
}

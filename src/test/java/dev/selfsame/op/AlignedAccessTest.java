package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * CUDA kernels go 16 bytes at a time where operands lie on 16 bytes, and 4 where they don't: the
 * same bits either way. (Softcuda stops a kernel that reads 16 bytes from anywhere else.)
 */
class AlignedAccessTest {
  private static final Conv2d.Geometry GEOMETRY = Conv2d.Geometry.of(1, 0);

  /** Values in a tensor that begins `shift` floats behind its memory. */
  private static Tensor at(Scope scope, Device device, int shift, float[] values, long... shape) {
    Tensor memory = Tensor.zeros(scope, device, values.length + shift);
    Tensor slice = memory.slice(shift, shift + values.length);
    slice.copyFrom(MemorySegment.ofArray(values));
    return slice.reshape(shape);
  }

  private static float[] rows(Device device, int shift, int rows, int columns) {
    try (Scope scope = Scope.open()) {
      Tensor x = at(scope, device, shift, Values.random(1, rows * columns), rows, columns);
      Tensor dy = at(scope, device, shift, Values.random(2, rows * columns), rows, columns);
      Tensor gamma = at(scope, device, shift, Values.random(3, columns), columns);
      Tensor y = at(scope, device, shift, new float[rows * columns], rows, columns);
      Tensor all = Tensor.zeros(scope, device, 8, rows, columns);
      Softmax.softmax(x, y);
      all.slice(0, 1).reshape(rows, columns).copyFrom(y);
      Softmax.softmaxGradient(y, dy, y);
      all.slice(1, 2).reshape(rows, columns).copyFrom(y);
      Softmax.logSoftmax(x, y);
      all.slice(2, 3).reshape(rows, columns).copyFrom(y);
      Softmax.logSoftmaxGradient(y, dy, y);
      all.slice(3, 4).reshape(rows, columns).copyFrom(y);
      Tensor mean = Tensor.zeros(scope, device, rows);
      Tensor rstd = Tensor.zeros(scope, device, rows);
      LayerNorm.forward(x, gamma, gamma, 1e-5f, y, mean, rstd);
      all.slice(4, 5).reshape(rows, columns).copyFrom(y);
      Tensor dgamma = at(scope, device, shift, new float[columns], columns);
      Tensor dbeta = at(scope, device, shift, new float[columns], columns);
      LayerNorm.gradient(dy, x, gamma, mean, rstd, y, dgamma, dbeta);
      all.slice(5, 6).reshape(rows, columns).copyFrom(y);
      all.slice(6, 7).reshape(rows, columns).slice(0, 1).reshape(columns).copyFrom(dgamma);
      all.slice(7, 8).reshape(rows, columns).slice(0, 1).reshape(columns).copyFrom(dbeta);
      return all.toFloatArray();
    }
  }

  /** Of one tap, in the sizes that choose each of the tiles. */
  private static float[] point(Device device, int shift, int n, int c, int k, int side) {
    try (Scope scope = Scope.open()) {
      int plane = side * side;
      Tensor x = at(scope, device, shift, Values.random(4, n * c * plane), n, c, side, side);
      Tensor w = at(scope, device, shift, Values.random(5, k * c), k, c, 1, 1);
      Tensor y = Tensor.zeros(scope, device, n, k, side, side);
      Conv2d.forward(x, w, null, GEOMETRY, y);
      Tensor dx = Tensor.zeros(scope, device, n, c, side, side);
      Conv2d.dataGradient(y, w, GEOMETRY, dx);
      float[] forward = y.toFloatArray();
      float[] gradient = dx.toFloatArray();
      float[] both = Arrays.copyOf(forward, forward.length + gradient.length);
      System.arraycopy(gradient, 0, both, forward.length, gradient.length);
      return both;
    }
  }

  @TestFactory
  List<DynamicTest> alignedAndShifted() {
    return Devices.tested().stream()
        .filter(d -> d instanceof Device.Cuda)
        .map(d ->
            DynamicTest.dynamicTest(
                d.toString(),
                () -> {
                  for (int columns : new int[] {4, 32, 36, 128, 132, 516, 1024, 1028, 2052}) {
                    float[] expected = rows(Devices.control(), 0, 35, columns);
                    for (int shift : new int[] {0, 1, 4}) {
                      String what = columns + " columns, shifted by " + shift;
                      Bits.assertSame(what, expected, rows(d, shift, 35, columns));
                    }
                  }
                  int[][] sizes = {
                    {3, 530, 8, 6}, {2, 9, 40, 6}, {16, 5, 130, 16}, {65, 5, 130, 16}
                  };
                  for (int[] z : sizes) {
                    float[] expected = point(Devices.control(), 0, z[0], z[1], z[2], z[3]);
                    for (int shift : new int[] {0, 1}) {
                      String what = "1x1 " + Arrays.toString(z) + " shifted " + shift;
                      Bits.assertSame(what, expected, point(d, shift, z[0], z[1], z[2], z[3]));
                    }
                  }
                }))
        .toList();
  }
}

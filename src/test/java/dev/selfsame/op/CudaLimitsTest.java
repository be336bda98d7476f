package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.verify.Bits;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Where CUDA takes less than the other devices, and where a grid's limits come near. */
class CudaLimitsTest {
  private static final int MOST = 1 << 24;

  static List<Device> gpus() {
    return Devices.tested().stream()
        .filter(d -> d.toString().matches("softcuda:shuffled|cuda:.*"))
        .toList();
  }

  private static void refused(int terms, String op, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.startsWith(op + " of "), message);
    assertTrue(
        message.contains("an output has " + terms + " terms; on CUDA at most 2^24"), message);
  }

  @ParameterizedTest
  @MethodSource("gpus")
  void convolutionOfTooManyTerms(Device gpu) {
    Conv2d.Geometry plain = Conv2d.Geometry.of(1, 0);
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.empty(scope, gpu, 1, MOST + 1, 1, 1);
      Tensor w = Tensor.empty(scope, gpu, 1, MOST + 1, 1, 1);
      Tensor y = Tensor.of(scope, gpu, new float[] {7}, 1, 1, 1, 1);
      refused(MOST + 1, "conv2d forward", () -> Conv2d.forward(x, w, null, plain, y));
      assertEquals(7, y.item());
    }
  }

  /** Row 0 of dx has one tap, row 1 has two: the first phase would be within the limit. */
  @ParameterizedTest
  @MethodSource("gpus")
  void dataGradientOfTooManyTermsInOnePhase(Device gpu) {
    int k = MOST / 2 + 1;
    Conv2d.Geometry strided = Conv2d.Geometry.of(1, 0).withStride(2, 1).withPadding(1, 0);
    try (Scope scope = Scope.open()) {
      Tensor dy = Tensor.empty(scope, gpu, 1, k, 1, 1);
      Tensor w = Tensor.empty(scope, gpu, k, 1, 3, 1);
      Tensor dx = Tensor.of(scope, gpu, new float[] {7, 8}, 1, 1, 2, 1);
      refused(2 * k, "conv2d data gradient", () -> Conv2d.dataGradient(dy, w, strided, dx));
      Bits.assertSame("dx is untouched", new float[] {7, 8}, dx.toFloatArray());
    }
  }

  /** Chunks of a contraction are a grid's y. */
  @Test
  void chunksFitAGrid() {
    for (int log = 0; log < 62; log++) {
      for (long k : new long[] {(1L << log) - 1, 1L << log, (1L << log) + 1}) {
        assertTrue(Math.ceilDiv(k, Contract.chunk(k)) <= 65_535, "k = " + k);
      }
    }
  }

  /** Products of a batch are a grid's z: more than 65,535 take two launches. */
  @ParameterizedTest
  @MethodSource("gpus")
  void moreProductsThanAGridsDepth(Device gpu) {
    int batch = 65_537;
    float[] a = new float[2 * batch];
    float[] b = new float[2 * batch];
    float[] expected = new float[batch];
    for (int i = 0; i < batch; i++) {
      a[2 * i] = i;
      a[2 * i + 1] = 1;
      b[2 * i] = 2;
      b[2 * i + 1] = i % 7;
      expected[i] = 2f * i + i % 7;
    }
    try (Scope scope = Scope.open()) {
      Tensor out = Tensor.empty(scope, gpu, batch, 1, 1);
      Gemm.gemm(Tensor.of(scope, gpu, a, batch, 1, 2), Tensor.of(scope, gpu, b, batch, 2, 1), out);
      Bits.assertSame("batch", expected, out.toFloatArray());
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.Softcuda;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Each allocation of an operation fails once, on softcuda: an exception, the destination untouched,
 * nothing left allocated, and the next call works.
 */
class CudaOutOfMemoryTest {
  private static final Device.Cuda DEVICE = device();

  private static Device.Cuda device() {
    return (Device.Cuda)
        Devices.tested().stream()
            .filter(d -> d.toString().equals("softcuda"))
            .findFirst()
            .orElse(null);
  }

  @BeforeEach
  void needsSoftcuda() {
    Assumptions.assumeTrue(DEVICE != null, "NOT RUN: softcuda is not usable");
  }

  @AfterEach
  void reset() {
    if (DEVICE != null) {
      Softcuda.controls().reset();
    }
  }

  /**
   * Runs until no allocation fails.
   *
   * @param least allocations that the operation makes at least
   */
  private static void check(Runnable op, int least, Tensor... outs) {
    for (Tensor out : outs) {
      out.fill(5f);
    }
    long before = DEVICE.context().liveBytes();
    int failed = 0;
    while (true) {
      Softcuda.controls().failAllocation(failed + 1);
      try {
        op.run();
        break;
      } catch (DeviceException e) {
        failed++;
        assertTrue(e.getMessage().contains("bytes"), e.getMessage());
        assertEquals(before, DEVICE.context().liveBytes(), "after allocation " + failed);
        for (Tensor out : outs) {
          float[] untouched = new float[(int) out.elements()];
          Arrays.fill(untouched, 5f);
          assertArrayEquals(untouched, out.toFloatArray(), "after allocation " + failed);
        }
      }
    }
    Softcuda.controls().reset();
    assertEquals(before, DEVICE.context().liveBytes());
    assertTrue(failed >= least, failed + " allocations");
  }

  @Test
  void sums() {
    try (Scope scope = Scope.open()) {
      // Three levels of blocks of 1,024, and of runs of 32.
      Tensor x = Tensor.zeros(scope, DEVICE, (1 << 20) + 1);
      Tensor sum = Tensor.empty(scope, DEVICE, 1);
      check(() -> Sums.sum(x, sum), 2, sum);
      Tensor rows = Tensor.zeros(scope, DEVICE, 1025, 2);
      Tensor columns = Tensor.empty(scope, DEVICE, 2);
      check(() -> Sums.columns(rows, columns), 2, columns);
    }
  }

  @Test
  void splitGemm() {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.zeros(scope, DEVICE, 2, 1500);
      Tensor b = Tensor.zeros(scope, DEVICE, 1500, 3);
      Tensor out = Tensor.empty(scope, DEVICE, 2, 3);
      check(() -> Gemm.gemm(a, b, out), 1, out);
    }
  }

  @Test
  void scatterAdd() {
    try (Scope scope = Scope.open()) {
      Tensor src = Tensor.zeros(scope, DEVICE, 100, 3);
      Tensor indices = Tensor.empty(scope, DEVICE, DType.I32, Shape.of(100)).fill(1);
      Tensor dst = Tensor.empty(scope, DEVICE, 4, 3);
      check(() -> ScatterAdd.scatterAdd(src, indices, dst), 5, dst);
    }
  }

  @Test
  void gather() {
    try (Scope scope = Scope.open()) {
      Tensor table = Tensor.zeros(scope, DEVICE, 4, 3);
      Tensor indices = Tensor.empty(scope, DEVICE, DType.I32, Shape.of(10)).fill(1);
      Tensor out = Tensor.empty(scope, DEVICE, 10, 3);
      check(() -> Gather.gather(table, indices, out), 1, out);
    }
  }

  @Test
  void crossEntropy() {
    try (Scope scope = Scope.open()) {
      Tensor logits = Tensor.zeros(scope, DEVICE, 1025, 2);
      Tensor labels = Tensor.empty(scope, DEVICE, DType.I32, Shape.of(1025)).fill(1);
      Tensor losses = Tensor.empty(scope, DEVICE, 1025);
      Tensor loss = Tensor.empty(scope, DEVICE, 1);
      // The mean needs memory once the losses of the rows are written.
      check(() -> CrossEntropy.forward(logits, labels, losses, loss), 2, loss);
      Tensor gradient = Tensor.empty(scope, DEVICE, 1025, 2);
      check(() -> CrossEntropy.gradient(logits, labels, 1f, gradient), 1, gradient);
    }
  }

  @Test
  void contrastiveLoss() {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.zeros(scope, DEVICE, 1025, 2);
      Tensor labels = Tensor.empty(scope, DEVICE, DType.I32, Shape.of(1025)).fill(1);
      Tensor rows = Tensor.empty(scope, DEVICE, 1025);
      Tensor losses = Tensor.empty(scope, DEVICE, 1025);
      Tensor loss = Tensor.empty(scope, DEVICE, 1);
      // The mean needs memory once the losses of the rows are written.
      check(() -> ContrastiveLoss.forward(a, a, labels, 1f, rows, losses, loss), 2, loss);
      Tensor da = Tensor.empty(scope, DEVICE, 1025, 2);
      Tensor db = Tensor.empty(scope, DEVICE, 1025, 2);
      check(() -> ContrastiveLoss.gradient(a, a, labels, 1f, rows, 1f, da, db), 1, da, db);
    }
  }

  @Test
  void squaredDistance() {
    try (Scope scope = Scope.open()) {
      List<Tensor> a = List.of(Tensor.zeros(scope, DEVICE, 5000));
      List<Tensor> b = List.of(Tensor.zeros(scope, DEVICE, 5000));
      Tensor distances = Tensor.empty(scope, DEVICE, 1);
      Tensor penalty = Tensor.empty(scope, DEVICE, 1);
      check(() -> SquaredDistance.forward(a, b, 1f, distances, penalty), 2, distances, penalty);
      Tensor da = Tensor.empty(scope, DEVICE, 5000);
      check(() -> SquaredDistance.gradient(a, b, 1f, 1f, List.of(da), null), 1, da);
    }
  }

  @Test
  void klDivergence() {
    try (Scope scope = Scope.open()) {
      Tensor logits = Tensor.zeros(scope, DEVICE, 1025, 2);
      Tensor losses = Tensor.empty(scope, DEVICE, 1025);
      Tensor loss = Tensor.empty(scope, DEVICE, 1);
      check(() -> KlDivergence.forward(logits, logits, 2f, losses, loss), 1, loss);
    }
  }

  @Test
  void layerNorm() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, DEVICE, 70, 3);
      Tensor gamma = Tensor.zeros(scope, DEVICE, 3);
      Tensor rows = Tensor.zeros(scope, DEVICE, 70);
      Tensor dx = Tensor.empty(scope, DEVICE, 70, 3);
      Tensor dgamma = Tensor.empty(scope, DEVICE, 3);
      Tensor dbeta = Tensor.empty(scope, DEVICE, 3);
      check(
          () -> LayerNorm.gradient(x, x, gamma, rows, rows, dx, dgamma, dbeta),
          1,
          dx,
          dgamma,
          dbeta);
    }
  }

  @Test
  void batchNorm() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, DEVICE, 4, 3);
      Tensor v = Tensor.zeros(scope, DEVICE, 3);
      Tensor y = Tensor.empty(scope, DEVICE, 4, 3);
      Tensor a = Tensor.empty(scope, DEVICE, 3);
      Tensor b = Tensor.empty(scope, DEVICE, 3);
      check(() -> BatchNorm.forward(x, v, v, 1f, null, y, a, b), 1, y, a, b);
      check(() -> BatchNorm.evaluate(x, v, v, 1f, v, v, y), 1, y);
      check(() -> BatchNorm.gradient(x, x, v, v, v, y, a, b), 1, y, a, b);
    }
  }

  @Test
  void attention() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(scope, DEVICE, 2, 3, 12);
      Tensor dout = Tensor.zeros(scope, DEVICE, 2, 3, 4);
      Tensor out = Tensor.zeros(scope, DEVICE, 2, 3, 4);
      Tensor statistics = Tensor.zeros(scope, DEVICE, 2, 2, 2, 3);
      Tensor dx = Tensor.empty(scope, DEVICE, 2, 3, 12);
      check(() -> Attention.gradient(dout, x, null, 2, true, out, statistics, dx), 1, dx);
    }
  }

  @Test
  void updates() {
    try (Scope scope = Scope.open()) {
      Tensor p = Tensor.empty(scope, DEVICE, 10);
      Tensor g = Tensor.zeros(scope, DEVICE, 10);
      Tensor m = Tensor.empty(scope, DEVICE, 10);
      Tensor v = Tensor.empty(scope, DEVICE, 10);
      AdamW.Hyper hyper = new AdamW.Hyper(0.1, 0.9, 0.99, 1e-8, 0, 1, AdamW.Decay.DECOUPLED);
      check(() -> AdamW.step(List.of(p), List.of(g), List.of(m), List.of(v), hyper), 1, p, m, v);
      Sgd.Hyper plain = new Sgd.Hyper(0.1, 0.9, 0, false);
      check(() -> Sgd.step(List.of(p), List.of(g), List.of(m), plain), 1, p, m);
      Tensor norm = Tensor.empty(scope, DEVICE, 1);
      check(() -> GlobalNorm.norm(List.of(g), norm), 1);
    }
  }
}

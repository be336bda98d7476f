package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.SgdVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One update of stochastic gradient descent with momentum (operation order as PyTorch's, without
 * dampening), for any number of tensors in one call. For each element, three or four roundings:
 *
 * <pre>
 *   g ← fma(λ, p, g)
 *   v ← fma(μ, v, g)
 *   p ← fma(−lr, d, p)   with d = v, or with Nesterov d = fma(μ, v, g)
 * </pre>
 *
 * lr, λ and μ are rounded once from double.
 */
public final class Sgd {
  private static final Kernel STEP = Kernel.of("sgd_step");
  private static final List<String> NAMES = List.of("parameters", "gradients", "velocities");

  private Sgd() {}

  /**
   * Settings of one update.
   *
   * @param learningRate at least 0
   * @param momentum μ, in [0, 1)
   * @param weightDecay λ, at least 0
   * @param nesterov whether the gradient is looked up ahead
   */
  public record Hyper(double learningRate, double momentum, double weightDecay, boolean nesterov) {
    /** Checks the ranges. */
    public Hyper {
      if (!(learningRate >= 0)) {
        throw new IllegalArgumentException(
            "sgd: learningRate is " + learningRate + "; it must be at least 0");
      }
      if (!(momentum >= 0 && momentum < 1)) {
        throw new IllegalArgumentException(
            "sgd: momentum is " + momentum + "; it must be in [0, 1)");
      }
      if (!(weightDecay >= 0)) {
        throw new IllegalArgumentException(
            "sgd: weightDecay is " + weightDecay + "; it must be at least 0");
      }
    }
  }

  /**
   * Updates parameters and velocities in place.
   *
   * @param parameters p, any shapes
   * @param gradients g, same shapes, read only
   * @param velocities v, same shapes; +0 before the first update
   * @throws dev.selfsame.SelfsameException if lengths, shapes, types or devices differ or memory is
   *     shared; nothing is written then
   */
  public static void step(
      List<Tensor> parameters, List<Tensor> gradients, List<Tensor> velocities, Hyper hyper) {
    TensorList list = TensorList.of("sgd", NAMES, List.of(parameters, gradients, velocities));
    if (list.isEmpty()) {
      return;
    }
    float lambda = (float) hyper.weightDecay;
    float mu = (float) hyper.momentum;
    float minusRate = (float) -hyper.learningRate;
    switch (list.device()) {
      case Device.Scalar d -> scalar(list, lambda, mu, minusRate, hyper.nesterov);
      case Device.Vector d ->
          SgdVector.on(d.bits())
              .step(
                  list.firstPiece(),
                  TensorList.PIECE,
                  list.memory(0),
                  list.memory(1),
                  list.memory(2),
                  new float[] {lambda, mu, minusRate},
                  hyper.nesterov,
                  d.workers());
      case Device.Cuda d -> cuda(d.context(), list, lambda, mu, minusRate, hyper.nesterov);
    }
  }

  private static void scalar(
      TensorList list, float lambda, float mu, float minusRate, boolean nesterov) {
    for (int t = 0; t < list.tensors(); t++) {
      MemorySegment ps = list.memory(0).of(t);
      MemorySegment gs = list.memory(1).of(t);
      MemorySegment vs = list.memory(2).of(t);
      for (long i = 0; i < ps.byteSize() / Float.BYTES; i++) {
        float p = f32(ps, i);
        float g = Math.fma(lambda, p, f32(gs, i));
        float v = Math.fma(mu, f32(vs, i), g);
        float d = nesterov ? Math.fma(mu, v, g) : v;
        f32(ps, i, Math.fma(minusRate, d, p));
        f32(vs, i, v);
      }
    }
  }

  private static void cuda(
      CudaContext context,
      TensorList list,
      float lambda,
      float mu,
      float minusRate,
      boolean nesterov) {
    long table = list.upload(context);
    try {
      context
          .launch(STEP)
          .grid(list.pieces())
          .block(256)
          .arg(table)
          .arg(list.tensors())
          .arg(lambda)
          .arg(mu)
          .arg(minusRate)
          .arg(nesterov ? 1 : 0)
          .what(() -> "sgd of " + list)
          .run();
    } finally {
      context.free(table);
    }
  }
}

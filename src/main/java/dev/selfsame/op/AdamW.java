package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.AdamWVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One update of Adam with decoupled weight decay (Loshchilov &amp; Hutter 2019, algorithm 2;
 * operation order as PyTorch's single-tensor form), for any number of tensors of any sizes in one
 * call. {@link Decay#L2} adds the decay to the gradient instead (Kingma &amp; Ba 2015 with L2
 * regularisation).
 *
 * <p>Host scalars, computed in double and rounded once: {@code keep} = 1 − lr·λ, {@code w1} = 1 −
 * β1, {@code b2} = β2, {@code w2} = 1 − β2, {@code rate} = lr / (1 − β1^t), {@code root} = √(1 −
 * β2^t), {@code eps} = ε, {@code lambda} = λ.
 *
 * <p>For each element, every line one or more roundings as written (· + − / √ round once each, fma
 * once):
 *
 * <pre>
 *   decoupled:  p ← p·keep              L2:  g ← fma(lambda, p, g)
 *   m ← fma(w1, g − m, m)
 *   v ← fma(w2·g, g, b2·v)
 *   p ← p − (rate·m) / (√v / root + eps)
 * </pre>
 *
 * Elements do not meet: no sum, no order.
 */
public final class AdamW {
  private static final Kernel STEP = Kernel.of("adamw_step");
  private static final List<String> NAMES =
      List.of("parameters", "gradients", "firstMoments", "secondMoments");

  private AdamW() {}

  /** How weight decay enters. */
  public enum Decay {
    /** The parameter shrinks by lr·λ, apart from the gradient. */
    DECOUPLED,
    /** λ·p is added to the gradient, and so passes through the moments. */
    L2
  }

  /**
   * Settings of one update.
   *
   * @param learningRate at least 0
   * @param beta1 in [0, 1)
   * @param beta2 in [0, 1)
   * @param epsilon above 0
   * @param weightDecay λ, at least 0
   * @param step number of this update, from 1
   * @param decay how λ enters
   */
  public record Hyper(
      double learningRate,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay,
      long step,
      Decay decay) {
    /** Checks the ranges. */
    public Hyper {
      require(learningRate >= 0, "learningRate", learningRate, "at least 0");
      require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "in [0, 1)");
      require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "in [0, 1)");
      require((float) epsilon > 0, "epsilon", epsilon, "above 0 as a float");
      require(weightDecay >= 0, "weightDecay", weightDecay, "at least 0");
      require(step >= 1, "step", step, "at least 1");
    }

    private static void require(boolean holds, String name, double value, String allowed) {
      if (!holds) {
        throw new IllegalArgumentException(
            "adamw: " + name + " is " + value + "; it must be " + allowed);
      }
    }

    Scalars scalars() {
      // StrictMath.pow: the same bits on every machine, unlike an intrinsic.
      double correction1 = 1 - StrictMath.pow(beta1, step);
      double correction2 = 1 - StrictMath.pow(beta2, step);
      boolean decoupled = decay == Decay.DECOUPLED;
      return new Scalars(
          decoupled ? (float) (1 - learningRate * weightDecay) : 1f,
          decoupled ? 0f : (float) weightDecay,
          (float) (1 - beta1),
          (float) beta2,
          (float) (1 - beta2),
          (float) (learningRate / correction1),
          (float) Math.sqrt(correction2),
          (float) epsilon,
          !decoupled);
    }
  }

  /** The host scalars, each rounded once. */
  record Scalars(
      float keep,
      float lambda,
      float w1,
      float b2,
      float w2,
      float rate,
      float root,
      float eps,
      boolean l2) {}

  /**
   * Updates parameters and moments in place.
   *
   * @param parameters p, any shapes
   * @param gradients g, same shapes, read only
   * @param firstMoments m, same shapes
   * @param secondMoments v, same shapes
   * @throws dev.selfsame.SelfsameException if lengths, shapes, types or devices differ or memory is
   *     shared; nothing is written then
   */
  public static void step(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Hyper hyper) {
    TensorList list =
        TensorList.of("adamw", NAMES, List.of(parameters, gradients, firstMoments, secondMoments));
    if (list.isEmpty()) {
      return;
    }
    Scalars s = hyper.scalars();
    switch (list.device()) {
      case Device.Scalar d -> scalar(list, s);
      case Device.Vector d ->
          AdamWVector.on(d.bits())
              .step(
                  list.firstPiece(),
                  TensorList.PIECE,
                  list.memory(0),
                  list.memory(1),
                  list.memory(2),
                  list.memory(3),
                  new float[] {s.keep, s.lambda, s.w1, s.b2, s.w2, s.rate, s.root, s.eps},
                  s.l2,
                  d.workers());
      case Device.Cuda d -> cuda(d.context(), list, s);
    }
  }

  private static void scalar(TensorList list, Scalars s) {
    for (int t = 0; t < list.tensors(); t++) {
      MemorySegment ps = list.memory(0).of(t);
      MemorySegment gs = list.memory(1).of(t);
      MemorySegment ms = list.memory(2).of(t);
      MemorySegment vs = list.memory(3).of(t);
      for (long i = 0; i < ps.byteSize() / Float.BYTES; i++) {
        float p = f32(ps, i);
        float g = f32(gs, i);
        float m = f32(ms, i);
        float v = f32(vs, i);
        if (s.l2) {
          g = Math.fma(s.lambda, p, g);
        } else {
          p = p * s.keep;
        }
        m = Math.fma(s.w1, g - m, m);
        v = Math.fma(s.w2 * g, g, s.b2 * v);
        p = p - (s.rate * m) / ((float) Math.sqrt(v) / s.root + s.eps);
        f32(ps, i, p);
        f32(ms, i, m);
        f32(vs, i, v);
      }
    }
  }

  private static void cuda(CudaContext context, TensorList list, Scalars s) {
    long table = list.upload(context);
    try {
      context
          .launch(STEP)
          .grid(list.pieces())
          .block(256)
          .arg(table)
          .arg(list.tensors())
          .arg(s.keep)
          .arg(s.lambda)
          .arg(s.w1)
          .arg(s.b2)
          .arg(s.w2)
          .arg(s.rate)
          .arg(s.root)
          .arg(s.eps)
          .arg(s.l2 ? 1 : 0)
          .what(() -> "adamw of " + list)
          .run();
    } finally {
      context.free(table);
    }
  }
}

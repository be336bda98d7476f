package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.GlobalNormVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The Euclidean norm of many tensors together, and clipping to it (Pascanu, Mikolov &amp; Bengio
 * 2013, algorithm 1).
 *
 * <p>Order: each tensor's sum of squares is {@link Sums#squares}; these, in the list's order, are
 * added by {@link Sums#sum}; one square root. Clipping: c ← minimum(maxNorm / (norm + 1e−6), 1),
 * two roundings; then each g ← g·c. A NaN norm makes c, and so every gradient, NaN: it is not
 * hidden.
 */
public final class GlobalNorm {
  /** Keeps the quotient finite at norm 0, as PyTorch's clip_grad_norm_ does. */
  private static final float GUARD = 1e-6f;

  private static final Kernel ROOT = Kernel.of("global_norm_root");
  private static final Kernel CLIP = Kernel.of("global_norm_clip");

  private GlobalNorm() {}

  /**
   * The norm of all elements of all tensors.
   *
   * @param tensors FP32, any shapes but empty ones, at least one tensor
   * @param norm [1]
   */
  public static void norm(List<Tensor> tensors, Tensor norm) {
    TensorList list = TensorList.of("norm", List.of("tensors"), List.of(tensors));
    check("norm", tensors, norm);
    squares(list, tensors, norm);
    root(list.device(), norm);
  }

  /**
   * Scales the gradients so that their norm is at most {@code maxNorm}.
   *
   * @param gradients FP32, any shapes but empty ones, at least one tensor; changed
   * @param maxNorm above 0
   * @param norm [1], receives the norm before clipping
   */
  public static void clip(List<Tensor> gradients, float maxNorm, Tensor norm) {
    TensorList list = TensorList.of("clip", List.of("gradients"), List.of(gradients));
    check("clip", gradients, norm);
    if (!(maxNorm > 0)) {
      throw new IllegalArgumentException("clip: maxNorm is " + maxNorm + "; it must be above 0");
    }
    squares(list, gradients, norm);
    root(list.device(), norm);
    switch (list.device()) {
      case Device.Scalar d -> scalar(list, coefficient(norm.memory(), maxNorm));
      case Device.Vector d ->
          GlobalNormVector.on(d.bits())
              .scale(
                  list.firstPiece(),
                  TensorList.PIECE,
                  list.memory(0),
                  coefficient(norm.memory(), maxNorm),
                  d.workers());
      case Device.Cuda d -> cuda(d.context(), list, maxNorm, norm);
    }
  }

  private static void check(String op, List<Tensor> tensors, Tensor norm) {
    if (tensors.isEmpty()) {
      throw new ShapeException(op + ": the list of tensors is empty; at least one is needed");
    }
    Check.plain(op, "norm", norm, DType.F32);
    Check.shape(op, "norm", norm, 1);
    for (int t = 0; t < tensors.size(); t++) {
      Tensor tensor = tensors.get(t);
      if (tensor.elements() == 0
          || !tensor.device().equals(norm.device())
          || norm.overlaps(tensor)) {
        // Only now: a name for each of thousands of tensors would be an object.
        String name = "tensor " + t;
        Check.device(op, name, tensor, norm.device());
        Check.notEmpty(op, name, tensor);
        Check.apart(op, name, tensor, "norm", norm);
      }
    }
  }

  private static void squares(TensorList list, List<Tensor> tensors, Tensor total) {
    if (total.device() instanceof Device.Vector d) {
      GlobalNormVector kernel = GlobalNormVector.on(d.bits());
      f32(total.memory(), 0, kernel.squares(list.tensors(), list.memory(0), d.workers()));
      return;
    }
    try (Scope scope = Scope.open()) {
      Tensor sums = Tensor.empty(scope, total.device(), tensors.size());
      for (int t = 0; t < tensors.size(); t++) {
        Sums.squares(tensors.get(t), sums.slice(t, t + 1));
      }
      Sums.sum(sums, total);
    }
  }

  private static void root(Device device, Tensor norm) {
    if (device instanceof Device.Cuda d) {
      d.context().launch(ROOT).grid(1).block(1).arg(norm.address()).run();
    } else {
      f32(norm.memory(), 0, (float) Math.sqrt(f32(norm.memory(), 0)));
    }
  }

  private static float coefficient(MemorySegment norm, float maxNorm) {
    return Math.min(maxNorm / (f32(norm, 0) + GUARD), 1f);
  }

  private static void scalar(TensorList list, float coefficient) {
    for (int t = 0; t < list.tensors(); t++) {
      MemorySegment g = list.memory(0).of(t);
      for (long i = 0; i < g.byteSize() / Float.BYTES; i++) {
        f32(g, i, f32(g, i) * coefficient);
      }
    }
  }

  private static void cuda(CudaContext context, TensorList list, float maxNorm, Tensor norm) {
    long table = list.upload(context);
    try {
      context
          .launch(CLIP)
          .grid(list.pieces())
          .block(256)
          .arg(table)
          .arg(list.tensors())
          .arg(norm.address())
          .arg(maxNorm)
          .arg(GUARD)
          .what(() -> "clip of " + list)
          .run();
    } finally {
      context.free(table);
    }
  }
}

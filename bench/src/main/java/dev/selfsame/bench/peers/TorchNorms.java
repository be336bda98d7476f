package dev.selfsame.bench.peers;

import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's normalizations, into tensors of ours: nothing is allocated but the results' handles.
 */
public final class TorchNorms {
  private static final BoolPointer ALL = new BoolPointer(3).put(0, true).put(1, true).put(2, true);
  private static final TensorOptional NONE = new TensorOptional();
  private static final double MOMENTUM = 0.1;
  private static final BoolOptional TRAIN = new BoolOptional(true);

  private TorchNorms() {}

  /** y, mean [rows, 1] and rstd [rows, 1] of the rows of x, whose columns gamma has. */
  public static void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, double eps, Tensor y, Tensor mean, Tensor rstd) {
    try (var scale = new TensorOptional(gamma);
        var shift = new TensorOptional(beta)) {
      torch
          .native_layer_norm_out(y, mean, rstd, x, new long[] {gamma.numel()}, scale, shift, eps)
          .close();
    }
  }

  /** The gradients of {@link #layerNorm}. */
  public static void layerNormGradient(
      Tensor dy,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor gamma,
      Tensor beta,
      Tensor dx,
      Tensor dgamma,
      Tensor dbeta) {
    try (var scale = new TensorOptional(gamma);
        var shift = new TensorOptional(beta)) {
      torch
          .native_layer_norm_backward_out(
              dx, dgamma, dbeta, dy, x, new long[] {gamma.numel()}, mean, rstd, scale, shift, ALL)
          .close();
    }
  }

  /** y, mean and rstd of each channel of x [n, c, …], in training without running statistics. */
  public static void batchNorm(
      Tensor x, Tensor gamma, Tensor beta, double eps, Tensor y, Tensor mean, Tensor rstd) {
    try (var scale = new TensorOptional(gamma);
        var shift = new TensorOptional(beta)) {
      torch
          .native_batch_norm_out(y, mean, rstd, x, scale, shift, NONE, NONE, true, MOMENTUM, eps)
          .close();
    }
  }

  /** The gradients of {@link #batchNorm}. */
  public static void batchNormGradient(
      Tensor dy,
      Tensor x,
      Tensor mean,
      Tensor rstd,
      Tensor gamma,
      double eps,
      Tensor dx,
      Tensor dgamma,
      Tensor dbeta) {
    try (var scale = new TensorOptional(gamma);
        var m = new TensorOptional(mean);
        var s = new TensorOptional(rstd)) {
      torch
          .native_batch_norm_backward_out(
              dx, dgamma, dbeta, dy, x, scale, NONE, NONE, m, s, true, eps, ALL)
          .close();
    }
  }

  /** y and mask of inverted dropout; the mask is of one byte an element. */
  public static void dropout(Tensor x, double p, Tensor y, Tensor mask) {
    torch.native_dropout_out(y, mask, x, p, TRAIN).close();
  }

  /** A tensor of one byte an element over the segment's memory. */
  public static Tensor flags(MemorySegment memory, long n) {
    try (var options = new TensorOptions(torch.ScalarType.Bool)) {
      return torch.from_blob(new Address(memory.address()), new long[] {n}, options);
    }
  }

  /** A JavaCPP pointer to an address that we own. */
  private static final class Address extends Pointer {
    Address(long address) {
      super((Pointer) null);
      this.address = address;
    }
  }
}

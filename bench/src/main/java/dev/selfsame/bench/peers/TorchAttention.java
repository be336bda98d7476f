package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's scaled_dot_product_attention and its autograd, on [B, T, H, D] seen as [B, H, T, D]:
 * its kernels for the CPU take the strides.
 */
public final class TorchAttention implements AutoCloseable {
  private static final TensorOptional NO_MASK = new TensorOptional();
  private static final BoolOptional KEEP_DEFAULT = new BoolOptional();
  private static final TensorArrayRefOptional ALL_INPUTS = new TensorArrayRefOptional();
  private static final DoubleOptional DEFAULT_SCALE = new DoubleOptional();

  private final List<Tensor> inputs;
  private final boolean causal;
  private final Tensor undefined = new Tensor();

  /** Over q, k and v [B, T, H, D], which are closed with it. */
  public TorchAttention(Tensor q, Tensor k, Tensor v, boolean causal) {
    inputs = List.of(q, k, v);
    this.causal = causal;
  }

  /** The output [B, H, T, D]. */
  public Tensor forward() {
    try (Tensor q = inputs.get(0).transpose(1, 2);
        Tensor k = inputs.get(1).transpose(1, 2);
        Tensor v = inputs.get(2).transpose(1, 2)) {
      return torch.scaled_dot_product_attention(q, k, v, NO_MASK, 0, causal, DEFAULT_SCALE, false);
    }
  }

  /** The inputs ask for gradients from now on. */
  public void train() {
    inputs.forEach(t -> t.set_requires_grad(true));
  }

  /** {@link #forward}, and the gradients of the inputs anew; dout is [B, T, H, D]. */
  public Tensor backward(Tensor dout) {
    inputs.forEach(t -> t.mutable_grad().put(undefined));
    Tensor out = forward();
    try (Tensor d = dout.transpose(1, 2)) {
      out.backward(d, KEEP_DEFAULT, false, ALL_INPUTS);
    }
    return out;
  }

  /** Gradient of q, k or v, [B, T, H, D]; the caller closes it. */
  public Tensor gradient(int input) {
    return inputs.get(input).grad();
  }

  @Override
  public void close() {
    inputs.forEach(Tensor::close);
  }
}

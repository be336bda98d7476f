package dev.selfsame.bench.peers;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped LeNet in libtorch: its functions, its autograd and the kernel of its {@code
 * AdamW(fused=True)}; gradients are given up between steps, as {@code zero_grad} does.
 */
public final class TorchLeNet implements AutoCloseable {
  private static final long[] ONE = {1, 1};
  private static final long[] NONE = {0, 0};
  private static final long[] TWO = {2, 2};

  private final List<Tensor> parameters;
  private final List<TensorOptional> optional;
  private final TensorVector gradients;
  private final TorchAdamW.Fused adamW;
  private final Tensor undefined = new Tensor();

  /** Weight and bias of conv1, conv2, fc1, fc2, fc3, as ours; they are trained in place. */
  public TorchLeNet(List<Tensor> parameters) {
    this.parameters = parameters;
    parameters.forEach(p -> p.set_requires_grad(true));
    optional = parameters.stream().map(TensorOptional::new).toList();
    int n = parameters.size();
    var all = new TensorVector((long) n);
    var m = new TensorVector((long) n);
    var v = new TensorVector((long) n);
    gradients = new TensorVector((long) n);
    for (int i = 0; i < n; i++) {
      all.put(i, parameters.get(i));
      m.put(i, zeros(parameters.get(i)));
      v.put(i, zeros(parameters.get(i)));
    }
    adamW = new TorchAdamW.Fused(all, gradients, m, v);
  }

  private static Tensor zeros(Tensor like) {
    try (Tensor values = like.detach()) {
      return torch.zeros_like(values);
    }
  }

  /** One step; returns the loss before it. */
  public float step(Tensor images, Tensor labels) {
    double loss = backward(images, labels);
    for (int i = 0; i < parameters.size(); i++) {
      gradients.put(i, parameters.get(i).grad());
    }
    adamW.step();
    clearGradients();
    return (float) loss;
  }

  /** Leaves gradients behind; returns the mean cross-entropy. */
  public double backward(Tensor images, Tensor labels) {
    Deque<Tensor> results = new ArrayDeque<>();
    Tensor h = images;
    for (int layer = 0; layer < 5; layer++) {
      if (layer == 2) {
        results.add(h = torch.flatten(h, 1, -1));
      }
      Tensor w = parameters.get(2 * layer);
      TensorOptional b = optional.get(2 * layer + 1);
      boolean convolution = layer < 2;
      results.add(
          h =
              convolution
                  ? torch.conv2d(h, w, b, ONE, layer == 0 ? TWO : NONE, ONE, 1)
                  : torch.linear(h, w, b));
      if (layer < 4) {
        results.add(h = torch.relu(h));
      }
      if (convolution) {
        results.add(h = torch.max_pool2d(h, TWO, TWO, NONE, ONE, false));
      }
    }
    results.add(h = torch.cross_entropy_loss(h, labels));
    h.backward();
    double loss = h.item_double();
    results.forEach(Tensor::close);
    return loss;
  }

  /** How many parameters there are. */
  public int size() {
    return parameters.size();
  }

  /** The gradient that {@link #backward} left for a parameter. */
  public Tensor gradient(int parameter) {
    return parameters.get(parameter).grad();
  }

  /** The next {@link #backward} starts from nothing. */
  public void clearGradients() {
    parameters.forEach(p -> p.mutable_grad().put(undefined));
  }

  /** The same network with values in float64. */
  public TorchLeNet inFloat64() {
    return new TorchLeNet(
        parameters.stream()
            .map(p -> {
              try (Tensor values = p.detach()) {
                return values.to(torch.ScalarType.Double);
              }
            })
            .toList());
  }

  @Override
  public void close() {
    optional.forEach(TensorOptional::close);
    parameters.forEach(Tensor::close);
  }
}

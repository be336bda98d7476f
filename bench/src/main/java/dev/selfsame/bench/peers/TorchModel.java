package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * A model in libtorch, trained by its autograd and the kernel of its {@code AdamW(fused=True)};
 * gradients are given up between steps, as {@code zero_grad} does.
 */
public abstract class TorchModel implements AutoCloseable {
  final List<Tensor> parameters;
  private final TensorVector all;
  private final TensorVector gradients;
  private final TorchAdamW.Fused adamW;
  private final Tensor undefined = new Tensor();

  /** Over parameters that are trained in place. */
  TorchModel(List<Tensor> parameters) {
    this.parameters = parameters;
    parameters.forEach(p -> p.set_requires_grad(true));
    int n = parameters.size();
    all = new TensorVector((long) n);
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

  /** Leaves gradients behind; returns the loss. */
  public final double backward(Tensor inputs, Tensor labels) {
    try (var results = new Results()) {
      Tensor loss = loss(results, inputs, labels);
      loss.backward();
      return loss.item_double();
    }
  }

  /** The loss, one of the results. */
  abstract Tensor loss(Results results, Tensor inputs, Tensor labels);

  /** The same model with values in float64. */
  public abstract TorchModel inFloat64();

  /** Takes back what a backward pass left beside gradients. */
  public void restart() {}

  /** One step; returns the loss before it. */
  public final float step(Tensor inputs, Tensor labels) {
    double loss = backward(inputs, labels);
    beforeUpdate(all);
    for (int i = 0; i < parameters.size(); i++) {
      gradients.put(i, parameters.get(i).grad());
    }
    adamW.step();
    clearGradients();
    return (float) loss;
  }

  /** What is done to the gradients first. */
  void beforeUpdate(TensorVector parameters) {}

  /** How many parameters there are. */
  public final int size() {
    return parameters.size();
  }

  /** The values of a parameter in the order of ours. */
  public final Tensor value(int parameter) {
    return asOurs(parameter, parameters.get(parameter).detach());
  }

  /** The gradient that {@link #backward} left for a parameter, likewise. */
  public final Tensor gradient(int parameter) {
    return asOurs(parameter, parameters.get(parameter).grad());
  }

  /** Values of a parameter, or of its gradient, in the order of ours. */
  Tensor asOurs(int parameter, Tensor values) {
    return values;
  }

  /** The next {@link #backward} starts from nothing. */
  public final void clearGradients() {
    parameters.forEach(p -> p.mutable_grad().put(undefined));
  }

  /** Copies in float64, without a history. */
  final List<Tensor> wideParameters() {
    return parameters.stream().map(TorchRecurrent::wide).toList();
  }

  @Override
  public void close() {
    parameters.forEach(Tensor::close);
  }
}

package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import java.util.List;

/**
 * Normalizes the last axis to mean 0 and variance 1, then scales and shifts it (Ba et al. 2016).
 */
public final class LayerNorm implements Layer {
  /** Added to the variance, as in PyTorch's layer. */
  public static final float EPS = 1e-5f;

  private final Parameter weight;
  private final Parameter bias;
  private final float eps;

  /** Over given parameters: scale [F] and shift [F]. */
  public LayerNorm(Parameter weight, Parameter bias, float eps) {
    this.weight = weight;
    this.bias = bias;
    this.eps = eps;
  }

  /** New parameters {@code name.weight}, ones, and {@code name.bias}, zeros. */
  public static LayerNorm of(Initializer init, String name, long width) {
    return new LayerNorm(
        init.constant(name + ".weight", 1f, width), init.constant(name + ".bias", 0f, width), EPS);
  }

  /** x [N, …, F]; the result has its shape. */
  @Override
  public Var forward(Var x) {
    Var scale = x.tape().parameter(weight);
    Var shift = x.tape().parameter(bias);
    long[] sizes = x.value().shape().sizes();
    if (sizes.length == 2) {
      return Functions.layerNorm(x, scale, shift, eps);
    }
    long width = weight.value().elements();
    Var rows = Functions.reshape(x, x.value().elements() / width, width);
    return Functions.reshape(Functions.layerNorm(rows, scale, shift, eps), sizes);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}

package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Convolutions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;
import dev.selfsame.op.ConvTranspose2d.Geometry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Transposed convolution, which enlarges images. Over the weight of a {@link Conv2d} of the same
 * geometry it is that layer's mirror: a decoder tied to its encoder.
 */
public final class ConvTranspose2d implements Contraction {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final Geometry geometry;

  /** Over given parameters: weight [C, K/groups, R, S], bias [K] or null. */
  public ConvTranspose2d(Parameter weight, @Nullable Parameter bias, Geometry geometry) {
    this.weight = weight;
    this.bias = bias;
    this.geometry = geometry;
  }

  /** New parameters {@code name.weight} and {@code name.bias}, distributed as PyTorch's. */
  public static ConvTranspose2d of(
      Initializer init, String name, long in, long out, long kernel, Geometry geometry) {
    long fanIn = out / geometry.groups() * kernel * kernel;
    return new ConvTranspose2d(
        init.uniform(name + ".weight", fanIn, in, out / geometry.groups(), kernel, kernel),
        init.uniform(name + ".bias", fanIn, out),
        geometry);
  }

  @Override
  public Var forward(Var x, Activation activation) {
    Var b = bias == null ? null : x.tape().parameter(bias);
    return Convolutions.convTranspose2d(x, x.tape().parameter(weight), b, geometry, activation);
  }

  @Override
  public List<Parameter> parameters() {
    return bias == null ? List.of(weight) : List.of(weight, bias);
  }
}

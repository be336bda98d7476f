package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Convolutions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d.Geometry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The untied contrast to {@link Conv2d}: a filter of its own at each output position (LeCun 1989,
 * Generalization and network design strategies). It has P·Q times the convolution's parameters, and
 * fits images of one size.
 */
public final class LocallyConnected2d implements Contraction {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final Geometry geometry;

  /** Over given parameters: weight [K, C, R, S, P, Q], bias [K, P, Q] or null. */
  public LocallyConnected2d(Parameter weight, @Nullable Parameter bias, Geometry geometry) {
    this.weight = weight;
    this.bias = bias;
    this.geometry = geometry;
  }

  /**
   * New parameters {@code name.weight} and {@code name.bias}, distributed as a convolution's.
   *
   * @param height rows of the images that the layer is for
   * @param width columns of the images that the layer is for
   */
  public static LocallyConnected2d of(
      Initializer init,
      String name,
      long in,
      long out,
      long kernel,
      Geometry geometry,
      long height,
      long width) {
    long fanIn = in * kernel * kernel;
    long p = geometry.outputHeight(height, kernel);
    long q = geometry.outputWidth(width, kernel);
    return new LocallyConnected2d(
        init.uniform(name + ".weight", fanIn, out, in, kernel, kernel, p, q),
        init.uniform(name + ".bias", fanIn, out, p, q),
        geometry);
  }

  @Override
  public Var forward(Var x, Activation activation) {
    Var b = bias == null ? null : x.tape().parameter(bias);
    return Convolutions.locallyConnected2d(x, x.tape().parameter(weight), b, geometry, activation);
  }

  @Override
  public List<Parameter> parameters() {
    return bias == null ? List.of(weight) : List.of(weight, bias);
  }
}

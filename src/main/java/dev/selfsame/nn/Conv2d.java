package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Shape;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Shared-weight convolution: one filter [C/groups, R, S] for each of K outputs, at every position
 * (LeCun et al. 1998).
 */
public final class Conv2d implements Contraction {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final dev.selfsame.op.Conv2d.Geometry geometry;

  /** Over given parameters: weight [K, C/groups, R, S], bias [K] or null. */
  public Conv2d(
      Parameter weight, @Nullable Parameter bias, dev.selfsame.op.Conv2d.Geometry geometry) {
    this.weight = weight;
    this.bias = bias;
    this.geometry = geometry;
  }

  /** New parameters {@code name.weight} and {@code name.bias}. */
  public static Conv2d of(
      Initializer init,
      String name,
      long in,
      long out,
      long kernel,
      dev.selfsame.op.Conv2d.Geometry geometry) {
    long fanIn = in / geometry.groups() * kernel * kernel;
    return new Conv2d(
        init.uniform(name + ".weight", fanIn, weightShape(in, out, kernel, geometry).sizes()),
        init.uniform(name + ".bias", fanIn, out),
        geometry);
  }

  /** Shape of the filters of a layer: whatever the size of the image. */
  public static Shape weightShape(
      long in, long out, long kernel, dev.selfsame.op.Conv2d.Geometry geometry) {
    return Shape.of(out, in / geometry.groups(), kernel, kernel);
  }

  @Override
  public Var forward(Var x, Activation activation) {
    Var b = bias == null ? null : x.tape().parameter(bias);
    return Functions.conv2d(x, x.tape().parameter(weight), b, geometry, activation);
  }

  @Override
  public List<Parameter> parameters() {
    return bias == null ? List.of(weight) : List.of(weight, bias);
  }
}

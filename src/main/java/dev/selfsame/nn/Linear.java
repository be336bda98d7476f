package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Shape;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Fully connected layer, x [N, I] to x·Wᵀ + b [N, O]. */
public final class Linear implements Contraction {
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /**
   * Over given parameters: weight [O, I], bias [O] or null. Another layer's weight makes the two
   * share it.
   */
  public Linear(Parameter weight, @Nullable Parameter bias) {
    this.weight = weight;
    this.bias = bias;
  }

  /** New parameters {@code name.weight} and {@code name.bias}. */
  public static Linear of(Initializer init, String name, long in, long out) {
    return new Linear(
        init.uniform(name + ".weight", in, weightShape(in, out).sizes()),
        init.uniform(name + ".bias", in, out));
  }

  /** Shape of the weight of a layer, also of one too large to be made. */
  public static Shape weightShape(long in, long out) {
    return Shape.of(out, in);
  }

  /** The weight [O, I], for tying. */
  public Parameter weight() {
    return weight;
  }

  @Override
  public Var forward(Var x, Activation activation) {
    Var b = bias == null ? null : x.tape().parameter(bias);
    return Functions.linear(x, x.tape().parameter(weight), b, activation);
  }

  @Override
  public List<Parameter> parameters() {
    return bias == null ? List.of(weight) : List.of(weight, bias);
  }
}

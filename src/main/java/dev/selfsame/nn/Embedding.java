package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import java.util.List;

/**
 * A table [R, D] of which rows are looked up. Its weight can serve as output layer, too (Press
 * &amp; Wolf 2017): {@code new Linear(embedding.weight(), null)}.
 */
public final class Embedding {
  private final Parameter weight;

  /** Over a given parameter [R, D]. */
  public Embedding(Parameter weight) {
    this.weight = weight;
  }

  /** A new parameter {@code name.weight}, normal with the given deviation. */
  public static Embedding of(
      Initializer init, String name, long rows, long width, float deviation) {
    return new Embedding(init.normal(name + ".weight", deviation, rows, width));
  }

  /** The table [R, D], for tying. */
  public Parameter weight() {
    return weight;
  }

  /** The rows of INT32 indices [n]: [n, D]. */
  public Var forward(Tape tape, Tensor indices) {
    return Functions.embedding(tape.parameter(weight), indices);
  }

  /** The table. */
  public List<Parameter> parameters() {
    return List.of(weight);
  }
}

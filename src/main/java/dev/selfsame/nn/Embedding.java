package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.op.ScatterAdd;
import java.util.List;
import java.util.OptionalInt;

/**
 * A table [R, D] of which rows are looked up. Its weight can serve as output layer, too (Press
 * &amp; Wolf 2017): {@code new Linear(embedding.weight(), null)}.
 *
 * <p>A padding index names the row that fills up sequences that are shorter than others. It is
 * looked up as any row, and receives no gradient from here (PyTorch's {@code padding_idx}): a new
 * layer's is zero, and stays so under an optimizer. An output layer tied to the weight does send it
 * one.
 */
public final class Embedding {
  private final Parameter weight;
  private final OptionalInt paddingIndex;

  /** Over a given parameter [R, D]. */
  public Embedding(Parameter weight) {
    this.weight = weight;
    this.paddingIndex = OptionalInt.empty();
  }

  /**
   * Over a given parameter [R, D] and with a padding index, in [0, R). The row is taken as it is.
   */
  public Embedding(Parameter weight, int paddingIndex) {
    ScatterAdd.checkPadding("Embedding " + weight.name(), paddingIndex, weight.value().size(0));
    this.weight = weight;
    this.paddingIndex = OptionalInt.of(paddingIndex);
  }

  /** A new parameter {@code name.weight}, normal with the given deviation. */
  public static Embedding of(
      Initializer init, String name, long rows, long width, float deviation) {
    return new Embedding(init.normal(name + ".weight", deviation, rows, width));
  }

  /** The same with a padding index, whose row is zero. */
  public static Embedding of(
      Initializer init, String name, long rows, long width, float deviation, int paddingIndex) {
    Parameter weight = init.normal(name + ".weight", deviation, rows, width);
    Embedding made = new Embedding(weight, paddingIndex);
    weight.value().slice(paddingIndex, paddingIndex + 1).fill(0f);
    return made;
  }

  /** The table [R, D], for tying. */
  public Parameter weight() {
    return weight;
  }

  /** The row that receives no gradient, if there is one. */
  public OptionalInt paddingIndex() {
    return paddingIndex;
  }

  /** The rows of INT32 indices [n]: [n, D]. */
  public Var forward(Tape tape, Tensor indices) {
    Var table = tape.parameter(weight);
    return paddingIndex.isPresent()
        ? Functions.embedding(table, indices, paddingIndex.getAsInt())
        : Functions.embedding(table, indices);
  }

  /** The table. */
  public List<Parameter> parameters() {
    return List.of(weight);
  }
}

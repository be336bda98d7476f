package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Var;
import java.util.List;

/**
 * A function with parameters. Layers hold no state of a pass, so one layer object used in two
 * places is one set of weights used twice.
 */
public interface Layer {
  /** Applies the layer; the result is on the tape of {@code x}. */
  Var forward(Var x);

  /** Every parameter once, in a fixed order. */
  List<Parameter> parameters();

  /** Number of trained values: a shared parameter counts once. */
  default long parameterCount() {
    return parameters().stream().mapToLong(p -> p.value().elements()).sum();
  }
}

package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Recurrent;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A simple recurrent layer (Elman 1990) over sequences [T, B, I]: the same weights at every step.
 */
public final class Rnn implements RecurrentLayer {
  private final Parameter inputWeight;
  private final Parameter recurrentWeight;
  private final Parameter bias;

  /** Over given parameters: [H, I], [H, H] and [H]. */
  public Rnn(Parameter inputWeight, Parameter recurrentWeight, Parameter bias) {
    this.inputWeight = inputWeight;
    this.recurrentWeight = recurrentWeight;
    this.bias = bias;
  }

  /** New parameters, uniform in ±√(1/H). */
  public static Rnn of(Initializer init, String name, long inputs, long units) {
    return new Rnn(
        init.uniform(name + ".inputWeight", units, units, inputs),
        init.uniform(name + ".recurrentWeight", units, units, units),
        init.uniform(name + ".bias", units, units));
  }

  @Override
  public Recurrent.Result forward(Var x, @Nullable Tensor h, @Nullable Tensor c) {
    Tape tape = x.tape();
    return Recurrent.rnn(
        x, tape.parameter(inputWeight), tape.parameter(recurrentWeight), tape.parameter(bias), h);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(inputWeight, recurrentWeight, bias);
  }
}

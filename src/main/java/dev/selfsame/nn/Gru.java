package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Recurrent;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gated recurrent units (Cho et al. 2014) over sequences [T, B, I]: the same weights at every step.
 */
public final class Gru implements RecurrentLayer {
  private final Parameter inputWeight;
  private final Parameter recurrentWeight;
  private final Parameter bias;
  private final Parameter recurrentBias;

  /** Over given parameters: [3H, I], [3H, H], [3H] and [3H], gates in the order r, z, n. */
  public Gru(
      Parameter inputWeight, Parameter recurrentWeight, Parameter bias, Parameter recurrentBias) {
    this.inputWeight = inputWeight;
    this.recurrentWeight = recurrentWeight;
    this.bias = bias;
    this.recurrentBias = recurrentBias;
  }

  /** New parameters, uniform in ±√(1/H). */
  public static Gru of(Initializer init, String name, long inputs, long units) {
    return new Gru(
        init.uniform(name + ".inputWeight", units, 3 * units, inputs),
        init.uniform(name + ".recurrentWeight", units, 3 * units, units),
        init.uniform(name + ".bias", units, 3 * units),
        init.uniform(name + ".recurrentBias", units, 3 * units));
  }

  @Override
  public Recurrent.Result forward(Var x, @Nullable Tensor h, @Nullable Tensor c) {
    Tape tape = x.tape();
    return Recurrent.gru(
        x,
        tape.parameter(inputWeight),
        tape.parameter(recurrentWeight),
        tape.parameter(bias),
        tape.parameter(recurrentBias),
        h);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(inputWeight, recurrentWeight, bias, recurrentBias);
  }
}

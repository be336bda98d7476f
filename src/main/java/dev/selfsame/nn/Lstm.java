package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Recurrent;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Long short-term memory over sequences [T, B, I]: the same weights at every step. */
public final class Lstm implements RecurrentLayer {
  private final Parameter inputWeight;
  private final Parameter recurrentWeight;
  private final Parameter bias;

  /** Over given parameters: [4H, I], [4H, H] and [4H], gates in the order i, f, g, o. */
  public Lstm(Parameter inputWeight, Parameter recurrentWeight, Parameter bias) {
    this.inputWeight = inputWeight;
    this.recurrentWeight = recurrentWeight;
    this.bias = bias;
  }

  /**
   * New parameters, uniform in ±√(1/H); the forget gate's bias is 1, so that a new layer remembers
   * (Jozefowicz et al. 2015).
   */
  public static Lstm of(Initializer init, String name, long inputs, long units) {
    var lstm =
        new Lstm(
            init.uniform(name + ".inputWeight", units, 4 * units, inputs),
            init.uniform(name + ".recurrentWeight", units, 4 * units, units),
            init.constant(name + ".bias", 0f, 4 * units));
    lstm.bias.value().slice(units, 2 * units).fill(1f);
    return lstm;
  }

  @Override
  public Recurrent.Result forward(Var x, @Nullable Tensor h, @Nullable Tensor c) {
    Tape tape = x.tape();
    return Recurrent.lstm(
        x,
        tape.parameter(inputWeight),
        tape.parameter(recurrentWeight),
        tape.parameter(bias),
        h,
        c);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(inputWeight, recurrentWeight, bias);
  }
}

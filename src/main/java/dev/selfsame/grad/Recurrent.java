package dev.selfsame.grad;

import dev.selfsame.Tensor;
import dev.selfsame.op.Gru;
import dev.selfsame.op.Lstm;
import dev.selfsame.op.Rnn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Recurrent layers over a whole sequence, differentiable: the weights are used at every step and
 * appear once on the tape.
 */
public final class Recurrent {
  /**
   * What a layer gives.
   *
   * @param y states after each step, [T, B, H]; gradients flow through it
   * @param h the last state, [B, H]: for the next piece of a long sequence, without a gradient
   * @param c the last cell, likewise; the state again where the layer has no cells
   */
  public record Result(Var y, Tensor h, Tensor c) {}

  private Recurrent() {}

  /**
   * A simple recurrent layer over x [T, B, I] with wIh [H, I], wHh [H, H] and bias [H] ({@link
   * Rnn}).
   *
   * @param h0 the first state, [B, H], or null for zeros
   */
  public static Result rnn(Var x, Var wIh, Var wHh, Var bias, @Nullable Tensor h0) {
    Tape tape = x.tape();
    Tensor xv = x.value();
    long steps = xv.size(0);
    Tensor h = states(tape, steps, xv.size(1), wHh.value().size(-1), h0);
    Rnn.forward(xv, wIh.value(), wHh.value(), bias.value(), h);
    Var y = tape.variable(h.slice(1, steps + 1), x, wIh, wHh, bias);
    tape.rule(
        y,
        () -> {
          boolean input = x.needsGradient();
          Var.contribute(
              input ? List.of(bias, wHh, wIh, x) : List.of(bias, wHh, wIh),
              d ->
                  Rnn.gradient(
                      y.gradient(),
                      xv,
                      wIh.value(),
                      wHh.value(),
                      h,
                      input ? d.get(3) : null,
                      d.get(2),
                      d.get(1),
                      d.get(0),
                      null));
        });
    return new Result(y, last(h), last(h));
  }

  /**
   * Gated recurrent units over x [T, B, I] with wIh [3H, I], wHh [3H, H], bias and recurrentBias
   * [3H] ({@link Gru}).
   *
   * @param h0 the first state, [B, H], or null for zeros
   */
  public static Result gru(
      Var x, Var wIh, Var wHh, Var bias, Var recurrentBias, @Nullable Tensor h0) {
    Tape tape = x.tape();
    Tensor xv = x.value();
    long steps = xv.size(0);
    long batch = xv.size(1);
    long units = wHh.value().size(-1);
    Tensor h = states(tape, steps, batch, units, h0);
    Tensor gates = tape.result(steps, batch, 3 * units);
    Tensor products = tape.result(steps, batch, 3 * units);
    Gru.forward(
        xv, wIh.value(), wHh.value(), bias.value(), recurrentBias.value(), h, gates, products);
    Var y = tape.variable(h.slice(1, steps + 1), x, wIh, wHh, bias, recurrentBias);
    tape.rule(
        y,
        () -> {
          boolean input = x.needsGradient();
          Var.contribute(
              input
                  ? List.of(recurrentBias, bias, wHh, wIh, x)
                  : List.of(recurrentBias, bias, wHh, wIh),
              d ->
                  Gru.gradient(
                      y.gradient(),
                      xv,
                      wIh.value(),
                      wHh.value(),
                      h,
                      gates,
                      products,
                      input ? d.get(4) : null,
                      d.get(3),
                      d.get(2),
                      d.get(1),
                      d.get(0),
                      null));
        });
    return new Result(y, last(h), last(h));
  }

  /**
   * Long short-term memory of x [T, B, I] with wIh [4H, I], wHh [4H, H] and bias [4H] ({@link
   * Lstm}).
   *
   * @param h0 the first state, [B, H], or null for zeros
   * @param c0 the first cell, likewise
   */
  public static Result lstm(
      Var x, Var wIh, Var wHh, Var bias, @Nullable Tensor h0, @Nullable Tensor c0) {
    Tape tape = x.tape();
    Tensor xv = x.value();
    long steps = xv.size(0);
    long batch = xv.size(1);
    long units = wHh.value().size(-1);
    Tensor h = states(tape, steps, batch, units, h0);
    Tensor c = states(tape, steps, batch, units, c0);
    Tensor gates = tape.result(steps, batch, 4 * units);
    Lstm.forward(xv, wIh.value(), wHh.value(), bias.value(), h, c, gates);
    Var y = tape.variable(h.slice(1, steps + 1), x, wIh, wHh, bias);
    tape.rule(
        y,
        () -> {
          boolean input = x.needsGradient();
          Var.contribute(
              input ? List.of(bias, wHh, wIh, x) : List.of(bias, wHh, wIh),
              d ->
                  Lstm.gradient(
                      y.gradient(),
                      xv,
                      wIh.value(),
                      wHh.value(),
                      h,
                      c,
                      gates,
                      input ? d.get(3) : null,
                      d.get(2),
                      d.get(1),
                      d.get(0),
                      null,
                      null));
        });
    return new Result(y, last(h), last(c));
  }

  /** Memory for the states, the first one set. */
  private static Tensor states(
      Tape tape, long steps, long batch, long units, @Nullable Tensor first) {
    Tensor states = tape.result(steps + 1, batch, units);
    if (first == null) {
      states.slice(0, 1).fill(0f);
    } else {
      states.slice(0, 1).reshape(batch, units).copyFrom(first);
    }
    return states;
  }

  private static Tensor last(Tensor states) {
    long steps = states.size(0);
    return states.slice(steps - 1, steps).reshape(states.size(1), states.size(2));
  }
}

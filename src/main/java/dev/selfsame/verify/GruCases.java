package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Gru;

/** Short sequences forward and back, with all gradients. */
final class GruCases {
  private GruCases() {}

  static OpCase draw(Draw d) {
    int steps = d.size(4, 9);
    int batch = d.size(5, 33);
    int inputs = d.size(9, 40);
    int units = d.size(20, 70);
    Draw.Input x = d.floats("x", steps, batch, inputs);
    Draw.Input wIh = d.floats("wIh", 3 * units, inputs);
    Draw.Input wHh = d.floats("wHh", 3 * units, units);
    Draw.Input bias = d.floats("bias", 3 * units);
    Draw.Input recurrentBias = d.floats("recurrentBias", 3 * units);
    Draw.Input dy = d.floats("dy", steps, batch, units);
    return d.toCase(
        "steps=" + steps,
        run -> {
          Tensor xt = run.in(x);
          Tensor in = run.in(wIh);
          Tensor weights = run.in(wHh);
          Tensor h = run.out("h", steps + 1, batch, units);
          h.slice(0, 1).fill(0.5f);
          Tensor gates = run.out("gates", steps, batch, 3 * units);
          Tensor recurrent = run.out("recurrent", steps, batch, 3 * units);
          Gru.forward(xt, in, weights, run.in(bias), run.in(recurrentBias), h, gates, recurrent);
          Gru.gradient(
              run.in(dy),
              xt,
              in,
              weights,
              h,
              gates,
              recurrent,
              run.out("dx", steps, batch, inputs),
              run.out("dwIh", 3 * units, inputs),
              run.out("dwHh", 3 * units, units),
              run.out("dbias", 3 * units),
              run.out("dRecurrentBias", 3 * units),
              run.out("dh0", batch, units));
        });
  }
}

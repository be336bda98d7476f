package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Rnn;

/** Short sequences forward and back, with all gradients. */
final class RnnCases {
  private RnnCases() {}

  static OpCase draw(Draw d) {
    int steps = d.size(4, 9);
    int batch = d.size(5, 33);
    int inputs = d.size(9, 40);
    int units = d.size(20, 70);
    Draw.Input x = d.floats("x", steps, batch, inputs);
    Draw.Input wIh = d.floats("wIh", units, inputs);
    Draw.Input wHh = d.floats("wHh", units, units);
    Draw.Input bias = d.floats("bias", units);
    Draw.Input dy = d.floats("dy", steps, batch, units);
    return d.toCase(
        "steps=" + steps,
        run -> {
          Tensor xt = run.in(x);
          Tensor in = run.in(wIh);
          Tensor recurrent = run.in(wHh);
          Tensor h = run.out("h", steps + 1, batch, units);
          h.slice(0, 1).fill(0.5f);
          Rnn.forward(xt, in, recurrent, run.in(bias), h);
          Rnn.gradient(
              run.in(dy),
              xt,
              in,
              recurrent,
              h,
              run.out("dx", steps, batch, inputs),
              run.out("dwIh", units, inputs),
              run.out("dwHh", units, units),
              run.out("dbias", units),
              run.out("dh0", batch, units));
        });
  }
}

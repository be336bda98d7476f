package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Lstm;

/** Short sequences forward and back, with all gradients. */
final class LstmCases {
  private LstmCases() {}

  static OpCase draw(Draw d) {
    int steps = d.size(4, 9);
    int batch = d.size(5, 33);
    int inputs = d.size(9, 40);
    int units = d.size(20, 70);
    Draw.Input x = d.floats("x", steps, batch, inputs);
    Draw.Input wIh = d.floats("wIh", 4 * units, inputs);
    Draw.Input wHh = d.floats("wHh", 4 * units, units);
    Draw.Input bias = d.floats("bias", 4 * units);
    Draw.Input dy = d.floats("dy", steps, batch, units);
    return d.toCase(
        "steps=" + steps,
        run -> {
          Tensor xt = run.in(x);
          Tensor in = run.in(wIh);
          Tensor recurrent = run.in(wHh);
          Tensor h = run.out("h", steps + 1, batch, units);
          Tensor c = run.out("c", steps + 1, batch, units);
          Tensor gates = run.out("gates", steps, batch, 4 * units);
          h.slice(0, 1).fill(0.5f);
          c.slice(0, 1).fill(-0.25f);
          Lstm.forward(xt, in, recurrent, run.in(bias), h, c, gates);
          Lstm.gradient(
              run.in(dy),
              xt,
              in,
              recurrent,
              h,
              c,
              gates,
              run.out("dx", steps, batch, inputs),
              run.out("dwIh", 4 * units, inputs),
              run.out("dwHh", 4 * units, units),
              run.out("dbias", 4 * units),
              run.out("dh0", batch, units),
              run.out("dc0", batch, units));
        });
  }
}

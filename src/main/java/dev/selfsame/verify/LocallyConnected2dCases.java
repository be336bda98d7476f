package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.LocallyConnected2d;

/** Forward and all gradients over stride, padding and dilation; rows around the lanes. */
final class LocallyConnected2dCases {
  private LocallyConnected2dCases() {}

  static OpCase draw(Draw d) {
    int r = d.pick(1, 2, 3, 3, 5);
    int s = d.pick(1, 3, 3, 4, 5);
    int n = d.isLarge() ? d.pick(1, 5, 513) : d.size(5, 5);
    // A batch of more than a chunk needs small samples.
    int c = n > 512 ? 1 : d.size(4, 12);
    int k = n > 512 ? 2 : d.size(7, 17);
    Conv2d.Geometry g =
        new Conv2d.Geometry(
            d.pick(1, 1, 2, 3),
            d.pick(1, 1, 2, 3),
            d.between(0, r),
            d.between(0, s),
            d.pick(1, 1, 2),
            d.pick(1, 1, 3),
            1);
    int h = (r - 1) * g.dilationH() + 1 + d.between(0, 6);
    int w = (s - 1) * g.dilationW() + 1 + d.between(0, d.isLarge() ? 36 : 19);
    long p = g.outputHeight(h, r);
    long q = g.outputWidth(w, s);
    boolean biased = d.oneIn(2);
    Activation activation = d.pick(Activation.values());
    long[] image = {n, c, h, w};
    long[] filters = {k, c, r, s, p, q};
    Draw.Input x = d.floats("x", image);
    Draw.Input f = d.floats("w", filters);
    Draw.Input bias = d.floats("bias", k, p, q);
    Draw.Input dy = d.floats("dy", n, k, p, q);
    return d.toCase(
        g + (biased ? ", bias, " : ", ") + activation,
        run -> {
          Tensor xt = run.in(x);
          Tensor wt = run.in(f);
          Tensor dyt = run.in(dy);
          LocallyConnected2d.forward(
              xt, wt, biased ? run.in(bias) : null, activation, g, run.out("y", n, k, p, q));
          LocallyConnected2d.dataGradient(dyt, wt, g, run.out("dx", image));
          LocallyConnected2d.weightGradient(xt, dyt, g, run.out("dw", filters));
          LocallyConnected2d.biasGradient(dyt, run.out("db", k, p, q));
        });
  }
}

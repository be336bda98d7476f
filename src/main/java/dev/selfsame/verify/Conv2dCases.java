package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d;

/** Forward and both gradients over stride, padding, dilation, groups and depthwise kernels. */
final class Conv2dCases {
  private Conv2dCases() {}

  static OpCase draw(Draw d) {
    int groups = d.pick(1, 1, 1, 2, 3, 0);
    boolean depthwise = groups == 0;
    int perGroup = depthwise ? 1 : d.size(6, 20);
    if (depthwise) {
      groups = d.size(9, 33);
    }
    int c = groups * perGroup;
    int k = groups * (depthwise ? d.between(1, 2) : d.size(9, 24));
    int r = d.pick(1, 2, 3, 3, 5);
    int s = d.pick(1, 3, 3, 4, 5);
    int n = d.between(1, 3);
    Conv2d.Geometry g =
        new Conv2d.Geometry(
            d.pick(1, 1, 2, 3),
            d.pick(1, 1, 2, 3),
            d.between(0, r),
            d.between(0, s),
            d.pick(1, 1, 2),
            d.pick(1, 1, 3),
            groups);
    int h = reach(r, g.dilationH()) + d.between(0, d.isLarge() ? 20 : 7);
    int w = reach(s, g.dilationW()) + d.between(0, d.isLarge() ? 40 : 19);
    long p = g.outputHeight(h, r);
    long q = g.outputWidth(w, s);
    boolean biased = d.oneIn(2);
    Activation activation = d.pick(Activation.values());
    Draw.Input x = d.floats("x", n, c, h, w);
    Draw.Input f = d.floats("w", k, perGroup, r, s);
    Draw.Input bias = d.floats("bias", k);
    Draw.Input dy = d.floats("dy", n, k, p, q);
    return d.toCase(
        g + (biased ? ", bias, " : ", ") + activation,
        run -> {
          Tensor xt = run.in(x);
          Tensor wt = run.in(f);
          Tensor dyt = run.in(dy);
          Conv2d.forward(
              xt, wt, biased ? run.in(bias) : null, activation, g, run.out("y", n, k, p, q));
          Conv2d.dataGradient(dyt, wt, g, run.out("dx", n, c, h, w));
          Conv2d.weightGradient(xt, dyt, g, run.out("dw", k, perGroup, r, s));
        });
  }

  private static int reach(int taps, int dilation) {
    return (taps - 1) * dilation + 1;
  }
}

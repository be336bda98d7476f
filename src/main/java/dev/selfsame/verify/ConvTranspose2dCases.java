package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.ConvTranspose2d;

/** Forward and both gradients over stride, padding, output padding, dilation and groups. */
final class ConvTranspose2dCases {
  private ConvTranspose2dCases() {}

  static OpCase draw(Draw d) {
    int groups = d.pick(1, 1, 1, 2, 3);
    int c = groups * d.size(9, 24);
    int perGroup = d.size(6, 20);
    int k = groups * perGroup;
    int r = d.pick(1, 2, 3, 3, 5);
    int s = d.pick(1, 3, 3, 4, 5);
    int n = d.between(1, 3);
    int strideH = d.pick(1, 1, 2, 3);
    int strideW = d.pick(1, 1, 2, 3);
    ConvTranspose2d.Geometry g =
        new ConvTranspose2d.Geometry(
            strideH,
            strideW,
            d.between(0, r / 2),
            d.between(0, s / 2),
            d.between(0, strideH - 1),
            d.between(0, strideW - 1),
            d.pick(1, 1, 2),
            d.pick(1, 1, 3),
            groups);
    int p = d.between(2, d.isLarge() ? 16 : 7);
    int q = d.between(2, d.isLarge() ? 30 : 15);
    long h = g.outputHeight(p, r);
    long w = g.outputWidth(q, s);
    boolean biased = d.oneIn(2);
    Activation activation = d.pick(Activation.values());
    Draw.Input x = d.floats("x", n, c, p, q);
    Draw.Input f = d.floats("w", c, perGroup, r, s);
    Draw.Input bias = d.floats("bias", k);
    Draw.Input dy = d.floats("dy", n, k, h, w);
    return d.toCase(
        g + (biased ? ", bias, " : ", ") + activation,
        run -> {
          Tensor xt = run.in(x);
          Tensor wt = run.in(f);
          Tensor dyt = run.in(dy);
          ConvTranspose2d.forward(
              xt, wt, biased ? run.in(bias) : null, activation, g, run.out("y", n, k, h, w));
          ConvTranspose2d.dataGradient(dyt, wt, g, run.out("dx", n, c, p, q));
          ConvTranspose2d.weightGradient(xt, dyt, g, run.out("dw", c, perGroup, r, s));
        });
  }
}

package dev.selfsame.verify;

import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.op.Pool2d;

/** Maximum and average with their gradients, windows apart and overlapping, padded. */
final class Pool2dCases {
  private Pool2dCases() {}

  static OpCase draw(Draw d) {
    int kh = d.between(1, 4);
    int kw = d.between(1, 4);
    boolean plain = d.oneIn(3);
    Pool2d.Geometry g =
        plain
            ? new Pool2d.Geometry(kh, kh, kh, kh, 0, 0)
            : new Pool2d.Geometry(
                kh,
                kw,
                d.between(1, 4),
                d.between(1, 4),
                d.between(0, kh - 1),
                d.between(0, kw - 1));
    Shape x = Shape.of(d.between(1, 3), d.size(5, 17), 3 + d.size(14, 33), 3 + d.size(33, 65));
    Shape y = g.outputShape(x);
    Draw.Input xi = d.floats("x", x.sizes());
    Draw.Input dy = d.floats("dy", y.sizes());
    return d.toCase(
        g.toString(),
        run -> {
          Tensor xt = run.in(xi);
          Tensor dyt = run.in(dy);
          Tensor argmax = run.outInts("argmax", y.sizes());
          Pool2d.max(xt, g, run.out("max", y.sizes()), argmax);
          Pool2d.maxGradient(dyt, argmax, g, run.out("max dx", x.sizes()));
          Pool2d.average(xt, g, run.out("average", y.sizes()));
          Pool2d.averageGradient(dyt, g, run.out("average dx", x.sizes()));
        });
  }
}

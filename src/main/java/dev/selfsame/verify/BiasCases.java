package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Bias;

/** [N, F] and [N, C, H, W], in place and not, with the gradient. */
final class BiasCases {
  private BiasCases() {}

  static OpCase draw(Draw d) {
    boolean plane = d.oneIn(2);
    int n = d.size(plane ? 5 : 130, plane ? 33 : 1100);
    int c = d.size(plane ? 17 : 70, plane ? 33 : 130);
    long[] shape = plane ? new long[] {n, c, d.size(9, 17), d.size(17, 33)} : new long[] {n, c};
    boolean inPlace = d.oneIn(3);
    Draw.Input x = d.floats("x", shape);
    Draw.Input bias = d.floats("bias", c);
    return d.toCase(
        inPlace ? "in place" : "",
        run -> {
          Tensor b = run.in(bias);
          Bias.gradient(run.in(x), run.out("dbias", c));
          if (inPlace) {
            Tensor xy = run.inOut(x);
            Bias.add(xy, b, xy);
          } else {
            Bias.add(run.in(x), b, run.out("y", shape));
          }
        });
  }
}

package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.LayerNorm;

/** Short rows and rows of several blocks, with all gradients. */
final class LayerNormCases {
  private LayerNormCases() {}

  static OpCase draw(Draw d) {
    boolean wide = d.oneIn(3);
    int rows = d.size(wide ? 3 : 66, wide ? 9 : 130);
    int columns = d.size(wide ? 2100 : 130, wide ? 9000 : 1100);
    Draw.Input x = d.floats("x", rows, columns);
    Draw.Input dy = d.floats("dy", rows, columns);
    Draw.Input gamma = d.floats("gamma", columns);
    Draw.Input beta = d.floats("beta", columns);
    float eps = d.pick(1e-5f, 1e-12f, 0f, 1f);
    return d.toCase(
        "eps=" + eps,
        run -> {
          Tensor xt = run.in(x);
          Tensor scale = run.in(gamma);
          Tensor mean = run.out("mean", rows);
          Tensor rstd = run.out("rstd", rows);
          LayerNorm.forward(xt, scale, run.in(beta), eps, run.out("y", rows, columns), mean, rstd);
          LayerNorm.gradient(
              run.in(dy),
              xt,
              scale,
              mean,
              rstd,
              run.out("dx", rows, columns),
              run.out("dgamma", columns),
              run.out("dbeta", columns));
        });
  }
}

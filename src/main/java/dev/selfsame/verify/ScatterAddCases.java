package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.ScatterAdd;

/** Uniform, skewed and hot rows; a plan used twice gives what two calls give. */
final class ScatterAddCases {
  private ScatterAddCases() {}

  static OpCase draw(Draw d) {
    boolean tall = d.oneIn(3);
    int rows = d.size(130, 1100);
    int columns = d.size(tall ? 5 : 70, tall ? 9 : 140);
    int n = d.size(tall ? 2100 : 260, tall ? 17_000 : 1100);
    Draw.Input dst = d.floats("dst", rows, columns);
    Draw.Input src = d.floats("src", n, columns);
    Draw.Input indices = d.indices("indices", n, rows);
    return d.toCase(
        "",
        run -> {
          Tensor s = run.in(src);
          Tensor at = run.in(indices);
          ScatterAdd.scatterAdd(s, at, run.inOut(dst));
          try (ScatterAdd.Plan plan = ScatterAdd.plan(at, rows)) {
            Tensor twice = run.inOut(dst);
            ScatterAdd.scatterAdd(s, plan, twice);
            ScatterAdd.scatterAdd(s, plan, twice);
          }
        });
  }
}

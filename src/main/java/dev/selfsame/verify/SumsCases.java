package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Sums;

/** Block sums and run sums with counts around their runs, lanes and blocks. */
final class SumsCases {
  private SumsCases() {}

  static OpCase draw(Draw d) {
    int length = d.size(4200, 140_000);
    Draw.Input x = d.floats("x", length);
    boolean tall = d.oneIn(2);
    int r = d.size(tall ? 2100 : 20, tall ? 9000 : 70);
    int c = d.size(tall ? 20 : 2100, tall ? 33 : 5000);
    Draw.Input rows = d.floats("rows", r, c);
    int n = d.size(9, 40);
    int channels = d.size(17, 20);
    int space = d.size(70, 300);
    Draw.Input planes = d.floats("planes", n, channels, space);
    return d.toCase(
        "",
        run -> {
          Tensor xt = run.in(x);
          Tensor rt = run.in(rows);
          Sums.sum(xt, run.out("sum", 1));
          Sums.mean(xt, run.out("mean", 1));
          Sums.squares(xt, run.out("squares", 1));
          Sums.rows(rt, run.out("row sums", r));
          Sums.columns(rt, run.out("column sums", c));
          Sums.channels(run.in(planes), run.out("channel sums", channels));
        });
  }
}

package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.ContrastiveLoss;

/** Short and long embeddings, narrow and wide margins; distances, losses, both gradients. */
final class ContrastiveLossCases {
  private ContrastiveLossCases() {}

  static OpCase draw(Draw d) {
    boolean wide = d.oneIn(3);
    int rows = d.size(wide ? 5 : 130, wide ? 9 : 1100);
    int columns = d.size(wide ? 2100 : 33, wide ? 4200 : 130);
    Draw.Input a = d.floats("a", rows, columns);
    Draw.Input b = d.floats("b", rows, columns);
    Draw.Input labels = d.indices("labels", rows, 2);
    float margin = d.pick(1f, 100f, 1e-3f, (float) d.real(0.1, 20));
    float scale = d.pick(1f, 0.5f, (float) d.real(-2, 2));
    return d.toCase(
        "margin=" + margin + " scale=" + scale,
        run -> {
          Tensor x = run.in(a);
          Tensor y = run.in(b);
          Tensor kinds = run.in(labels);
          Tensor distances = run.out("distances", rows);
          ContrastiveLoss.forward(
              x, y, kinds, margin, distances, run.out("losses", rows), run.out("loss", 1));
          ContrastiveLoss.gradient(
              x,
              y,
              kinds,
              margin,
              distances,
              scale,
              run.out("da", rows, columns),
              run.out("db", rows, columns));
        });
  }
}

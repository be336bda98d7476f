package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.CrossEntropy;

/** Few and many classes; losses, their mean, the gradient. */
final class CrossEntropyCases {
  private CrossEntropyCases() {}

  static OpCase draw(Draw d) {
    boolean wide = d.oneIn(3);
    int rows = d.size(wide ? 5 : 130, wide ? 9 : 1100);
    int columns = d.size(wide ? 2100 : 33, wide ? 4200 : 130);
    Draw.Input logits = d.floats("logits", rows, columns);
    Draw.Input labels = d.indices("labels", rows, columns);
    float scale = d.pick(1f, 0.5f, (float) d.real(-2, 2));
    return d.toCase(
        "scale=" + scale,
        run -> {
          Tensor x = run.in(logits);
          Tensor classes = run.in(labels);
          CrossEntropy.forward(x, classes, run.out("losses", rows), run.out("loss", 1));
          CrossEntropy.gradient(x, classes, scale, run.out("dlogits", rows, columns));
        });
  }
}

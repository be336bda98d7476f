package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.KlDivergence;

/** Few and many classes, cool and hot; the divergence of each row, their mean, the gradient. */
final class KlDivergenceCases {
  private KlDivergenceCases() {}

  static OpCase draw(Draw d) {
    boolean wide = d.oneIn(3);
    int rows = d.size(wide ? 5 : 130, wide ? 9 : 1100);
    int columns = d.size(wide ? 2100 : 33, wide ? 4200 : 130);
    Draw.Input teacher = d.floats("teacher", rows, columns);
    Draw.Input student = d.floats("student", rows, columns);
    float temperature = d.pick(1f, 2f, 3f, 0.5f, (float) d.real(0.1, 20));
    float scale = d.pick(1f, 0.5f, (float) d.real(-2, 2));
    return d.toCase(
        "temperature=" + temperature + " scale=" + scale,
        run -> {
          Tensor t = run.in(teacher);
          Tensor s = run.in(student);
          KlDivergence.forward(t, s, temperature, run.out("losses", rows), run.out("loss", 1));
          KlDivergence.gradient(t, s, temperature, scale, run.out("dstudent", rows, columns));
        });
  }
}

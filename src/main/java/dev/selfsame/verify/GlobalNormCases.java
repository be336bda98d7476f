package dev.selfsame.verify;

import dev.selfsame.op.GlobalNorm;
import java.util.List;

/** The norm of several tensors, and clipping above, at and below it. */
final class GlobalNormCases {
  private GlobalNormCases() {}

  static OpCase draw(Draw d) {
    List<Draw.Input> g = UpdateInputs.list(UpdateInputs.sizes(d), "g", d::floats);
    float most = d.pick(1f, 5f, 1e-3f, 1e30f, (float) d.real(0.1, 100));
    return d.toCase(
        "maxNorm=" + most,
        run -> {
          GlobalNorm.norm(UpdateInputs.in(run, g), run.out("norm", 1));
          GlobalNorm.clip(UpdateInputs.inOut(run, g), most, run.out("norm before", 1));
        });
  }
}

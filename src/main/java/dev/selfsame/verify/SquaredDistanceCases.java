package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.SquaredDistance;
import java.util.ArrayList;
import java.util.List;

/** Several pairs of tensors; the penalty, and the gradients to both sides and to one. */
final class SquaredDistanceCases {
  private SquaredDistanceCases() {}

  static OpCase draw(Draw d) {
    long[] sizes = UpdateInputs.sizes(d);
    List<Draw.Input> as = UpdateInputs.list(sizes, "a", d::floats);
    List<Draw.Input> bs = UpdateInputs.list(sizes, "b", d::floats);
    float lambda = d.pick(1f, 1e-3f, 0f, (float) d.real(-2, 2));
    float scale = d.pick(1f, 0.5f, (float) d.real(-2, 2));
    return d.toCase(
        "lambda=" + lambda + " scale=" + scale,
        run -> {
          List<Tensor> a = UpdateInputs.in(run, as);
          List<Tensor> b = UpdateInputs.in(run, bs);
          SquaredDistance.forward(
              a, b, lambda, run.out("distances", sizes.length), run.out("penalty", 1));
          SquaredDistance.gradient(
              a, b, lambda, scale, outs(run, "da", sizes), outs(run, "db", sizes));
          SquaredDistance.gradient(a, b, lambda, scale, outs(run, "only da", sizes), null);
        });
  }

  private static List<Tensor> outs(Run run, String name, long[] sizes) {
    List<Tensor> outs = new ArrayList<>();
    for (int t = 0; t < sizes.length; t++) {
      outs.add(run.out(name + t, sizes[t]));
    }
    return outs;
  }
}

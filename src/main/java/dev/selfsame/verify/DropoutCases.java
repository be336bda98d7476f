package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Dropout;

/** Whole tensors and parts of one, in place and not. */
final class DropoutCases {
  private DropoutCases() {}

  static OpCase draw(Draw d) {
    int n = d.size(1100, 40_000);
    Draw.Input x = d.floats("x", n);
    float p = d.pick(0f, 0.1f, 0.5f, (float) d.real(0, 0.999));
    long first = d.pick(0, 1, 6, d.between(0, 1 << 30));
    Dropout.Mask mask =
        new Dropout.Mask(p, d.between(0, 1000) * 0x9e3779b97f4a7c15L, d.between(-5, 5), first);
    return d.toCase(
        mask.toString(),
        run -> {
          Tensor dx = run.inOut(x);
          Dropout.dropout(dx, mask, run.out("y", n));
          Dropout.gradient(dx, mask, dx);
        });
  }
}

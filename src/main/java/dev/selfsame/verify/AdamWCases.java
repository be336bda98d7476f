package dev.selfsame.verify;

import static dev.selfsame.verify.UpdateInputs.in;
import static dev.selfsame.verify.UpdateInputs.inOut;
import static dev.selfsame.verify.UpdateInputs.list;

import dev.selfsame.Tensor;
import dev.selfsame.op.AdamW;
import java.util.List;

/** Two updates in a row of several tensors, decoupled and L2. */
final class AdamWCases {
  private AdamWCases() {}

  static OpCase draw(Draw d) {
    long[] sizes = UpdateInputs.sizes(d);
    List<Draw.Input> p = list(sizes, "p", d::floats);
    List<Draw.Input> g = list(sizes, "g", d::floats);
    List<Draw.Input> m = list(sizes, "m", d::floats);
    List<Draw.Input> v = list(sizes, "v", d::positives);
    AdamW.Hyper hyper =
        new AdamW.Hyper(
            d.pick(1e-3, 0.1, d.real(0, 1)),
            d.pick(0.9, d.real(0, 1)),
            d.pick(0.999, d.real(0, 1)),
            d.pick(1e-8, 1e-3),
            d.pick(0.0, 0.01, d.real(0, 1)),
            d.pick(1, 2, 1000, 1_000_000),
            d.pick(AdamW.Decay.values()));
    return d.toCase(
        hyper.toString(),
        run -> {
          List<Tensor> pt = inOut(run, p);
          List<Tensor> gt = in(run, g);
          List<Tensor> mt = inOut(run, m);
          List<Tensor> vt = inOut(run, v);
          AdamW.step(pt, gt, mt, vt, hyper);
          AdamW.step(pt, gt, mt, vt, hyper);
        });
  }
}

package dev.selfsame.verify;

import static dev.selfsame.verify.UpdateInputs.in;
import static dev.selfsame.verify.UpdateInputs.inOut;
import static dev.selfsame.verify.UpdateInputs.list;

import dev.selfsame.Tensor;
import dev.selfsame.op.Sgd;
import java.util.List;

/** Two updates in a row of several tensors, plain and Nesterov. */
final class SgdCases {
  private SgdCases() {}

  static OpCase draw(Draw d) {
    long[] sizes = UpdateInputs.sizes(d);
    List<Draw.Input> p = list(sizes, "p", d::floats);
    List<Draw.Input> g = list(sizes, "g", d::floats);
    List<Draw.Input> v = list(sizes, "v", d::floats);
    Sgd.Hyper hyper =
        new Sgd.Hyper(
            d.pick(0.1, d.real(0, 1)),
            d.pick(0.0, 0.9, d.real(0, 1)),
            d.pick(0.0, 1e-4, d.real(0, 1)),
            d.oneIn(2));
    return d.toCase(
        hyper.toString(),
        run -> {
          List<Tensor> pt = inOut(run, p);
          List<Tensor> gt = in(run, g);
          List<Tensor> vt = inOut(run, v);
          Sgd.step(pt, gt, vt, hyper);
          Sgd.step(pt, gt, vt, hyper);
        });
  }
}

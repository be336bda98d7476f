package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Softmax;

/** Short rows and rows of several blocks, with the gradients. */
final class SoftmaxCases {
  private SoftmaxCases() {}

  static OpCase draw(Draw d) {
    boolean wide = d.oneIn(3);
    int rows = d.size(wide ? 3 : 33, wide ? 9 : 70);
    int columns = d.size(wide ? 2100 : 130, wide ? 4200 : 1100);
    long[] shape = {rows, columns};
    Draw.Input x = d.floats("x", shape);
    Draw.Input dy = d.floats("dy", shape);
    return d.toCase(
        "",
        run -> {
          Tensor xt = run.in(x);
          Tensor dyt = run.in(dy);
          Tensor y = run.out("softmax", shape);
          Softmax.softmax(xt, y);
          Softmax.softmaxGradient(y, dyt, run.out("softmax dx", shape));
          Tensor log = run.out("log-softmax", shape);
          Softmax.logSoftmax(xt, log);
          Softmax.logSoftmaxGradient(log, dyt, run.out("log-softmax dx", shape));
        });
  }
}

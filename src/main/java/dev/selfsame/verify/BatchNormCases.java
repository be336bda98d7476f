package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.BatchNorm;

/** [N, F] and [N, C, H, W], with running statistics, evaluation and all gradients. */
final class BatchNormCases {
  private BatchNormCases() {}

  static OpCase draw(Draw d) {
    boolean planes = d.oneIn(2);
    int n = Math.max(2, d.size(planes ? 9 : 130, planes ? 17 : 1100));
    int c = d.size(planes ? 5 : 33, planes ? 9 : 70);
    int h = d.size(9, 33);
    int w = d.size(9, 65);
    long[] shape = planes ? new long[] {n, c, h, w} : new long[] {n, c};
    Draw.Input x = d.floats("x", shape);
    Draw.Input dy = d.floats("dy", shape);
    Draw.Input gamma = d.floats("gamma", c);
    Draw.Input beta = d.floats("beta", c);
    Draw.Input runningMean = d.floats("running mean", c);
    Draw.Input runningVariance = d.positives("running variance", c);
    float eps = d.pick(1e-5f, 1e-12f, 0f, 1f);
    float momentum = d.pick(0.1f, 0f, 1f);
    return d.toCase(
        "eps=" + eps + ", momentum=" + momentum,
        run -> {
          Tensor xt = run.in(x);
          Tensor scale = run.in(gamma);
          Tensor shift = run.in(beta);
          Tensor mean = run.out("mean", c);
          Tensor rstd = run.out("rstd", c);
          Tensor means = run.inOut(runningMean);
          Tensor variances = run.inOut(runningVariance);
          var running = new BatchNorm.Running(means, variances, momentum);
          BatchNorm.forward(xt, scale, shift, eps, running, run.out("y", shape), mean, rstd);
          BatchNorm.evaluate(xt, scale, shift, eps, means, variances, run.out("evaluated", shape));
          BatchNorm.gradient(
              run.in(dy),
              xt,
              scale,
              mean,
              rstd,
              run.out("dx", shape),
              run.out("dgamma", c),
              run.out("dbeta", c));
        });
  }
}

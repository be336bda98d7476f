package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Gemm;

/** All transpose forms, batches, shared right sides, bias and activation; k around chunks. */
final class GemmCases {
  private GemmCases() {}

  static OpCase draw(Draw d) {
    int m = d.size(40, 70);
    int n = d.size(70, 140);
    int k = d.size(d.oneIn(3) ? 1100 : 70, 2100);
    if (d.isLarge() && d.oneIn(4)) {
      // More than 32 chunks of 512: longer chunks.
      m = d.between(1, 3);
      n = d.between(1, 3);
      k = d.between(16_380, 17_500);
    }
    boolean batched = d.oneIn(3);
    boolean shared = batched && d.oneIn(2);
    int batch = batched ? d.between(1, 3) : 1;
    boolean ta = d.oneIn(2);
    boolean tb = d.oneIn(2);
    boolean biased = d.oneIn(2);
    Activation activation = d.pick(Activation.values());
    long[] as = ta ? new long[] {batch, k, m} : new long[] {batch, m, k};
    long[] bs = tb ? new long[] {batch, n, k} : new long[] {batch, k, n};
    Draw.Input a = d.floats("a", batched ? as : tail(as));
    Draw.Input b = d.floats("b", batched && !shared ? bs : tail(bs));
    Draw.Input bias = d.floats("bias", n);
    long[] out = {batch, m, n};
    return d.toCase(
        (ta ? "a transposed, " : "")
            + (tb ? "b transposed, " : "")
            + (biased ? "bias, " : "")
            + activation,
        run -> {
          Tensor at = run.in(a);
          Tensor bt = run.in(b);
          Gemm.gemm(
              ta ? at.transpose() : at,
              tb ? bt.transpose() : bt,
              biased ? run.in(bias) : null,
              activation,
              run.out("out", batched ? out : tail(out)));
        });
  }

  private static long[] tail(long[] sizes) {
    return new long[] {sizes[1], sizes[2]};
  }
}

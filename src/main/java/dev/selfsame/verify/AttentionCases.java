package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Attention;

/** Causal or not, padded or not, fused or not; with gradients. */
final class AttentionCases {
  private AttentionCases() {}

  static OpCase draw(Draw d) {
    int batch = d.size(2, 4);
    int heads = d.size(2, 5);
    int dim = d.size(20, 70);
    int queries = d.size(33, 140);
    boolean fused = d.oneIn(3);
    boolean causal = d.oneIn(2);
    int keys = fused || causal ? queries : d.size(33, 140);
    int width = heads * dim;
    Draw.Input lengths = d.ints("lengths", batch, i -> d.between(1, keys));
    Draw.Input dout = d.floats("dout", batch, queries, width);
    if (fused) {
      Draw.Input qkv = d.floats("qkv", batch, queries, 3L * width);
      return d.toCase(
          "fused causal=" + causal + " heads=" + heads,
          run -> {
            Tensor x = run.in(qkv);
            Tensor n = run.in(lengths);
            Tensor out = run.out("out", batch, queries, width);
            Tensor statistics = run.out("statistics", 2, batch, heads, queries);
            Tensor dx = run.out("dqkv", batch, queries, 3L * width);
            Attention.forward(x, n, heads, causal, out, statistics);
            Attention.gradient(run.in(dout), x, n, heads, causal, out, statistics, dx);
          });
    }
    Draw.Input q = d.floats("q", batch, queries, width);
    Draw.Input k = d.floats("k", batch, keys, width);
    Draw.Input v = d.floats("v", batch, keys, width);
    return d.toCase(
        "causal=" + causal + " heads=" + heads,
        run -> {
          Tensor qt = run.in(q);
          Tensor kt = run.in(k);
          Tensor vt = run.in(v);
          Tensor n = run.in(lengths);
          Tensor out = run.out("out", batch, queries, width);
          Tensor statistics = run.out("statistics", 2, batch, heads, queries);
          Tensor dq = run.out("dq", batch, queries, width);
          Tensor dk = run.out("dk", batch, keys, width);
          Tensor dv = run.out("dv", batch, keys, width);
          Attention.forward(qt, kt, vt, n, heads, causal, out, statistics);
          Attention.gradient(
              run.in(dout), qt, kt, vt, n, heads, causal, out, statistics, dq, dk, dv);
        });
  }
}

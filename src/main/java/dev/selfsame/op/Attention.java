package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.AttentionVector;
import dev.selfsame.op.AttentionLayout.Operands;
import dev.selfsame.op.AttentionLayout.Rows;
import dev.selfsame.op.AttentionLayout.Sizes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2) and its gradients.
 *
 * <p>B sequences, H heads of D numbers, T queries, S keys: q [B, T, H·D], k and v [B, S, H·D], head
 * h in columns h·D … h·D + D − 1; or all three side by side in the columns of one qkv [B, T,
 * 3·H·D], as one projection gives them. Query i of sequence b sees its first n keys: n =
 * min(lengths[b], i + 1 if causal). The others take no part, whatever they hold. With c = 1/√D,
 * taken in double and rounded once, each head computes
 *
 * <pre>
 *   s[i,j] = (Σ_d q[i,d]·k[j,d]) · c          p[i,j] = exp(s[i,j] − m[i]) / l[i]
 *   m[i] = max_j s[i,j]                       out[i,d] = Σ_j p[i,j]·v[j,d]
 *   l[i] = Σ_j exp(s[i,j] − m[i])
 * </pre>
 *
 * <p>Order: l is {@link Softmax}'s block sum over the n keys, exp is correctly rounded, each
 * operation written here rounds once. The other sums are contractions: chains of fused
 * multiply-adds in ascending order from +0, added left to right. The one over d is a single chain.
 * Those over keys are cut at multiples of {@link Contract#chunk}(S), those over queries at
 * multiples of chunk(T); a piece without terms takes no part.
 *
 * <p>The gradient keeps no T·S numbers: p is computed again from m and l, which forward leaves in
 * its statistics (Dao et al. 2022, "FlashAttention", appendix B.2).
 *
 * <pre>
 *   e[i] = Σ_d dout[i,d]·out[i,d]             dq[i,d] = (Σ_j ds[i,j]·k[j,d]) · c
 *   dp[i,j] = Σ_d dout[i,d]·v[j,d]            dk[j,d] = (Σ_i ds[i,j]·q[i,d]) · c
 *   ds[i,j] = p[i,j] · (dp[i,j] − e[i])       dv[j,d] =  Σ_i p[i,j]·dout[i,d]
 * </pre>
 *
 * where j runs over the keys that query i sees, i over the queries that see key j; a key that none
 * sees has gradients +0.
 *
 * <p>So a head of a sequence has the bits that it has in any batch; and, with at most 16,384 keys,
 * its outputs and dq do not change if keys are added that it does not see: a padded sequence, or
 * one that grows by a position at a time, has the bits of the whole.
 *
 * <p>D is at most 256, T and S at most 2²⁰. Nothing may be empty; destinations share no memory with
 * anything else.
 */
public final class Attention {
  static final String OP = "attention";
  private static final String GRADIENT = "attention gradient";

  private Attention() {}

  /**
   * The outputs and what the gradient needs.
   *
   * @param q [B, T, H·D]
   * @param k [B, S, H·D]
   * @param v [B, S, H·D]
   * @param lengths I32 [B], each 1 … S, or null if all keys of every sequence are there
   * @param heads H; a divisor of the columns
   * @param causal whether query i sees no key after i; T must be S
   * @param out [B, T, H·D]
   * @param statistics m and l, [2, B, H, T]
   * @throws ShapeException if shapes do not fit
   * @throws IndexException if a length is not 1 … S
   */
  public static void forward(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics) {
    forward(AttentionLayout.separate(OP, q, k, v, out), lengths, heads, causal, out, statistics);
  }

  /**
   * The outputs of attention of a sequence to itself.
   *
   * @param qkv [B, T, 3·H·D]: queries, keys and values side by side
   * @param lengths I32 [B], each 1 … T, or null
   * @param heads H
   * @param causal whether query i sees no key after i
   * @param out [B, T, H·D]
   * @param statistics m and l, [2, B, H, T]
   */
  public static void forward(
      Tensor qkv,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics) {
    forward(AttentionLayout.together(OP, "qkv", qkv, out), lengths, heads, causal, out, statistics);
  }

  private static void forward(
      Operands x,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics) {
    Sizes s = AttentionLayout.sizes(OP, x, heads, causal);
    Check.shape(OP, "out", out, s.batch(), s.queries(), s.width());
    Check.input(OP, "statistics", statistics, out);
    Check.shape(OP, "statistics", statistics, 2, s.batch(), heads, s.queries());
    x.apart(OP, "out", out);
    x.apart(OP, "statistics", statistics);
    Check.apart(OP, "out", out, "statistics", statistics);
    int[] seen = AttentionLayout.lengths(OP, lengths, s, out, "out", out, statistics);
    switch (out.device()) {
      case Device.Scalar d -> scalar(s, seen, x, out, statistics.memory());
      case Device.Vector d ->
          AttentionVector.on(d.bits())
              .forward(
                  s.forVectors(),
                  seen,
                  x.q().memory(),
                  x.k().memory(),
                  x.v().memory(),
                  new Rows(out, 0).memory(),
                  statistics.memory(),
                  d.workers());
      case Device.Cuda d -> AttentionCuda.forward(d.context(), s, lengths, x, out, statistics);
    }
  }

  /**
   * The gradients.
   *
   * @param dout gradient of out, [B, T, H·D]
   * @param q of forward
   * @param k of forward
   * @param v of forward
   * @param lengths of forward
   * @param heads of forward
   * @param causal of forward
   * @param out of forward
   * @param statistics of forward
   * @param dq [B, T, H·D]
   * @param dk [B, S, H·D]
   * @param dv [B, S, H·D]
   */
  public static void gradient(
      Tensor dout,
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    Operands x = AttentionLayout.separate(GRADIENT, q, k, v, dq);
    Check.plain(GRADIENT, "dk", dk, DType.F32);
    Check.plain(GRADIENT, "dv", dv, DType.F32);
    Check.input(GRADIENT, "dk", dk, dq);
    Check.input(GRADIENT, "dv", dv, dq);
    Check.shape(GRADIENT, "dq", dq, q.shape());
    Check.shape(GRADIENT, "dk", dk, k.shape());
    Check.shape(GRADIENT, "dv", dv, v.shape());
    Check.apart(GRADIENT, "dq", dq, "dk", dk);
    Check.apart(GRADIENT, "dq", dq, "dv", dv);
    Check.apart(GRADIENT, "dk", dk, "dv", dv);
    Operands dx = new Operands(new Rows(dq, 0), new Rows(dk, 0), new Rows(dv, 0), q.size(2));
    gradient(
        dout,
        x,
        lengths,
        heads,
        causal,
        out,
        statistics,
        dx,
        new String[] {"dq", "dk", "dv"},
        dq,
        dk,
        dv);
  }

  /**
   * The gradient of attention of a sequence to itself.
   *
   * @param dout gradient of out, [B, T, H·D]
   * @param qkv of forward
   * @param lengths of forward
   * @param heads of forward
   * @param causal of forward
   * @param out of forward
   * @param statistics of forward
   * @param dqkv [B, T, 3·H·D]
   */
  public static void gradient(
      Tensor dout,
      Tensor qkv,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics,
      Tensor dqkv) {
    Operands x = AttentionLayout.together(GRADIENT, "qkv", qkv, dqkv);
    Check.shape(GRADIENT, "dqkv", dqkv, qkv.shape());
    Operands dx = AttentionLayout.together(GRADIENT, "dqkv", dqkv, dqkv);
    gradient(dout, x, lengths, heads, causal, out, statistics, dx, new String[] {"dqkv"}, dqkv);
  }

  private static void gradient(
      Tensor dout,
      Operands x,
      @Nullable Tensor lengths,
      int heads,
      boolean causal,
      Tensor out,
      Tensor statistics,
      Operands dx,
      String[] names,
      Tensor... destinations) {
    Sizes s = AttentionLayout.sizes(GRADIENT, x, heads, causal);
    Tensor first = destinations[0];
    Check.input(GRADIENT, "dout", dout, first);
    Check.shape(GRADIENT, "dout", dout, s.batch(), s.queries(), s.width());
    Check.input(GRADIENT, "out", out, first);
    Check.shape(GRADIENT, "out", out, s.batch(), s.queries(), s.width());
    Check.input(GRADIENT, "statistics", statistics, first);
    Check.shape(GRADIENT, "statistics", statistics, 2, s.batch(), heads, s.queries());
    for (int i = 0; i < names.length; i++) {
      x.apart(GRADIENT, names[i], destinations[i]);
      Check.apart(GRADIENT, "dout", dout, names[i], destinations[i]);
      Check.apart(GRADIENT, "out", out, names[i], destinations[i]);
      Check.apart(GRADIENT, "statistics", statistics, names[i], destinations[i]);
    }
    int[] seen = AttentionLayout.lengths(GRADIENT, lengths, s, first, names[0], destinations);
    switch (first.device()) {
      case Device.Scalar d -> scalarGradient(s, seen, dout, x, out, statistics.memory(), dx);
      case Device.Vector d ->
          AttentionVector.on(d.bits())
              .gradient(
                  s.forVectors(),
                  seen,
                  new Rows(dout, 0).memory(),
                  x.q().memory(),
                  x.k().memory(),
                  x.v().memory(),
                  new Rows(out, 0).memory(),
                  statistics.memory(),
                  dx.q().memory(),
                  dx.k().memory(),
                  dx.v().memory(),
                  d.workers());
      case Device.Cuda d ->
          AttentionCuda.gradient(d.context(), s, lengths, dout, x, out, statistics, dx);
    }
  }

  // ---- the definition: one head of one sequence after the other

  private static void scalar(
      Sizes s, int[] lengths, Operands x, Tensor out, MemorySegment statistics) {
    float[] p = new float[s.keys()];
    Rows to = new Rows(out, 0);
    for (int b = 0; b < s.batch(); b++) {
      for (int h = 0; h < s.heads(); h++) {
        Head v = new Head(x.v(), b, h, s);
        for (int i = 0; i < s.queries(); i++) {
          int n = s.seen(lengths[b], i);
          float m = Float.NEGATIVE_INFINITY;
          for (int j = 0; j < n; j++) {
            p[j] = score(s, x, b, h, i, j);
            m = Math.max(m, p[j]);
          }
          for (int j = 0; j < n; j++) {
            p[j] = ExactMath.exp(p[j] - m);
          }
          float l = OrderedSum.blockSum(p, 0, n);
          for (int j = 0; j < n; j++) {
            p[j] = p[j] / l;
          }
          long row = ((long) b * s.heads() + h) * s.queries() + i;
          f32(statistics, row, m);
          f32(statistics, s.statistics() + row, l);
          for (int d = 0; d < s.dim(); d++) {
            float o = contraction(p, v, d, 0, n, s.keys());
            f32(out.memory(), to.at(b, i, h, s.dim()) + d, o);
          }
        }
      }
    }
  }

  private static void scalarGradient(
      Sizes s,
      int[] lengths,
      Tensor dout,
      Operands x,
      Tensor out,
      MemorySegment statistics,
      Operands dx) {
    Rows outs = new Rows(out, 0);
    Rows slopes = new Rows(dout, 0);
    float[] p = new float[Math.max(s.queries(), s.keys())];
    float[] ds = new float[p.length];
    float[] e = new float[s.queries()];
    for (int b = 0; b < s.batch(); b++) {
      for (int h = 0; h < s.heads(); h++) {
        Head q = new Head(x.q(), b, h, s);
        Head k = new Head(x.k(), b, h, s);
        Head v = new Head(x.v(), b, h, s);
        Head o = new Head(outs, b, h, s);
        Head g = new Head(slopes, b, h, s);
        for (int i = 0; i < s.queries(); i++) {
          e[i] = chain(g, i, o, i, s.dim());
        }
        for (int i = 0; i < s.queries(); i++) {
          int n = s.seen(lengths[b], i);
          for (int j = 0; j < n; j++) {
            float pij = weight(s, x, statistics, b, h, i, j);
            ds[j] = pij * (chain(g, i, v, j, s.dim()) - e[i]);
          }
          for (int d = 0; d < s.dim(); d++) {
            float sum = contraction(ds, k, d, 0, n, s.keys()) * s.c();
            f32(dx.q().tensor().memory(), dx.q().at(b, i, h, s.dim()) + d, sum);
          }
        }
        for (int j = 0; j < s.keys(); j++) {
          // The queries that see key j: first … queries − 1, or none.
          int first = j >= lengths[b] ? s.queries() : s.causal() ? j : 0;
          for (int i = first; i < s.queries(); i++) {
            p[i] = weight(s, x, statistics, b, h, i, j);
            ds[i] = p[i] * (chain(g, i, v, j, s.dim()) - e[i]);
          }
          long to = dx.k().at(b, j, h, s.dim());
          for (int d = 0; d < s.dim(); d++) {
            float dk = contraction(ds, q, d, first, s.queries(), s.queries()) * s.c();
            f32(dx.k().tensor().memory(), to + d, dk);
            float dv = contraction(p, g, d, first, s.queries(), s.queries());
            f32(dx.v().tensor().memory(), dx.v().at(b, j, h, s.dim()) + d, dv);
          }
        }
      }
    }
  }

  /** The rows of one head of one sequence. */
  private record Head(MemorySegment memory, long at, long step) {
    Head(Rows rows, int b, int h, Sizes s) {
      this(rows.tensor().memory(), rows.at(b, 0, h, s.dim()), rows.step());
    }

    float get(long row, int d) {
      return f32(memory, at + row * step + d);
    }
  }

  private static float score(Sizes s, Operands x, int b, int h, int i, int j) {
    return chain(new Head(x.q(), b, h, s), i, new Head(x.k(), b, h, s), j, s.dim()) * s.c();
  }

  /** p[i, j] again. */
  private static float weight(
      Sizes s, Operands x, MemorySegment statistics, int b, int h, int i, int j) {
    long row = ((long) b * s.heads() + h) * s.queries() + i;
    float m = f32(statistics, row);
    float l = f32(statistics, s.statistics() + row);
    return ExactMath.exp(score(s, x, b, h, i, j) - m) / l;
  }

  private static float chain(Head a, int i, Head b, int j, int dim) {
    float acc = 0f;
    for (int d = 0; d < dim; d++) {
      acc = Math.fma(a.get(i, d), b.get(j, d), acc);
    }
    return acc;
  }

  /**
   * Σ w[t]·x[t, d] for t = from … to − 1, cut at multiples of the chunk of {@code all} terms; +0 of
   * no terms.
   */
  private static float contraction(float[] w, Head x, int d, int from, int to, int all) {
    long chunk = Contract.chunk(all);
    float total = 0f;
    for (int t = from; t < to; ) {
      boolean first = t == from;
      long end = Math.min((t / chunk + 1) * chunk, to);
      float acc = 0f;
      for (; t < end; t++) {
        acc = Math.fma(w[t], x.get(t, d), acc);
      }
      total = first ? acc : total + acc;
    }
    return total;
  }
}

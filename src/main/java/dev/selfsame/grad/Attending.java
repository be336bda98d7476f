package dev.selfsame.grad;

import dev.selfsame.Tensor;
import dev.selfsame.op.Attention;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attention, differentiable; shapes, order and errors are the operation's ({@link Attention}). */
public final class Attending {
  private Attending() {}

  /**
   * Attention of sequences to themselves.
   *
   * @param qkv queries, keys and values side by side, [B, T, 3·H·D]
   * @param lengths I32 [B], or null if all keys of every sequence are there
   * @return [B, T, H·D]
   */
  public static Var selfAttention(Var qkv, @Nullable Tensor lengths, int heads, boolean causal) {
    Tape tape = qkv.tape();
    Tensor x = qkv.value();
    long batch = x.size(0);
    long steps = x.size(1);
    Tensor y = tape.result(batch, steps, x.size(-1) / 3);
    Tensor statistics = tape.result(2, batch, heads, steps);
    Attention.forward(x, lengths, heads, causal, y, statistics);
    Var out = tape.variable(y, qkv);
    tape.rule(
        out,
        () ->
            qkv.contribute(d ->
                Attention.gradient(out.gradient(), x, lengths, heads, causal, y, statistics, d)));
    return out;
  }

  /**
   * Attention of queries [B, T, H·D] to keys and values [B, S, H·D].
   *
   * @param lengths I32 [B], or null if all keys of every sequence are there
   * @return [B, T, H·D]
   */
  public static Var attention(
      Var q, Var k, Var v, @Nullable Tensor lengths, int heads, boolean causal) {
    Tape tape = q.tape();
    Tensor y = tape.result(q.value().shape().sizes());
    Tensor statistics = tape.result(2, q.value().size(0), heads, q.value().size(1));
    Attention.forward(q.value(), k.value(), v.value(), lengths, heads, causal, y, statistics);
    Var out = tape.variable(y, q, k, v);
    tape.rule(
        out,
        () -> {
          Var.contribute(
              List.of(v, k, q),
              d ->
                  Attention.gradient(
                      out.gradient(),
                      q.value(),
                      k.value(),
                      v.value(),
                      lengths,
                      heads,
                      causal,
                      y,
                      statistics,
                      d.get(2),
                      d.get(1),
                      d.get(0)));
        });
    return out;
  }
}

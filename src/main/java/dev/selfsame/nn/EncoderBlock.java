package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Unary;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A block of a transformer's encoder (Vaswani et al. 2017, section 3.1; GELU and the order of
 * things as BERT has them, Devlin et al. 2019): x [B, T, E] to [B, T, E],
 *
 * <pre>
 *   a = LayerNorm(x + dropout(attention(x)))
 *   y = LayerNorm(a + dropout(W₂·gelu(W₁·a)))
 * </pre>
 *
 * Applied L times, the same block is L layers with the parameters of one (Lan et al. 2020,
 * "ALBERT").
 */
public final class EncoderBlock implements Layer {
  private final MultiHeadAttention attention;
  private final LayerNorm afterAttention;
  private final Linear in;
  private final Linear out;
  private final LayerNorm afterFeedForward;
  private final Dropout dropout;

  private EncoderBlock(
      MultiHeadAttention attention,
      LayerNorm afterAttention,
      Linear in,
      Linear out,
      LayerNorm afterFeedForward,
      Dropout dropout) {
    this.attention = attention;
    this.afterAttention = afterAttention;
    this.in = in;
    this.out = out;
    this.afterFeedForward = afterFeedForward;
    this.dropout = dropout;
  }

  /**
   * New parameters.
   *
   * @param width E
   * @param heads of the attention; a divisor of E
   * @param inner width between W₁ and W₂
   * @param dropout of both branches; it draws new masks at every use
   */
  public static EncoderBlock of(
      Initializer init, String name, long width, int heads, long inner, Dropout dropout) {
    return new EncoderBlock(
        MultiHeadAttention.of(init, name + ".attention", width, heads, false),
        LayerNorm.of(init, name + ".norm1", width),
        Linear.of(init, name + ".in", width, inner),
        Linear.of(init, name + ".out", inner, width),
        LayerNorm.of(init, name + ".norm2", width),
        dropout);
  }

  @Override
  public Var forward(Var x) {
    return forward(x, null);
  }

  /**
   * Of sequences that are padded.
   *
   * @param lengths I32 [B], the positions of each sequence
   */
  public Var forward(Var x, @Nullable Tensor lengths) {
    Var seen = dropout.forward(attention.forward(x, lengths));
    Var a = afterAttention.forward(Functions.add(x, seen));
    long[] sizes = x.value().shape().sizes();
    Var rows = Functions.reshape(a, sizes[0] * sizes[1], sizes[2]);
    Var inner = Functions.unary(Unary.GELU, in.forward(rows));
    Var fed = Functions.reshape(dropout.forward(out.forward(inner)), sizes);
    return afterFeedForward.forward(Functions.add(a, fed));
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.<Layer>of(attention, afterAttention, in, out, afterFeedForward)
        .flatMap(l -> l.parameters().stream())
        .toList();
  }
}

package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Attending;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Attention of a sequence to itself (Vaswani et al. 2017, section 3.2.2): queries, keys and values
 * by one projection, H heads side by side, then the output projection. x [B, T, E] to [B, T, E].
 */
public final class MultiHeadAttention implements Layer {
  private final Linear projection;
  private final Linear output;
  private final int heads;
  private final boolean causal;

  /** Over given layers: E to 3·E, and E to E. */
  public MultiHeadAttention(Linear projection, Linear output, int heads, boolean causal) {
    this.projection = projection;
    this.output = output;
    this.heads = heads;
    this.causal = causal;
  }

  /**
   * New parameters of {@code name.qkv} and {@code name.out}.
   *
   * @param width E, a multiple of the heads
   * @param causal whether a position sees none after it
   */
  public static MultiHeadAttention of(
      Initializer init, String name, long width, int heads, boolean causal) {
    if (heads < 1 || width % heads != 0) {
      throw new ShapeException(
          name + ": heads is " + heads + "; a divisor of the width " + width + " is needed");
    }
    return new MultiHeadAttention(
        Linear.of(init, name + ".qkv", width, 3 * width),
        Linear.of(init, name + ".out", width, width),
        heads,
        causal);
  }

  @Override
  public Var forward(Var x) {
    return forward(x, null);
  }

  /**
   * Of sequences that are padded.
   *
   * @param lengths I32 [B], the positions of each sequence; the others are seen by none
   */
  public Var forward(Var x, @Nullable Tensor lengths) {
    long[] sizes = x.value().shape().sizes();
    if (sizes.length != 3) {
      throw new ShapeException(
          "multi-head attention: x has shape " + x.value().shape() + "; [B, T, E] is needed");
    }
    long rows = sizes[0] * sizes[1];
    long width = sizes[2];
    Var qkv = projection.forward(Functions.reshape(x, rows, width));
    Var seen =
        Attending.selfAttention(
            Functions.reshape(qkv, sizes[0], sizes[1], 3 * width), lengths, heads, causal);
    return Functions.reshape(output.forward(Functions.reshape(seen, rows, width)), sizes);
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.of(projection, output).flatMap(l -> l.parameters().stream()).toList();
  }
}

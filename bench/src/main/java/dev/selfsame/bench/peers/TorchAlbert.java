package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped ALBERT in libtorch, without dropout: narrow embeddings, one encoder block that is all
 * layers ({@code scaled_dot_product_attention}, GELU by erf, layer norms after the sums), and the
 * embedding as the output's weight for the words that are hidden.
 */
public final class TorchAlbert extends TorchModel {
  private static final TensorOptional NO_MASK = new TensorOptional();
  private static final DoubleOptional DEFAULT_SCALE = new DoubleOptional();
  private static final int BLOCK = 6;
  private static final int AFTER = 18;

  private final List<TensorOptional> optional;
  private final long batch;
  private final long heads;
  private final int layers;
  private final double eps;

  /**
   * Over parameters as ours has them.
   *
   * @param parameters words [V, D] and positions [T, D]; then of each layer weight and bias: norm,
   *     widen [E, D]; of the block qkv [3E, E], out, norm, in, out, norm; narrow [D, E], norm; the
   *     output's bias [V]
   * @param eps of the norms
   */
  public TorchAlbert(List<Tensor> parameters, long batch, long heads, int layers, double eps) {
    super(parameters);
    optional = parameters.stream().map(TensorOptional::new).toList();
    this.batch = batch;
    this.heads = heads;
    this.layers = layers;
    this.eps = eps;
  }

  /**
   * {@inheritDoc}
   *
   * @param inputs the tokens [B · T], and after them the hidden words' places among them
   * @param labels the hidden words
   */
  @Override
  Tensor loss(Results results, Tensor inputs, Tensor labels) {
    Tensor table = parameters.getFirst();
    Tensor positions = parameters.get(1);
    long length = positions.size(0);
    Tensor tokens = results.keep(inputs.narrow(0, 0, batch * length));
    Tensor places = results.keep(inputs.narrow(0, batch * length, labels.numel()));
    Tensor words = results.keep(torch.embedding(table, tokens));
    Tensor pieces = results.keep(words.reshape(batch, length, table.size(1)));
    Tensor placed = results.keep(pieces.add(positions));
    Tensor x = linear(results, norm(results, placed, 2), 4);
    for (int layer = 0; layer < layers; layer++) {
      x = block(results, x);
    }
    Tensor rows = results.keep(x.reshape(batch * length, x.size(2)));
    Tensor chosen = results.keep(torch.index_select(rows, 0, places));
    Tensor guess = results.keep(torch.gelu(linear(results, chosen, AFTER)));
    Tensor normed = norm(results, guess, AFTER + 2);
    Tensor logits = results.keep(torch.linear(normed, table, optional.getLast()));
    return results.keep(torch.cross_entropy_loss(logits, labels));
  }

  private Tensor block(Results results, Tensor x) {
    Tensor seen = linear(results, attention(results, linear(results, x, BLOCK)), BLOCK + 2);
    Tensor a = norm(results, results.keep(x.add(seen)), BLOCK + 4);
    Tensor inner = results.keep(torch.gelu(linear(results, a, BLOCK + 6)));
    Tensor fed = linear(results, inner, BLOCK + 8);
    return norm(results, results.keep(a.add(fed)), BLOCK + 10);
  }

  /** Of queries, keys and values side by side, [B, T, 3 · E]. */
  private Tensor attention(Results results, Tensor qkv) {
    long length = qkv.size(1);
    long width = qkv.size(2) / 3;
    Tensor[] parts = new Tensor[3];
    try (TensorVector chunks = qkv.chunk(3, -1)) {
      for (int i = 0; i < 3; i++) {
        Tensor split = results.keep(chunks.get(i).reshape(batch, length, heads, width / heads));
        parts[i] = results.keep(split.transpose(1, 2));
      }
    }
    Tensor seen =
        results.keep(
            torch.scaled_dot_product_attention(
                parts[0], parts[1], parts[2], NO_MASK, 0, false, DEFAULT_SCALE, false));
    return results.keep(results.keep(seen.transpose(1, 2)).reshape(batch, length, width));
  }

  private Tensor linear(Results results, Tensor x, int at) {
    return results.keep(torch.linear(x, parameters.get(at), optional.get(at + 1)));
  }

  private Tensor norm(Results results, Tensor x, int at) {
    long[] width = {parameters.get(at).numel()};
    return results.keep(
        torch.layer_norm(x, width, optional.get(at), optional.get(at + 1), eps, true));
  }

  @Override
  public TorchAlbert inFloat64() {
    return new TorchAlbert(wideParameters(), batch, heads, layers, eps);
  }

  @Override
  public void close() {
    optional.forEach(TensorOptional::close);
    super.close();
  }
}

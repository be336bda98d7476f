package dev.selfsame.bench.peers;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped recurrent language models in libtorch: embedding, a layer of {@link TorchRecurrent}
 * from carried states, a linear layer, cross-entropy; gradients are clipped to a norm of 1.
 */
public final class TorchLanguageModel extends TorchModel {
  private final TorchRecurrent.Kind kind;
  private final Tensor zeros;
  private final TorchRecurrent layer;
  private final Tensor output;
  private final TensorOptional bias;
  private final long steps;
  private final long batch;
  private Tensor h;
  private Tensor c;

  /**
   * A model from states of zero.
   *
   * @param parameters embedding [V, D]; weights and bias of the layer, [G·H, D], [G·H, H], [G·H],
   *     and its second bias if it is gated recurrent units; weight [V, H] and bias [V] of the
   *     output, or neither: then the embedding is its weight
   * @param zeros [G·H], the second bias of other layers, which ours does not have: it isn't trained
   * @param state [1, B, H] of zeros
   */
  public TorchLanguageModel(
      TorchRecurrent.Kind kind,
      List<Tensor> parameters,
      Tensor zeros,
      Tensor state,
      long steps,
      long batch) {
    super(parameters);
    this.kind = kind;
    this.zeros = zeros;
    this.steps = steps;
    this.batch = batch;
    int biases = kind == TorchRecurrent.Kind.GRU ? 2 : 1;
    int after = 3 + biases;
    List<Tensor> weights = new ArrayList<>(parameters.subList(1, after));
    if (biases == 1) {
      weights.add(zeros);
    }
    layer = new TorchRecurrent(kind, weights);
    boolean tied = parameters.size() == after;
    output = parameters.get(tied ? 0 : after);
    bias = tied ? new TensorOptional() : new TensorOptional(parameters.get(after + 1));
    h = state.clone();
    c = state.clone();
  }

  @Override
  Tensor loss(Results results, Tensor tokens, Tensor next) {
    Tensor table = parameters.getFirst();
    Tensor words = results.keep(torch.embedding(table, tokens));
    Tensor x = results.keep(words.reshape(steps, batch, table.size(1)));
    TorchRecurrent.States states = layer.states(x, h, c, true);
    carry(states.h(), states.c());
    Tensor y = results.keep(states.y());
    Tensor rows = results.keep(y.reshape(steps * batch, output.size(1)));
    Tensor logits = results.keep(torch.linear(rows, output, bias));
    return results.keep(torch.cross_entropy_loss(logits, next));
  }

  /** The next piece of text goes on from these states. */
  private void carry(Tensor nextH, Tensor nextC) {
    h.close();
    c.close();
    h = nextH;
    c = nextC;
  }

  /** From states of zero again. */
  @Override
  public void restart() {
    h.zero_();
    c.zero_();
  }

  @Override
  void beforeUpdate(TensorVector parameters) {
    torch.clip_grad_norm_(parameters, 1);
  }

  @Override
  public TorchLanguageModel inFloat64() {
    try (Tensor state = TorchRecurrent.wide(h)) {
      return new TorchLanguageModel(
          kind, wideParameters(), TorchRecurrent.wide(zeros), state.zero_(), steps, batch);
    }
  }

  @Override
  public void close() {
    h.close();
    c.close();
    zeros.close();
    layer.close();
    super.close();
  }
}

package dev.selfsame.bench.peers;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped language models of long short-term memory in libtorch: embedding, {@code torch::lstm}
 * from carried states, a linear layer, cross-entropy; gradients are clipped to a norm of 1.
 */
public final class TorchLanguageModel extends TorchModel {
  private final long steps;
  private final long batch;
  private final TensorVector lstm;
  private final TensorOptional bias;
  private Tensor h;
  private Tensor c;

  /**
   * A model from states of zero.
   *
   * @param parameters embedding [V, D]; weights and bias of the layer, [4H, D], [4H, H], [4H];
   *     weight [V, H] and bias [V] of the output, or neither: then the embedding is its weight
   * @param zeros [4H], the layer's second bias, which ours does not have: it isn't trained
   * @param state [1, B, H] of zeros
   */
  public TorchLanguageModel(
      List<Tensor> parameters, Tensor zeros, Tensor state, long steps, long batch) {
    super(parameters);
    this.steps = steps;
    this.batch = batch;
    lstm = new TensorVector(parameters.get(1), parameters.get(2), parameters.get(3), zeros);
    bias = parameters.size() == 6 ? new TensorOptional(parameters.get(5)) : new TensorOptional();
    h = state.clone();
    c = state.clone();
  }

  @Override
  public double backward(Tensor tokens, Tensor next) {
    Deque<Tensor> results = new ArrayDeque<>();
    Tensor table = parameters.getFirst();
    Tensor output = parameters.size() == 6 ? parameters.get(4) : table;
    Tensor words = kept(results, torch.embedding(table, tokens));
    Tensor x = kept(results, words.reshape(steps, batch, table.size(1)));
    Tensor y;
    try (var states = new TensorVector(h, c);
        T_TensorTensorTensor_T all = torch.lstm(x, states, lstm, true, 1, 0, true, false, false)) {
      y = kept(results, new Tensor(all.get0()));
      carry(all.get1(), all.get2());
    }
    Tensor rows = kept(results, y.reshape(steps * batch, output.size(1)));
    Tensor logits = kept(results, torch.linear(rows, output, bias));
    Tensor loss = kept(results, torch.cross_entropy_loss(logits, next));
    loss.backward();
    double value = loss.item_double();
    results.forEach(Tensor::close);
    return value;
  }

  /** The next piece of text goes on from these states, without their history. */
  private void carry(Tensor nextH, Tensor nextC) {
    h.close();
    c.close();
    h = nextH.detach();
    c = nextC.detach();
  }

  /** From states of zero again. */
  @Override
  public void restart() {
    h.zero_();
    c.zero_();
  }

  private static Tensor kept(Deque<Tensor> results, Tensor t) {
    results.add(t);
    return t;
  }

  @Override
  void beforeUpdate(TensorVector parameters) {
    torch.clip_grad_norm_(parameters, 1);
  }

  @Override
  public TorchLanguageModel inFloat64() {
    try (Tensor zeros = TorchRecurrent.wide(lstm.get(3));
        Tensor state = TorchRecurrent.wide(h)) {
      return new TorchLanguageModel(wideParameters(), zeros, state.zero_(), steps, batch);
    }
  }

  @Override
  public void close() {
    h.close();
    c.close();
    lstm.close();
    super.close();
  }
}

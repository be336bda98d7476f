package dev.selfsame.bench.peers;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's recurrent layers over a whole sequence, as {@code torch.nn.RNN}, {@code LSTM} and
 * {@code GRU} call them, and their gradients by its autograd.
 */
public final class TorchRecurrent implements AutoCloseable {
  /** Which layer. */
  public enum Kind {
    RNN(1),
    LSTM(4),
    GRU(3);

    private final int gates;

    Kind(int gates) {
      this.gates = gates;
    }

    /** Rows of the weights for each unit. */
    public int gates() {
      return gates;
    }
  }

  private static final BoolOptional RETAIN = new BoolOptional(true);

  private final Kind kind;
  private final List<Tensor> parameters;
  private final TensorVector vector;

  /** Over weights [G·H, I] and [G·H, H] and two biases [G·H]. */
  public TorchRecurrent(Kind kind, List<Tensor> parameters) {
    this.kind = kind;
    this.parameters = List.copyOf(parameters);
    vector = new TensorVector(parameters.toArray(Tensor[]::new));
  }

  /**
   * What a sequence gives.
   *
   * @param y the states after each step, [T, B, H]
   * @param h the last state, [1, B, H], without its history
   * @param c the last cell, likewise, or a state where the layer has no cells
   */
  record States(Tensor y, Tensor h, Tensor c) {
    States(Tensor y, Tensor h, Tensor c) {
      this.y = new Tensor(y); // the tuple owns the others
      this.h = h.detach();
      this.c = c.detach();
    }
  }

  /**
   * The states after each step, [T, B, H].
   *
   * @param x [T, B, I]
   * @param h the first state, [1, B, H]
   * @param c the first cell, likewise; used where the layer has cells
   * @param train whether a backward pass may follow
   */
  public Tensor forward(Tensor x, Tensor h, Tensor c, boolean train) {
    States all = states(x, h, c, train);
    all.h.close();
    all.c.close();
    return all.y;
  }

  /** The same, and the states to go on from. */
  States states(Tensor x, Tensor h, Tensor c, boolean train) {
    return switch (kind) {
      case RNN -> both(torch.rnn_tanh(x, h, vector, true, 1, 0, train, false, false));
      case GRU -> both(torch.gru(x, h, vector, true, 1, 0, train, false, false));
      case LSTM -> {
        try (var states = new TensorVector(h, c);
            T_TensorTensorTensor_T all =
                torch.lstm(x, states, vector, true, 1, 0, train, false, false)) {
          yield new States(all.get0(), all.get1(), all.get2());
        }
      }
    };
  }

  private static States both(T_TensorTensor_T all) {
    try (all) {
      return new States(all.get0(), all.get1(), all.get1());
    }
  }

  /**
   * The gradients of x and of the parameters, from dy [T, B, H]; the graph of y stays, so that this
   * can be called again. x must have asked for a gradient before {@link #forward}.
   */
  public List<Tensor> gradients(Tensor y, Tensor x, Tensor dy) {
    List<Tensor> wanted = new ArrayList<>(List.of(x));
    wanted.addAll(parameters);
    List<Tensor> gradients = new ArrayList<>();
    try (var outputs = new TensorVector(y);
        var inputs = new TensorVector(wanted.toArray(Tensor[]::new));
        var from = new TensorVector(dy);
        TensorVector all = torch.grad(outputs, inputs, from, RETAIN, false, false)) {
      for (long i = 0; i < all.size(); i++) {
        gradients.add(new Tensor(all.get(i)));
      }
    }
    return gradients;
  }

  /** Asks for the parameters' gradients. */
  public TorchRecurrent training() {
    parameters.forEach(p -> p.set_requires_grad(true));
    return this;
  }

  /** The same layer with values in float64. */
  public TorchRecurrent inFloat64() {
    return new TorchRecurrent(kind, parameters.stream().map(TorchRecurrent::wide).toList());
  }

  /** The values in float64, without a history. */
  public static Tensor wide(Tensor t) {
    try (Tensor values = t.detach()) {
      return values.to(torch.ScalarType.Double);
    }
  }

  @Override
  public void close() {
    vector.close();
    parameters.forEach(Tensor::close);
  }
}

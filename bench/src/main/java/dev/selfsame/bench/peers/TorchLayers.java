package dev.selfsame.bench.peers;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * LeNet's kind of network in libtorch: convolutions, each with ReLU and 2×2 max pooling, of which
 * the first is padded by two; then full layers with ReLU between them. Either part may be missing.
 */
final class TorchLayers implements AutoCloseable {
  private static final long[] ONE = {1, 1};
  private static final long[] NONE = {0, 0};
  private static final long[] TWO = {2, 2};

  private final List<Tensor> parameters;
  private final List<TensorOptional> optional;

  /** Over weight and bias of each layer; a convolution's weight has four axes. */
  TorchLayers(List<Tensor> parameters) {
    this.parameters = List.copyOf(parameters);
    optional = parameters.stream().map(TensorOptional::new).toList();
  }

  /** What each full layer gives, the last one without ReLU. */
  List<Tensor> forward(Results results, Tensor images) {
    Tensor h = images;
    int at = 0;
    for (; parameters.get(at).dim() == 4; at += 2) {
      long[] padding = at == 0 ? TWO : NONE;
      Tensor w = parameters.get(at);
      Tensor y = results.keep(torch.conv2d(h, w, optional.get(at + 1), ONE, padding, ONE, 1));
      h = pooled(results, y);
    }
    List<Tensor> outputs = new ArrayList<>();
    h = results.keep(torch.flatten(h, 1, -1));
    for (; at < parameters.size(); at += 2) {
      h = results.keep(torch.linear(h, parameters.get(at), optional.get(at + 1)));
      if (at < parameters.size() - 2) {
        h = results.keep(torch.relu(h));
      }
      outputs.add(h);
    }
    return outputs;
  }

  /** ReLU and max pooling. */
  static Tensor pooled(Results results, Tensor y) {
    Tensor active = results.keep(torch.relu(y));
    return results.keep(torch.max_pool2d(active, TWO, TWO, NONE, ONE, false));
  }

  @Override
  public void close() {
    optional.forEach(TensorOptional::close);
  }
}

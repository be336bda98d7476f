package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** The shipped LeNet in libtorch. */
public final class TorchLeNet extends TorchModel {
  private static final long[] ONE = {1, 1};
  private static final long[] NONE = {0, 0};
  private static final long[] TWO = {2, 2};

  private final List<TensorOptional> optional;

  /** Weight and bias of conv1, conv2, fc1, fc2, fc3, as ours; they are trained in place. */
  public TorchLeNet(List<Tensor> parameters) {
    super(parameters);
    optional = parameters.stream().map(TensorOptional::new).toList();
  }

  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    Tensor h = images;
    for (int layer = 0; layer < 5; layer++) {
      if (layer == 2) {
        h = results.keep(torch.flatten(h, 1, -1));
      }
      Tensor w = parameters.get(2 * layer);
      TensorOptional b = optional.get(2 * layer + 1);
      boolean convolution = layer < 2;
      h =
          results.keep(
              convolution
                  ? torch.conv2d(h, w, b, ONE, layer == 0 ? TWO : NONE, ONE, 1)
                  : torch.linear(h, w, b));
      if (layer < 4) {
        h = results.keep(torch.relu(h));
      }
      if (convolution) {
        h = results.keep(torch.max_pool2d(h, TWO, TWO, NONE, ONE, false));
      }
    }
    return results.keep(torch.cross_entropy_loss(h, labels));
  }

  @Override
  public TorchLeNet inFloat64() {
    return new TorchLeNet(wideParameters());
  }

  @Override
  public void close() {
    optional.forEach(TensorOptional::close);
    super.close();
  }
}

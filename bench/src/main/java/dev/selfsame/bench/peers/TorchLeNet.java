package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The shipped LeNet in libtorch. */
public final class TorchLeNet extends TorchModel {
  private final TorchLayers layers;

  /** Weight and bias of conv1, conv2, fc1, fc2, fc3, as ours; they are trained in place. */
  public TorchLeNet(List<Tensor> parameters) {
    super(parameters);
    layers = new TorchLayers(parameters);
  }

  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    Tensor logits = layers.forward(results, images).getLast();
    return results.keep(torch.cross_entropy_loss(logits, labels));
  }

  @Override
  public TorchLeNet inFloat64() {
    return new TorchLeNet(wideParameters());
  }

  @Override
  public void close() {
    layers.close();
    super.close();
  }
}

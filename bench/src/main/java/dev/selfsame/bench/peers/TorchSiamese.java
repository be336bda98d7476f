package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The shipped siamese network in libtorch: both images of a pair go through one network, and the
 * distance of the points makes the contrastive loss.
 */
public final class TorchSiamese extends TorchModel {
  private final TorchLayers branch;
  private final float margin;

  /** Over weight and bias of each layer of the branch. */
  public TorchSiamese(List<Tensor> parameters, float margin) {
    super(parameters);
    branch = new TorchLayers(parameters);
    this.margin = margin;
  }

  /** Of the pairs' first images and after them the second ones; labels mask different pairs. */
  @Override
  Tensor loss(Results results, Tensor images, Tensor different) {
    long n = different.size(0);
    Tensor a = branch.forward(results, results.keep(images.narrow(0, 0, n))).getLast();
    Tensor b = branch.forward(results, results.keep(images.narrow(0, n, n))).getLast();
    return results.keep(TorchLosses.contrast(a, b, different, margin));
  }

  @Override
  public TorchSiamese inFloat64() {
    return new TorchSiamese(wideParameters(), margin);
  }

  @Override
  public void close() {
    branch.close();
    super.close();
  }
}

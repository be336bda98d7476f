package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped multitask system in libtorch: two networks of full layers, each with images of its
 * own, and λ·‖w_A − w_B‖² over all their parameters.
 */
public final class TorchMultitask extends TorchModel {
  private final List<Tensor> first;
  private final List<Tensor> second;
  private final TorchLayers firstLayers;
  private final TorchLayers secondLayers;
  private final float lambda;

  /** Over weight and bias of each layer of the first network, then of the second. */
  public TorchMultitask(List<Tensor> parameters, float lambda) {
    super(parameters);
    int half = parameters.size() / 2;
    first = parameters.subList(0, half);
    second = parameters.subList(half, 2 * half);
    firstLayers = new TorchLayers(first);
    secondLayers = new TorchLayers(second);
    this.lambda = lambda;
  }

  /** Of images and labels of the first task, and after them as many of the second. */
  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    Tensor one = loss(results, firstLayers, images, labels, 0);
    Tensor two = loss(results, secondLayers, images, labels, 1);
    Tensor both = results.keep(one.add(two));
    Tensor tie = results.keep(TorchLosses.distance(first, second, lambda));
    return results.keep(both.add(tie));
  }

  private static Tensor loss(
      Results results, TorchLayers network, Tensor images, Tensor labels, int task) {
    long n = labels.size(0) / 2;
    Tensor x = results.keep(images.narrow(0, task * n, n));
    Tensor digits = results.keep(labels.narrow(0, task * n, n));
    Tensor logits = network.forward(results, x).getLast();
    return results.keep(torch.cross_entropy_loss(logits, digits));
  }

  @Override
  public TorchMultitask inFloat64() {
    return new TorchMultitask(wideParameters(), lambda);
  }

  @Override
  public void close() {
    firstLayers.close();
    secondLayers.close();
    super.close();
  }
}

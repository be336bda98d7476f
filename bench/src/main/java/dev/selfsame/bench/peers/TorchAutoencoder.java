package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The shipped tied autoencoder in libtorch: one matrix codes, with ReLU, and draws again. */
public final class TorchAutoencoder extends TorchModel {
  /** Over the matrix, [code, pixels]. */
  public TorchAutoencoder(List<Tensor> parameters) {
    super(parameters);
  }

  /** Squared error of an image, on average; labels are none. */
  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    Tensor w = parameters.getFirst();
    Tensor product = results.keep(torch.linear(images, w));
    Tensor code = results.keep(torch.relu(product));
    Tensor drawn = results.keep(torch.mm(code, w));
    return results.keep(TorchLosses.distance(List.of(drawn), List.of(images), 1f / images.size(0)));
  }

  @Override
  public TorchAutoencoder inFloat64() {
    return new TorchAutoencoder(wideParameters());
  }
}

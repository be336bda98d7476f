package dev.selfsame.bench.peers;

import dev.selfsame.bench.ConvShape;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped locally connected network in libtorch: LeNet, its convolutions replaced by layers of
 * {@link TorchLocal}, whose weights and biases are kept as its products are fastest.
 */
public final class TorchLocallyConnected extends TorchModel {
  private static final int TURNED = 4;

  private final List<ConvShape> shapes;
  private final TorchLayers full;

  private TorchLocallyConnected(List<Tensor> parameters, List<ConvShape> shapes) {
    super(parameters);
    this.shapes = shapes;
    full = new TorchLayers(parameters.subList(TURNED, parameters.size()));
  }

  /**
   * A model from the values of ours.
   *
   * @param parameters weight [K, C, R, S, P, Q] and bias [K, P, Q] of two local layers, weight and
   *     bias of three full ones
   * @param shapes of the local layers
   */
  public static TorchLocallyConnected of(List<Tensor> parameters, List<ConvShape> shapes) {
    List<Tensor> turned = new ArrayList<>(parameters);
    for (int i = 0; i < TURNED; i++) {
      ConvShape g = shapes.get(i / 2);
      long positions = (long) g.p() * g.q();
      try (Tensor plain = parameters.get(i);
          Tensor flat = plain.reshape(g.k(), -1, positions)) {
        turned.set(i, TorchLocal.turn(flat));
      }
    }
    return new TorchLocallyConnected(turned, shapes);
  }

  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    Tensor h = images;
    for (int i = 0; i < shapes.size(); i++) {
      ConvShape g = shapes.get(i);
      Tensor y = TorchLocal.layer(results, h, parameters.get(2 * i), parameters.get(2 * i + 1), g);
      h = TorchLayers.pooled(results, y);
    }
    Tensor logits = full.forward(results, h).getLast();
    return results.keep(torch.cross_entropy_loss(logits, labels));
  }

  @Override
  Tensor asOurs(int parameter, Tensor values) {
    return parameter < TURNED ? TorchLocal.turn(values) : values;
  }

  @Override
  public TorchLocallyConnected inFloat64() {
    return new TorchLocallyConnected(wideParameters(), shapes);
  }

  @Override
  public void close() {
    full.close();
    super.close();
  }
}

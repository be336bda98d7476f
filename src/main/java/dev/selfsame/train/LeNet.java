package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.data.Digits;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Unary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * LeNet-5 (LeCun, Bottou, Bengio &amp; Haffner 1998), with ReLU and max pooling: each filter of its
 * two convolutions is shared by all positions of the image. 61,706 parameters.
 */
public final class LeNet implements TrainingSystem {
  private static final int BATCH = 64;

  private @Nullable Digits digits;

  @Override
  public String name() {
    return "lenet";
  }

  @Override
  public String summary() {
    return "one filter at every position: LeNet-5 on handwritten digits";
  }

  @Override
  public List<String> dataSets() {
    return Digits.NAMES;
  }

  @Override
  public int defaultEpochs() {
    return 10;
  }

  @Override
  public int quickEpochs() {
    return 5;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return digits(data).train().count() / BATCH;
  }

  /** The set, read once for all runs of a lockstep: it never changes. */
  private synchronized Digits digits(String data) {
    Digits known = digits;
    if (known == null || !known.name().equals(data)) {
      known = Digits.find(data);
      digits = known;
    }
    return known;
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    return new DigitClassifier(device, settings, digits(settings.data()), BATCH, LeNet::model);
  }

  @Override
  public List<Finding> findings(Trained trained) {
    boolean full = trained.settings().data().equals("mnist");
    double goal = full ? 0.99 : 0.97;
    return List.of(
        new Finding(
            "test accuracy is at least " + (full ? "99 %" : "97 %"),
            trained.run().measure().value(trained.score()),
            trained.score() >= goal));
  }

  /** The model, images [N, 1, 28, 28] to logits [N, 10]. */
  public static Layer model(Initializer init) {
    return Sequential.of(
        Conv2d.of(init, "conv1", 1, 6, 5, Geometry.of(1, 2)),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        Conv2d.of(init, "conv2", 6, 16, 5, Geometry.of(1, 0)),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        Layers.flatten(),
        Linear.of(init, "fc1", 16 * 5 * 5, 120),
        Layers.activation(Unary.RELU),
        Linear.of(init, "fc2", 120, 84),
        Layers.activation(Unary.RELU),
        Linear.of(init, "fc3", 84, 10));
  }
}

package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.LocallyConnected2d;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Unary;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The untied contrast to {@link LeNet}: the same architecture, where each position has filters of
 * its own (LeCun 1989, Generalization and network design strategies). What it learns at one place
 * it does not know at another.
 */
public final class LocallyConnected implements TrainingSystem {
  private static final int BATCH = 64;
  private static final String OWN = "own-filters";
  private static final String SHARED = "shared-filters";
  private static final Geometry FIRST = Geometry.of(1, 2);
  private static final Geometry SECOND = Geometry.of(1, 0);

  private @Nullable Digits digits;

  @Override
  public String name() {
    return "locally-connected";
  }

  @Override
  public String summary() {
    return "filters of its own at every position: the untied contrast to lenet";
  }

  @Override
  public List<String> dataSets() {
    return Digits.NAMES;
  }

  @Override
  public List<String> variants() {
    return List.of(OWN, SHARED);
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

  private synchronized Digits digits(String data) {
    Digits known = digits;
    if (known == null || !known.name().equals(data)) {
      known = Digits.find(data);
      digits = known;
    }
    return known;
  }

  @Override
  public DigitClassifier start(Device device, Settings settings) {
    boolean shared = settings.variant().equals(SHARED);
    return new DigitClassifier(
        device, settings, digits(settings.data()), BATCH, init -> model(init, shared));
  }

  /**
   * The model with filters of its own at every position, images [N, 1, 28, 28] to logits [N, 10].
   */
  public static Layer model(Initializer init) {
    return model(init, false);
  }

  private static Layer model(Initializer init, boolean shared) {
    return Sequential.of(
        first(init, shared),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        second(init, shared),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        Layers.flatten(),
        Linear.of(init, "fc1", 16 * 5 * 5, 120),
        Layers.activation(Unary.RELU),
        Linear.of(init, "fc2", 120, 84),
        Layers.activation(Unary.RELU),
        Linear.of(init, "fc3", 84, 10));
  }

  /** [N, 1, 28, 28] to [N, 6, 28, 28]. */
  private static Layer first(Initializer init, boolean shared) {
    return shared
        ? Conv2d.of(init, "conv1", 1, 6, 5, FIRST)
        : LocallyConnected2d.of(init, "local1", 1, 6, 5, FIRST, 28, 28);
  }

  /** [N, 6, 14, 14] to [N, 16, 10, 10]. */
  private static Layer second(Initializer init, boolean shared) {
    return shared
        ? Conv2d.of(init, "conv2", 6, 16, 5, SECOND)
        : LocallyConnected2d.of(init, "local2", 6, 16, 5, SECOND, 14, 14);
  }

  @Override
  public List<Finding> findings(Trained trained) {
    boolean shared = trained.settings().variant().equals(SHARED);
    String other = shared ? OWN : SHARED;
    try (DigitClassifier contrast = start(trained.device(), trained.settings().with(other))) {
      for (long step = 0; step < trained.settings().steps(); step++) {
        contrast.step();
        trained.watch().at("training the variant " + other, step + 1, trained.settings().steps());
      }
      DigitClassifier mine = (DigitClassifier) trained.run();
      return List.of(
          accuracy(trained),
          parameters(trained.device()),
          shifts(shared ? contrast : mine, shared ? mine : contrast, trained));
    }
  }

  private static Finding accuracy(Trained trained) {
    String measured = trained.run().measure().value(trained.score());
    return new Finding(
        "it trains: test accuracy is at least 95 %", measured, trained.score() >= 0.95);
  }

  /** Counted from the layers themselves. */
  private static Finding parameters(Device device) {
    try (Scope scope = Scope.open()) {
      Initializer init = new Initializer(scope, device, 1);
      long conv1 = first(init, true).parameterCount();
      long local1 = first(init, false).parameterCount();
      long conv2 = second(init, true).parameterCount();
      long local2 = second(init, false).parameterCount();
      return new Finding(
          "each layer has as many times the convolution's parameters as it has positions",
          String.format(
              Locale.ROOT,
              "first layer %,d for the convolution's %,d at 28 x 28 positions;"
                  + " second %,d for %,d at 10 x 10",
              local1,
              conv1,
              local2,
              conv2),
          local1 == 28 * 28 * conv1 && local2 == 10 * 10 * conv2);
    }
  }

  /** Mean accuracy over shifts by so many pixels in the eight directions. */
  private Finding shifts(DigitClassifier own, DigitClassifier shared, Trained trained) {
    ImageSet test = digits(trained.settings().data()).test();
    StringBuilder measured = new StringBuilder("own and shared filters: ");
    boolean worse = true;
    for (int pixels = 0; pixels <= 4; pixels += 2) {
      double ofOwn = shifted(own, test, pixels);
      double ofShared = shifted(shared, test, pixels);
      worse &= pixels == 0 || ofOwn < ofShared;
      measured.append(
          String.format(
              Locale.ROOT,
              "%s%.1f and %.1f %% at %d pixels",
              pixels == 0 ? "" : ", ",
              100 * ofOwn,
              100 * ofShared,
              pixels));
    }
    return new Finding(
        "on test digits that are shifted it is worse than shared filters", "" + measured, worse);
  }

  private static double shifted(DigitClassifier model, ImageSet test, int pixels) {
    if (pixels == 0) {
      return model.accuracy(test);
    }
    double sum = 0;
    for (int down = -pixels; down <= pixels; down += pixels) {
      for (int right = -pixels; right <= pixels; right += pixels) {
        sum += down == 0 && right == 0 ? 0 : model.accuracy(test.shifted(down, right));
      }
    }
    return sum / 8;
  }
}

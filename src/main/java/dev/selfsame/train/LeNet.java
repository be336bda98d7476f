package dev.selfsame.train;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Replay;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.data.Batches;
import dev.selfsame.data.Digits;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Unary;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
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
    return new Run(device, settings, digits(settings.data()));
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

  /** The model for images [N, 1, 28, 28]. */
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

  private static final class Run implements TrainingRun {
    private final Scope scope = Scope.open();
    private final Device device;
    private final Layer model;
    private final Optimizer optimizer;
    private final Batches training;
    private final Batches test;
    private final Tensor pixels;
    private final Tensor labels;
    private final Tensor loss;
    private final Replay pass;

    Run(Device device, Settings settings, Digits digits) {
      this.device = device;
      try {
        training = Batches.shuffled(digits.train(), digits.normalization(), BATCH, settings.seed());
        test = Batches.inOrder(digits.test(), digits.normalization(), 500);
        model = model(new Initializer(scope, device, settings.seed()));
        LearningRate rate = LearningRate.cosine(2e-3, 1e-5, settings.steps()).warmup(20);
        optimizer = new AdamW(scope, model.parameters(), rate, 0.01);
        pixels = Tensor.empty(scope, device, BATCH, 1, 28, 28);
        labels = Tensor.empty(scope, device, DType.I32, Shape.of(BATCH));
        loss = Tensor.empty(scope, device, 1);
        pass = Replay.of(device, model.parameters(), this::forwardAndBackward);
      } catch (RuntimeException | Error e) {
        scope.close();
        throw e;
      }
    }

    @Override
    public Device device() {
      return device;
    }

    @Override
    public List<Parameter> parameters() {
      return model.parameters();
    }

    @Override
    public Optimizer optimizer() {
      return optimizer;
    }

    @Override
    public float step() {
      training.fill(optimizer.steps(), pixels, labels);
      pass.run();
      optimizer.step();
      return loss.item();
    }

    private void forwardAndBackward() {
      try (Tape tape = Tape.open(device)) {
        Var mean = Functions.crossEntropy(model.forward(tape.constant(pixels)), labels);
        tape.backward(mean);
        loss.copyFrom(mean.value());
      }
    }

    @Override
    public double evaluate() {
      long right = 0;
      for (long batch = 0; batch < test.perEpoch(); batch++) {
        int n = test.size(batch);
        try (Tape tape = Tape.open(device)) {
          Tensor images = Tensor.empty(tape.scope(), device, n, 1, 28, 28);
          Tensor truth = Tensor.empty(tape.scope(), device, DType.I32, Shape.of(n));
          test.fill(batch, images, truth);
          float[] logits = model.forward(tape.constant(images)).value().toFloatArray();
          int[] digits = truth.toIntArray();
          for (int i = 0; i < n; i++) {
            right += argmax(logits, i * 10) == digits[i] ? 1 : 0;
          }
        }
      }
      return right / (double) test.set().count();
    }

    private static int argmax(float[] logits, int from) {
      int best = 0;
      for (int j = 1; j < 10; j++) {
        best = logits[from + j] > logits[from + best] ? j : best;
      }
      return best;
    }

    @Override
    public Measure measure() {
      return Measure.share("test accuracy");
    }

    @Override
    public void close() {
      pass.close();
      scope.close();
    }
  }
}

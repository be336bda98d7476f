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
import dev.selfsame.data.ImageSet;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import java.util.List;
import java.util.function.Function;

/** A model from images [N, 1, 28, 28] to ten logits, trained on digits. */
final class DigitClassifier implements TrainingRun {
  private final Scope scope = Scope.open();
  private final Device device;
  private final Digits digits;
  private final Layer model;
  private final Optimizer optimizer;
  private final Batches training;
  private final Tensor pixels;
  private final Tensor labels;
  private final Tensor loss;
  private final Replay pass;

  DigitClassifier(
      Device device,
      TrainingSystem.Settings settings,
      Digits digits,
      int batch,
      Function<Initializer, Layer> architecture) {
    this.device = device;
    this.digits = digits;
    try {
      training = Batches.shuffled(digits.train(), digits.normalization(), batch, settings.seed());
      model = architecture.apply(new Initializer(scope, device, settings.seed()));
      LearningRate rate = LearningRate.cosine(2e-3, 1e-5, settings.steps()).warmup(20);
      optimizer = new AdamW(scope, model.parameters(), rate, 0.01);
      pixels = Tensor.empty(scope, device, batch, 1, 28, 28);
      labels = Tensor.empty(scope, device, DType.I32, Shape.of(batch));
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
    return accuracy(digits.test());
  }

  /** The share of images whose digit has the largest logit. */
  double accuracy(ImageSet images) {
    Batches test = Batches.inOrder(images, digits.normalization(), 500);
    long right = 0;
    for (long batch = 0; batch < test.perEpoch(); batch++) {
      int n = test.size(batch);
      try (Tape tape = Tape.open(device)) {
        Tensor inputs = Tensor.empty(tape.scope(), device, n, 1, 28, 28);
        Tensor truth = Tensor.empty(tape.scope(), device, DType.I32, Shape.of(n));
        test.fill(batch, inputs, truth);
        float[] logits = model.forward(tape.constant(inputs)).value().toFloatArray();
        int[] digit = truth.toIntArray();
        for (int i = 0; i < n; i++) {
          right += argmax(logits, i * 10) == digit[i] ? 1 : 0;
        }
      }
    }
    return right / (double) images.count();
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

package dev.selfsame.train;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.data.MaskedText;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.EncoderBlock;
import dev.selfsame.nn.Initializer;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** An {@link AlbertModel} in training on masked text. */
final class AlbertRun implements TrainingRun {
  /** Passes over the test text, each with other words hidden. */
  static final int TEST_EPOCHS = 4;

  private static final float DROPOUT = 0.1f;

  private final Scope scope = Scope.open();
  private final Device device;
  private final Dropout dropout;
  private final AlbertModel model;
  private final Optimizer optimizer;
  private final MaskedText training;
  private final MaskedText test;
  private final Tensor order;
  private final Tensor tokens;
  private final Tensor places;
  private final Tensor targets;

  /**
   * A run before its first step.
   *
   * @param layers how often the block is applied
   */
  AlbertRun(
      Device device,
      TrainingSystem.Settings settings,
      AlbertModel.Sizes sizes,
      int layers,
      MaskedText training,
      MaskedText test) {
    this.device = device;
    this.training = training;
    this.test = test;
    try {
      Initializer init = new Initializer(scope, device, settings.seed());
      dropout = new Dropout(DROPOUT, settings.seed());
      EncoderBlock block =
          EncoderBlock.of(init, "block", sizes.width(), sizes.heads(), sizes.inner(), dropout);
      model = new AlbertModel(init, sizes, Collections.nCopies(layers, block));
      // Norms that stand after the sums make a deep stack diverge at the rates that a flat one
      // needs, above all in the first steps (Xiong et al. 2020).
      boolean deep = layers > 6;
      LearningRate rate =
          LearningRate.cosine(deep ? 7.5e-4 : 1.5e-3, 1e-5, settings.steps())
              .warmup(deep ? 400 : 50);
      optimizer = new AdamW(scope, model.parameters(), rate, 0.01);
      int rows = training.batch() * sizes.length();
      int[] positions = new int[rows];
      Arrays.setAll(positions, i -> i % sizes.length());
      order = Tensor.of(scope, device, positions, rows);
      tokens = Tensor.empty(scope, device, DType.I32, Shape.of(rows));
      places = Tensor.empty(scope, device, DType.I32, Shape.of(training.guesses()));
      targets = Tensor.empty(scope, device, DType.I32, Shape.of(training.guesses()));
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  @Override
  public float step() {
    training.fill(optimizer.steps(), tokens, places, targets);
    dropout.train(optimizer.steps());
    try (Tape tape = Tape.open(device)) {
      Var loss = loss(tape, model);
      tape.backward(loss);
      optimizer.step();
      return loss.value().item();
    } finally {
      dropout.evaluate();
    }
  }

  private Var loss(Tape tape, AlbertModel of) {
    return Functions.crossEntropy(of.forward(tape, tokens, order, places), targets);
  }

  /** Mean bits of a hidden word of the test text. */
  @Override
  public double evaluate() {
    double nats = 0;
    long batches = TEST_EPOCHS * test.perEpoch();
    for (long batch = 0; batch < batches; batch++) {
      test.fill(batch, tokens, places, targets);
      try (Tape tape = Tape.open(device)) {
        nats += loss(tape, model).value().item();
      }
    }
    return nats / batches / StrictMath.log(2);
  }

  /** The model, for a look at its gradients. */
  AlbertModel model() {
    return model;
  }

  /** Leaves the gradients of the next batch, without dropout, in a model of the same sizes. */
  void gradients(AlbertModel of) {
    training.fill(optimizer.steps(), tokens, places, targets);
    try (Tape tape = Tape.open(device)) {
      tape.backward(loss(tape, of));
    }
  }

  @Override
  public Measure measure() {
    return Measure.number("bits per hidden word");
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
  public void close() {
    scope.close();
  }
}

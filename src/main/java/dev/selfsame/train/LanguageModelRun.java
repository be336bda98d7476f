package dev.selfsame.train;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.data.TextStreams;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.optim.Optimizer;
import java.util.List;
import java.util.Map;

/**
 * A recurrent language model in training by truncated backpropagation through time: gradients go
 * back to the beginning of a piece of text, states are carried on to the next.
 */
final class LanguageModelRun implements TrainingRun {
  /** What a model is judged by. */
  enum Score {
    BITS_PER_CHARACTER(Measure.number("bits per character")),
    PERPLEXITY(Measure.number("perplexity"));

    private final Measure measure;

    Score(Measure measure) {
      this.measure = measure;
    }

    /** From the mean cross-entropy in nats. */
    double of(double nats) {
      return this == PERPLEXITY ? StrictMath.exp(nats) : nats / StrictMath.log(2);
    }
  }

  /** Largest norm of all gradients together (Pascanu, Mikolov &amp; Bengio 2013). */
  private static final float CLIP = 1f;

  private final Scope scope;
  private final Device device;
  private final LanguageModel model;
  private final Optimizer optimizer;
  private final TextStreams training;
  private final TextStreams test;
  private final Score score;
  private final Tensor inputs;
  private final Tensor targets;
  private final Tensor h;
  private final Tensor c;
  private final Tensor norm;

  /**
   * A run before its first step.
   *
   * @param scope of model and optimizer; closed with the run
   */
  LanguageModelRun(
      Scope scope,
      Device device,
      LanguageModel model,
      Optimizer optimizer,
      TextStreams training,
      TextStreams test,
      Score score) {
    this.scope = scope;
    this.device = device;
    this.model = model;
    this.optimizer = optimizer;
    this.training = training;
    this.test = test;
    this.score = score;
    long rows = (long) training.steps(0) * training.streams();
    inputs = Tensor.empty(scope, device, DType.I32, Shape.of(rows));
    targets = Tensor.empty(scope, device, DType.I32, Shape.of(rows));
    h = Tensor.zeros(scope, device, training.streams(), model.units());
    c = Tensor.zeros(scope, device, training.streams(), model.units());
    norm = Tensor.empty(scope, device, 1);
  }

  @Override
  public float step() {
    long piece = optimizer.steps();
    if (training.starts(piece)) {
      h.fill(0f);
      c.fill(0f);
    }
    training.fill(piece, inputs, targets);
    try (Tape tape = Tape.open(device)) {
      var result = model.forward(tape, inputs, h, c);
      var loss = Functions.crossEntropy(result.logits(), targets);
      tape.backward(loss);
      h.copyFrom(result.states().h());
      c.copyFrom(result.states().c());
      GlobalNorm.clip(parameters().stream().map(Parameter::gradient).toList(), CLIP, norm);
      optimizer.step();
      return loss.value().item();
    }
  }

  /** Over the whole test text, from states of zero. */
  @Override
  public double evaluate() {
    double nats = 0;
    try (Scope states = Scope.open()) {
      Tensor testH = Tensor.zeros(states, device, test.streams(), model.units());
      Tensor testC = Tensor.zeros(states, device, test.streams(), model.units());
      for (long piece = 0; piece < test.perEpoch(); piece++) {
        try (Tape tape = Tape.open(device)) {
          Shape rows = Shape.of((long) test.steps(piece) * test.streams());
          Tensor in = Tensor.empty(tape.scope(), device, DType.I32, rows);
          Tensor next = Tensor.empty(tape.scope(), device, DType.I32, rows);
          test.fill(piece, in, next);
          var result = model.forward(tape, in, testH, testC);
          var loss = Functions.crossEntropy(result.logits(), next);
          testH.copyFrom(result.states().h());
          testC.copyFrom(result.states().c());
          nats += (double) loss.value().item() * rows.elements();
        }
      }
    }
    return score.of(nats / test.predicted());
  }

  /** The model, for a look at its gradients. */
  LanguageModel model() {
    return model;
  }

  /** The next piece of the training text as {@code step} reads it, and the states before it. */
  Piece piece() {
    training.fill(optimizer.steps(), inputs, targets);
    return new Piece(inputs, targets, h, c);
  }

  /** Tokens, those that follow them, and the states before. */
  record Piece(Tensor inputs, Tensor targets, Tensor h, Tensor c) {}

  @Override
  public Map<String, Tensor> state() {
    return Map.of("h", h, "c", c);
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
  public Measure measure() {
    return score.measure;
  }

  @Override
  public void close() {
    scope.close();
  }
}

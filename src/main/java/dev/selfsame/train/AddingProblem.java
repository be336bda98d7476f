package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Lstm;
import dev.selfsame.nn.RecurrentLayer;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.op.Unary;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.train.CharacterModel.Cell;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The adding problem (Hochreiter &amp; Schmidhuber 1997, §5.4): a sequence of pairs of a number,
 * uniform in [0, 1), and a mark; two numbers are marked, one among the first tenth and another in
 * the first half, and after the last step their sum is asked for. A model that remembers nothing
 * can do no better than to guess 1, with a mean squared error of 1/6; to do better, the marked
 * numbers must be held over at least half of the sequence.
 *
 * @param length of the sequences, at least 10
 * @param updates of the training
 */
record AddingProblem(int length, int updates) {
  /** Error of a model that remembers nothing: the variance of the sum. */
  static final double BLIND = 1.0 / 6;

  /** An error that counts as solved. */
  static final double SOLVED = 0.01;

  /** H&S's length, over which the least lag is 50 steps, and a shorter one. */
  static final AddingProblem FULL = new AddingProblem(100, 2000);

  static final AddingProblem QUICK = new AddingProblem(60, 1000);

  private static final int BATCH = 32;
  private static final int UNITS = 64;
  private static final int TESTS = 512;

  /** Philox streams of the sequences: "add" above the update. */
  private static final long STREAM = 0x616464L << 32;

  /**
   * A gated layer solves the problem, and the simple one does not; {@code cell} is trained and one
   * of the other kind.
   */
  Finding contrast(Cell cell, Trained trained) {
    Cell gated = cell == Cell.RNN ? Cell.LSTM : cell;
    double solved = error(gated, trained.device(), trained.settings().seed(), trained.watch());
    double simple = error(Cell.RNN, trained.device(), trained.settings().seed(), trained.watch());
    return new Finding(
        "over long lags, " + gated.label() + " learns to add two numbers; the simple layer doesn't",
        String.format(
            Locale.ROOT,
            "length %d, %,d updates: mean squared error %.5f and %.5f; remembering nothing: %.5f",
            length,
            updates,
            solved,
            simple,
            BLIND),
        solved < SOLVED && simple > BLIND / 2);
  }

  /**
   * Trains a layer of 64 units from scratch.
   *
   * @return the mean squared error on 512 new sequences
   */
  double error(Cell cell, Device device, long seed, Trained.Watch watch) {
    try (Scope scope = Scope.open()) {
      Initializer init = new Initializer(scope, device, seed);
      RecurrentLayer recurrent = cell == Cell.LSTM ? lstm(init) : cell.layer(init, 2, UNITS);
      Linear output = Linear.of(init, "output", UNITS, 1);
      List<Parameter> parameters =
          Stream.concat(recurrent.parameters().stream(), output.parameters().stream()).toList();
      AdamW optimizer = new AdamW(scope, parameters, LearningRate.constant(5e-3), 0);
      Tensor norm = Tensor.empty(scope, device, 1);
      for (int update = 0; update < updates; update++) {
        try (Tape tape = Tape.open(device)) {
          tape.backward(loss(tape, recurrent, output, seed, update, BATCH));
          GlobalNorm.clip(parameters.stream().map(Parameter::gradient).toList(), 1f, norm);
          optimizer.step();
        }
        watch.at("adding problem, " + cell.name(), update + 1, updates);
      }
      try (Tape tape = Tape.open(device)) {
        return loss(tape, recurrent, output, seed, updates, TESTS).value().item();
      }
    }
  }

  /**
   * Input gates begin closed, with a bias of −3 as in the paper, and forget gates open for as long
   * as the sequences are, with log(length), as its cells had none.
   */
  private Lstm lstm(Initializer init) {
    Parameter bias = init.constant("lstm.bias", 0f, 4 * UNITS);
    bias.value().slice(0, UNITS).fill(-3f);
    bias.value().slice(UNITS, 2 * UNITS).fill((float) StrictMath.log(length));
    return new Lstm(
        init.uniform("lstm.inputWeight", UNITS, 4 * UNITS, 2),
        init.uniform("lstm.recurrentWeight", UNITS, 4 * UNITS, UNITS),
        bias);
  }

  /** Mean squared error on new sequences. */
  private Var loss(
      Tape tape, RecurrentLayer recurrent, Linear output, long seed, int update, int batch) {
    float[] pairs = new float[length * batch * 2];
    float[] sums = new float[batch];
    for (int n = 0; n < batch; n++) {
      fill(pairs, sums, seed, update, n, batch);
    }
    Tensor x = Tensor.of(tape.scope(), tape.device(), pairs, length, batch, 2);
    Tensor truth = Tensor.of(tape.scope(), tape.device(), sums, batch, 1);
    Var states =
        Functions.reshape(recurrent.forward(tape.constant(x)), (long) length * batch, UNITS);
    int[] last = IntStream.range((length - 1) * batch, length * batch).toArray();
    Tensor rows = Tensor.of(tape.scope(), tape.device(), last, batch);
    Var guess = output.forward(Functions.embedding(states, rows)); // the last state of each
    Var error = Functions.subtract(guess, tape.constant(truth));
    return Functions.scale(Functions.sum(Functions.unary(Unary.SQUARE, error)), 1f / batch);
  }

  private void fill(float[] pairs, float[] sums, long seed, int update, int n, int batch) {
    long stream = STREAM + update;
    long draw = (long) n * (length + 2);
    int first = (int) (Philox.uniform(seed, stream, draw) * (length / 10));
    int second = (int) (Philox.uniform(seed, stream, draw + 1) * (length / 2 - 1));
    if (second >= first) {
      second++; // never the same place
    }
    for (int t = 0; t < length; t++) {
      float value = Philox.uniform(seed, stream, draw + 2 + t);
      boolean marked = t == first || t == second;
      pairs[(t * batch + n) * 2] = value;
      pairs[(t * batch + n) * 2 + 1] = marked ? 1f : 0f;
      sums[n] += marked ? value : 0f;
    }
  }
}

package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Takes the gradient of a recurrent layer's input weight apart. It is Σ d'[t]·x[t] over all steps t
 * and samples, where d'[t] is the gradient of what the gates are given at step t. To see each d',
 * the input is multiplied by the weight before the layer, which has the identity in its place: no
 * number changes by that, and the gradient of the layer's input is d'.
 *
 * @param slopes d' [T · B, G], step by step
 * @param inputs x [T · B, I]
 * @param whole the gradient [G, I] that the layer gave
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record SequenceGradient(int steps, int batch, float[] slopes, float[] inputs, float[] whole) {
  /** Of a run's next piece of text, for its model as it is. */
  static SequenceGradient of(CharacterModel.Cell cell, LanguageModelRun run) {
    LanguageModel model = run.model();
    LanguageModelRun.Piece piece = run.piece();
    List<Parameter> parameters = model.recurrent().parameters();
    Parameter weight = parameters.getFirst();
    long batch = piece.h().size(0);
    long steps = piece.inputs().elements() / batch;
    try (Scope scope = Scope.open()) {
      float[] whole;
      try (Tape tape = Tape.open(run.device())) {
        var result = model.forward(tape, piece.inputs(), piece.h(), piece.c());
        tape.backward(Functions.crossEntropy(result.logits(), piece.targets()));
        whole = weight.gradient().toFloatArray();
      }
      List<Parameter> moved = new ArrayList<>(parameters);
      moved.set(0, identity(scope, weight));
      try (Tape tape = Tape.open(run.device())) {
        Var x = model.embedding().forward(tape, piece.inputs());
        Tensor product = Functions.linear(x, tape.parameter(weight), null).value();
        Var gates = tape.input(product.reshape(steps, batch, product.size(1)));
        Var y = cell.over(moved).forward(gates, piece.h(), piece.c()).y();
        Var logits = model.output().forward(Functions.reshape(y, steps * batch, model.units()));
        tape.backward(Functions.crossEntropy(logits, piece.targets()));
        return new SequenceGradient(
            (int) steps,
            (int) batch,
            gates.gradient().toFloatArray(),
            x.value().toFloatArray(),
            whole);
      }
    } finally {
      run.parameters().forEach(Parameter::clearGradient);
    }
  }

  private static Parameter identity(Scope scope, Parameter like) {
    int n = (int) like.value().size(0);
    float[] values = new float[n * n];
    for (int i = 0; i < n; i++) {
      values[i * n + i] = 1f;
    }
    return new Parameter("identity", Tensor.of(scope, like.value().device(), values, n, n));
  }

  /** Whether the whole is the sum of its terms, and what another order would have given. */
  Finding finding() {
    int rows = steps * batch;
    int width = inputs.length / rows;
    float[] chains = new float[whole.length];
    int others = 0;
    double furthest = 0;
    for (int w = 0; w < whole.length; w++) {
      int gate = w / width;
      int input = w % width;
      chains[w] = contraction(gate, input, width);
      float byStep = 0f;
      double magnitude = 0;
      for (int t = 0; t < steps; t++) {
        byStep += chain(gate, input, width, t * batch, (t + 1) * batch);
      }
      for (int r = 0; r < rows; r++) {
        magnitude +=
            Math.abs(
                (double) slopes[r * (whole.length / width) + gate] * inputs[r * width + input]);
      }
      others += Bits.same(byStep, whole[w]) ? 0 : 1;
      if (magnitude > 0) {
        furthest = Math.max(furthest, Math.abs((double) byStep - whole[w]) / magnitude);
      }
    }
    boolean same = Bits.compare(chains, whole).isEmpty();
    // Each of the two sums is off by at most γ of the sum of magnitudes (Higham 2002, §3.1).
    boolean near = furthest <= 2 * (rows + steps) * 0x1p-24;
    return new Finding(
        "the gradient of a weight is the sum over all its uses, in bits in the stated order",
        String.format(
            Locale.ROOT,
            "%d steps of %d samples, %,d weights: %s; added up step by step, %,d round otherwise,"
                + " by at most %.1e of their terms",
            steps,
            batch,
            whole.length,
            same ? "same bits" : "DIFFERENT BITS",
            others,
            furthest),
        same && near);
  }

  /** The contract's order: chunks of one chain each, over steps and samples. */
  private float contraction(int gate, int input, int width) {
    int rows = steps * batch;
    int chunk = (int) Contract.chunk(rows);
    float total = chain(gate, input, width, 0, Math.min(chunk, rows));
    for (int from = chunk; from < rows; from += chunk) {
      total += chain(gate, input, width, from, Math.min(from + chunk, rows));
    }
    return total;
  }

  private float chain(int gate, int input, int width, int from, int to) {
    int gates = whole.length / width;
    float sum = 0f;
    for (int r = from; r < to; r++) {
      sum = Math.fma(slopes[r * gates + gate], inputs[r * width + input], sum);
    }
    return sum;
  }
}

package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Linear;
import dev.selfsame.verify.Bits;
import java.util.Locale;

/**
 * Takes the gradient of a tied matrix apart, by a second model whose embedding and output weights
 * are the same numbers as two parameters: each then has the gradient of its own use alone.
 *
 * @param width columns of the matrix
 * @param words that were looked up
 * @param tied gradient of the one matrix, [V, width]
 * @param lookedUp gradient of the embedding alone: a scatter-add
 * @param rated gradient of the output weights alone: a matrix product
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, never compared
record TiedGradient(int width, int[] words, float[] tied, float[] lookedUp, float[] rated) {
  /** Of a run's next piece of text, for its model as it is. */
  static TiedGradient of(LanguageModelRun run) {
    LanguageModel model = run.model();
    Parameter matrix = model.embedding().weight();
    LanguageModelRun.Piece piece = run.piece();
    try (Scope scope = Scope.open()) {
      backward(run, model, piece);
      float[] tied = matrix.gradient().toFloatArray();
      Parameter in = copy(scope, "in", matrix);
      Parameter out = copy(scope, "out", matrix);
      backward(
          run,
          new LanguageModel(new Embedding(in), model.recurrent(), new Linear(out, null)),
          piece);
      return new TiedGradient(
          (int) matrix.value().size(1),
          piece.inputs().toIntArray(),
          tied,
          in.gradient().toFloatArray(),
          out.gradient().toFloatArray());
    } finally {
      run.parameters().forEach(Parameter::clearGradient);
    }
  }

  private static void backward(
      LanguageModelRun run, LanguageModel model, LanguageModelRun.Piece piece) {
    try (Tape tape = Tape.open(run.device())) {
      var result = model.forward(tape, piece.inputs(), piece.h(), piece.c());
      tape.backward(Functions.crossEntropy(result.logits(), piece.targets()));
    }
  }

  private static Parameter copy(Scope scope, String name, Parameter of) {
    Tensor value = Tensor.empty(scope, of.value().device(), of.value().shape().sizes());
    return new Parameter(name, value.copyFrom(of.value()));
  }

  /**
   * Whether the gradient is the left fold of both, last use first: the product, to whose rows of
   * looked-up words the scatter-add adds.
   */
  Finding finding() {
    boolean[] found = new boolean[tied.length / width];
    for (int word : words) {
      found[word] = true;
    }
    float[] folded = rated.clone();
    int rows = 0;
    for (int word = 0; word < found.length; word++) {
      rows += found[word] ? 1 : 0;
      for (int i = word * width; found[word] && i < (word + 1) * width; i++) {
        folded[i] = rated[i] + lookedUp[i];
      }
    }
    boolean same = Bits.compare(folded, tied).isEmpty();
    return new Finding(
        "the tied matrix's gradient is its output's plus its embedding's, in bits, last use first",
        String.format(
            Locale.ROOT,
            "%,d numbers, %,d of %,d rows looked up: %s",
            tied.length,
            rows,
            found.length,
            same ? "same bits" : "DIFFERENT BITS"),
        same);
  }
}

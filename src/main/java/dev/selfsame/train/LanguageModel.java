package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Recurrent;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.RecurrentLayer;
import java.util.List;
import java.util.stream.Stream;

/**
 * A recurrent language model: tokens are looked up, a recurrent layer reads them one after the
 * other, always with the same weights, and a linear layer rates each token as the next one.
 */
public record LanguageModel(Embedding embedding, RecurrentLayer recurrent, Linear output) {
  /**
   * What a piece of text gives.
   *
   * @param logits of the next token, [T · B, V]
   * @param states after each step, [T, B, H], and those to carry on
   */
  public record Result(Var logits, Recurrent.Result states) {}

  /**
   * Reads a piece of text.
   *
   * @param tokens INT32 [T · B], step by step
   * @param h the state before, [B, H]
   * @param c the cells before, [B, H]
   */
  public Result forward(Tape tape, Tensor tokens, Tensor h, Tensor c) {
    long batch = h.size(0);
    long steps = tokens.elements() / batch;
    Var words = embedding.forward(tape, tokens);
    Var x = Functions.reshape(words, steps, batch, words.value().size(1));
    Recurrent.Result states = recurrent.forward(x, h, c);
    Var rows = Functions.reshape(states.y(), steps * batch, h.size(1));
    return new Result(output.forward(rows), states);
  }

  /** Units of the recurrent layer. */
  public long units() {
    return output.weight().value().size(1);
  }

  /** Every parameter once: the output layer may share the embedding's. */
  public List<Parameter> parameters() {
    return Stream.of(embedding.parameters(), recurrent.parameters(), output.parameters())
        .flatMap(List::stream)
        .distinct()
        .toList();
  }
}

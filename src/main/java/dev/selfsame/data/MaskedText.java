package dev.selfsame.data;

import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import java.lang.foreign.MemorySegment;

/**
 * Pieces of a text with some words hidden, to be guessed from those around them (Devlin et al.
 * 2019, "BERT", section 3.1): of the words chosen in a piece, 80 % become {@link Vocabulary#MASK},
 * 10 % another word, and 10 % stay. The special tokens are chosen only where words run out.
 *
 * <p>All draws are Philox's: which piece comes when, what is chosen and what it becomes depend on
 * the seed and the number of the batch alone.
 */
public final class MaskedText {
  private static final long ORDER = 1L << 60;
  private static final long KIND = 2L << 60;
  private static final long OTHER = 3L << 60;
  private static final int FIRST_WORD = Vocabulary.END + 1;

  private final int[] tokens;
  private final int vocabulary;
  private final int length;
  private final int hidden;
  private final int batch;
  private final long seed;
  private int[] order = {};
  private long orderOf = -1;

  /**
   * A text cut into pieces; what is left over at its end is not used.
   *
   * @param tokens of a vocabulary of words
   * @param vocabulary its size
   * @param length tokens of a piece
   * @param hidden of them that are to be guessed, 1 … length
   * @param batch pieces at a time
   * @param seed of all draws
   */
  public MaskedText(int[] tokens, int vocabulary, int length, int hidden, int batch, long seed) {
    if (hidden < 1 || hidden > length) {
      throw new IllegalArgumentException(
          "hidden is " + hidden + "; 1 to " + length + " are allowed");
    }
    if (vocabulary <= FIRST_WORD + 1) {
      throw new IllegalArgumentException(
          "vocabulary is " + vocabulary + "; at least " + (FIRST_WORD + 2) + " is needed");
    }
    if (batch < 1 || tokens.length / length < batch) {
      throw new IllegalArgumentException(
          "batch is " + batch + "; 1 to " + tokens.length / length + " are allowed");
    }
    this.tokens = tokens.clone();
    this.vocabulary = vocabulary;
    this.length = length;
    this.hidden = hidden;
    this.batch = batch;
    this.seed = seed;
  }

  /** Batches of an epoch. */
  public long perEpoch() {
    return tokens.length / length / batch;
  }

  /** Pieces of a batch. */
  public int batch() {
    return batch;
  }

  /** Words to guess in a batch. */
  public int guesses() {
    return hidden * batch;
  }

  /**
   * Batch {@code number}, from 0 on; each epoch has its own order of pieces.
   *
   * @param inputs I32 [batch · length]: the pieces, one after the other, words hidden
   * @param places I32 [batch · hidden]: where the chosen words are in inputs
   * @param targets I32 [batch · hidden]: what they were
   */
  public void fill(long number, Tensor inputs, Tensor places, Tensor targets) {
    int[] in = new int[batch * length];
    int[] at = new int[guesses()];
    int[] were = new int[guesses()];
    order(number / perEpoch());
    for (int b = 0; b < batch; b++) {
      int piece = order[(int) (number % perEpoch()) * batch + b];
      System.arraycopy(tokens, piece * length, in, b * length, length);
      hide(number * batch + b, in, b * length, at, were, b * hidden);
    }
    inputs.copyFrom(MemorySegment.ofArray(in));
    places.copyFrom(MemorySegment.ofArray(at));
    targets.copyFrom(MemorySegment.ofArray(were));
  }

  private void order(long epoch) {
    if (orderOf != epoch) {
      order = Philox.permutation(seed, ORDER + epoch, tokens.length / length);
      orderOf = epoch;
    }
  }

  /** Chooses words of the piece at {@code from}, first those that are words, and hides them. */
  private void hide(long stream, int[] in, int from, int[] at, int[] were, int to) {
    int[] shuffled = Philox.permutation(seed, stream, length);
    int chosen = 0;
    for (boolean words : new boolean[] {true, false}) {
      for (int i = 0; i < length && chosen < hidden; i++) {
        int place = from + shuffled[i];
        if (in[place] >= FIRST_WORD == words) {
          at[to + chosen] = place;
          were[to + chosen] = in[place];
          chosen++;
        }
      }
    }
    for (int c = 0; c < hidden; c++) {
      float kind = Philox.uniform(seed, KIND + stream, c);
      if (kind < 0.8f) {
        in[at[to + c]] = Vocabulary.MASK;
      } else if (kind < 0.9f) {
        float other = Philox.uniform(seed, OTHER + stream, c);
        in[at[to + c]] = FIRST_WORD + (int) (other * (vocabulary - FIRST_WORD));
      }
    }
  }
}

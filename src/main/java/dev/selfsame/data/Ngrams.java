package dev.selfsame.data;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * The bits that counting alone needs for a token: what a language model must beat. Counts are of
 * the training part, with one added to each token's count (Laplace 1814); the bigram is
 * interpolated with the unigram in the proportion that Witten and Bell (1991) derive from the
 * number of different successors that a token was seen with.
 */
public final class Ngrams {
  private static final double LN2 = StrictMath.log(2);

  private final int size;
  private final double[] unigram;
  private final int[] contexts;
  private final int[] followers;
  private final Map<Long, Integer> pairs = new HashMap<>();

  /**
   * Counts.
   *
   * @param train at least one token, each in 0 … size − 1
   * @param size of the vocabulary
   */
  public Ngrams(int[] train, int size) {
    if (train.length == 0) {
      throw new IllegalArgumentException("train has no tokens");
    }
    this.size = size;
    unigram = new double[size];
    contexts = new int[size];
    followers = new int[size];
    for (int i = 0; i < train.length; i++) {
      unigram[Objects.checkIndex(train[i], size)]++;
      if (i > 0) {
        contexts[train[i - 1]]++;
        if (pairs.merge(pair(train[i - 1], train[i]), 1, Integer::sum) == 1) {
          followers[train[i - 1]]++;
        }
      }
    }
    for (int t = 0; t < size; t++) {
      unigram[t] = (unigram[t] + 1) / (train.length + (double) size);
    }
  }

  /** Mean bits a token of the text from single tokens' frequencies. */
  public double unigramBits(int[] text) {
    double bits = 0;
    for (int token : text) {
      bits -= StrictMath.log(unigram[token]) / LN2;
    }
    return bits / text.length;
  }

  /** Mean bits a token of the text, given the token before; the first one by the unigram. */
  public double bigramBits(int[] text) {
    double bits = 0;
    for (int i = 0; i < text.length; i++) {
      double p = i == 0 ? unigram[text[0]] : probability(text[i - 1], text[i]);
      bits -= StrictMath.log(p) / LN2;
    }
    return bits / text.length;
  }

  private double probability(int before, int token) {
    double seen = contexts[before];
    double different = followers[before];
    if (seen == 0) {
      return unigram[token];
    }
    return (pairs.getOrDefault(pair(before, token), 0) + different * unigram[token])
        / (seen + different);
  }

  private long pair(int before, int token) {
    return (long) before * size + token;
  }
}

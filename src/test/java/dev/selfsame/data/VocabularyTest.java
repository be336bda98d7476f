package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class VocabularyTest {
  @Test
  void charactersGoThereAndBack() {
    Vocabulary characters = Vocabulary.characters();
    assertEquals(96, characters.size());
    assertArrayEquals(new int[] {0, 1, 34, 95}, characters.encode("\n A~"));
    String text = Corpus.shipped().test();
    assertEquals(text, characters.decode(characters.encode(text)));
    var wrong = assertThrows(IllegalArgumentException.class, () -> characters.encode("Kučera"));
    assertTrue(wrong.getMessage().contains("U+010D"), wrong.getMessage());
  }

  @Test
  void wordsAreTheMostFrequentOnes() {
    String text = "b a c\nA b d\n\nb e\n";
    Vocabulary words = Vocabulary.words(text, 7);
    assertEquals(List.of("<pad>", "<unk>", "<mask>", "<end>", "b", "a", "c"), words.tokens());
    int[] numbers = words.encode(text);
    assertArrayEquals(new int[] {4, 5, 6, 3, 5, 4, 1, 3, 4, 1, 3}, numbers);
    assertEquals("b a c\na b <unk>\nb <unk>\n", words.decode(numbers));
  }

  @Test
  void badSizesAndNumbersAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Vocabulary.words("a\n", 4));
    assertThrows(IllegalArgumentException.class, () -> Vocabulary.words("\n", 9));
    Vocabulary characters = Vocabulary.characters();
    assertThrows(IndexOutOfBoundsException.class, () -> characters.decode(new int[] {96}));
  }

  /** By hand: counts 2, 1, 1 of tokens 0, 1, 2; pairs 0→1, 1→0, 0→2. */
  @Test
  void ngramsAreCountedAsStated() {
    Ngrams ngrams = new Ngrams(new int[] {0, 1, 0, 2}, 3);
    assertEquals(-Math.log(3 / 7.0) / Math.log(2), ngrams.unigramBits(new int[] {0}), 1e-12);
    // 0 was seen twice with two different successors; P(1 | 0) = (1 + 2·P(1)) / (2 + 2).
    double next = (1 + 2 * (2 / 7.0)) / 4;
    assertEquals(
        -(Math.log(3 / 7.0) + Math.log(next)) / Math.log(2) / 2,
        ngrams.bigramBits(new int[] {0, 1}),
        1e-12);
    double all = 0; // probabilities after 0 add to one
    for (int token = 0; token < 3; token++) {
      all +=
          Math.pow(
              2,
              -(2 * ngrams.bigramBits(new int[] {0, token}) - ngrams.unigramBits(new int[] {0})));
    }
    assertEquals(1, all, 1e-12);
  }

  @Test
  void bigramsOfRealTextBeatUnigrams() {
    Corpus corpus = Corpus.shipped();
    Vocabulary characters = Vocabulary.characters();
    Ngrams ngrams = new Ngrams(characters.encode(corpus.train()), characters.size());
    int[] test = characters.encode(corpus.test());
    double unigram = ngrams.unigramBits(test);
    double bigram = ngrams.bigramBits(test);
    assertEquals(4.5, unigram, 0.1);
    assertTrue(bigram < unigram - 0.7 && bigram > 3, unigram + ", " + bigram);
  }
}

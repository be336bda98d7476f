package dev.selfsame.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Tokens and their numbers. A function of the text alone, the same on every machine.
 *
 * <p>{@link #characters} has one token for each printable ASCII character and one for the newline;
 * {@link #words} the special tokens {@link #PADDING}, {@link #UNKNOWN}, {@link #MASK} and {@link
 * #END} (end of a sentence) as numbers 0 to 3, then the most frequent words.
 */
public final class Vocabulary {
  /** Number of the padding token of words; an embedding may keep its row at zero. */
  public static final int PADDING = 0;

  /** Number of the token that stands for words that are not in the vocabulary. */
  public static final int UNKNOWN = 1;

  /** Number of the token that hides a word that is to be guessed. */
  public static final int MASK = 2;

  /** Number of the token that ends a sentence. */
  public static final int END = 3;

  private static final List<String> SPECIAL = List.of("<pad>", "<unk>", "<mask>", "<end>");

  private final List<String> tokens;
  private final Map<String, Integer> numbers = new HashMap<>();
  private final boolean words;

  private Vocabulary(List<String> tokens, boolean words) {
    this.tokens = List.copyOf(tokens);
    this.words = words;
    for (int i = 0; i < tokens.size(); i++) {
      numbers.put(tokens.get(i), i);
    }
  }

  /** 96 tokens: the newline, then U+0020 to U+007E. */
  public static Vocabulary characters() {
    var tokens = new ArrayList<>(List.of("\n"));
    for (char c = ' '; c <= '~'; c++) {
      tokens.add(String.valueOf(c));
    }
    return new Vocabulary(tokens, false);
  }

  /**
   * The special tokens and the most frequent words of the text, in lower case; of equally frequent
   * ones, that which comes first.
   *
   * @param size tokens at most, the special ones counted; at least 5
   */
  public static Vocabulary words(String text, int size) {
    if (size <= SPECIAL.size()) {
      throw new IllegalArgumentException(
          "size is " + size + "; allowed: at least " + (SPECIAL.size() + 1));
    }
    Map<String, Integer> counts = new LinkedHashMap<>();
    text.lines().flatMap(Vocabulary::split).forEach(word -> counts.merge(word, 1, Integer::sum));
    if (counts.isEmpty()) {
      throw new IllegalArgumentException("text has no words");
    }
    var tokens = new ArrayList<>(SPECIAL);
    counts.entrySet().stream() // the sort is stable: first come, first served
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .limit(size - SPECIAL.size())
        .forEach(entry -> tokens.add(entry.getKey()));
    return new Vocabulary(tokens, true);
  }

  private static Stream<String> split(String line) {
    return Arrays.stream(line.split(" "))
        .filter(word -> !word.isEmpty())
        .map(word -> word.toLowerCase(Locale.ROOT));
  }

  /** Number of tokens. */
  public int size() {
    return tokens.size();
  }

  /** The tokens, by number. */
  public List<String> tokens() {
    return tokens;
  }

  /**
   * The numbers of a text's tokens. Words that are not in the vocabulary become {@link #UNKNOWN},
   * and each line that is not blank is followed by {@link #END}.
   *
   * @throws IllegalArgumentException if a character is not in a vocabulary of characters
   */
  public int[] encode(String text) {
    if (!words) {
      return text.chars().map(this::character).toArray();
    }
    return text.lines()
        .filter(line -> !line.isBlank())
        .flatMapToInt(line ->
            IntStream.concat(
                split(line).mapToInt(word -> numbers.getOrDefault(word, UNKNOWN)),
                IntStream.of(END)))
        .toArray();
  }

  private int character(int c) {
    Integer number = numbers.get(String.valueOf((char) c));
    if (number == null) {
      throw new IllegalArgumentException(
          "text has the character U+%04X; allowed are newline and U+0020 to U+007E".formatted(c));
    }
    return number;
  }

  /** The text of some tokens: characters joined, or words with spaces between. */
  public String decode(int[] numbers) {
    var text = new StringBuilder();
    for (int number : numbers) {
      Objects.checkIndex(number, size());
      if (words && number == END) {
        text.append('\n');
        continue;
      }
      if (words && !text.isEmpty() && text.charAt(text.length() - 1) != '\n') {
        text.append(' ');
      }
      text.append(tokens.get(number));
    }
    return text.toString();
  }
}

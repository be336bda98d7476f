package dev.selfsame.train;

import java.util.Locale;

/**
 * What a system is judged by.
 *
 * @param name such as "test accuracy" or "bits per character"
 * @param percent whether scores are shares of one, shown in percent
 */
public record Measure(String name, boolean percent) {
  /** A share, 0 … 1, shown in percent. */
  public static Measure share(String name) {
    return new Measure(name, true);
  }

  /** A plain number. */
  public static Measure number(String name) {
    return new Measure(name, false);
  }

  /** Name and value, as in "test accuracy 97.35 %". */
  public String text(double score) {
    return name + " " + value(score);
  }

  /** The value as in "97.35 %" or "2.1834". */
  public String value(double score) {
    return percent
        ? String.format(Locale.ROOT, "%.2f %%", 100 * score)
        : String.format(Locale.ROOT, "%.4f", score);
  }

  /** Title of an axis. */
  public String axis() {
    return percent ? name + ", %" : name;
  }

  /** The number on that axis. */
  public double onAxis(double score) {
    return percent ? 100 * score : score;
  }
}

package dev.selfsame.study;

import java.util.List;

/**
 * One panel of a picture: lines over numbers, or bars over categories.
 *
 * @param title at most a line
 * @param x what the horizontal axis shows
 * @param y what the vertical axis shows
 * @param logX whether the horizontal axis is logarithmic
 * @param logY whether the vertical axis is logarithmic
 * @param categories names under the bars; empty for lines
 * @param series drawn in order
 */
public record Chart(
    String title,
    String x,
    String y,
    boolean logX,
    boolean logY,
    List<String> categories,
    List<Series> series) {
  /** Copies the lists. */
  public Chart {
    categories = List.copyOf(categories);
    series = List.copyOf(series);
  }

  /** A chart of lines. */
  static Chart lines(
      String title, String x, String y, boolean logX, boolean logY, List<Series> series) {
    return new Chart(title, x, y, logX, logY, List.of(), series);
  }

  /** A chart of bars: x of each series counts the categories. */
  static Chart bars(String title, String x, String y, List<String> categories, List<Series> all) {
    return new Chart(title, x, y, false, false, categories, all);
  }

  /** How a series is drawn. */
  public enum Style {
    /** Measured: points joined by a line. */
    MEASURED,
    /** Computed from theory: a dashed line. */
    THEORY
  }

  /**
   * Points with a name.
   *
   * @param name in the legend
   * @param x ascending
   * @param y as many
   */
  public record Series(String name, Style style, List<Double> x, List<Double> y) {
    /** Copies the lists and checks that they are of one length. */
    public Series {
      x = List.copyOf(x);
      y = List.copyOf(y);
      if (x.size() != y.size()) {
        throw new IllegalArgumentException(
            "series '%s' has %d x and %d y".formatted(name, x.size(), y.size()));
      }
    }
  }
}

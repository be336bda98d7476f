package dev.selfsame.study;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A table of figures.
 *
 * @param title what it shows
 * @param columns heads
 * @param rows as many cells as columns: text, whole numbers ({@link Long}) or {@link Double}
 */
public record Table(String title, List<String> columns, List<List<Object>> rows) {
  private static final int DIGITS = 4;

  /** Copies and checks the rows. */
  public Table {
    columns = List.copyOf(columns);
    rows = rows.stream().map(List::copyOf).toList();
    if (columns.stream().distinct().count() != columns.size()) {
      throw new IllegalArgumentException(
          "table '%s': columns %s; each name once is needed".formatted(title, columns));
    }
    for (List<Object> row : rows) {
      if (row.size() != columns.size()) {
        throw new IllegalArgumentException(
            "table '%s': row %s has %d cells; there are %d columns"
                .formatted(title, row, row.size(), columns.size()));
      }
      for (Object cell : row) {
        if (!(cell instanceof String || cell instanceof Long || cell instanceof Double)) {
          throw new IllegalArgumentException(
              "table '%s': cell %s is a %s; String, Long or Double is needed"
                  .formatted(title, cell, cell.getClass().getSimpleName()));
        }
      }
    }
  }

  /** A table that gets its rows one by one. */
  static final class Builder {
    private final String title;
    private final List<String> columns;
    private final List<List<Object>> rows = new ArrayList<>();

    Builder(String title, String... columns) {
      this.title = title;
      this.columns = List.of(columns);
    }

    void row(Object... cells) {
      rows.add(List.of(cells));
    }

    Table build() {
      return new Table(title, columns, rows);
    }
  }

  /** A cell as it is shown: whole numbers in groups of three, others with four digits. */
  public static String text(Object cell) {
    if (cell instanceof Long whole) {
      return String.format(Locale.ROOT, "%,d", whole);
    }
    if (cell instanceof Double number) {
      double size = Math.abs(number);
      if (size != 0 && (size < 1e-3 || size >= 1e6)) {
        return String.format(Locale.ROOT, "%.3e", number);
      }
      BigDecimal rounded = new BigDecimal(number).round(new MathContext(DIGITS));
      int whole = size == 0 ? 1 : rounded.precision() - rounded.scale();
      return String.format(Locale.ROOT, "%,." + Math.max(0, DIGITS - whole) + "f", number);
    }
    return cell.toString();
  }

  /** Whether a column holds numbers only, which are set to the right. */
  private boolean isNumeric(int column) {
    return rows.stream().noneMatch(row -> row.get(column) instanceof String);
  }

  /** Lines for a terminal. */
  public List<String> lines() {
    int[] widths = new int[columns.size()];
    for (int c = 0; c < widths.length; c++) {
      widths[c] = columns.get(c).length();
      for (List<Object> row : rows) {
        widths[c] = Math.max(widths[c], text(row.get(c)).length());
      }
    }
    List<String> lines = new ArrayList<>();
    lines.add(line(widths, columns));
    rows.forEach(row -> lines.add(line(widths, row.stream().map(Table::text).toList())));
    return lines;
  }

  private String line(int[] widths, List<String> cells) {
    StringBuilder line = new StringBuilder();
    for (int c = 0; c < widths.length; c++) {
      String pad = " ".repeat(widths[c] - cells.get(c).length());
      line.append("  ").append(isNumeric(c) ? pad + cells.get(c) : cells.get(c) + pad);
    }
    return line.toString().stripTrailing();
  }

  /** The same in Markdown. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    text.append("| ").append(String.join(" | ", columns)).append(" |\n|");
    for (int c = 0; c < columns.size(); c++) {
      text.append(isNumeric(c) ? "---:|" : "---|");
    }
    for (List<Object> row : rows) {
      text.append("\n| ").append(String.join(" | ", row.stream().map(Table::text).toList()));
      text.append(" |");
    }
    return text.append("\n").toString();
  }
}

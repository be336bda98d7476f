package dev.selfsame.bench.report;

import dev.selfsame.bench.RunRecord.CaseResult;
import dev.selfsame.bench.RunRecord.SuiteResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * The cases in which ours is slower than its fastest peer, each with what limits it: {@code
 * reasons-MACHINE.tsv} beside the records, written by hand from profiles and counts of operations.
 * Each machine has its own: what limits a kernel on one may not on another.
 */
final class Shortfalls {
  private static final String UNKNOWN = "**not explained yet**";

  /** The first that fits a case counts; threads 0 fit any. */
  private record Reason(String suite, Pattern cases, int threads, String text) {
    boolean fits(String inSuite, String name, int with) {
      return suite.equals(inSuite)
          && (threads == 0 || threads == with)
          && cases.matcher(name).find();
    }
  }

  /**
   * Cases of one suite with one reason.
   *
   * @param cases their ratios by column, as text
   */
  record Group(String suite, String reason, Map<String, List<String>> cases) {
    String casesText() {
      return cases.entrySet().stream()
          .map(e -> e.getKey() + ": " + String.join(", ", e.getValue()))
          .collect(Collectors.joining("; "));
    }
  }

  private final Path file;
  private final List<Reason> reasons;

  private Shortfalls(Path file, List<Reason> reasons) {
    this.file = file;
    this.reasons = reasons;
  }

  /** The list; not there if no reason is known. */
  Path file() {
    return file;
  }

  /**
   * Reads a line for each reason: suite, regular expression for case names, threads or *, text,
   * between tabs. Empty lines and those that begin with # do not count.
   *
   * @param machine as names of its records end
   * @throws Source.UnusableException if a line is something else
   */
  static Shortfalls in(Path folder, String machine) {
    Path file = folder.resolve("reasons-%s.tsv".formatted(machine));
    List<Reason> reasons = new ArrayList<>();
    try {
      List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
      for (int i = 0; i < lines.size(); i++) {
        if (!lines.get(i).isBlank() && !lines.get(i).startsWith("#")) {
          reasons.add(reason(lines.get(i), file + ", line " + (i + 1)));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Shortfalls(file, reasons);
  }

  private static Reason reason(String line, String where) {
    String[] f = line.split("\t", -1);
    if (f.length != 4 || !f[2].matches("\\*|[1-9]\\d*") || f[3].isBlank()) {
      throw new Source.UnusableException(
          where + ": needed are suite, pattern, threads or *, text, between tabs");
    }
    int threads = f[2].equals("*") ? 0 : Integer.parseInt(f[2]);
    try {
      return new Reason(f[0], Pattern.compile(f[1]), threads, f[3]);
    } catch (PatternSyntaxException e) {
      throw new Source.UnusableException(where + ": " + e.getMessage());
    }
  }

  /** A case that is slower than a peer, in one column. */
  record Slower(String suite, CaseResult result, Source column) {
    String name() {
      return result.name();
    }

    double ratio() {
      return result.worstRatio();
    }
  }

  /** All cases below 1, in the order of suites and columns. */
  static List<Slower> slower(Collection<String> suites, List<Source> columns) {
    List<Slower> slower = new ArrayList<>();
    for (String suite : suites) {
      for (Source column : columns) {
        for (CaseResult c : column.suite(suite).map(SuiteResult::cases).orElse(List.of())) {
          if (c.worstRatio() < 0.995) {
            slower.add(new Slower(suite, c, column));
          }
        }
      }
    }
    return slower;
  }

  /** The same by suite and reason. */
  Collection<Group> groups(List<Slower> slower) {
    Map<String, Group> groups = new LinkedHashMap<>();
    for (Slower s : slower) {
      String reason = text(s.suite, s.name(), s.column.threads());
      groups
          .computeIfAbsent(
              s.suite + '\t' + reason, k -> new Group(s.suite, reason, new LinkedHashMap<>()))
          .cases
          .computeIfAbsent(s.name(), n -> new ArrayList<>())
          .add("%.2f (%s)".formatted(s.ratio(), s.column.label()));
    }
    return groups.values();
  }

  private String text(String suite, String name, int threads) {
    return reasons.stream()
        .filter(r -> r.fits(suite, name, threads))
        .map(Reason::text)
        .findFirst()
        .orElse(UNKNOWN);
  }

  static long unexplained(Collection<Group> groups) {
    return groups.stream()
        .filter(g -> g.reason.equals(UNKNOWN))
        .mapToLong(g -> g.cases.size())
        .sum();
  }
}

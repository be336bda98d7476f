package dev.selfsame.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * What {@code scripts/bench profile} leaves behind.
 *
 * @param complete false if the run was cut short, or a case left out
 */
public record ProfileRecord(
    String kind,
    int threads,
    double secondsPerCase,
    Machine machine,
    List<SuiteProfile> suites,
    boolean complete) {
  /** What tells such a record from others. */
  public static final String KIND = "profile";

  private static final String OTHERS = "others";

  /** One suite's cases. */
  public record SuiteProfile(String suite, List<CaseProfile> cases) {}

  /** A method's share of a case's samples. */
  public record MethodShare(String method, double share) {
    /** {@code OutputTiles.rows12 75 %}. */
    public String text() {
      return "%s %.0f %%".formatted(method, 100 * share);
    }
  }

  /**
   * One case.
   *
   * @param samples of all threads
   * @param methods the largest share first, last what is left
   */
  public record CaseProfile(String name, long samples, List<MethodShare> methods) {
    static CaseProfile of(String name, Map<String, Long> samples, double leastShare) {
      long all = samples.values().stream().mapToLong(Long::longValue).sum();
      List<MethodShare> methods = new ArrayList<>();
      double left = 1;
      for (var e :
          samples.entrySet().stream()
              .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
              .toList()) {
        double share = (double) e.getValue() / all;
        if (share >= leastShare) {
          methods.add(new MethodShare(e.getKey(), Spread.round(share)));
          left -= share;
        }
      }
      methods.add(new MethodShare(OTHERS, Spread.round(Math.max(0, left))));
      return new CaseProfile(name, all, methods);
    }
  }

  void write(Path file) {
    RunRecord.write(file, this);
  }
}

package dev.selfsame.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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

  /** The record, or nothing if the file is of another kind. */
  public static Optional<ProfileRecord> read(Path file) throws IOException {
    return KIND.equals(RunRecord.read(file, Kind.class).kind())
        ? Optional.of(RunRecord.read(file, ProfileRecord.class))
        : Optional.empty();
  }

  private record Kind(String kind) {}

  void write(Path file) {
    RunRecord.write(file, this);
  }
}

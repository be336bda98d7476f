package dev.selfsame.cli;

import dev.selfsame.Device;
import dev.selfsame.verify.NegativeControl;
import dev.selfsame.verify.OpUnderTest;
import dev.selfsame.verify.Verification;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** The table of {@code selfsame verify}: printed operation by operation, totals at the end. */
final class VerifyTable {
  private final PrintWriter out;
  private final List<Candidate> candidates;
  private final int opWidth;
  private final int deviceWidth;

  VerifyTable(PrintWriter out, List<OpUnderTest> ops, List<Candidate> candidates) {
    this.out = out;
    this.candidates = candidates;
    opWidth = ops.stream().mapToInt(o -> o.name().length()).max().orElse(2);
    deviceWidth = candidates.stream().mapToInt(c -> c.label().length()).max().orElse(6);
  }

  /** What became of the faults on purpose. */
  void controls(List<NegativeControl> blind) {
    int planted = NegativeControl.values().length;
    out.printf(
        Locale.ROOT,
        "negative controls: %d faults planted, %d found%s%n%n",
        planted,
        planted - blind.size(),
        blind.isEmpty() ? "" : "; NOT FOUND: " + blind);
  }

  void head() {
    row("op", "device", "cases", "values", "mismatches", "time", "");
  }

  void rows(OpUnderTest op, List<Verification> results) {
    String name = op.name();
    for (Verification v : results) {
      row(
          name,
          Candidate.label(v.device()),
          count(v.cases()),
          count(v.values()),
          count(v.mismatches()),
          seconds(v.time().toNanos() / 1e9),
          v.failure() != null ? "  FAILED" : v.mismatches() > 0 ? "  MISMATCH" : "");
    }
    out.flush();
  }

  void foot(List<Verification> results, double seconds) {
    for (Candidate c : candidates) {
      if (c.reason() != null) {
        out.println();
        out.println("NOT RUN on " + c.name() + ": " + c.reason());
      }
    }
    for (Verification v : results) {
      if (!v.passed()) {
        details(v);
      }
    }
    out.println();
    out.printf(
        Locale.ROOT,
        "%s values compared, %s mismatches, %d failures, %d devices not run, %s%n",
        count(results.stream().mapToLong(Verification::values).sum()),
        count(results.stream().mapToLong(Verification::mismatches).sum()),
        results.stream().filter(v -> v.failure() != null).count(),
        candidates.stream().filter(c -> c.reason() != null).count(),
        seconds(seconds));
    out.flush();
  }

  private void details(Verification v) {
    String where = v.op().name() + " on " + Candidate.label(v.device());
    Verification.First first = v.first();
    Verification.Failure failure = v.failure();
    out.println();
    if (first != null) {
      out.println("MISMATCH: " + where + ", " + first);
      again(v, first.number());
    }
    if (failure != null) {
      out.println("FAILED: " + where + ", " + failure);
      again(v, failure.number());
    }
  }

  private void again(Verification v, int number) {
    out.printf(
        Locale.ROOT,
        "  again: selfsame verify --op %s --device %s%s --seed %d --from %d --cases 1%n",
        v.op().name(),
        v.device(),
        v.device() instanceof Device.Vector vector ? " --threads " + vector.threads() : "",
        v.seed(),
        number);
  }

  private void row(
      String op,
      String device,
      String cases,
      String values,
      String wrong,
      String time,
      String note) {
    out.printf(
        Locale.ROOT,
        "%-" + opWidth + "s  %-" + deviceWidth + "s  %7s  %14s  %10s  %8s%s%n",
        op,
        device,
        cases,
        values,
        wrong,
        time,
        note);
  }

  private static String count(long n) {
    return String.format(Locale.ROOT, "%,d", n);
  }

  private static String seconds(double s) {
    return String.format(Locale.ROOT, s < 9.995 ? "%.2f s" : "%.1f s", s);
  }
}

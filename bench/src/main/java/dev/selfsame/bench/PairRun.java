package dev.selfsame.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;

/** The paired measurement of some groups of cases: options, checks, times, record. */
final class PairRun {
  /** What sets the limit of a case that was timed by turns with a bare loop. */
  private static final String BARE = "bare loop by turns";

  @Mixin RunOptions options = new RunOptions();

  private Progress progress;
  private Limits limits; // null without a record

  /**
   * Cases of one kind.
   *
   * @param loop whose bandwidth limits them
   */
  record Group(String label, Limits.Loop loop, List<BenchCase.Planned> cases) {}

  /**
   * Measures all and writes the record, if one is wanted, after each group. A case with a wrong
   * result is not timed, and leaves the record incomplete.
   *
   * @return exit code: 1 if a result was wrong
   */
  int run(Machine machine, List<Group> groups) {
    List<String> wrong = new ArrayList<>();
    System.out.printf(
        "%s, %d of %d cores; JDK %s; %s%ncommit %s, load before: %s%n",
        machine.cpu(),
        options.threads,
        machine.cores(),
        machine.java(),
        machine.peers(),
        machine.commit(),
        machine.loadAverageBefore());
    progress = new Progress(groups.stream().mapToInt(g -> g.cases().size()).sum());
    if (options.json != null) {
      measureLimits();
    }
    List<RunRecord.SuiteResult> results = new ArrayList<>();
    for (Group group : groups) {
      System.out.printf("%n%s%n", group.label());
      List<RunRecord.CaseResult> cases = new ArrayList<>();
      for (BenchCase.Planned planned : group.cases()) {
        try {
          cases.add(measure(group, planned));
          print(cases.getLast());
        } catch (Agreement.WrongResultException e) {
          wrong.add(group.label() + ", " + e.getMessage());
          System.err.println("WRONG: " + wrong.getLast());
        }
      }
      double mean =
          Math.exp(
              cases.stream()
                  .mapToDouble(c -> Math.log(c.worstRatio()))
                  .average()
                  .orElse(Double.NaN));
      System.out.printf("  geometric mean of the ratios to the fastest peer: %.2f%n", mean);
      results.add(new RunRecord.SuiteResult(group.label(), cases, Spread.round(mean)));
      if (options.json != null) {
        boolean last = results.size() == groups.size();
        if (last) {
          measureLimits();
          applyLimits(groups, results);
        }
        boolean complete = last && wrong.isEmpty();
        new RunRecord("pair", options.threads, options.seconds, machine, limits, results, complete)
            .write(options.json);
      }
    }
    System.out.printf("%ntook %s%n", progress.elapsed());
    wrong.forEach(w -> System.out.println("WRONG, not timed: " + w));
    return wrong.isEmpty() ? 0 : 1;
  }

  /** At the beginning and again at the end: others may have been at work; the better counts. */
  private void measureLimits() {
    Limits now = LimitMeasurement.measure(options.threads);
    limits = limits == null ? now : limits.better(now);
    System.out.printf(
        "limits: FMA %.0f GFLOP/s; triad %.0f GB/s in caches, %.1f beyond%n",
        limits.fmaGflops(),
        limits.bandwidth(Limits.Loop.TRIAD, 1 << 20),
        limits.bandwidth(Limits.Loop.TRIAD, 1 << 30));
  }

  private void applyLimits(List<Group> groups, List<RunRecord.SuiteResult> results) {
    for (int i = 0; i < results.size(); i++) {
      Limits.Loop loop = groups.get(i).loop();
      results
          .get(i)
          .cases()
          .replaceAll(c ->
              c.limitedBy().equals(BARE)
                  ? c
                  : c.withLimit(
                      limits.of(new Work(c.flops(), c.bytes()), Rate.of(c.unit()), loop)));
    }
  }

  /** A record without measurements: the machine says why. */
  void note(Machine machine) {
    if (options.json != null) {
      new RunRecord("pair", options.threads, options.seconds, machine, null, List.of(), false)
          .write(options.json);
    }
  }

  private RunRecord.CaseResult measure(Group group, BenchCase.Planned planned) {
    progress.next(planned.name());
    try (BenchCase c = planned.build().get()) {
      List<Agreement> agreement = c.requireAgreement();
      List<Contender> contenders = new ArrayList<>(List.of(c.ours()));
      contenders.addAll(c.theirs());
      contenders.addAll(c.bare());
      Paired.Times times = Paired.measure(contenders, options.threads, options.seconds);
      List<RunRecord.PeerResult> peers = new ArrayList<>();
      for (int i = 1; i <= c.theirs().size(); i++) {
        peers.add(
            new RunRecord.PeerResult(
                contenders.get(i).name(),
                times.nanosOf(i).reciprocal(c.work().in(c.rate())).rounded(),
                times.ratioOf(i).rounded()));
      }
      Limits.Limit limit = limit(group, c, times);
      return new RunRecord.CaseResult(
          c.name(),
          c.rate().label(),
          c.work().flops(),
          c.work().bytes(),
          times.rounds(),
          times.nanosOf(0).reciprocal(c.work().in(c.rate())).rounded(),
          limit.value(),
          limit.by(),
          allocated(c.ours().run()),
          peers,
          agreement);
    }
  }

  /**
   * Of the bare loop in the same rounds, if the case has one: so high that ours has that share of
   * it that is the median of the rounds' shares, as ratios to peers are.
   */
  private Limits.Limit limit(Group group, BenchCase c, Paired.Times times) {
    if (!c.bare().isEmpty()) {
      double share = times.ratioOf(1 + c.theirs().size()).median();
      double ours = times.nanosOf(0).reciprocal(c.work().in(c.rate())).median();
      return new Limits.Limit(Spread.round(ours / share), BARE);
    }
    return limits == null
        ? new Limits.Limit(Double.NaN, "")
        : limits.of(c.work(), c.rate(), group.loop());
  }

  /** Bytes on the Java heap for one run, of all threads; a few runs even out what others take. */
  private static long allocated(Runnable run) {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    int runs = 20;
    long before = threads.getTotalThreadAllocatedBytes();
    for (int i = 0; i < runs; i++) {
      run.run();
    }
    return (threads.getTotalThreadAllocatedBytes() - before) / runs;
  }

  private static void print(RunRecord.CaseResult c) {
    System.out.printf(
        "  %-42s ours %7.1f [%.1f–%.1f] %s%s%s%n",
        c.name(),
        c.ours().median(),
        c.ours().p10(),
        c.ours().p90(),
        c.unit(),
        Double.isNaN(c.limit())
            ? ""
            : ", %.0f %% of %s".formatted(100 * c.ours().median() / c.limit(), c.limitedBy()),
        c.allocated() < 1 ? "" : "; allocates " + c.allocated() + " B");
    for (RunRecord.PeerResult p : c.theirs()) {
      System.out.printf(
          "  %42s      %7.1f [%.1f–%.1f]   ratio %.2f [%.2f–%.2f], %d rounds%n",
          p.name(),
          p.rate().median(),
          p.rate().p10(),
          p.rate().p90(),
          p.ratio().median(),
          p.ratio().p10(),
          p.ratio().p90(),
          c.rounds());
    }
    System.out.flush();
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code scripts/bench pair}: ours and theirs by turns, ratios with their spread. */
@Command(
    name = "pair",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times an op of ours and its peers (libtorch, OpenBLAS) by turns in one process.",
      "Results are checked first; a wrong one ends the run. A ratio is the peer's time over",
      "ours: above 1, ours is faster. Shown are medians with 10th and 90th percentile."
    })
public final class Pair implements Callable<Integer> {
  @Parameters(
      paramLabel = "OP",
      arity = "1..*",
      completionCandidates = Ops.class,
      description = "${COMPLETION-CANDIDATES}")
  List<String> ops = List.of();

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "of ours and theirs; ${DEFAULT-VALUE}")
  int threads;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "1",
      description = "for each case; ${DEFAULT-VALUE}")
  double seconds;

  @Option(
      names = "--case",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "only cases whose name contains TEXT")
  String filter;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "write a record; then the machine's limits are measured first, some 15 s")
  Path json;

  private Progress progress;
  private Limits limits; // null without a record

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Pair()).execute(arguments));
  }

  @Override
  public Integer call() {
    Device device = Device.vector(Lanes.preferredBits(), threads);
    Map<Suite, List<BenchCase.Planned>> plan = plan(device);
    TorchPeer.threads(threads);
    Machine machine = Machine.here();
    System.out.printf(
        "%s, %d of %d cores; JDK %s; libtorch %s; %s%ncommit %s, load before: %s%n",
        machine.cpu(),
        threads,
        machine.cores(),
        machine.java(),
        machine.libtorch(),
        machine.openblas(),
        machine.commit(),
        machine.loadAverageBefore());
    progress = new Progress(plan.values().stream().mapToInt(List::size).sum());
    if (json != null) {
      limits = LimitMeasurement.measure(threads);
      System.out.printf(
          "limits: FMA %.0f GFLOP/s; triad %.0f GB/s in caches, %.1f beyond%n",
          limits.fmaGflops(),
          limits.bandwidth(Limits.Loop.TRIAD, 1 << 20),
          limits.bandwidth(Limits.Loop.TRIAD, 1 << 30));
    }
    List<RunRecord.SuiteResult> results = new ArrayList<>();
    for (Suite suite : plan.keySet()) {
      System.out.printf("%n%s%n", suite.label());
      List<RunRecord.CaseResult> cases = new ArrayList<>();
      for (BenchCase.Planned planned : plan.get(suite)) {
        cases.add(measure(suite, planned));
        print(cases.getLast());
      }
      double mean =
          Math.exp(
              cases.stream().mapToDouble(c -> Math.log(c.worstRatio())).average().orElseThrow());
      System.out.printf("  geometric mean of the ratios to the fastest peer: %.2f%n", mean);
      results.add(new RunRecord.SuiteResult(suite.label(), cases, Spread.round(mean)));
      if (json != null) {
        boolean complete = results.size() == plan.size();
        new RunRecord("pair", threads, seconds, machine, limits, results, complete).write(json);
      }
    }
    System.out.printf("%ntook %s%n", progress.elapsed());
    return 0;
  }

  /** The cases that were asked for, by suite; at least one. */
  private Map<Suite, List<BenchCase.Planned>> plan(Device device) {
    Map<Suite, List<BenchCase.Planned>> plan = new LinkedHashMap<>();
    for (Suite suite : suites()) {
      List<BenchCase.Planned> cases =
          suite.cases(device).stream().filter(c -> c.name().contains(filter)).toList();
      if (!cases.isEmpty()) {
        plan.put(suite, cases);
      }
    }
    if (plan.isEmpty()) {
      throw new CommandLine.ParameterException(
          new CommandLine(this), "no case of %s contains '%s'".formatted(ops, filter));
    }
    return plan;
  }

  private List<Suite> suites() {
    List<Suite> suites = new ArrayList<>();
    for (String op : ops) {
      List<Suite> named = Suite.named(op);
      if (named.isEmpty()) {
        throw new CommandLine.ParameterException(
            new CommandLine(this),
            "no op '%s'; there are %s".formatted(op, String.join(", ", new Ops())));
      }
      suites.addAll(named);
    }
    return suites;
  }

  private RunRecord.CaseResult measure(Suite suite, BenchCase.Planned planned) {
    progress.next(planned.name());
    try (BenchCase c = planned.build().get()) {
      List<Agreement> agreement = c.requireAgreement();
      List<Contender> contenders = new ArrayList<>(List.of(c.ours()));
      contenders.addAll(c.theirs());
      Paired.Times times = Paired.measure(contenders, seconds);
      List<RunRecord.PeerResult> peers = new ArrayList<>();
      for (int i = 1; i < contenders.size(); i++) {
        peers.add(
            new RunRecord.PeerResult(
                contenders.get(i).name(),
                times.nanosOf(i).reciprocal(c.work().in(c.rate())).rounded(),
                times.ratioOf(i).rounded()));
      }
      Limits.Limit limit =
          limits == null
              ? new Limits.Limit(Double.NaN, "")
              : limits.of(c.work(), c.rate(), suite.loop());
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

  /** Names for the command line. */
  static final class Ops extends ArrayList<String> {
    Ops() {
      super(Suite.labels());
      add("conv2d (all three)");
      add("all");
    }
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

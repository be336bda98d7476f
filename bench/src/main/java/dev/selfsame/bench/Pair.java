package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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
      "Results are checked first; a wrong one ends the run. A ratio is the peer's time over ours:",
      "above 1, ours is faster. Shown are medians with 10th and 90th percentile."
    })
public final class Pair implements Callable<Integer> {
  @Parameters(
      paramLabel = "OP",
      arity = "1..*",
      description =
          "conv2d, conv2d-forward, conv2d-data-gradient, conv2d-weight-gradient, gemm, scatter-add,"
              + " gather, adamw, softmax, cross-entropy, elementwise, pool, sums, step, all")
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

  @Option(names = "--json", paramLabel = "FILE", description = "write a record")
  Path json;

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Pair()).execute(arguments));
  }

  @Override
  public Integer call() {
    TorchPeer.threads(threads);
    Device device = Device.vector(Lanes.preferredBits(), threads);
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
    List<Suite> suites = suites();
    List<RunRecord.SuiteResult> results = new ArrayList<>();
    for (Suite suite : suites) {
      List<RunRecord.CaseResult> cases = new ArrayList<>();
      for (BenchCase.Planned planned : suite.cases(device)) {
        if (planned.name().contains(filter)) {
          if (cases.isEmpty()) {
            System.out.printf("%n%s%n", suite.label());
          }
          cases.add(measure(planned));
          print(cases.getLast());
        }
      }
      if (!cases.isEmpty()) {
        double mean =
            Math.exp(
                cases.stream().mapToDouble(c -> Math.log(c.worstRatio())).average().orElseThrow());
        System.out.printf("  geometric mean of the ratios to the fastest peer: %.2f%n", mean);
        results.add(new RunRecord.SuiteResult(suite.label(), cases, Spread.round(mean)));
      }
      if (json != null) {
        boolean complete = suite == suites.getLast();
        new RunRecord("pair", threads, seconds, machine, results, complete).write(json);
      }
    }
    return 0;
  }

  private List<Suite> suites() {
    List<Suite> suites = new ArrayList<>();
    for (String op : ops) {
      List<Suite> named = Suite.named(op);
      if (named.isEmpty()) {
        throw new CommandLine.ParameterException(
            new CommandLine(this),
            "no op '%s'; there are %s"
                .formatted(
                    op, String.join(", ", Stream.of(Suite.values()).map(Suite::label).toList())));
      }
      suites.addAll(named);
    }
    return suites;
  }

  private RunRecord.CaseResult measure(BenchCase.Planned planned) {
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
      return new RunRecord.CaseResult(
          c.name(),
          c.rate().label(),
          times.rounds(),
          times.nanosOf(0).reciprocal(c.work().in(c.rate())).rounded(),
          peers,
          agreement);
    }
  }

  private static void print(RunRecord.CaseResult c) {
    System.out.printf(
        "  %-42s ours %7.1f [%.1f–%.1f] %s%n",
        c.name(), c.ours().median(), c.ours().p10(), c.ours().p90(), c.unit());
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

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code scripts/bench pair}: ours and theirs by turns, ratios with their spread. */
@Command(
    name = "pair",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times an op of ours and its peers (libtorch, OpenBLAS) by turns in one process.",
      "Results are checked first; what is wrong is not timed, and the exit code is 1. A ratio is"
          + " the",
      "peer's time over ours: above 1, ours is faster. Shown are medians with 10th and 90th",
      "percentile."
    })
public final class Pair implements Callable<Integer> {
  @Parameters(
      paramLabel = "OP",
      arity = "1..*",
      completionCandidates = Ops.class,
      description = "${COMPLETION-CANDIDATES}")
  List<String> ops = List.of();

  @Mixin PairRun run = new PairRun();

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Pair()).execute(arguments));
  }

  @Override
  public Integer call() {
    Device device = Device.vector(Lanes.preferredBits(), run.threads());
    List<PairRun.Group> plan = plan(device);
    TorchPeer.threads(run.threads());
    return run.run(Machine.here(), plan);
  }

  /** The cases that were asked for, by suite; at least one. */
  private List<PairRun.Group> plan(Device device) {
    List<PairRun.Group> plan = new ArrayList<>();
    for (Suite suite : suites()) {
      List<BenchCase.Planned> cases = run.wanted(suite.cases(device));
      if (!cases.isEmpty()) {
        plan.add(new PairRun.Group(suite.label(), suite.loop(), cases));
      }
    }
    if (plan.isEmpty()) {
      throw new CommandLine.ParameterException(
          new CommandLine(this), "no case of %s contains '%s'".formatted(ops, run.filter()));
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

  /** Names for the command line. */
  static final class Ops extends ArrayList<String> {
    Ops() {
      super(Suite.labels());
      add("conv2d (all three)");
      add("all");
    }
  }
}

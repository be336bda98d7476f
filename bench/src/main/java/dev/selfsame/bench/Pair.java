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
  @Mixin SuiteChoice choice = new SuiteChoice();

  @Mixin PairRun run = new PairRun();

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Pair()).execute(arguments));
  }

  @Override
  public Integer call() {
    int threads = run.options.threads;
    List<PairRun.Group> plan = new ArrayList<>();
    choice
        .cases(Device.vector(Lanes.preferredBits(), threads), run.options)
        .forEach((suite, cases) -> plan.add(new PairRun.Group(suite.label(), suite.loop(), cases)));
    TorchPeer.threads(threads);
    return run.run(Machine.here(), plan);
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.Nd4jPeer;
import dev.selfsame.cpu.Lanes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code scripts/bench nd4j}: ours and ND4J by turns. */
@Command(
    name = "nd4j",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times matrix products, softmax and tanh of ours and of ND4J by turns, as `pair` does with"
          + " the",
      "other peers; a process of its own, because ND4J needs an older JavaCPP than libtorch.",
      "Exit code 3 if it can't be loaded; a record then says why."
    })
public final class Nd4jPair implements Callable<Integer> {
  @Mixin PairRun run = new PairRun();

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Nd4jPair()).execute(arguments));
  }

  @Override
  public Integer call() {
    Nd4jPeer peer;
    try {
      peer = new Nd4jPeer(run.options.threads);
    } catch (LinkageError | RuntimeException e) {
      String why = "not loaded: " + e;
      System.err.println("nd4j: " + why);
      run.note(Machine.withNd4j(why));
      return 3;
    }
    Device device = Device.vector(Lanes.preferredBits(), run.options.threads);
    List<PairRun.Group> plan = new ArrayList<>();
    Nd4jCases.all(device, peer)
        .forEach((suite, cases) ->
            plan.add(new PairRun.Group(suite, Limits.Loop.TRIAD, run.options.wanted(cases))));
    plan.removeIf(group -> group.cases().isEmpty());
    if (plan.isEmpty()) {
      throw new CommandLine.ParameterException(
          new CommandLine(this), "no case contains '%s'".formatted(run.options.filter));
    }
    return run.run(Machine.withNd4j(peer.describe()), plan);
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The ops that a command line names, and their cases. */
final class SuiteChoice {
  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  @Parameters(
      paramLabel = "OP",
      arity = "1..*",
      completionCandidates = Ops.class,
      description = "${COMPLETION-CANDIDATES}")
  List<String> ops = List.of();

  /**
   * The wanted cases, by suite; none of them is empty.
   *
   * @throws ParameterException if an op is not known, or no case is left
   */
  Map<Suite, List<BenchCase.Planned>> cases(Device device, RunOptions options) {
    Map<Suite, List<BenchCase.Planned>> chosen = new LinkedHashMap<>();
    for (Suite suite : suites()) {
      List<BenchCase.Planned> cases = options.wanted(suite.cases(device));
      if (!cases.isEmpty()) {
        chosen.put(suite, cases);
      }
    }
    if (chosen.isEmpty()) {
      throw new ParameterException(
          command.commandLine(), "no case of %s contains '%s'".formatted(ops, options.filter));
    }
    return chosen;
  }

  private List<Suite> suites() {
    List<Suite> suites = new ArrayList<>();
    for (String op : ops) {
      List<Suite> named = Suite.named(op);
      if (named.isEmpty()) {
        throw new ParameterException(
            command.commandLine(),
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

package dev.selfsame.bench;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** What a run over cases can be told: how many threads, how long, which cases, where to record. */
final class RunOptions {
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
      description =
          "write a record; pair and nd4j then measure the machine's limits, too, first and last,"
              + " some 25 s")
  Path json;

  /** Those of the cases that were asked for. */
  List<BenchCase.Planned> wanted(List<BenchCase.Planned> cases) {
    return cases.stream().filter(c -> c.name().contains(filter)).toList();
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code scripts/bench profile}: where the time of ours goes, by methods. */
@Command(
    name = "profile",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs the cases of `pair`, ours only, and says which methods the time goes to:",
      "samples of the JDK's Flight Recorder, one a millisecond, of this library's",
      "innermost method. Results are checked first; the exit code is 1 if one is wrong.",
      "`report` shows records beside the cases that are slower than a peer."
    })
public final class Profile implements Callable<Integer> {
  /** Methods with less are summed up. */
  private static final double LEAST_SHARE = 0.02;

  @Mixin SuiteChoice choice = new SuiteChoice();

  @Mixin RunOptions options = new RunOptions();

  @Option(
      names = "--slower-in",
      paramLabel = "FILE",
      description = "only cases in which a peer was faster, by this record of pair")
  Path record;

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new Profile()).execute(arguments));
  }

  @Override
  public Integer call() {
    Device device = Device.vector(Lanes.preferredBits(), options.threads);
    Map<Suite, List<BenchCase.Planned>> chosen = choice.cases(device, options);
    if (record != null) {
      keepSlower(chosen);
    }
    Machine machine = Machine.here();
    TorchPeer.threads(options.threads); // theirs run once, in the check
    Progress progress = new Progress(chosen.values().stream().mapToInt(List::size).sum());
    List<ProfileRecord.SuiteProfile> suites = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    chosen.forEach((suite, cases) -> {
      System.out.printf("%n%s%n", suite.label());
      List<ProfileRecord.CaseProfile> profiles = new ArrayList<>();
      suites.add(new ProfileRecord.SuiteProfile(suite.label(), profiles));
      for (BenchCase.Planned planned : cases) {
        progress.next(planned.name());
        try (BenchCase c = planned.build().get()) {
          c.requireAgreement();
          Map<String, Long> samples = Sampling.methods(c.ours(), options.seconds);
          profiles.add(ProfileRecord.CaseProfile.of(c.name(), samples, LEAST_SHARE));
          print(profiles.getLast());
        } catch (Agreement.WrongResultException e) {
          wrong.add(suite.label() + ", " + e.getMessage());
          System.err.println("WRONG: " + wrong.getLast());
        }
      }
      write(machine, suites, wrong.isEmpty() && suites.size() == chosen.size());
    });
    System.out.printf("%ntook %s%n", progress.elapsed());
    wrong.forEach(w -> System.out.println("WRONG, no profile: " + w));
    return wrong.isEmpty() ? 0 : 1;
  }

  private void keepSlower(Map<Suite, List<BenchCase.Planned>> chosen) {
    Set<String> slower = new HashSet<>();
    try {
      for (RunRecord.SuiteResult s : RunRecord.read(record).suites()) {
        s.cases().stream()
            .filter(c -> c.worstRatio() < 1)
            .forEach(c -> slower.add(s.suite() + '/' + c.name()));
      }
    } catch (IOException e) {
      throw new CommandLine.ParameterException(
          choice.command.commandLine(), "--slower-in " + record + ": " + e.getMessage());
    }
    chosen.replaceAll((suite, cases) ->
        cases.stream().filter(c -> slower.contains(suite.label() + '/' + c.name())).toList());
    chosen.values().removeIf(List::isEmpty);
    if (chosen.isEmpty()) {
      throw new CommandLine.ParameterException(
          choice.command.commandLine(), "no such case was slower than a peer in " + record);
    }
  }

  private void write(Machine machine, List<ProfileRecord.SuiteProfile> suites, boolean complete) {
    if (options.json != null) {
      new ProfileRecord(
              ProfileRecord.KIND, options.threads, options.seconds, machine, suites, complete)
          .write(options.json);
    }
  }

  private static void print(ProfileRecord.CaseProfile c) {
    System.out.printf(
        "  %-42s %s; %d samples%n",
        c.name(),
        c.methods().stream().map(ProfileRecord.MethodShare::text).collect(Collectors.joining(", ")),
        c.samples());
  }
}

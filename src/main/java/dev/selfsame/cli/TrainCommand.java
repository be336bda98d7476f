package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.train.Systems;
import dev.selfsame.train.Trainer;
import dev.selfsame.train.TrainingSystem;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code selfsame train}: trains a system, on other devices in lockstep if asked. */
@Command(
    name = "train",
    description = {
      "Trains a system and prints its score, a SHA-256 of all parameters for each device, and, once"
          + " its schedule is complete, the properties that it is known for, as measured.",
      "With --against, other devices train in lockstep: after every step the loss and all"
          + " parameters are compared, and the run stops at the first differing bit."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footerHeading = "%nExamples:%n",
    footer = {
      "  selfsame train lenet --device vector --against scalar --against softcuda --quick",
      "  selfsame train lenet --data mnist --out runs/lenet",
      "  selfsame train lenet --data mnist --out runs/lenet --resume",
      "  selfsame train --list",
      "",
      "Exit status: 0 all bits same; 1 a difference or a failed run; 2 wrong usage."
    })
final class TrainCommand implements Callable<Integer> {
  @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", description = "System to train.")
  private @Nullable String name;

  @Option(names = "--list", description = "List the systems and their data sets.")
  private boolean list;

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "vector",
      description = "Device that trains to the end (default: ${DEFAULT-VALUE}).")
  private String device = "vector";

  @Option(
      names = "--against",
      paramLabel = "D",
      description = "Device that trains in lockstep; repeatable.")
  private List<String> against = new ArrayList<>();

  @Option(
      names = "--against-steps",
      paramLabel = "N",
      description = "Steps in lockstep (default: all; with --quick a few).")
  private @Nullable Long againstSteps;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Epochs of the whole run and its schedule.")
  private @Nullable Integer epochs;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Stop after this many steps; --resume goes on.")
  private @Nullable Long steps;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--data",
      paramLabel = "SET",
      description = "Data set (default: shipped); see --list.")
  private @Nullable String data;

  @Option(
      names = "--variant",
      paramLabel = "V",
      description = "Form of the system (default: the one that shares); see --list.")
  private @Nullable String variant;

  @Option(
      names = "--quick",
      description = "Shipped data, few epochs, a short lockstep: within a minute.")
  private boolean quick;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of vector devices (default: all processors).")
  private @Nullable Integer threads;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for checkpoint, metrics and plot.")
  private @Nullable Path out;

  @Option(names = "--resume", description = "Go on from the checkpoint in --out.")
  private boolean resume;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  private @Nullable Path json;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter print = spec.commandLine().getOut();
    if (list) {
      for (TrainingSystem system : Systems.ALL) {
        print.printf(
            "%-18s %s; data: %s%s%n",
            system.name(),
            system.summary(),
            String.join(", ", system.dataSets()),
            system.variants().size() == 1
                ? ""
                : "; variants: " + String.join(", ", system.variants()));
      }
      return Main.GOOD;
    }
    Trainer.Plan plan = plan();
    Path folder = out;
    if (folder != null) {
      OutFolder.make(folder);
    }
    Trainer.Report report;
    try (TrainOutput output = new TrainOutput(print, spec.commandLine().getErr(), plan)) {
      report = Trainer.train(plan, output);
      output.finish(report);
    }
    ObjectNode record = Json.report("train", spec.commandLine().getParseResult().originalArgs());
    TrainRecord.fill(record, plan, report);
    if (folder != null) {
      writeOut(folder, record, report, print);
    }
    Path file = json;
    if (file != null) {
      Json.write(file, record);
    }
    return report.difference().isPresent() ? Main.FAILED : Main.GOOD;
  }

  private Trainer.Plan plan() {
    TrainingSystem system = system();
    String set = data == null ? system.dataSets().getFirst() : data;
    if (!system.dataSets().contains(set)) {
      throw usage(
          "--data " + set + " is unknown; data sets are " + String.join(", ", system.dataSets()));
    }
    String form = variant == null ? system.variants().getFirst() : variant;
    if (!system.variants().contains(form)) {
      throw usage(
          "--variant "
              + form
              + " is unknown; variants of "
              + system.name()
              + " are "
              + String.join(", ", system.variants()));
    }
    if (resume && out == null) {
      throw usage("--resume goes on from the checkpoint in --out; name that folder");
    }
    int rounds = epochs != null ? epochs : quick ? system.quickEpochs() : system.defaultEpochs();
    positive("--epochs", rounds);
    long total = Math.multiplyExact(system.stepsPerEpoch(set), rounds);
    long last = steps == null ? total : Math.min(total, positive("--steps", steps));
    long together =
        againstSteps != null
            ? positive("--against-steps", againstSteps)
            : quick ? system.quickLockstep() : last;
    int team =
        threads == null
            ? Runtime.getRuntime().availableProcessors()
            : (int) positive("--threads", threads);
    List<Device> others = new ArrayList<>();
    for (String other : against) {
      others.add(Candidate.usable(spec, other, team));
    }
    return new Trainer.Plan(
        system,
        new TrainingSystem.Settings(seed, total, set, form),
        Candidate.usable(spec, device, team),
        others,
        Math.min(together, last),
        last,
        out == null ? null : out.resolve("checkpoint.safetensors"),
        resume,
        quick);
  }

  private TrainingSystem system() {
    if (name == null) {
      throw usage("name a system, or use --list");
    }
    try {
      return Systems.find(name);
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private long positive(String option, long value) {
    if (value < 1) {
      throw usage(option + " is " + value + "; it must be at least 1");
    }
    return value;
  }

  private ParameterException usage(@Nullable String message) {
    return new ParameterException(spec.commandLine(), String.valueOf(message));
  }

  private static void writeOut(
      Path folder, ObjectNode record, Trainer.Report report, PrintWriter print) {
    ObjectNode metrics = record.deepCopy();
    ArrayNode losses = metrics.putArray("losses");
    for (float loss : report.losses()) {
      losses.add(loss);
    }
    Json.write(folder.resolve("metrics.json"), metrics);
    Optional<String> failed = TrainPlot.write(folder.resolve("training.png"), report);
    print.println(
        failed
            .map(why -> "checkpoint and metrics are in " + folder + "; NO PLOT was written: " + why)
            .orElse("checkpoint, metrics and plot are in " + folder));
  }
}

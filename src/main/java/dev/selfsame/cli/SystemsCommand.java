package dev.selfsame.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.train.Systems;
import dev.selfsame.train.Trainer;
import dev.selfsame.train.TrainingSystem;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code selfsame systems}: trains every system and writes one table. */
@Command(
    name = "systems",
    description = {
      "Trains every system, the first steps in lockstep with other devices, measures what each is"
          + " known for, and writes a table with a picture for each.",
      "The folder gets systems.md, and NAME.json and NAME.png for each system."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footerHeading = "%nExamples:%n",
    footer = {
      "  selfsame systems --quick --out runs/systems",
      "  selfsame systems lstm albert --out runs/systems --resume",
      "",
      "Exit status: 0 all findings hold and all bits are the same; 1 otherwise; 2 wrong usage."
    })
final class SystemsCommand implements Callable<Integer> {
  @Parameters(arity = "0..*", paramLabel = "NAME", description = "Systems (default: all).")
  private List<String> names = new ArrayList<>();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Folder for the table, records and pictures.")
  private Path out = Path.of(".");

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "vector",
      description = "Device that trains to the end (default: ${DEFAULT-VALUE}).")
  private String device = "vector";

  @Option(
      names = "--against",
      paramLabel = "D",
      defaultValue = "scalar,softcuda",
      split = ",",
      description = "Devices that train in lockstep (default: ${DEFAULT-VALUE}).")
  private List<String> against = new ArrayList<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(names = "--quick", description = "Few epochs: a minute a system.")
  private boolean quick;

  @Option(names = "--resume", description = "Keep the records in --out that are there already.")
  private boolean resume;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter print = spec.commandLine().getOut();
    List<TrainingSystem> systems = systems();
    int threads = Runtime.getRuntime().availableProcessors();
    Device control = Candidate.usable(spec, device, threads);
    List<Device> others =
        against.stream().map(name -> Candidate.usable(spec, name, threads)).toList();
    OutFolder.make(out);
    List<JsonNode> records = new ArrayList<>();
    for (TrainingSystem system : systems) {
      Path file = out.resolve(system.name() + ".json");
      if (resume && Files.exists(file)) {
        print.println(system.name() + ": " + file + " is kept");
        records.add(Json.read(file));
      } else {
        ObjectNode record = train(plan(system, control, others), print);
        Json.write(file, record);
        records.add(record);
      }
    }
    Path page = out.resolve("systems.md");
    try {
      Files.writeString(page, SystemsTable.of(records));
    } catch (IOException e) {
      throw new Main.Failed("the table can't be written to " + page + ": " + e);
    }
    long good = records.stream().filter(SystemsTable::good).count();
    print.printf(
        Locale.ROOT,
        "%d of %d systems: all findings hold and no bit differs; the table is in %s%n",
        good,
        records.size(),
        page);
    return good == records.size() ? Main.GOOD : Main.FAILED;
  }

  private Trainer.Plan plan(TrainingSystem system, Device control, List<Device> others) {
    String data = system.dataSets().getFirst();
    int epochs = quick ? system.quickEpochs() : system.defaultEpochs();
    long steps = Math.multiplyExact(system.stepsPerEpoch(data), epochs);
    long together = Math.min(system.quickLockstep(), steps);
    return new Trainer.Plan(
        system, system.settings(seed, steps), control, others, together, steps, null, false, quick);
  }

  private ObjectNode train(Trainer.Plan plan, PrintWriter print) {
    ObjectNode record = Json.report("systems", spec.commandLine().getParseResult().originalArgs());
    long start = System.nanoTime();
    try (TrainOutput output = new TrainOutput(print, spec.commandLine().getErr(), plan)) {
      Trainer.Report report = Trainer.train(plan, output);
      output.finish(report);
      TrainRecord.fill(record, plan, report);
      record.put("quick", plan.quick());
      record.put("minutes", (System.nanoTime() - start) / 60e9);
      TrainPlot.write(out.resolve(plan.system().name() + ".png"), report)
          .ifPresent(why -> print.println("NO PLOT was written: " + why));
    }
    return record;
  }

  private List<TrainingSystem> systems() {
    if (names.isEmpty()) {
      return Systems.ALL;
    }
    try {
      return names.stream().map(Systems::find).toList();
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private ParameterException usage(@Nullable String message) {
    return new ParameterException(spec.commandLine(), String.valueOf(message));
  }
}

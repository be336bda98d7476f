package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.study.Studies;
import dev.selfsame.study.Study;
import dev.selfsame.study.StudyResult;
import dev.selfsame.study.Table;
import dev.selfsame.train.Finding;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code selfsame study}: what theory says of sharing and tying, measured. */
@Command(
    name = "study",
    description = {
      "Measures a claim about shared or tied parameters with the library's own kernels: a table,"
          + " what of the claim holds, and a picture.",
      "The figures depend on the seed and on --quick, never on the device."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footerHeading = "%nExamples:%n",
    footer = {
      "  selfsame study --list",
      "  selfsame study variance --quick",
      "  selfsame study hessian --device softcuda --quick --json hessian.json",
      "  selfsame study all --out docs/studies",
      "",
      "Exit status: 0 measured, whatever the verdict; 1 a failed run; 2 wrong usage."
    })
final class StudyCommand implements Callable<Integer> {
  private static final String ALL = "all";

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "NAME",
      description = "Study to run; 'all' runs every one.")
  private @Nullable String name;

  @Option(names = "--list", description = "List the studies and their claims.")
  private boolean list;

  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "vector",
      description = "Device of every kernel (default: ${DEFAULT-VALUE}).")
  private String device = "vector";

  @Option(names = "--quick", description = "Smaller sizes: each study within some seconds.")
  private boolean quick;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of a vector device (default: all processors).")
  private @Nullable Integer threads;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for a picture of each study, and for README.md with all tables.")
  private @Nullable Path out;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  private @Nullable Path json;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter print = spec.commandLine().getOut();
    if (list) {
      for (Study study : Studies.ALL) {
        print.printf("%-14s %s%n", study.name(), study.claim());
      }
      return Main.GOOD;
    }
    List<Study> studies = studies();
    Study.Settings settings = new Study.Settings(device(), seed, quick);
    Path folder = out;
    if (folder != null) {
      OutFolder.make(folder);
    }
    Map<Study, StudyResult> results = new LinkedHashMap<>();
    ObjectNode record = Json.report("study", spec.commandLine().getParseResult().originalArgs());
    record.put("device", settings.device().toString());
    record.put("seed", seed);
    record.put("quick", quick);
    ArrayNode records = record.putArray("studies");
    for (Study study : studies) {
      long start = System.nanoTime();
      StudyResult result = run(study, settings);
      double seconds = (System.nanoTime() - start) / 1e9;
      results.put(study, result);
      print(print, study, result, seconds);
      if (folder != null) {
        draw(folder, study, result, print);
      }
      records.add(json(study, result, seconds));
    }
    if (folder != null) {
      StudyReport.write(folder.resolve("README.md"), settings, results);
      print.println("tables and pictures are in " + folder);
    }
    Path file = json;
    if (file != null) {
      Json.write(file, record);
    }
    return Main.GOOD;
  }

  private StudyResult run(Study study, Study.Settings settings) {
    // The bar's length is known once the study says it; parts of it are told in thousandths.
    try (Progress progress = Progress.of(study.name(), 1000, spec.commandLine().getErr())) {
      return study.run(
          settings, (done, total, what) -> progress.to(1000 * done / Math.max(1, total), what));
    }
  }

  private List<Study> studies() {
    if (name == null) {
      throw usage("name a study, or use --list");
    }
    if (name.equals(ALL)) {
      return Studies.ALL;
    }
    try {
      return List.of(Studies.find(name));
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage() + ", or all");
    }
  }

  private Device device() {
    Integer wanted = threads;
    if (wanted != null && wanted < 1) {
      throw usage("--threads is " + wanted + "; it must be at least 1");
    }
    int team = wanted == null ? Runtime.getRuntime().availableProcessors() : wanted;
    return Candidate.usable(spec, device, team);
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static void print(PrintWriter print, Study study, StudyResult result, double seconds) {
    print.printf("%s%nclaim: %s%n", study.name(), study.claim());
    for (Table table : result.tables()) {
      print.printf("%n%s%n", table.title());
      table.lines().forEach(print::println);
    }
    print.println();
    for (Finding f : result.findings()) {
      print.printf(
          "%s %s: %s%n", f.holds() ? "  holds:" : "  DOES NOT HOLD:", f.claim(), f.measured());
    }
    print.printf(Locale.ROOT, "verdict: %s (%.1f s)%n%n", result.verdict(), seconds);
    print.flush();
  }

  private static void draw(Path folder, Study study, StudyResult result, PrintWriter print) {
    StudyPlot.write(folder.resolve(study.name() + ".png"), result.charts())
        .ifPresent(why -> print.println("NO PICTURE of " + study.name() + ": " + why));
  }

  private static ObjectNode json(Study study, StudyResult result, double seconds) {
    ObjectNode record = Json.object();
    record.put("study", study.name());
    record.put("claim", study.claim());
    record.put("verdict", result.verdict().toString());
    ArrayNode findings = record.putArray("findings");
    for (Finding f : result.findings()) {
      findings
          .addObject()
          .put("claim", f.claim())
          .put("measured", f.measured())
          .put("holds", f.holds());
    }
    ArrayNode tables = record.putArray("tables");
    for (Table table : result.tables()) {
      ObjectNode t = tables.addObject();
      t.put("title", table.title());
      ArrayNode rows = t.putArray("rows");
      for (List<Object> row : table.rows()) {
        ObjectNode cells = rows.addObject();
        for (int c = 0; c < row.size(); c++) {
          cells.putPOJO(table.columns().get(c), row.get(c));
        }
      }
    }
    record.put("seconds", seconds);
    return record;
  }
}

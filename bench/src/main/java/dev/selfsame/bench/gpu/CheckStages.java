package dev.selfsame.bench.gpu;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The stages of {@code gpu-check}, the most telling first; those that can't run say why. */
final class CheckStages {
  /** The stage that may change which kernels the others use. */
  static final String REBUILD = "rebuild";

  private static final String MAIN = "dev.selfsame.cli.Main";
  private static final String JAVA =
      Path.of(System.getProperty("java.home"), "bin", "java").toString();

  private final String device;
  private final boolean quick;
  private final boolean soft;
  private final String arch;
  private final double scale;
  private final Path logs;
  private final Path home = Path.of(System.getProperty("gpucheck.home", "."));
  private final String nvcc = System.getProperty("gpucheck.nvcc", "");
  private final String sanitizer = System.getProperty("gpucheck.sanitizer", "");
  private final String python = System.getProperty("gpucheck.python", "");

  /**
   * The stages.
   *
   * @param arch the compute capability as nvcc names it, such as 90
   * @param scale what the stages that can use more time get of it
   */
  CheckStages(String device, boolean quick, boolean soft, String arch, double scale, Path logs) {
    this.device = device;
    this.scale = scale;
    this.arch = arch;
    this.quick = quick;
    this.soft = soft;
    this.logs = logs;
  }

  List<Stage> all() {
    List<Stage> all = new ArrayList<>();
    all.add(rebuild());
    all.add(verify());
    all.add(functions());
    all.add(lockstep());
    for (String tool : List.of("memcheck", "racecheck")) {
      all.add(sanitizer(tool));
    }
    all.add(bench());
    all.add(launch());
    all.add(torchCases());
    all.add(torch());
    all.add(soak());
    all.add(tests());
    return all;
  }

  private Path json(String name) {
    return logs.resolve(name + ".json");
  }

  /** A JVM as this one, on the same class path. */
  private List<String> java(String main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(JAVA);
    command.add("--add-modules=jdk.incubator.vector");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Djava.awt.headless=true");
    Stream.of(
            "selfsame.commit",
            "selfsame.cuda.library",
            "selfsame.nvml.library",
            LaunchBaseline.PROPERTY)
        .filter(p -> System.getProperty(p) != null)
        .forEach(p -> command.add("-D" + p + "=" + System.getProperty(p)));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(main);
    command.addAll(List.of(arguments));
    return command;
  }

  private Stage check(String name, String title, double seconds, String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--json", json(name).toString()));
    return new Stage(
        name,
        title,
        seconds,
        java(MAIN, all.toArray(String[]::new)),
        Map.of(),
        json(name),
        "",
        true);
  }

  /** Softcuda says 9.0: there it shows that the archive can build kernels, and runs its own. */
  private Stage rebuild() {
    String skip = "";
    if (nvcc.isEmpty()) {
      skip = "nvcc was not found; the kernels as shipped are used";
    } else if (!Files.exists(home.resolve("native/rebuild"))) {
      skip = "this archive lacks native/rebuild";
    }
    return new Stage(
        REBUILD,
        "kernels built anew for sm_" + arch + ", audited, found first by the library",
        100,
        List.of("bash", home.resolve("native/rebuild").toString()),
        Map.of(
            "NVCC",
            nvcc,
            "SELFSAME_ARCH",
            arch,
            "JAVA",
            JAVA,
            "LIBRARY",
            System.getProperty("java.class.path")),
        null,
        skip,
        false);
  }

  /**
   * Which kernels the stages after the rebuild use. A rebuild that failed leaves none behind, so
   * that a mixture of new and shipped ones is never run.
   *
   * @return for the report
   * @throws IOException if what a stopped rebuild left can't be removed
   */
  String kernels(Stage.Result rebuild) throws IOException {
    Path built = home.resolve("target");
    return switch (rebuild.end()) {
      case PASSED ->
          soft ? "built anew as a trial; softcuda runs its own" : "built anew, sm_" + arch;
      case NOT_RUN ->
          Files.exists(built) ? "of an earlier rebuild, in " + built : "as shipped in the archive";
      case FAILED, STOPPED -> {
        if (Files.exists(built)) {
          try (Stream<Path> all = Files.walk(built)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
              Files.delete(p);
            }
          }
        }
        yield "AS SHIPPED: THE REBUILD FOR sm_" + arch + " FAILED, see logs/rebuild.log";
      }
    };
  }

  private String seconds(double standard) {
    return String.valueOf(Math.round(standard * scale));
  }

  private Stage verify() {
    List<String> arguments =
        new ArrayList<>(
            List.of("verify", "--device", device, "--seconds", seconds(quick ? 40 : 60)));
    if (quick) {
      arguments.add("--quick");
    }
    return check(
        "verify",
        "every operation, bits against the scalar definition",
        30 + 70 * scale,
        arguments.toArray(String[]::new));
  }

  private Stage functions() {
    return check(
        "functions",
        "every function of one element over the floats, bits against the CPU",
        30 + 40 * scale,
        "verify",
        "--functions",
        "--device",
        device,
        "--seconds",
        seconds(quick ? 15 : 40));
  }

  private Stage lockstep() {
    String steps = soft ? "3" : "300";
    return check(
        "lockstep",
        "LeNet in lockstep, card against CPU: losses and all parameters after each step",
        90,
        "train",
        "lenet",
        "--device",
        "vector",
        "--against",
        device,
        "--steps",
        steps,
        "--against-steps",
        steps);
  }

  private Stage sanitizer(String tool) {
    String skip =
        soft
            ? "softcuda is not seen by compute-sanitizer"
            : sanitizer.isEmpty() ? "compute-sanitizer was not found" : "";
    List<String> command =
        new ArrayList<>(
            List.of(
                sanitizer, "--tool", tool, "--target-processes", "all", "--error-exitcode", "9"));
    command.addAll(
        java(MAIN, "verify", "--device", device, "--quick", "--cases", "3", "--seconds", "25"));
    return new Stage(
        tool,
        "compute-sanitizer " + tool + " over small cases",
        45,
        command,
        Map.of(),
        null,
        skip,
        true,
        // A tool that attached to nothing ends well, too.
        tool.equals("racecheck") ? "RACECHECK SUMMARY: 0 hazards" : "ERROR SUMMARY: 0 errors");
  }

  private Stage bench() {
    return new Stage(
        "bench",
        "benchmarks by the card's events, matrix products by turns with cuBLAS",
        quick ? 60 : 110,
        java(
            "dev.selfsame.bench.gpu.GpuBench",
            "--device",
            device,
            "--seconds",
            quick ? "0.1" : "0.4",
            "--limit",
            quick ? "45" : "90",
            "--json",
            json("bench").toString()),
        Map.of(),
        json("bench"),
        "",
        true);
  }

  private Stage launch() {
    Path baseline = Path.of(System.getProperty(LaunchBaseline.PROPERTY, ""));
    return new Stage(
        "launch",
        "what a launch costs the host, by turns with a C program's",
        30,
        java(
            "dev.selfsame.bench.gpu.LaunchBench",
            "--device",
            device,
            "--seconds",
            quick ? "2" : "5",
            "--json",
            json("launch").toString()),
        Map.of(),
        json("launch"),
        Files.isRegularFile(baseline)
            ? ""
            : "this archive lacks the C program, liblaunch_baseline.so",
        true);
  }

  /** The list of cases for PyTorch. */
  private Stage torchCases() {
    return new Stage(
        "cases",
        "the list of cases for PyTorch",
        30,
        java(
            "dev.selfsame.bench.gpu.GpuBench",
            "--device",
            device,
            "--list",
            "--json",
            json("cases").toString()),
        Map.of(),
        null,
        torchMissing(),
        false);
  }

  private String torchMissing() {
    return soft
        ? "PyTorch needs a card"
        : python.isEmpty() ? "no Python with PyTorch that sees a GPU was found" : "";
  }

  private Stage torch() {
    return new Stage(
        "torch",
        "the same work by PyTorch on the same card",
        70,
        List.of(
            python,
            home.resolve("torch_peers.py").toString(),
            json("cases").toString(),
            json("torch").toString(),
            device.replace("cuda:", ""),
            "60"),
        Map.of("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
        json("torch"),
        torchMissing(),
        false);
  }

  private Stage soak() {
    return check(
        "soak",
        "burn-in: known bits of kernels and memory",
        30 + 20 * scale,
        "verify",
        "--soak",
        String.format("%.2f", quick ? 0.05 : 0.33 * scale),
        "--device",
        device);
  }

  private Stage tests() {
    String skip =
        soft
            ? "they need a card; on softcuda they run in every build"
            : Files.exists(home.resolve("tests")) ? "" : "this archive has no tests";
    // Several folders and jars: the tests see the card as the device that must be there.
    List<String> command = java("org.junit.platform.console.ConsoleLauncher");
    int at = command.indexOf("-cp");
    command.set(
        at + 1,
        System.getProperty("java.class.path")
            + File.pathSeparator
            + home.resolve("tests/classes")
            + File.pathSeparator
            + home.resolve("tests/lib")
            + "/*");
    command.addAll(at, List.of("-Dselfsame.require=cuda", "-Dselfsame.devices=" + device));
    command.addAll(
        List.of(
            "execute",
            "--disable-banner",
            "--details=summary",
            "--disable-ansi-colors",
            "--select-package=dev.selfsame.op",
            "--include-classname=.*Test"));
    return new Stage(
        "tests", "the operations' own tests on the card", 90, command, Map.of(), null, skip, true);
  }
}

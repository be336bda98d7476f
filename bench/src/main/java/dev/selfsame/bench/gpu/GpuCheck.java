package dev.selfsame.bench.gpu;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.cuda.DeviceProperties;
import dev.selfsame.cuda.Nvml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code gpu-check}: everything that a machine with a GPU can tell, in one command. */
@Command(
    name = "gpu-check",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Verifies a GPU against the CPU bit by bit, trains LeNet on both in lockstep, runs the tests"
          + " and NVIDIA's sanitizers, and times the kernels against cuBLAS and PyTorch, as far as"
          + " they are found. Needs NVIDIA's driver and nothing else; with nvcc the kernels are"
          + " first built for the exact chip.",
      "Each stage has a time limit; all together end within the time of --minutes. Writes"
          + " report.json and report.md, and says what did not run."
    },
    footer = {
      "",
      "Examples:",
      "  ./gpu-check",
      "  ./gpu-check --device cuda:1 --out /tmp/gpu1",
      "  ./gpu-check --device softcuda --quick     without a GPU; says nothing of one",
      "",
      "Exit status: 0 all that ran is good; 1 a check failed or was stopped; 2 wrong usage;",
      "3 the device is not usable."
    })
public final class GpuCheck implements Callable<Integer> {
  @Option(names = "--device", defaultValue = "cuda:0", description = "cuda:N (cuda:0) or softcuda.")
  private String device = "cuda:0";

  @Option(names = "--quick", description = "Fewer cases: about two minutes.")
  private boolean quick;

  @Option(
      names = "--minutes",
      description =
          "For everything (7.5; with --quick 4). With more, more cases and all floats are tried.")
  private Double minutes;

  @Option(names = "--stage", description = "Only this stage; may be repeated.")
  private List<String> only = new ArrayList<>();

  @Option(names = "--out", defaultValue = ".", description = "Folder for the reports (.).")
  private Path out = Path.of(".");

  private static final double STANDARD_MINUTES = 7.5;

  private final long start = System.nanoTime();
  private String arch = "";

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new GpuCheck()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    if (!device.matches("cuda:\\d{1,4}|softcuda") || minutes != null && !(minutes > 0)) {
      System.err.println(
          "gpu-check: --device is "
              + device
              + ", --minutes "
              + minutes
              + "; allowed are cuda:N or softcuda, and more than 0");
      return 2;
    }
    double standard = quick ? 4 : STANDARD_MINUTES;
    double budget = 60 * (minutes != null ? minutes : standard);
    double scale = Math.max(1, budget / 60 / STANDARD_MINUTES);
    Path logs = Files.createDirectories(out.resolve("logs"));
    CheckReport report = new CheckReport(device, quick, System.getProperty("selfsame.commit", ""));
    boolean soft = device.equals("softcuda");
    boolean usable = look(report);
    CheckStages stages = new CheckStages(device, quick || soft, soft, arch, scale, logs);
    List<Stage> all = stages.all();
    for (String name : only) {
      if (all.stream().noneMatch(s -> s.name().equals(name))) {
        System.err.println(
            "gpu-check: there is no stage " + name + "; " + all.stream().map(Stage::name).toList());
        return 2;
      }
    }
    boolean good = usable;
    for (int i = 0; i < all.size(); i++) {
      Stage stage = all.get(i);
      Stage.Result result;
      if (!usable) {
        result = stage.notRun("the device is not usable");
      } else if (!only.isEmpty() && !only.contains(stage.name())) {
        result = stage.notRun("not asked for");
      } else {
        double left = budget - (System.nanoTime() - start) / 1e9;
        System.out.printf(
            "[%d/%d, %.0f s left] %s%n", i + 1, all.size(), Math.max(0, left), stage.title());
        result = stage.run(logs, left);
        String why = result.reason().isEmpty() ? "" : " (" + result.reason() + ")";
        System.out.printf("    %s%s, %.1f s%n", result.end().text(), why, result.seconds());
      }
      if (usable && stage.name().equals(CheckStages.REBUILD)) {
        String kernels = stages.kernels(result);
        report.kernels(kernels);
        System.out.println("    kernels: " + kernels);
      }
      report.add(result);
      // After each stage: what is known survives whatever comes next.
      report.write(out, (System.nanoTime() - start) / 1e9);
      boolean bad = result.end() == Stage.End.FAILED || result.end() == Stage.End.STOPPED;
      good &= !(bad && stage.isCheck());
    }
    System.out.println("reports: " + out.resolve("report.md") + ", " + out.resolve("report.json"));
    System.out.println(report.verdict());
    return usable ? good ? 0 : 1 : 3;
  }

  /** The device, or why it is not usable. */
  private boolean look(CheckReport report) {
    try {
      Device.Cuda d = (Device.Cuda) Device.parse(device, 1);
      DeviceProperties p = d.context().properties();
      arch = "" + p.computeCapability();
      String reading = Nvml.of(d.context()).read().toString();
      report.device(p, d.context().driver().library(), reading);
      System.out.printf(
          "%s: %s, compute capability %d.%d, %.1f GiB, driver for CUDA %d.%d; %s%n",
          device,
          p.name(),
          p.major(),
          p.minor(),
          p.totalBytes() / 0x1p30,
          p.driverVersion() / 1000,
          p.driverVersion() % 1000 / 10,
          reading);
      return true;
    } catch (DeviceException e) {
      System.out.println("gpu-check: " + device + " is not usable: " + e.getMessage());
      report.unusable(e.getMessage());
      return false;
    }
  }
}

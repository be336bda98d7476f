package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import dev.selfsame.bench.Spread;
import dev.selfsame.cuda.Nvml;
import dev.selfsame.cuda.Softcuda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code scripts/bench gpu}: our kernels on a GPU, timed by its events; cuBLAS by turns. */
@Command(
    name = "gpu",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times our kernels on a GPU by CUDA events, after their results were compared with the CPU's"
          + " bit by bit; matrix products by turns with cuBLAS, where it is found.",
      "Exit status: 0 good; 1 a result differs or the device failed; 2 wrong usage."
    })
public final class GpuBench implements Callable<Integer> {
  @Option(names = "--device", defaultValue = "cuda:0", description = "cuda:N or softcuda.")
  private String deviceName = "cuda:0";

  @Option(names = "--quick", description = "Small sizes; always so on softcuda.")
  private boolean quick;

  @Option(names = "--case", description = "Only cases whose name contains this.")
  private String filter = "";

  @Option(names = "--seconds", defaultValue = "0.4", description = "For each case.")
  private double seconds = 0.4;

  @Option(names = "--limit", defaultValue = "1e6", description = "Begin no case after so long.")
  private double limit = 1e6;

  @Option(names = "--json", description = "Write the results there.")
  private Path json;

  @Option(
      names = "--list",
      description = "Write the cases with their sizes as JSON, and time nothing.")
  private boolean list;

  private final long start = System.nanoTime();
  private boolean failed;

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    CommandLine line = new CommandLine(new GpuBench());
    line.setExecutionExceptionHandler((e, l, parsed) -> {
      if (!(e instanceof SelfsameException)) {
        e.printStackTrace();
      }
      System.err.println("bench gpu: " + e.getMessage());
      return 1;
    });
    System.exit(line.execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    if (!(seconds > 0 && limit > 0)) {
      System.err.println("bench gpu: --seconds and --limit must be above 0");
      return 2;
    }
    if (!(Device.parse(deviceName, 1) instanceof Device.Cuda device)) {
      System.err.println("bench gpu: --device " + deviceName + " is no GPU; cuda:N or softcuda");
      return 2;
    }
    boolean soft = device.context().driver().isSoftcuda();
    if (soft) {
      Softcuda.controls().hostThreads(Runtime.getRuntime().availableProcessors());
    }
    List<GpuCase> cases =
        GpuCases.all(quick || soft).stream().filter(c -> c.name().contains(filter)).toList();
    if (cases.isEmpty()) {
      System.err.println("bench gpu: no case contains '" + filter + "'");
      return 2;
    }
    ObjectNode report = new ObjectMapper().createObjectNode();
    report.put("device", device.toString());
    report.put("name", device.context().properties().name());
    report.put("hardware", !soft);
    report.put("commit", System.getProperty("selfsame.commit", "unknown"));
    report.put("before", Nvml.of(device.context()).read().toString());
    ArrayNode rows = report.putArray("cases");
    if (list) {
      cases.forEach(c -> describe(rows.addObject(), c));
    } else {
      time(device, cases, report, rows);
    }
    if (json != null) {
      ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
      Files.writeString(json, mapper.writeValueAsString(report) + "\n");
    }
    return failed ? 1 : 0;
  }

  private static void describe(ObjectNode row, GpuCase c) {
    row.put("suite", c.suite());
    row.put("name", c.name());
    row.set("parameters", new ObjectMapper().valueToTree(c.parameters()));
    row.put("flops", c.work().flops());
    row.put("bytes", c.work().bytes());
  }

  private void time(Device.Cuda device, List<GpuCase> cases, ObjectNode report, ArrayNode rows) {
    Cublas.Found cublas = Cublas.find(device);
    report.put("cublas", cublas.text());
    System.out.println(cublas.text());
    System.out.printf(
        "%-44s %10s %21s %12s  %s%n", "case", "ms", "10th to 90th", "rate", "peer's time / ours");
    int number = 0;
    for (GpuCase c : cases) {
      number++;
      ObjectNode row = rows.addObject();
      describe(row, c);
      double passed = (System.nanoTime() - start) / 1e9;
      if (passed > limit) {
        row.put("notRun", "the time of " + limit + " s was over");
        continue;
      }
      System.err.printf("[%d/%d, %.0f s] %s%n", number, cases.size(), passed, c.name());
      try (Scope scope = Scope.open()) {
        one(device, c, cublas.cublas(), scope, row);
      } catch (SelfsameException e) {
        failed = true;
        row.put("failure", e.getMessage());
        System.out.printf("%-44s FAILED: %s%n", c.name(), e.getMessage());
      }
    }
    if (cublas.cublas() != null) {
      cublas.cublas().close();
    }
    report.put("after", Nvml.of(device.context()).read().toString());
  }

  private void one(Device.Cuda device, GpuCase c, Cublas cublas, Scope scope, ObjectNode row) {
    GpuCase.Ready ready = c.setup().on(scope, device);
    ready.run();
    Optional<String> difference = ready.difference();
    row.put("bitsEqual", difference.isEmpty());
    if (difference.isPresent()) {
      failed = true;
      row.put("failure", "bits differ: " + difference.get());
      System.out.printf("%-44s BITS DIFFER: %s%n", c.name(), difference.get());
      return;
    }
    List<Runnable> contenders = new ArrayList<>(List.of(ready::run));
    List<Tensor> product = ready.product();
    if (cublas != null && !product.isEmpty()) {
      Tensor theirs = Tensor.empty(scope, device, product.get(2).shape().sizes());
      contenders.add(() -> cublas.gemm(product.get(0), product.get(1), theirs));
    }
    GpuTimer.Times times;
    try (GpuTimer timer = new GpuTimer(device.context())) {
      times = timer.time(contenders, seconds);
    }
    Spread ms = times.millis().getFirst();
    boolean counted = c.work().flops() > 0;
    double amount = counted ? c.work().flops() : c.work().bytes();
    String unit = counted ? "TFLOP/s" : "GB/s";
    double rate = amount / ms.median() * (counted ? 1e-9 : 1e-6);
    spread(row.putObject("millis"), ms);
    row.put("rate", Spread.round(rate));
    row.put("unit", unit);
    String peer = "";
    if (contenders.size() > 1) {
      Spread ratio = times.ratios().get(1);
      ObjectNode p = row.putObject("peers").putObject("cublas");
      spread(p.putObject("millis"), times.millis().get(1));
      spread(p.putObject("ratio"), ratio);
      peer = String.format("cuBLAS %.3f (%.3f to %.3f)", ratio.median(), ratio.p10(), ratio.p90());
    }
    String range = String.format("%.4g to %.4g", ms.p10(), ms.p90());
    String speed = String.format("%.4g %s", rate, unit);
    System.out.printf("%-44s %10.4g %21s %12s  %s%n", c.name(), ms.median(), range, speed, peer);
  }

  private static void spread(ObjectNode node, Spread s) {
    Map.of("median", s.median(), "p10", s.p10(), "p90", s.p90())
        .forEach((k, v) -> node.put(k, Spread.round(v)));
  }
}

package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.cuda.Softcuda;
import dev.selfsame.verify.NegativeControl;
import dev.selfsame.verify.OpUnderTest;
import dev.selfsame.verify.OpsUnderTest;
import dev.selfsame.verify.Verification;
import dev.selfsame.verify.Verifier;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code selfsame verify}: operations × devices, bits compared with the scalar definition. */
@Command(
    name = "verify",
    description = {
      "Runs operations on devices over seeded cases and compares every bit with the scalar"
          + " definition.",
      "There is no tolerance; only NaNs count as one class."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footerHeading = "%nExamples:%n",
    footer = {
      "  selfsame verify --quick",
      "  selfsame verify --op gemm --op conv2d --device vector:256 --cases 1000",
      "  selfsame verify --device cuda:0 --json gpu.json",
      "  selfsame verify --op gemm --device softcuda --seed 7 --from 41 --cases 1",
      "  selfsame verify --functions --device cuda:0 --seconds 120",
      "  selfsame verify --soak 30 --device cuda:0 --json soak.json",
      "",
      "Without --device: all usable devices; those that are not are listed with the reason.",
      "Exit status: 0 all bits same; 1 a mismatch, or a device that failed; 2 wrong usage."
    })
final class VerifyCommand implements Callable<Integer> {
  /** What all operations share in a quick run: leaves time for the start within a minute. */
  private static final Duration QUICK = Duration.ofSeconds(42);

  private static final int QUICK_CASES = 48;
  private static final int FULL_CASES = 240;

  @Option(
      names = "--op",
      paramLabel = "OP",
      description = "An operation, such as gemm; may be repeated. Default: all.")
  private List<String> opNames = new ArrayList<>();

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "One of " + Candidate.NAMES + "; may be repeated. Default: all usable.")
  private List<String> deviceNames = new ArrayList<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Another sequence of cases. Default: ${DEFAULT-VALUE}.")
  private long seed = 1;

  @Option(
      names = "--cases",
      paramLabel = "N",
      description = "Cases an operation. Default: " + FULL_CASES + ", quick " + QUICK_CASES + ".")
  private @Nullable Integer cases;

  @Option(
      names = "--from",
      paramLabel = "N",
      description = "First case's number, to run one again. Default: ${DEFAULT-VALUE}.")
  private int from = 0;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads of the vector devices and of softcuda. Default: all processors.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--quick",
      description = "Ends within a minute: fewer cases, no large ones on softcuda.")
  private boolean quick;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "Begin no case after this time, shared by the operations.")
  private @Nullable Double seconds;

  @Option(
      names = "--functions",
      description =
          "Instead of cases: every function of one element over all 2^32 inputs, one device against"
              + " the vector kernels; with --seconds as many as the time allows.")
  private boolean functions;

  @Option(
      names = "--soak",
      paramLabel = "MINUTES",
      description =
          "Instead of cases: a burn-in of one GPU, which finds faulty hardware: operations whose"
              + " bits are known, and the rest of the memory filled and checked.")
  private @Nullable Double soak;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  private @Nullable Path json;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    check();
    return soak != null || functions ? oneDevice() : cases();
  }

  /** The burn-in, and the functions of one element. */
  private int oneDevice() {
    String option = soak != null ? "--soak" : "--functions";
    if (deviceNames.size() != 1) {
      throw new ParameterException(
          spec.commandLine(), option + " takes one --device, given are " + deviceNames);
    }
    if (soak != null && functions || !opNames.isEmpty() || cases != null || from != 0) {
      throw new ParameterException(
          spec.commandLine(),
          option + " can't be combined with --op, --cases, --from, or each other");
    }
    Device device = Objects.requireNonNull(devices().getFirst().device());
    boolean soft = isSoftcuda(device);
    if (soft) {
      Softcuda.controls().hostThreads(threads);
    }
    ObjectNode report =
        Json.report("verify " + option, spec.commandLine().getParseResult().originalArgs());
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    boolean passed =
        soak != null
            ? SoakRun.run(device, soak, out, err, report)
            : SweepRun.run(device, soft || quick, budget(), out, err, report);
    Path file = json;
    if (file != null) {
      Json.write(file, report);
    }
    return passed ? Main.GOOD : Main.FAILED;
  }

  /** The time of a run: as asked for, short, or without a limit. */
  private Duration budget() {
    Double limit = seconds;
    if (limit != null) {
      return Duration.ofNanos((long) (limit * 1e9));
    }
    return quick ? QUICK : Duration.ofDays(365);
  }

  private int cases() {
    long start = System.nanoTime();
    List<OpUnderTest> ops = ops();
    List<Candidate> candidates = devices();
    List<Device> devices =
        candidates.stream().map(Candidate::device).filter(Objects::nonNull).toList();
    if (devices.stream().anyMatch(VerifyCommand::isSoftcuda)) {
      Softcuda.controls().hostThreads(threads);
    }
    PrintWriter out = spec.commandLine().getOut();
    List<NegativeControl> blind =
        Stream.of(NegativeControl.values()).filter(c -> !c.isFound(Device.vector())).toList();
    VerifyTable table = new VerifyTable(out, ops, candidates);
    table.controls(blind);
    table.head();
    List<Verification> results = run(ops, devices, table);
    double took = (System.nanoTime() - start) / 1e9;
    table.foot(results, took);
    Path file = json;
    if (file != null) {
      Json.write(file, report(candidates, blind, results, took));
    }
    return passed(blind, results) ? Main.GOOD : Main.FAILED;
  }

  private static boolean passed(List<NegativeControl> blind, List<Verification> results) {
    return blind.isEmpty() && results.stream().allMatch(Verification::passed);
  }

  private List<Verification> run(List<OpUnderTest> ops, List<Device> devices, VerifyTable table) {
    int count = cases != null ? cases : quick ? QUICK_CASES : FULL_CASES;
    long deadline = System.nanoTime() + budget().toNanos();
    Verifier verifier =
        Verifier.against(Device.scalar())
            .seed(seed)
            .from(from)
            .cases(count)
            .smallCasesOn(d -> quick && isSoftcuda(d));
    List<Verification> results = new ArrayList<>();
    PrintWriter err = spec.commandLine().getErr();
    try (Progress progress = Progress.of("verify", (long) count * ops.size(), err)) {
      for (int i = 0; i < ops.size(); i++) {
        OpUnderTest op = ops.get(i);
        long before = (long) i * count;
        Verifier v =
            quick || seconds != null
                ? verifier.budget(
                    Duration.ofNanos((deadline - System.nanoTime()) / (ops.size() - i)))
                : verifier;
        List<Verification> of =
            v.verify(op, devices, n -> progress.to(before + n - from + 1, op.name()));
        results.addAll(of);
        progress.pause();
        table.rows(op, of);
      }
    }
    return results;
  }

  private static boolean isSoftcuda(Device device) {
    return device instanceof Device.Cuda cuda && cuda.context().driver().isSoftcuda();
  }

  private void check() {
    require(cases == null || cases >= 1, "--cases", cases);
    require(from >= 0, "--from", from);
    require(seconds == null || seconds > 0 && seconds <= 1e6, "--seconds", seconds);
    require(soak == null || soak > 0 && soak <= 1e6, "--soak", soak);
    require(threads >= 1 && threads <= 1024, "--threads", threads);
  }

  private void require(boolean holds, String option, @Nullable Object value) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), option + " is " + value + ", out of range");
    }
  }

  private List<OpUnderTest> ops() {
    if (opNames.isEmpty()) {
      return OpsUnderTest.all();
    }
    return opNames.stream()
        .map(name ->
            OpsUnderTest.named(name)
                .orElseThrow(() ->
                    new ParameterException(
                        spec.commandLine(),
                        "there is no operation '" + name + "'; operations are " + names())))
        .distinct()
        .toList();
  }

  private static String names() {
    return OpsUnderTest.all().stream().map(OpUnderTest::name).collect(Collectors.joining(", "));
  }

  /** Those asked for, all usable; or all there are. */
  private List<Candidate> devices() {
    if (deviceNames.isEmpty()) {
      return Candidate.all(threads);
    }
    for (String name : deviceNames) {
      if (!Candidate.isKnown(name)) {
        throw new ParameterException(
            spec.commandLine(),
            "there is no device '" + name + "'; devices are " + Candidate.NAMES);
      }
    }
    List<Candidate> chosen =
        deviceNames.stream().distinct().map(name -> Candidate.of(name, threads)).toList();
    for (Candidate c : chosen) {
      if (c.reason() != null) {
        throw new Main.Failed("device " + c.name() + " is not usable: " + c.reason());
      }
    }
    return chosen;
  }

  private ObjectNode report(
      List<Candidate> candidates,
      List<NegativeControl> blind,
      List<Verification> results,
      double took) {
    ObjectNode report = Json.report("verify", spec.commandLine().getParseResult().originalArgs());
    report.put("seed", seed);
    report.put("control", "scalar");
    report.put("passed", passed(blind, results));
    ObjectNode controls = report.putObject("negativeControls");
    for (NegativeControl control : NegativeControl.values()) {
      controls.put(control.toString(), blind.contains(control) ? "NOT FOUND" : "found");
    }
    report.put("values", results.stream().mapToLong(Verification::values).sum());
    report.put("mismatches", results.stream().mapToLong(Verification::mismatches).sum());
    report.put("seconds", took);
    ArrayNode rows = report.putArray("results");
    for (Verification v : results) {
      ObjectNode row = rows.addObject();
      row.put("op", v.op().name());
      row.put("device", Candidate.label(v.device()));
      row.put("passed", v.passed());
      row.put("cases", v.cases());
      row.put("values", v.values());
      row.put("mismatches", v.mismatches());
      row.put("seconds", v.time().toNanos() / 1e9);
      Verification.First first = v.first();
      if (first != null) {
        ObjectNode f = row.putObject("firstMismatch");
        f.put("case", first.number());
        f.put("description", first.description());
        f.put("output", first.output());
        f.put("index", first.mismatch().index());
        f.put("expected", String.format("0x%08x", first.mismatch().expected()));
        f.put("actual", String.format("0x%08x", first.mismatch().actual()));
        f.put("ulps", first.mismatch().ulps());
      }
      if (v.failure() != null) {
        row.put("failure", v.failure().toString());
      }
    }
    ArrayNode notRun = report.putArray("notRun");
    for (Candidate c : candidates) {
      if (c.reason() != null) {
        notRun.addObject().put("device", c.name()).put("reason", c.reason());
      }
    }
    return report;
  }
}

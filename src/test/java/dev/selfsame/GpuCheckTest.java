package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.selfsame.cuda.Softcuda;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * gpu-check as the archive for GPU machines runs it: what its reports say, that stages are bounded
 * and failures count, and what it makes of nvcc, compute-sanitizer and Python. The tools are
 * stand-ins, the device is softcuda; each check is a process of its own.
 */
class GpuCheckTest {
  private static final String STAGES =
      "rebuild verify functions lockstep memcheck racecheck bench launch cases torch soak tests";

  @TempDir static Path classes;
  @TempDir Path home;

  private record Run(int status, String said, JsonNode report, String md) {
    JsonNode stage(String name) {
      for (JsonNode s : report.get("stages")) {
        if (s.get("name").asText().equals(name)) {
          return s;
        }
      }
      throw new AssertionError("no stage " + name);
    }
  }

  /** Bench is a project of its own; its classes for the check need nothing that is not here. */
  @BeforeAll
  static void compile() throws IOException {
    String missing = Softcuda.probe();
    assumeTrue(missing == null, "gpu-check NOT RUN: " + missing);
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    String gpu = "bench/src/main/java/dev/selfsame/bench/gpu/";
    StringWriter said = new StringWriter();
    boolean good;
    try (var files = compiler.getStandardFileManager(null, null, null)) {
      good =
          compiler
              .getTask(
                  said,
                  files,
                  null,
                  List.of(
                      "-proc:none",
                      "-nowarn",
                      "--add-modules=jdk.incubator.vector",
                      "-d",
                      classes.toString(),
                      "-cp",
                      classPath(),
                      "-sourcepath",
                      "bench/src/main/java"),
                  null,
                  files.getJavaFileObjects(
                      Path.of(gpu + "GpuCheck.java"),
                      Path.of(gpu + "GpuBench.java"),
                      Path.of(gpu + "LaunchBench.java"),
                      Path.of("src/test/gpucheck/dev/selfsame/bench/gpu/Trial.java")))
              .call();
    }
    assertTrue(good, said.toString());
  }

  private static String classPath() {
    return System.getProperty("surefire.real.class.path", System.getProperty("java.class.path"));
  }

  /** The archive's folder, as far as the stages here need it. */
  @BeforeEach
  void unpack() throws IOException {
    Files.createDirectories(home.resolve("native"));
    Files.createDirectories(home.resolve("cuda-kernels"));
    Files.createDirectories(home.resolve("tests"));
    for (String name : List.of("native/build.sh", "native/flags.txt", "native/ptxas-table")) {
      Files.copy(Path.of(name), home.resolve(name));
      assertTrue(home.resolve(name).toFile().setExecutable(true));
    }
    Files.copy(Path.of("bench/gpu/rebuild"), home.resolve("native/rebuild"));
    for (String name : List.of("probe.cu", "portable.cuh")) {
      Files.copy(Path.of("cuda-kernels", name), home.resolve("cuda-kernels").resolve(name));
    }
    Path audit = home.resolve("tests/classes/dev/selfsame");
    Files.createDirectories(audit);
    for (String name : List.of("PtxAudit.class", "PtxAudit$Report.class")) {
      try (var in = GpuCheckTest.class.getResourceAsStream(name)) {
        Files.copy(in, audit.resolve(name));
      }
    }
  }

  private String script(String name, String text) throws IOException {
    Path file = Files.writeString(home.resolve(name), "#!/bin/bash\n" + text + "\n");
    assertTrue(file.toFile().setExecutable(true));
    return file.toString();
  }

  private List<String> java(Map<String, String> properties, String main) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Dgpucheck.home=" + home));
    properties.forEach((k, v) -> command.add("-D" + k + "=" + v));
    command.add("-cp");
    command.add(
        String.join(
            File.pathSeparator,
            List.of(home.resolve("target/native").toString(), classPath(), classes.toString())));
    command.add("dev.selfsame.bench.gpu." + main);
    return command;
  }

  private record Ended(int status, String said) {}

  private Ended run(List<String> command, Map<String, String> environment)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Path log = Files.createTempFile(home, "said", ".txt");
    Process process = builder.redirectOutput(log.toFile()).start();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the check itself hangs");
    return new Ended(process.exitValue(), Files.readString(log, StandardCharsets.UTF_8));
  }

  private Run check(
      Map<String, String> properties, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = java(properties, "GpuCheck");
    command.addAll(List.of("--quick", "--out", home.toString()));
    if (!List.of(arguments).contains("--device")) {
      command.addAll(List.of("--device", "softcuda"));
    }
    command.addAll(List.of(arguments));
    Ended ended = run(command, environment);
    return new Run(
        ended.status,
        ended.said,
        new ObjectMapper().readTree(home.resolve("report.json").toFile()),
        Files.readString(home.resolve("report.md")));
  }

  @Test
  void whatDidNotRunIsSaid() throws Exception {
    Run r = check(Map.of("selfsame.commit", "abc"), Map.of(), "--stage", "rebuild");
    assertEquals(0, r.status, r.said);
    List<String> names = new ArrayList<>();
    r.report
        .get("stages")
        .forEach(s -> {
          names.add(s.get("name").asText());
          assertEquals("NOT_RUN", s.get("end").asText());
          assertFalse(s.get("reason").asText().isBlank(), s.toString());
          assertTrue(r.md.contains("NOT RUN: " + s.get("reason").asText()), r.md);
        });
    assertEquals(STAGES, String.join(" ", names));
    assertTrue(r.stage("rebuild").get("reason").asText().contains("nvcc was not found"));
    assertEquals("as shipped in the archive", r.report.get("kernels").asText());
    assertEquals("abc", r.report.get("commit").asText());
    assertFalse(r.report.get("hardware").asBoolean());
    String verdict = "softcuda, not run on hardware: 0 stages passed, 0 failed";
    assertTrue(r.report.get("verdict").asText().startsWith(verdict), r.report.toString());
    assertTrue(r.md.contains("not run on hardware") && r.said.contains(verdict));
  }

  @Test
  void aDeviceThatIsNotThereIsSaid() throws Exception {
    Run r = check(Map.of(), Map.of(), "--device", "cuda:77");
    assertEquals(3, r.status, r.said);
    assertFalse(r.report.get("unusable").asText().isBlank());
    assertTrue(r.report.get("verdict").asText().startsWith("NOT RUN ON HARDWARE"));
    assertEquals("the device is not usable", r.stage("verify").get("reason").asText());
  }

  @ParameterizedTest
  @CsvSource({
    "'echo boom; exit 4', does not run",
    "'echo hello', it is no nvcc",
    "'case $1 in --version) echo release 13.0,;; --list-gpu-arch) echo compute_75;; esac',"
        + " does not know sm_90",
    "'case $1 in --version) echo release 13.0,;; --list-gpu-arch) echo compute_90;;"
        + " *) echo ptxas died; exit 1;; esac', ptxas died",
    "'case $1 in --version) echo release 13.0,;; --list-gpu-arch) echo compute_90;; esac',"
        + " did not build all kernels",
  })
  void aBrokenNvccIsSaidLoudlyAndLeavesNoKernels(String nvcc, String why) throws Exception {
    Run r = check(Map.of("gpucheck.nvcc", script("nvcc", nvcc)), Map.of(), "--stage", "rebuild");
    JsonNode stage = r.stage("rebuild");
    assertEquals("FAILED", stage.get("end").asText(), r.said);
    assertTrue(stage.get("output").asText().contains(why), stage.toString());
    String loud = "AS SHIPPED: THE REBUILD FOR sm_90 FAILED";
    assertTrue(r.report.get("kernels").asText().contains(loud), r.report.toString());
    assertTrue(r.said.contains(loud) && r.md.contains(loud), r.said);
    assertFalse(Files.exists(home.resolve("target")), "no mixture of kernels");
    assertEquals(0, r.status, "the kernels of the archive are good: no failure of the card");
  }

  @Test
  void nvccBuildsForTheChip() throws Exception {
    String nvcc = "/usr/local/cuda/bin/nvcc";
    if (!Files.isExecutable(Path.of(nvcc))) {
      System.out.println("gpu-check's rebuild NOT RUN: no " + nvcc);
      abort("no nvcc");
    }
    Run r = check(Map.of("gpucheck.nvcc", nvcc), Map.of(), "--stage", "rebuild");
    assertEquals("PASSED", r.stage("rebuild").get("end").asText(), r.report.toString());
    String log = Files.readString(home.resolve("logs/rebuild.log"));
    assertTrue(log.contains("0 violations"), log);
    assertTrue(log.contains(" kernels for sm_90 by nvcc "), log);
    assertTrue(log.contains("from file:" + home.toRealPath()), log);
    assertTrue(r.report.get("kernels").asText().startsWith("built anew"), r.report.toString());
    Path ptx = home.resolve("target/native/ptx/probe.compute_90.ptx");
    assertTrue(Files.exists(ptx));
  }

  @Test
  void aStageThatHangsIsCutWithAllThatItStarted() throws Exception {
    String nvcc = script("nvcc", "sleep 300 & echo $! > " + home + "/pid; wait");
    long start = System.nanoTime();
    Run r =
        check(Map.of("gpucheck.nvcc", nvcc), Map.of(), "--stage", "rebuild", "--minutes", "0.33");
    assertTrue((System.nanoTime() - start) / 1e9 < 60);
    assertEquals("STOPPED", r.stage("rebuild").get("end").asText(), r.said);
    assertTrue(r.stage("rebuild").get("reason").asText().startsWith("after"), r.said);
    assertTrue(r.report.get("kernels").asText().contains("AS SHIPPED"), r.report.toString());
    long pid = Long.parseLong(Files.readString(home.resolve("pid")).strip());
    Path stat = Path.of("/proc", String.valueOf(pid), "stat");
    // Gone, or dead and not yet collected by the process that it was left to.
    for (int i = 0; i < 50 && Files.exists(stat) && !text(stat).contains(") Z "); i++) {
      Thread.sleep(100);
    }
    assertTrue(!Files.exists(stat) || text(stat).contains(") Z "), "its children end with it");
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ") Z "; // it went meanwhile
    }
  }

  @Test
  void aCheckThatFailsOrIsCutFailsTheWhole() throws Exception {
    Run bad =
        check(Map.of(), Map.of("SOFTCUDA_FAIL_LAUNCH", "3"), "--stage", "soak", "--minutes", "1");
    assertEquals("FAILED", bad.stage("soak").get("end").asText(), bad.said);
    assertEquals(1, bad.status);
    assertTrue(bad.md.contains("FAILED: exit status"), bad.md);
    assertTrue(bad.report.get("verdict").asText().contains("1 failed or were stopped"));
    // Interpreted, it takes minutes on any machine.
    Map<String, String> slowly = Map.of("JAVA_TOOL_OPTIONS", "-Xint");
    Run cut = check(Map.of(), slowly, "--stage", "verify", "--minutes", "0.33");
    assertEquals("STOPPED", cut.stage("verify").get("end").asText(), cut.said);
    assertEquals(1, cut.status);
  }

  @ParameterizedTest
  @CsvSource({
    "memcheck, 0, ========= ERROR SUMMARY: 0 errors, PASSED",
    "memcheck, 9, ========= ERROR SUMMARY: 3 errors, FAILED",
    "memcheck, 0, Error: no attachable process found, FAILED",
    "racecheck, 0, '========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)',"
        + " PASSED",
    "racecheck, 0, '========= RACECHECK SUMMARY: 2 hazards displayed (2 errors, 0 warnings)',"
        + " FAILED",
  })
  void theSanitizersVerdictCounts(String tool, int status, String summary, String end)
      throws Exception {
    String sanitizer =
        script("compute-sanitizer", "echo \"$@\"; echo '" + summary + "'; exit " + status);
    List<String> command = java(Map.of("gpucheck.sanitizer", sanitizer), "Trial");
    command.addAll(List.of("stage", tool, home.resolve("logs").toString(), "30"));
    Ended ended = run(command, Map.of());
    assertTrue(ended.said.contains("end " + end), ended.said);
    String given = Files.readString(home.resolve("logs/" + tool + ".log"));
    assertTrue(given.startsWith("--tool " + tool + " "), given);
    assertTrue(given.contains("--target-processes all --error-exitcode 9 "), given);
    assertTrue(given.contains("dev.selfsame.cli.Main verify --device cuda:0 --quick"), given);
  }

  /** The script for PyTorch takes our list of cases, and its times come into our table. */
  @Test
  void pyTorchIsAskedForTheSameCases() throws Exception {
    Path python = Path.of("/usr/bin/python3");
    if (!Files.isExecutable(python)) {
      System.out.println("torch_peers.py NOT RUN: no " + python);
      abort("no python3");
    }
    Path cases = home.resolve("cases.json");
    List<String> bench = java(Map.of(), "GpuBench");
    bench.addAll(List.of("--device", "softcuda", "--seconds", "0.001", "--json", cases.toString()));
    Ended timed = run(bench, Map.of());
    assertEquals(0, timed.status, timed.said);
    Path out = home.resolve("torch.json");
    Ended peers =
        run(
            List.of(
                python.toString(),
                "bench/gpu/torch_peers.py",
                cases.toString(),
                out.toString(),
                "0",
                "60"),
            Map.of("PYTHONPATH", "src/test/gpucheck", "PYTHONDONTWRITEBYTECODE", "1"));
    assertEquals(0, peers.status, peers.said);
    ObjectMapper json = new ObjectMapper();
    JsonNode results = json.readTree(out.toFile()).get("results");
    for (JsonNode c : json.readTree(cases.toFile()).get("cases")) {
      long measured = 0;
      for (JsonNode row : results) {
        if (row.get("name").equals(c.get("name"))) {
          boolean refused = row.get("variant").asText().equals("PyTorch deterministic index_add_");
          assertEquals(refused, row.has("reason"), row.toString());
          assertTrue(refused || row.get("millis").asDouble() == 5, row.toString());
          measured++;
        }
      }
      boolean both = c.get("suite").asText().startsWith("conv2d");
      boolean four = c.get("suite").asText().equals("scatter-add");
      assertEquals(four ? 4 : both ? 2 : 1, measured, c.toString());
    }
    List<String> table = java(Map.of(), "Trial");
    table.addAll(List.of("table", cases.toString(), out.toString()));
    String md = run(table, Map.of()).said;
    assertTrue(md.contains("PyTorch deterministic"), md);
    assertTrue(md.contains("not run: index_add_ has no deterministic implementation"), md);
  }
}

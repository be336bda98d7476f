package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The compiled kernels, for every GPU architecture, hold only arithmetic that the contract fixes.
 */
class PtxAuditTest {
  private static final Path NATIVE = Path.of("target/native");

  private static final List<String> COUNTED =
      List.of("add", "sub", "mul", "fma", "div", "sqrt", "rcp");

  @Test
  void everyKernelForEveryArchitecture() throws IOException {
    var violations = new ArrayList<String>();
    var kernels = new TreeMap<String, Map<String, Map<String, Integer>>>();
    int arithmetic = 0;
    for (Path file : ptx()) {
      PtxAudit.Report report = PtxAudit.audit(Files.readString(file));
      report.violations().forEach(v -> violations.add(file.getFileName() + ": " + v));
      arithmetic += report.arithmetic();
      String target = file.toString().replaceFirst(".*\\.compute_(\\w+)\\.ptx", "$1");
      kernels.computeIfAbsent(target, _ -> new TreeMap<>()).putAll(report.kernels());
    }
    assertEquals(List.of(), violations);
    assertTrue(arithmetic > 0, "no float arithmetic found: the audit reads nothing");
    var listed =
        Files.readAllLines(NATIVE.resolve("dev/selfsame/cuda/kernels/index.txt")).stream()
            .map(l -> l.split(" ")[0])
            .collect(Collectors.toCollection(TreeSet::new));
    kernels.forEach((target, of) -> {
      assertEquals(listed, of.keySet(), "kernels of " + target + " and EXPORT_KERNEL lines");
      // Contraction leaves a correct fma.rn: only the operators of a known kernel show it.
      assertEquals(Map.of("mul", 1, "add", 1), of.get("probe_unfused"), "compiled for " + target);
    });
    String table = table(kernels);
    Path committed = Path.of("cuda-kernels/AUDIT.md");
    if (System.getProperty("selfsame.golden", "").equals("write")) {
      Files.writeString(committed, table);
    } else if (!table.equals(Files.readString(committed))) {
      System.out.println("PTX audit: AUDIT.md is of other sources (-Dselfsame.golden=write)");
    }
    System.out.printf(
        "PTX audit: %d kernels, %d architectures %s, %d float instructions, 0 violations%n",
        listed.size(), kernels.size(), kernels.keySet(), arithmetic);
  }

  /** A line for each kernel, or for each group of targets whose counts agree. */
  private static String table(Map<String, Map<String, Map<String, Integer>>> targets) {
    var text = new StringBuilder();
    text.append("# What the PTX audit read\n\n");
    text.append(
        "Written by `PtxAuditTest` (`-Dselfsame.golden=write`); not by hand. For each kernel and");
    text.append(
        " target, the float\ninstructions in its PTX: all round to nearest even (`.rn`), none");
    text.append(" flushes, approximates or adds atomically.\n\nTargets: ");
    text.append(targets.keySet().stream().map(t -> "sm_" + t).collect(Collectors.joining(", ")));
    text.append("\n\n| kernel | targets | ").append(String.join(" | ", COUNTED));
    text.append(" | violations |\n| --- | --- |").append(" ---: |".repeat(COUNTED.size() + 1));
    for (String kernel : targets.values().iterator().next().keySet()) {
      var same = new LinkedHashMap<Map<String, Integer>, List<String>>();
      targets.forEach(
          (target, of) -> same.computeIfAbsent(of.get(kernel), _ -> new ArrayList<>()).add(target));
      same.forEach((counts, at) -> {
        String where = at.size() == targets.size() ? "all" : String.join(", ", at);
        text.append("\n| ").append(kernel).append(" | ").append(where).append(" |");
        COUNTED.forEach(c -> text.append(' ').append(counts.getOrDefault(c, 0)).append(" |"));
        text.append(" 0 |");
      });
    }
    return text.append('\n').toString();
  }

  /** The build's flags, one of them wrong at a time: what nvcc then makes is found. */
  @ParameterizedTest
  @CsvSource({
    "-fmad=true, fused operators",
    "-ftz=true, flushes subnormals",
    "-prec-div=false, approximate",
    "-prec-sqrt=false, approximate",
    "-DPLANT_ATOMIC, float atomic",
    "-DPLANT_FAST, approximate",
    "-DPLANT_TOWARDS_ZERO, without .rn",
  })
  void whatWrongFlagsAndCallsMakeIsFound(String flag, String why) throws Exception {
    assertEquals(List.of(), planted(List.of()), "the build's own flags");
    List<String> found = planted(List.of(flag));
    assertTrue(found.stream().anyMatch(v -> v.contains(why)), flag + ": " + found);
  }

  /** What the audit says of planted.cu, compiled with the build's flags and some more. */
  private static List<String> planted(List<String> more) throws Exception {
    ptx(); // without it there is no nvcc
    var command = new ArrayList<String>();
    command.add(nvcc());
    for (String line : Files.readAllLines(Path.of("native/flags.txt"))) {
      String[] words = line.split("\\s+");
      if (words[0].equals("nvcc") && !words[1].contains("Xptxas")) {
        command.add(words[1]);
      }
    }
    for (String flag : more) { // nvcc takes a flag once
      command.removeIf(c -> c.startsWith(flag.replaceFirst("=.*", "=")));
      command.add(flag);
    }
    Path out = Files.createTempFile("planted", ".ptx");
    try {
      command.addAll(
          List.of("-arch=sm_90", "-ptx", "src/test/cuda/planted.cu", "-o", out.toString()));
      Process nvcc = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(nvcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, nvcc.waitFor(), said);
      PtxAudit.Report report = PtxAudit.audit(Files.readString(out));
      var found = new ArrayList<>(report.violations());
      if (report.kernels().get("planted_unfused").containsKey("fma")) {
        found.add("fused operators");
      }
      return found;
    } finally {
      Files.delete(out);
    }
  }

  /** Where native/build.sh looks, too. */
  private static String nvcc() {
    String named = System.getenv("NVCC");
    if (named != null) {
      return named;
    }
    Path usual = Path.of("/usr/local/cuda/bin/nvcc");
    return Files.isExecutable(usual) ? usual.toString() : "nvcc";
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "add.f32 %f1, %f2, %f3;",
        "@%p1 mul.f32 %f1, %f2, %f3;",
        "add.rz.f32 %f1, %f2, %f3;",
        "fma.rn.ftz.f32 %f1, %f2, %f3, %f4;",
        "mad.rn.f32 %f1, %f2, %f3, %f4;",
        "div.full.f32 %f1, %f2, %f3;",
        "div.approx.f32 %f1, %f2, %f3;",
        "rcp.approx.ftz.f32 %f1, %f2;",
        "sqrt.approx.f32 %f1, %f2;",
        "rsqrt.approx.f32 %f1, %f2;",
        "ex2.approx.ftz.f32 %f1, %f2;",
        "red.global.add.f32 [%rd1], %f1;",
        "atom.global.add.f32 %f1, [%rd1], %f2;",
        "{ mov.u32 %r1, 0; atom.shared.add.f64 %fd1, [%rd1], %fd2; }",
        "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%rd1], [%rd2], 16;",
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1}, {%r1}, {%r2}, {%f2};",
        "wgmma.fence.sync.aligned;",
        "cvt.rz.f32.f64 %f1, %fd1;",
        "cvt.rz.f32.s32 %f1, %r1;",
        "add.ftz.f32 %f1, %f2, %f3;",
      })
  void plantedViolationsAreFound(String instruction) {
    String ptx =
        ".visible .entry planted(\n)\n{\n\tadd.rn.f32 %f1, %f2, %f3;\n\t" + instruction + "\n}\n";
    PtxAudit.Report report = PtxAudit.audit(ptx);
    assertEquals(1, report.violations().size(), report.violations().toString());
    assertTrue(report.violations().getFirst().contains("planted, line 5"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "add.rn.f32 %f1, %f2, %f3; // .ftz would be wrong",
        "fma.rn.f64 %fd1, %fd2, %fd3, %fd4;",
        "div.rn.f32 %f1, %f2, %f3;",
        "add.rn.f32x2 %rd1, %rd2, %rd3;",
        "mad.lo.s32 %r1, %r2, %r3, %r4;",
        "atom.global.add.u32 %r1, [%rd1], %r2;",
        "cvt.rzi.s64.f64 %rd1, %fd1;",
        "cvt.rni.f64.f64 %fd1, %fd2;",
        "cvt.f64.f32 %fd1, %f1;",
        "cvt.rn.f32.f64 %f1, %fd1;",
        "max.NaN.f32 %f1, %f2, %f3;",
        "neg.f32 %f1, %f2;",
        "shfl.sync.down.b32 %r1, %r2, 1, 31, -1;",
      })
  void theContractsArithmeticPasses(String instruction) {
    assertEquals(List.of(), PtxAudit.audit(instruction).violations());
  }

  private static List<Path> ptx() throws IOException {
    Path folder = NATIVE.resolve("ptx");
    if (Files.exists(folder)) {
      try (var list = Files.list(folder)) {
        List<Path> files = list.filter(f -> f.toString().endsWith(".ptx")).sorted().toList();
        if (!files.isEmpty()) {
          return files;
        }
      }
    }
    String why = "PTX audit NOT RUN: no PTX in target/native/ptx (nvcc absent, or no kernels yet)";
    assertFalse(System.getProperty("selfsame.require", "").contains("cuda"), why);
    System.out.println(why);
    abort(why);
    return fail();
  }
}

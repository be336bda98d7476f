package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The compiled kernels, for every GPU architecture, hold only arithmetic that the contract fixes.
 */
class PtxAuditTest {
  private static final Path NATIVE = Path.of("target/native");

  @Test
  void everyKernelForEveryArchitecture() throws IOException {
    var violations = new ArrayList<String>();
    var kernels = new HashMap<String, TreeSet<String>>();
    int arithmetic = 0;
    for (Path file : ptx()) {
      PtxAudit.Report report = PtxAudit.audit(Files.readString(file));
      report.violations().forEach(v -> violations.add(file.getFileName() + ": " + v));
      arithmetic += report.arithmetic();
      String architecture = file.toString().replaceFirst(".*\\.(\\w+)\\.ptx", "$1");
      kernels.computeIfAbsent(architecture, _ -> new TreeSet<>()).addAll(report.kernels());
    }
    assertEquals(List.of(), violations);
    assertTrue(arithmetic > 0, "no float arithmetic found: the audit reads nothing");
    var listed =
        Files.readAllLines(NATIVE.resolve("dev/selfsame/cuda/kernels/index.txt")).stream()
            .map(l -> l.split(" ")[0])
            .collect(Collectors.toCollection(TreeSet::new));
    for (Map.Entry<String, TreeSet<String>> e : kernels.entrySet()) {
      assertEquals(listed, e.getValue(), "kernels of " + e.getKey() + " and EXPORT_KERNEL lines");
    }
    System.out.printf(
        "PTX audit: %d kernels, %d architectures %s, %d float instructions, 0 violations%n",
        listed.size(), kernels.size(), new TreeSet<>(kernels.keySet()), arithmetic);
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

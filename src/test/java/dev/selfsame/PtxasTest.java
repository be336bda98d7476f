package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * No kernel keeps values in local memory for want of registers, on any GPU architecture: what ptxas
 * said at the build ({@code native/ptxas-table}), against a table with a planted spill.
 */
class PtxasTest {
  private static final Path TABLE = Path.of("target/native/ptxas.tsv");

  @Test
  void noKernelSpills() throws IOException {
    if (!Files.exists(TABLE)) {
      String why = "ptxas check NOT RUN: no " + TABLE + " (nvcc absent, or no kernels yet)";
      assertFalse(System.getProperty("selfsame.require", "").contains("cuda"), why);
      System.out.println(why);
      abort(why);
    }
    List<String> lines = Files.readAllLines(TABLE);
    assertFalse(lines.isEmpty());
    assertEquals(List.of(), spills(lines));
    long kernels = lines.stream().map(l -> l.split("\t")[0]).distinct().count();
    System.out.printf("ptxas: %d kernels, %d cubins, no spills%n", kernels, lines.size());
  }

  @Test
  void aSpillIsFound() {
    assertEquals(
        List.of("k for sm_90: 16 bytes of spill stores, 20 of loads"),
        spills(List.of("j\t75\t256\t32\t0\t8\t0\t0\t32", "k\t90\t256\t48\t0\t16\t16\t20\t32")));
  }

  /** Columns: kernel, architecture, threads, registers, shared, stack, stores, loads, warps. */
  private static List<String> spills(List<String> lines) {
    var found = new ArrayList<String>();
    for (String line : lines) {
      String[] w = line.split("\t");
      if (Integer.parseInt(w[6]) + Integer.parseInt(w[7]) > 0) {
        found.add(
            "%s for sm_%s: %s bytes of spill stores, %s of loads"
                .formatted(w[0], w[1], w[6], w[7]));
      }
    }
    return found;
  }
}

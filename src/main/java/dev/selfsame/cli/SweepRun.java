package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.op.Unary;
import dev.selfsame.verify.Bits;
import dev.selfsame.verify.FunctionSweep;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** {@code selfsame verify --functions}: every function of one element over the floats. */
final class SweepRun {
  /** On softcuda each thread is a fiber: of a block only so many inputs are tried. */
  private static final int SOFTCUDA_STEP = 1 << 12;

  private SweepRun() {}

  /** Runs it; prints, and fills the report. Whether no bit differed. */
  static boolean run(
      Device device,
      boolean sparse,
      Duration time,
      PrintWriter out,
      PrintWriter err,
      ObjectNode report) {
    FunctionSweep sweep = FunctionSweep.of(device);
    if (sparse) {
      sweep = sweep.every(SOFTCUDA_STEP);
    }
    int functions = Unary.values().length;
    long start = System.nanoTime();
    List<FunctionSweep.Outcome> outcomes;
    try (Progress progress =
        Progress.of("functions", (long) functions * FunctionSweep.BLOCKS, err)) {
      outcomes =
          sweep.run(
              time,
              (f, block) ->
                  progress.to(
                      (long) block * functions + f.ordinal() + 1,
                      f.name().toLowerCase(Locale.ROOT)));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    ArrayNode rows = report.putArray("functions");
    out.printf(
        Locale.ROOT, "%-10s %15s %10s %12s%n", "function", "inputs", "of 2^32", "mismatches");
    for (FunctionSweep.Outcome o : outcomes) {
      String name = o.function().name().toLowerCase(Locale.ROOT);
      out.printf(
          Locale.ROOT,
          "%-10s %,15d %9.2f%% %,12d%n",
          name,
          o.inputs(),
          100 * o.coverage(),
          o.mismatches());
      ObjectNode row = rows.addObject();
      row.put("function", name);
      row.put("inputs", o.inputs());
      row.put("coverage", o.coverage());
      row.put("mismatches", o.mismatches());
      row.put("seconds", o.seconds());
      Bits.Mismatch first = o.first();
      if (first != null) {
        String text =
            String.format(
                "input 0x%08x: expected 0x%08x, got 0x%08x",
                (int) first.index(), first.expected(), first.actual());
        out.println("  MISMATCH: " + text);
        row.put("firstMismatch", text);
      }
    }
    boolean passed = outcomes.stream().allMatch(o -> o.mismatches() == 0);
    report.put("device", device.toString());
    report.put("control", Device.vector().toString());
    report.put("passed", passed);
    report.put("seconds", seconds);
    return passed;
  }
}

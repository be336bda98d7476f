package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.cuda.Nvml;
import dev.selfsame.verify.Soak;
import dev.selfsame.verify.SoakFault;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** {@code selfsame verify --soak}: prints how it goes and what it found. */
final class SoakRun implements Soak.Listener {
  /** Faults of each kind that are printed; all kept ones are in the JSON. */
  private static final int PRINTED = 8;

  private final PrintWriter out;
  private final Progress progress;
  private final double minutes;
  private final Map<SoakFault.Kind, Integer> printed = new EnumMap<>(SoakFault.Kind.class);

  private SoakRun(PrintWriter out, Progress progress, double minutes) {
    this.out = out;
    this.progress = progress;
    this.minutes = minutes;
  }

  /** Runs it; prints, and fills the report. Whether no bit differed. */
  static boolean run(
      Device device, double minutes, PrintWriter out, PrintWriter err, ObjectNode report) {
    Soak soak = Soak.on(device);
    Device.Cuda cuda = (Device.Cuda) device;
    out.printf(
        Locale.ROOT,
        "burn-in of %s (%s) for %.1f minutes; now: %s%n",
        device,
        cuda.context().properties().name(),
        minutes,
        Nvml.of(cuda.context()).read());
    out.flush();
    Soak.Outcome outcome;
    long seconds = Math.max(1, Math.round(minutes * 60));
    try (Progress progress = Progress.of("soak", seconds, err)) {
      Duration time = Duration.ofNanos((long) (minutes * 60e9));
      outcome = soak.run(time, new SoakRun(out, progress, minutes));
    }
    print(outcome, out);
    fill(report, outcome);
    return outcome.passed();
  }

  @Override
  public void at(double seconds, long round, String what) {
    long done = Math.min(Math.round(seconds), Math.round(minutes * 60));
    progress.to(done, round == 0 ? "preparing " + what : "round " + round + ", " + what);
  }

  @Override
  public void fault(SoakFault fault) {
    if (printed.merge(fault.kind(), 1, Integer::sum) <= PRINTED) {
      progress.pause();
      out.println("FAULT: " + fault);
      out.flush();
    }
  }

  private static void print(Soak.Outcome o, PrintWriter out) {
    if (o.failure() != null) {
      out.println("FAILED " + o.failure());
    }
    if (!o.faults().isEmpty()) {
      out.println("pattern: " + pattern(o.faults()));
    }
    o.executions().forEach((name, n) -> out.printf(Locale.ROOT, "  %-24s %,12d runs%n", name, n));
    out.printf(
        Locale.ROOT,
        "%d rounds in %.1f s, %,d MiB of memory filled and checked in each, %,d differing words;"
            + " at the end: %s%n",
        o.rounds(),
        o.seconds(),
        o.memoryBytes() >> 20,
        o.differences(),
        o.last());
    out.flush();
  }

  /** What the faults have in common: how often each bit differed, and where. */
  private static String pattern(List<SoakFault> faults) {
    Map<Integer, Integer> bits = new TreeMap<>();
    TreeSet<Long> addresses = new TreeSet<>();
    for (SoakFault f : faults) {
      f.bits().forEach(bit -> bits.merge(bit, 1, Integer::sum));
      addresses.add(f.address());
    }
    return String.format(
        "bits (times) %s; %d addresses from 0x%x to 0x%x",
        bits, addresses.size(), addresses.first(), addresses.last());
  }

  private static void fill(ObjectNode report, Soak.Outcome o) {
    report.put("passed", o.passed());
    report.put("seconds", o.seconds());
    report.put("rounds", o.rounds());
    report.put("memoryBytes", o.memoryBytes());
    report.put("differences", o.differences());
    if (o.failure() != null) {
      report.put("failure", o.failure());
    }
    o.executions().forEach(report.putObject("executions")::put);
    reading(report.putObject("readingAtTheEnd"), o.last());
    if (!o.faults().isEmpty()) {
      report.put("pattern", pattern(o.faults()));
    }
    ArrayNode faults = report.putArray("faults");
    for (SoakFault f : o.faults()) {
      ObjectNode row = faults.addObject();
      row.put("time", f.time().toString());
      row.put("seconds", f.seconds());
      row.put("round", f.round());
      row.put("kernel", f.kernel());
      row.put("kind", f.kind().name().toLowerCase(Locale.ROOT));
      row.put("place", f.place());
      row.put("index", f.index());
      row.put("address", String.format("0x%x", f.address()));
      row.put("expected", String.format("0x%08x", f.expected()));
      row.put("actual", String.format("0x%08x", f.actual()));
      row.put("xor", String.format("0x%08x", f.xor()));
      f.bits().forEach(row.putArray("bits")::add);
      reading(row.putObject("reading"), f.reading());
    }
  }

  private static void reading(ObjectNode to, Nvml.Reading r) {
    r.reason().ifPresent(why -> to.put("notReadable", why));
    r.celsius().ifPresent(v -> to.put("celsius", v));
    r.smMegahertz().ifPresent(v -> to.put("smMegahertz", v));
    r.memoryMegahertz().ifPresent(v -> to.put("memoryMegahertz", v));
    r.milliwatts().ifPresent(v -> to.put("milliwatts", v));
    r.throttle().ifPresent(v -> to.put("throttleReasons", String.format("0x%x", v)));
    r.eccErrors().ifPresent(v -> to.put("uncorrectedEccErrors", v));
  }
}

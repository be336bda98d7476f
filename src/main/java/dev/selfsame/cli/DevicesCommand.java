package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.cuda.DeviceProperties;
import dev.selfsame.cuda.Driver;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code selfsame devices}: every device with its properties, or why it is not usable. */
@Command(
    name = "devices",
    description = "Lists every device with its properties, or why it is not usable.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footerHeading = "%nExamples:%n",
    footer = {"  selfsame devices", "  selfsame devices --json devices.json"})
final class DevicesCommand implements Callable<Integer> {
  @Option(names = "--json", paramLabel = "FILE", description = "Write the list as JSON, too.")
  private @Nullable Path json;

  @Spec private CommandSpec spec = CommandSpec.create();

  private record Row(Candidate device, Map<String, Object> properties) {}

  @Override
  public Integer call() {
    List<Row> rows = rows();
    PrintWriter out = spec.commandLine().getOut();
    for (Row row : rows) {
      boolean usable = row.device.device() != null;
      out.println(row.device.name() + (usable ? "" : "  NOT USABLE: " + row.device.reason()));
      row.properties.forEach(
          (name, value) -> out.printf(Locale.ROOT, "    %-18s %s%n", name, text(value)));
    }
    List<String> missing = JvmOptions.missing();
    missing.forEach(sentence -> out.println("NOTE: " + sentence));
    out.flush();
    Path file = json;
    if (file != null) {
      Json.write(file, report(rows, missing));
    }
    return Main.GOOD;
  }

  private List<Row> rows() {
    int processors = Runtime.getRuntime().availableProcessors();
    List<Row> rows = new ArrayList<>();
    rows.add(
        new Row(
            Candidate.of("scalar", 1),
            ordered("kernels", "plain Java loops, the definition", "threads", "1")));
    Candidate preferred = Candidate.of("vector", processors);
    for (int bits : Candidate.WIDTHS) {
      Candidate c = Candidate.of("vector:" + bits, processors);
      Map<String, Object> properties = new LinkedHashMap<>();
      if (c.device() != null) {
        properties.put("kernels", "Vector API, " + bits / 32 + " floats at once");
        properties.put("threads", "any number; 1 to " + processors + " make sense here");
        if (preferred.device() instanceof Device.Vector v && v.bits() == bits) {
          properties.put("preferred", "yes: this is what 'vector' means here");
        }
      }
      rows.add(new Row(c, properties));
    }
    rows.addAll(gpus());
    for (String schedule : Candidate.SCHEDULES) {
      Candidate c = Candidate.of("softcuda:" + schedule, 1);
      Map<String, Object> properties = new LinkedHashMap<>();
      if (c.device() instanceof Device.Cuda d) {
        properties.put("kernels", "the CUDA sources on the CPU; for tests, says nothing of speed");
        properties.put("order", schedule + (schedule.equals("ascending") ? " ('softcuda')" : ""));
        properties.putAll(properties(d));
      }
      rows.add(new Row(c, properties));
    }
    return rows;
  }

  /** All GPUs; one row that is not usable if there is none. */
  private static List<Row> gpus() {
    int count = Driver.probe() == null ? Driver.hardware().deviceCount() : 1;
    List<Row> rows = new ArrayList<>();
    for (int ordinal = 0; ordinal < count; ordinal++) {
      Candidate c = Candidate.of("cuda:" + ordinal, 1);
      Map<String, Object> properties = new LinkedHashMap<>();
      properties.put("kernels", Driver.kernels());
      if (c.device() instanceof Device.Cuda d) {
        properties.putAll(properties(d));
      } else if (Driver.probe() == null) {
        properties.putAll(describe(Driver.hardware().properties(ordinal)));
      }
      rows.add(new Row(c, properties));
    }
    return rows;
  }

  private static Map<String, Object> properties(Device.Cuda device) {
    Map<String, Object> all = describe(device.context().properties());
    all.put("driver library", device.context().driver().library());
    return all;
  }

  private static Map<String, Object> describe(DeviceProperties p) {
    return ordered(
        "name", p.name(),
        "uuid", p.uuid(),
        "compute capability", p.major() + "." + p.minor(),
        "multiprocessors", p.multiprocessors(),
        "memory", p.totalBytes(),
        "L2 cache", p.l2Bytes(),
        "shared memory", (long) p.maxSharedOptInBytes(),
        "memory pools", p.memoryPools() ? "yes" : "no",
        "driver", "CUDA " + p.driverVersion() / 1000 + "." + p.driverVersion() % 1000 / 10);
  }

  private static Map<String, Object> ordered(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    return map;
  }

  /** Longs are bytes. */
  private static String text(Object value) {
    if (value instanceof Long bytes) {
      return bytes >= 1L << 30
          ? String.format(Locale.ROOT, "%.1f GiB", bytes / 0x1p30)
          : String.format(Locale.ROOT, "%d KiB", bytes >> 10);
    }
    return value.toString();
  }

  private ObjectNode report(List<Row> rows, List<String> missing) {
    ObjectNode report = Json.report("devices", spec.commandLine().getParseResult().originalArgs());
    ArrayNode devices = report.putArray("devices");
    for (Row row : rows) {
      ObjectNode device = devices.addObject();
      device.put("name", row.device.name());
      device.put("usable", row.device.device() != null);
      if (row.device.reason() != null) {
        device.put("reason", row.device.reason());
      }
      ObjectNode properties = device.putObject("properties");
      row.properties.forEach((name, value) -> {
        switch (value) {
          case Long bytes -> properties.put(name + " bytes", bytes);
          case Integer number -> properties.put(name, number);
          default -> properties.put(name, value.toString());
        }
      });
    }
    ArrayNode notes = report.putArray("notes");
    missing.forEach(notes::add);
    return report;
  }
}

package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.cuda.DeviceProperties;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** {@code report.json} and {@code report.md} of a check. */
final class CheckReport {
  /** The words for a run without a card; nothing in the report may be taken for one with. */
  static final String NOT_ON_HARDWARE = "not run on hardware";

  private final String device;
  private final ObjectNode json = new ObjectMapper().createObjectNode();
  private final ArrayNode stageNodes;
  private final List<Stage.Result> results = new ArrayList<>();
  private String unusable = "";

  CheckReport(String device, boolean quick, String commit) {
    this.device = device;
    json.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    json.put("commit", commit.isEmpty() ? "unknown" : commit);
    json.put("device", device);
    json.put("quick", quick);
    json.put("hardware", false);
    json.put("java", Runtime.version().toString());
    json.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    json.put("cpu", cpu());
    json.put("processors", Runtime.getRuntime().availableProcessors());
    stageNodes = json.putArray("stages");
  }

  private static String cpu() {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(l -> l.startsWith("model name"))
          .findFirst()
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .orElse("unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }

  void device(DeviceProperties p, String library, String reading) {
    json.put("hardware", !device.startsWith("softcuda"));
    ObjectNode d = json.putObject("properties");
    d.put("name", p.name());
    d.put("computeCapability", p.major() + "." + p.minor());
    d.put("multiprocessors", p.multiprocessors());
    d.put("memoryBytes", p.totalBytes());
    d.put("driver", "CUDA " + p.driverVersion() / 1000 + "." + p.driverVersion() % 1000 / 10);
    d.put("library", Path.of(library).getFileName().toString());
    d.put("reading", reading);
  }

  void unusable(String reason) {
    unusable = reason;
    json.put("unusable", reason);
  }

  /** Which kernels the stages use. */
  void kernels(String which) {
    json.put("kernels", which);
  }

  void add(Stage.Result r) {
    results.add(r);
    ObjectNode s = stageNodes.addObject();
    s.put("name", r.stage().name());
    s.put("title", r.stage().title());
    s.put("end", r.end().toString());
    s.put("seconds", Math.round(r.seconds() * 10) / 10.0);
    if (!r.reason().isEmpty()) {
      s.put("reason", r.reason());
    }
    if (r.end() == Stage.End.FAILED || r.end() == Stage.End.STOPPED) {
      s.put("output", r.output());
    }
    if (r.data() != null) {
      s.set("data", r.data());
    }
  }

  private boolean isHardware() {
    return json.get("hardware").asBoolean();
  }

  /** One line. */
  String verdict() {
    if (!unusable.isEmpty()) {
      return NOT_ON_HARDWARE.toUpperCase(java.util.Locale.ROOT) + ": " + unusable;
    }
    long bad =
        results.stream()
            .filter(r -> r.end() == Stage.End.FAILED || r.end() == Stage.End.STOPPED)
            .count();
    long out = results.stream().filter(r -> r.end() == Stage.End.NOT_RUN).count();
    long good = results.stream().filter(r -> r.end() == Stage.End.PASSED).count();
    return String.format(
        "%s%d stages passed, %d failed or were stopped, %d did not run",
        isHardware() ? "" : "softcuda, " + NOT_ON_HARDWARE + ": ", good, bad, out);
  }

  void write(Path folder, double seconds) throws IOException {
    json.put("seconds", Math.round(seconds));
    json.put("verdict", verdict());
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(folder.resolve("report.json"), mapper.writeValueAsString(json) + "\n");
    Files.writeString(folder.resolve("report.md"), markdown());
  }

  private String markdown() {
    StringBuilder md = new StringBuilder("# Check of a GPU\n\n");
    md.append("**").append(verdict()).append("**\n\n");
    if (!isHardware() && unusable.isEmpty()) {
      md.append(
          """
          This run was **not run on hardware**: it shows that the archive and all stages work, that the CUDA sources give
          the CPU's bits in software, and nothing about a card. Times below are those of a simulation.

          """);
    }
    List<String> keys =
        List.of("time", "commit", "device", "kernels", "os", "cpu", "java", "seconds");
    for (String key : keys.stream().filter(json::has).toList()) {
      md.append("- ").append(key).append(": ").append(json.get(key).asText()).append('\n');
    }
    if (json.has("properties")) {
      json.get("properties")
          .properties()
          .forEach(e ->
              md.append("- ")
                  .append(e.getKey())
                  .append(": ")
                  .append(e.getValue().asText())
                  .append('\n'));
    }
    md.append("\n| stage | what | end | s |\n|---|---|---|---|\n");
    for (Stage.Result r : results) {
      String reason = r.reason().isEmpty() ? "" : ": " + r.reason();
      md.append(
          String.format(
              "| %s | %s | %s%s | %.0f |%n",
              r.stage().name(), r.stage().title(), r.end().text(), reason, r.seconds()));
    }
    for (Stage.Result r : results) {
      section(md, r);
    }
    return md.toString();
  }

  private void section(StringBuilder md, Stage.Result r) {
    if (r.end() == Stage.End.NOT_RUN || r.stage().name().equals("cases")) {
      return;
    }
    md.append("\n## ").append(r.stage().title()).append("\n\n");
    if (r.stage().name().equals("bench") && r.data() != null) {
      PeerTable.write(md, r.data(), data("torch"));
    } else if (r.stage().name().equals("torch") && r.data() != null) {
      md.append("PyTorch ").append(r.data().path("torch").asText());
      md.append(", CUDA ").append(r.data().path("cuda").asText());
      md.append(", cuDNN ").append(r.data().path("cudnn").asText());
      md.append("; FP32, TF32 off. Its times stand beside ours in the table of benchmarks.\n");
    } else {
      md.append("```\n").append(r.output()).append("\n```\n");
    }
  }

  private JsonNode data(String stage) {
    return results.stream()
        .filter(r -> r.stage().name().equals(stage) && r.data() != null)
        .map(Stage.Result::data)
        .findFirst()
        .orElse(null);
  }
}

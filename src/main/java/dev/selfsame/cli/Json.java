package dev.selfsame.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.contract.Contract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** Reports for machines, {@code --json FILE}. Every report says first what ran where. */
final class Json {
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private Json() {}

  /** An empty object. */
  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /** A report with its head filled in. */
  static ObjectNode report(String command, List<String> arguments) {
    ObjectNode report = MAPPER.createObjectNode();
    report.put("command", command);
    arguments.forEach(report.putArray("arguments")::add);
    report.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    report.put("version", Version.version());
    report.put("commit", Version.commit());
    report.put("contract", Contract.VERSION);
    ObjectNode machine = report.putObject("machine");
    machine.put("java", Runtime.version().toString());
    machine.put("os", System.getProperty("os.name"));
    machine.put("architecture", System.getProperty("os.arch"));
    machine.put("processors", Runtime.getRuntime().availableProcessors());
    return report;
  }

  /**
   * Reads a report.
   *
   * @throws Main.Failed if the file can't be read or is none
   */
  static JsonNode read(Path file) {
    try {
      return MAPPER.readTree(file.toFile());
    } catch (IOException e) {
      throw new Main.Failed("the report " + file + " can't be read: " + e);
    }
  }

  /**
   * Writes a report.
   *
   * @throws Main.Failed if the file can't be written
   */
  static void write(Path file, ObjectNode report) {
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      Files.writeString(file, MAPPER.writeValueAsString(report) + "\n");
    } catch (IOException e) {
      throw new Main.Failed("the report can't be written to " + file + ": " + e);
    }
  }
}

package dev.selfsame.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The records of several systems as a page in Markdown. */
final class SystemsTable {
  private SystemsTable() {}

  /** The page; records are those of {@link TrainRecord}. */
  static String of(List<JsonNode> records) {
    StringBuilder page = new StringBuilder("# Systems that share or tie parameters, trained\n\n");
    Set<String> where = new TreeSet<>();
    for (JsonNode r : records) {
      JsonNode machine = r.get("machine");
      where.add(
          String.format(
              "commit %s, numerics contract %s, Java %s, %s %s, %s processors",
              r.get("commit").asText(),
              r.get("contract").asText(),
              machine.get("java").asText(),
              machine.get("os").asText(),
              machine.get("architecture").asText(),
              machine.get("processors").asText()));
    }
    where.forEach(line -> page.append("Measured with ").append(line).append(".\n"));
    page.append(
        """

        "Same bits" names the devices that trained in lockstep, for how many steps, and the begin of the one
        SHA-256 of all parameters then; losses and parameters are compared after every step. "Hash at the end" is
        the trained device's. A finding is a property that the system is known for, as measured in the same run.

        | system | data | parameters | steps | minutes | ms a step | result | findings | same bits | hash at the end |
        |---|---|---|---|---|---|---|---|---|---|
        """);
    records.forEach(r -> page.append(row(r)));
    for (JsonNode r : records) {
      page.append("\n## ").append(r.get("system").asText()).append("\n\n");
      for (JsonNode f : r.get("findings")) {
        page.append(f.get("holds").asBoolean() ? "- holds: " : "- DOES NOT HOLD: ")
            .append(f.get("claim").asText())
            .append(": ")
            .append(f.get("measured").asText())
            .append('\n');
      }
      page.append("\n![loss and ")
          .append(r.get("measure").asText())
          .append("](")
          .append(r.get("system").asText())
          .append(".png)\n");
    }
    return page.toString();
  }

  /** Whether every finding holds and no bit differed. */
  static boolean good(JsonNode record) {
    for (JsonNode f : record.get("findings")) {
      if (!f.get("holds").asBoolean()) {
        return false;
      }
    }
    return record.get("difference").isNull();
  }

  private static String row(JsonNode r) {
    int holding = 0;
    for (JsonNode f : r.get("findings")) {
      holding += f.get("holds").asBoolean() ? 1 : 0;
    }
    return String.format(
        Locale.ROOT,
        "| `%s` | %s | %,d | %,d | %.1f | %.1f | %s %s | %d of %d hold | %s | `%.12s…` |%n",
        r.get("system").asText(),
        r.get("data").asText() + (r.path("quick").asBoolean() ? ", quick" : ""),
        r.get("parameters").asLong(),
        r.get("steps").asLong(),
        r.get("minutes").asDouble(),
        r.get("millisPerStep").get(r.get("device").asText()).asDouble(),
        r.get("measure").asText(),
        r.get("score").asText(),
        holding,
        r.get("findings").size(),
        lockstep(r),
        r.get("sha256").asText());
  }

  private static String lockstep(JsonNode r) {
    if (!r.get("difference").isNull()) {
      return "DIFFERENT: " + r.get("difference").asText();
    }
    List<String> devices = new ArrayList<>();
    Set<String> hashes = new TreeSet<>();
    for (Map.Entry<String, JsonNode> e : r.get("lockstepSha256").properties()) {
      devices.add(e.getKey());
      hashes.add(e.getValue().asText());
    }
    return devices.isEmpty()
        ? "not compared"
        : String.format(
            Locale.ROOT,
            "%s: %d steps, `%.12s…`",
            String.join(", ", devices),
            r.get("lockstepSteps").asLong(),
            String.join(" ", hashes));
  }
}

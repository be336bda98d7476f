package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** Our benchmarks and the peers' on the same card, as a table. */
final class PeerTable {
  private PeerTable() {}

  /** Writes the table; {@code torch} may be null. */
  static void write(StringBuilder md, JsonNode bench, JsonNode torch) {
    md.append(bench.path("cublas").asText()).append("; ");
    md.append(torch == null ? "no PyTorch was measured" : "PyTorch by its own script");
    md.append(".\nBefore: ").append(bench.path("before").asText());
    md.append(". After: ").append(bench.path("after").asText());
    md.append(
        """
        .

        A ratio is the peer's time over ours: above 1, ours is faster. cuBLAS was timed by turns with ours in one process,
        PyTorch in a process of its own. Bytes are those that must move at least; copying counts bytes read and written.

        | case | ms (10th to 90th) | rate | of the copy rate | peers |
        |---|---|---|---|---|
        """);
    double copy = rate(bench, "copy");
    for (JsonNode c : bench.path("cases")) {
      md.append("| ").append(c.path("name").asText()).append(" | ");
      if (!c.has("millis")) {
        String why = c.has("failure") ? c.get("failure").asText() : c.path("notRun").asText();
        md.append(why).append(" | | | |\n");
        continue;
      }
      JsonNode ms = c.get("millis");
      double median = ms.get("median").asDouble();
      md.append(
          String.format(
              "%.4g (%.4g to %.4g) | %.4g %s | ",
              median,
              ms.get("p10").asDouble(),
              ms.get("p90").asDouble(),
              c.get("rate").asDouble(),
              c.get("unit").asText()));
      boolean bytes = c.get("unit").asText().equals("GB/s");
      md.append(bytes && copy > 0 ? String.format("%.2f", c.get("rate").asDouble() / copy) : "");
      md.append(" | ").append(peers(c, torch, median)).append(" |\n");
    }
  }

  private static double rate(JsonNode bench, String suite) {
    for (JsonNode c : bench.path("cases")) {
      if (c.path("suite").asText().equals(suite) && c.has("rate")) {
        return c.get("rate").asDouble();
      }
    }
    return 0;
  }

  private static String peers(JsonNode c, JsonNode torch, double ours) {
    List<String> all = new ArrayList<>();
    JsonNode cublas = c.path("peers").path("cublas").path("ratio").path("median");
    if (!cublas.isMissingNode()) {
      all.add(String.format("cuBLAS %.2f", cublas.asDouble()));
    }
    if (torch != null) {
      for (JsonNode t : torch.path("results")) {
        if (t.path("name").asText().equals(c.path("name").asText())) {
          String variant = t.path("variant").asText();
          all.add(
              t.has("millis")
                  ? String.format("%s %.2f", variant, t.get("millis").asDouble() / ours)
                  : variant + " not run: " + t.path("reason").asText());
        }
      }
    }
    return String.join("; ", all);
  }
}

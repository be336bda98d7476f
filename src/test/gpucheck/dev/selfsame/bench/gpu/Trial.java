package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Parts of gpu-check one by one, as GpuCheckTest runs them where there is no card: {@code stage
 * NAME FOLDER SECONDS} runs a stage as for cuda:0, {@code table BENCH TORCH} prints the table of
 * benchmarks.
 */
public final class Trial {
  private Trial() {}

  /** Entry point. */
  public static void main(String[] arguments) throws IOException {
    switch (arguments[0]) {
      case "stage" -> stage(arguments[1], Path.of(arguments[2]), Double.parseDouble(arguments[3]));
      case "table" -> {
        ObjectMapper json = new ObjectMapper();
        StringBuilder md = new StringBuilder();
        PeerTable.write(
            md,
            json.readTree(Path.of(arguments[1]).toFile()),
            json.readTree(Path.of(arguments[2]).toFile()));
        System.out.print(md);
      }
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void stage(String name, Path logs, double seconds) throws IOException {
    Files.createDirectories(logs);
    Stage stage =
        new CheckStages("cuda:0", true, false, "90", 1, logs)
            .all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    Stage.Result result = stage.run(logs, seconds);
    System.out.println("command " + String.join(" ", stage.command()));
    System.out.println("end " + result.end() + " " + result.reason());
  }
}

package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class TrainCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  @Test
  void listsTheSystems() {
    assertEquals(0, run("train", "--list"));
    assertTrue(out.toString().startsWith("lenet "), out.toString());
    assertTrue(out.toString().contains("shipped, mnist, fashion"), out.toString());
  }

  @Test
  void lockstepIsReportedForPeopleAndMachines(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("report.json");
    int status =
        run(
            "train",
            "lenet",
            "--steps",
            "2",
            "--against",
            "scalar",
            "--seed",
            "7",
            "--json",
            file.toString());
    assertEquals(0, status, err.toString());
    assertTrue(out.toString().contains("2 devices, no bit differs"), out.toString());
    JsonNode report = json(file);
    assertEquals(2, report.get("lockstepSteps").asInt());
    assertEquals(61_706, report.get("parameters").asInt());
    assertEquals(report.get("sha256"), report.get("lockstepSha256").get("scalar"));
    assertTrue(report.get("difference").isNull());
  }

  @Test
  void resumesFromTheFolder(@TempDir Path dir) throws IOException {
    Path folder = dir.resolve("new/run");
    String[] whole = {
      "train", "lenet", "--steps", "4", "--json", dir.resolve("whole.json").toString()
    };
    assertEquals(0, run(whole), err.toString());
    assertEquals(
        0, run("train", "lenet", "--steps", "3", "--out", folder.toString()), err.toString());
    assertTrue(Files.exists(folder.resolve("checkpoint.safetensors")));
    assertEquals(3, json(folder.resolve("metrics.json")).get("losses").size());
    // Without fonts there is no plot, and the command says so.
    assertTrue(
        out.toString().contains("NO PLOT")
            || ImageIO.read(folder.resolve("training.png").toFile()).getWidth() > 100);
    assertEquals(
        0,
        run("train", "lenet", "--steps", "4", "--out", folder.toString(), "--resume"),
        err.toString());
    JsonNode resumed = json(folder.resolve("metrics.json"));
    assertEquals(3, resumed.get("firstStep").asInt());
    assertEquals(json(dir.resolve("whole.json")).get("sha256"), resumed.get("sha256"));
  }

  @Test
  void wrongUseIsStatusTwoAndNamesTheChoices() {
    assertEquals(2, run("train", "alexnet"));
    assertTrue(err.toString().contains("'alexnet' is unknown; systems are lenet"), err.toString());
    assertEquals(2, run("train"));
    assertEquals(2, run("train", "lenet", "--device", "tpu"));
    assertEquals(2, run("train", "lenet", "--data", "imagenet"));
    assertEquals(2, run("train", "lenet", "--epochs", "0"));
    assertEquals(2, run("train", "lenet", "--resume"));
  }

  @Test
  void resumingWithoutACheckpointIsAFailedRun(@TempDir Path dir) {
    assertEquals(1, run("train", "lenet", "--steps", "1", "--out", dir.toString(), "--resume"));
    assertTrue(err.toString().contains("no checkpoint to resume from"), err.toString());
  }

  @Test
  void aDamagedCheckpointIsAFailedRun(@TempDir Path dir) throws IOException {
    Files.write(dir.resolve("checkpoint.safetensors"), new byte[] {1, 2, 3});
    assertEquals(1, run("train", "lenet", "--steps", "1", "--out", dir.toString(), "--resume"));
    assertTrue(err.toString().contains("checkpoint.safetensors"), err.toString());
  }
}

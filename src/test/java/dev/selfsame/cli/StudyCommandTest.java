package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.selfsame.study.Studies;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class StudyCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  @Test
  void listsTheStudiesAndTheirClaims() {
    assertEquals(0, run("study", "--list"));
    for (var study : Studies.ALL) {
      assertTrue(out.toString().contains(study.claim()), study.name());
    }
  }

  @Test
  void aStudyIsReportedForPeopleAndMachines(@TempDir Path dir) throws IOException {
    Path folder = dir.resolve("new/folder");
    Path file = dir.resolve("equivariance.json");
    int status = run("study", "equivariance", "--quick", "--out", folder + "", "--json", file + "");
    assertEquals(0, status, err.toString());
    assertTrue(out.toString().contains("verdict: borne out"), out.toString());
    JsonNode study = new ObjectMapper().readTree(file.toFile()).get("studies").get(0);
    assertEquals("borne out", study.get("verdict").asText());
    JsonNode row = study.get("tables").get(0).get("rows").get(0);
    assertEquals(row.get("interior outputs").asLong(), row.get("of them same").asLong());
    String page = Files.readString(folder.resolve("README.md"));
    assertTrue(page.contains("![equivariance](equivariance.png)"), page);
    // Without fonts there is no picture, and the command says so.
    assertTrue(
        out.toString().contains("NO PICTURE")
            || ImageIO.read(folder.resolve("equivariance.png").toFile()).getWidth() > 100);
  }

  @Test
  void wrongUseIsStatusTwoAndNamesTheChoices() {
    assertEquals(2, run("study", "entropy"));
    assertTrue(err.toString().contains("'entropy' is unknown; studies are param"), err.toString());
    assertEquals(2, run("study"));
    assertEquals(2, run("study", "parameters", "--device", "tpu"));
    assertEquals(2, run("study", "parameters", "--threads", "0"));
  }

  @Test
  void anUnusableFolderIsToldBeforeTheWork(@TempDir Path dir) throws IOException {
    Path taken = Files.writeString(dir.resolve("file"), "");
    assertEquals(1, run("study", "parameters", "--out", taken.resolve("x").toString()));
    assertTrue(err.toString().contains("can't be made"), err.toString());
    assertEquals("", out.toString());
  }
}

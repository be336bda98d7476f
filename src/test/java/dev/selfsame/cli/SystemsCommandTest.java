package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class SystemsCommandTest {
  private static final String RECORD =
      """
      {"commit":"abc","contract":1,"machine":{"java":"25","os":"Linux","architecture":"amd64","processors":2},
       "system":"lenet","data":"shipped","parameters":61706,"steps":780,"minutes":0.2,"device":"vector:512",
       "millisPerStep":{"vector:512":9.0},"measure":"test accuracy","score":"97.70 %",
       "findings":[{"claim":"test accuracy is at least 97 %","measured":"97.70 %","holds":true}],
       "lockstepSha256":{"vector:512":"0123456789abcdef","scalar":"0123456789abcdef"},
       "lockstepSteps":20,"sha256":"fedcba9876543210","difference":null}
      """;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(arguments);
  }

  /** Records that are there are kept; the table is made of them. */
  @Test
  void resumingMakesTheTableFromTheRecordsInTheFolder(@TempDir Path dir) throws IOException {
    Files.writeString(dir.resolve("lenet.json"), RECORD);
    assertEquals(
        0,
        run("systems", "lenet", "--against", "scalar", "--resume", "--out", dir.toString()),
        err.toString());
    String page = Files.readString(dir.resolve("systems.md"));
    assertTrue(page.contains("| `lenet` | shipped | 61,706 | 780 | 0.2 | 9.0 |"), page);
    assertTrue(page.contains("1 of 1 hold | vector:512, scalar: 20 steps, `0123456789ab…`"), page);
    assertTrue(page.contains("- holds: test accuracy is at least 97 %: 97.70 %"), page);
  }

  /** A finding that fails, or a difference, is status 1 and said in the table. */
  @Test
  void whatDoesNotHoldIsSaid(@TempDir Path dir) throws IOException {
    Files.writeString(dir.resolve("lenet.json"), RECORD.replace("true", "false"));
    assertEquals(
        1, run("systems", "lenet", "--against", "scalar", "--resume", "--out", dir.toString()));
    assertTrue(Files.readString(dir.resolve("systems.md")).contains("- DOES NOT HOLD: "));
    ObjectNode different = (ObjectNode) new ObjectMapper().readTree(RECORD);
    different.put("difference", "step 3, scalar, loss");
    assertFalse(SystemsTable.good(different));
    assertTrue(
        SystemsTable.of(List.<JsonNode>of(different)).contains("DIFFERENT: step 3, scalar, loss"));
  }

  @Test
  void wrongUseIsStatusTwo(@TempDir Path dir) {
    assertEquals(2, run("systems"));
    assertEquals(2, run("systems", "alexnet", "--out", dir.toString()));
    assertTrue(err.toString().contains("'alexnet' is unknown"), err.toString());
    assertEquals(2, run("systems", "--device", "tpu", "--out", dir.toString()));
  }
}

package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.selfsame.Device;
import dev.selfsame.cuda.Driver;
import dev.selfsame.cuda.Softcuda;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command line in this process: outputs, reports, exit statuses. */
class MainTest {
  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(args);
  }

  private static JsonNode read(Path file) throws Exception {
    return new ObjectMapper().readTree(Files.readString(file));
  }

  @Test
  void helpAndVersion() {
    assertEquals(0, run("--help"));
    assertTrue(out.toString().contains("devices"), out::toString);
    assertTrue(out.toString().contains("selfsame verify --quick"), out::toString);
    assertEquals(0, run("--version"));
    assertTrue(out.toString().contains("numerics contract 1"), out::toString);
    assertEquals(0, run("help", "verify"));
    assertTrue(out.toString().contains("--cases"), out::toString);
    assertEquals("", err.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "verify --op nonsense",
        "verify --device gpu",
        "verify --device vector:129",
        "verify --cases 0",
        "verify --seconds 0",
        "verify --soak 0 --device softcuda",
        "verify --soak 1",
        "verify --soak 1 --device softcuda --op gemm",
        "verify --soak 1 --functions --device softcuda",
        "verify --functions --device scalar --device vector",
        "verify --cases many",
        "verify --from -1",
        "verify --threads 0",
        "devices --loud"
      })
  void wrongUsage(String line) {
    assertEquals(2, run(line.isEmpty() ? new String[0] : line.split(" ")));
    assertFalse(err.toString().isBlank());
    assertEquals("", out.toString());
  }

  @Test
  void wrongNamesAreAnsweredWithTheChoices() {
    run("verify", "--op", "gem");
    assertTrue(err.toString().contains("'gem'"), err::toString);
    assertTrue(err.toString().contains(" gemm, "), err::toString);
    run("verify", "--device", "gpu");
    assertTrue(err.toString().contains("softcuda"), err::toString);
  }

  @Test
  void devicesAreListed() throws Exception {
    Path json = folder.resolve("new/devices.json");
    assertEquals(0, run("devices", "--json", json.toString()));
    for (String name : new String[] {"scalar", "vector:128", "vector:512", "cuda:0", "softcuda"}) {
      assertTrue(out.toString().contains(name), name);
    }
    JsonNode devices = read(json).get("devices");
    assertEquals("scalar", devices.get(0).get("name").asText());
    assertTrue(devices.get(0).get("usable").asBoolean());
    for (JsonNode device : devices) {
      assertEquals(device.get("usable").asBoolean(), !device.has("reason"), device::toString);
    }
  }

  @Test
  void verifyPasses() throws Exception {
    Path json = folder.resolve("verify.json");
    int status =
        run(
            "verify",
            "--op",
            "sums",
            "--op",
            "bias",
            "--device",
            "vector",
            "--device",
            "scalar",
            "--threads",
            "2",
            "--cases",
            "3",
            "--seed",
            "9",
            "--json",
            json.toString());
    assertEquals(0, status, err::toString);
    assertTrue(out.toString().contains(" values compared, 0 mismatches"), out::toString);
    assertTrue(out.toString().contains("7 faults planted, 7 found"), out::toString);
    JsonNode report = read(json);
    assertTrue(report.get("passed").asBoolean());
    report.get("negativeControls").forEach(c -> assertEquals("found", c.asText()));
    assertEquals(9, report.get("seed").asInt());
    assertEquals(4, report.get("results").size());
    long values = 0;
    for (JsonNode row : report.get("results")) {
      assertEquals(3, row.get("cases").asInt());
      assertEquals(0, row.get("mismatches").asInt());
      values += row.get("values").asLong();
    }
    assertEquals(report.get("values").asLong(), values);
    assertEquals(
        "vector:" + ((Device.Vector) Device.vector()).bits() + "×2",
        report.get("results").get(0).get("device").asText());
  }

  @Test
  void aDeviceThatWasAskedForAndIsNotThereFails() {
    Assumptions.assumeTrue(Driver.probe() != null, "there is a GPU");
    assertEquals(1, run("verify", "--op", "sums", "--device", "cuda:0"));
    assertTrue(err.toString().contains("cuda:0 is not usable: no CUDA"), err::toString);
    assertEquals("", out.toString());
  }

  @Test
  void devicesThatAreNotThereAreNamed() throws Exception {
    Assumptions.assumeTrue(Driver.probe() != null, "there is a GPU");
    Path json = folder.resolve("all.json");
    assertEquals(0, run("verify", "--op", "bias", "--cases", "1", "--json", json.toString()));
    assertTrue(out.toString().contains("NOT RUN on cuda:0: no CUDA"), out::toString);
    JsonNode notRun = read(json).get("notRun");
    assertEquals("cuda:0", notRun.get(notRun.size() - 1).get("device").asText());
  }

  @Test
  void aReportThatCantBeWrittenFails() {
    assertEquals(1, run("devices", "--json", folder.toString()));
    assertTrue(err.toString().contains("can't be written"), err::toString);
  }

  @Test
  void soakReportsAnInvertedBit() throws Exception {
    String missing = Softcuda.probe();
    Assumptions.assumeTrue(missing == null, "NOT RUN on softcuda: " + missing);
    Path file = folder.resolve("soak.json");
    // So short that it ends after one round, whatever the machine's speed: the launches of both
    // runs
    // are the same.
    String[] soak = {"verify", "--soak", "1e-9", "--device", "softcuda", "--json", "" + file};
    long before = Softcuda.controls().launches();
    assertEquals(0, run(soak), () -> out + "\n" + err);
    long launches = Softcuda.controls().launches() - before;
    // The first half of the launches prepares the round.
    Softcuda.controls().flipBit(launches * 3 / 4, 0, 1234, 31);
    try {
      int status = run(soak);
      assertEquals(1, status, () -> out + "\n" + err);
    } finally {
      Softcuda.controls().reset();
    }
    assertTrue(out.toString().contains("FAULT: "), out::toString);
    assertTrue(out.toString().contains("1 differing words"), out::toString);
    assertTrue(out.toString().contains("pattern: bits (times) {31=1}; 1 addresses"), out::toString);
    JsonNode fault = read(file).get("faults").get(0);
    assertEquals("memory", fault.get("kind").asText());
    assertEquals(1234, fault.get("index").asInt());
    assertEquals("0x80000000", fault.get("xor").asText());
    assertEquals(31, fault.get("bits").get(0).asInt());
    assertEquals("softcuda is no hardware", fault.get("reading").get("notReadable").asText());
    assertEquals(2, run("verify", "--soak", "1", "--device", "gpu"));
    assertEquals(1, run("verify", "--soak", "0.001", "--device", "scalar"));
    assertTrue(err.toString().contains("a burn-in takes a GPU"), err::toString);
  }

  @Test
  void functionsAreReported() throws Exception {
    Path file = folder.resolve("functions.json");
    int status =
        run(
            "verify",
            "--functions",
            "--device",
            "scalar",
            "--quick",
            "--seconds",
            "0.1",
            "--json",
            file.toString());
    assertEquals(0, status, () -> out + "\n" + err);
    JsonNode report = read(file);
    assertTrue(report.get("passed").asBoolean());
    assertEquals(0, report.get("functions").get(1).get("mismatches").asLong());
    assertTrue(report.get("functions").get(1).get("inputs").asLong() >= 1024);
  }
}

package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.op.Devices;
import dev.selfsame.op.Values;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import dev.selfsame.train.ParameterHash;
import dev.selfsame.train.Systems;
import dev.selfsame.train.TrainingRun;
import dev.selfsame.train.TrainingSystem;
import dev.selfsame.verify.Bits;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README says holds: its example, its output, its links, its JVM options. */
class ReadmeTest {
  private static final Path ROOT = Path.of("").toAbsolutePath();
  private static final Path README = ROOT.resolve("README.md");

  // The README shows these lines as they stand.
  static float[] train(Device device, float[] pixels) {
    try (Scope scope = Scope.open()) {
      Parameter w = new Initializer(scope, device, 1).uniform("w", 64, 16, 64);
      Optimizer optimizer = new AdamW(scope, List.of(w), LearningRate.constant(0.01), 0.01);
      Tensor images = Tensor.of(scope, device, pixels, pixels.length / 64, 64);
      for (int step = 0; step < 20; step++) {
        try (Tape tape = Tape.open(device)) {
          Var x = tape.constant(images), weight = tape.parameter(w);
          Var code = Functions.relu(Functions.matmul(x, weight.transposed()));
          Var error = Functions.subtract(Functions.matmul(code, weight), x);
          tape.backward(Functions.sum(Functions.multiply(error, error)));
          optimizer.step();
        }
      }
      return w.value().toFloatArray();
    }
  }

  // End of the lines that the README shows.

  @Test
  void theExampleIsThisFilesCode() throws IOException {
    Matcher shown =
        Pattern.compile("(?s)```java\n(static float.*?)```").matcher(Files.readString(README));
    assertTrue(shown.find(), "README.md has no example");
    String source =
        Files.readString(ROOT.resolve("src/test/java/dev/selfsame/ReadmeTest.java"))
            .replaceAll("(?s).*README shows these lines as they stand\\.\n", "")
            .replaceAll("(?s)\n *// End of the lines.*", "")
            .replaceAll("(?m)^  ", "");
    assertEquals(source, shown.group(1));
  }

  @Test
  void theExampleGivesTheSameBitsOnEveryDevice() {
    float[] pixels = Values.random(1, 32 * 64);
    float[] expected = train(Devices.control(), pixels);
    for (Device device : Devices.tested()) {
      Bits.assertSame("example on " + device, expected, train(device, pixels));
    }
    float[] start;
    try (Scope scope = Scope.open()) {
      var initializer = new Initializer(scope, Devices.control(), 1);
      start = initializer.uniform("w", 64, 16, 64).value().toFloatArray();
    }
    assertTrue(Bits.compare(start, expected).isPresent(), "nothing was trained");
  }

  @Test
  void theHashIsThatOfTheFirstCommand() throws IOException {
    TrainingSystem lenet = Systems.find("lenet");
    long steps = lenet.quickEpochs() * lenet.stepsPerEpoch("shipped");
    var settings = lenet.settings(1, steps);
    try (TrainingRun run = lenet.start(Device.vector(), settings)) {
      for (int step = 0; step < 20; step++) {
        run.step();
      }
      String hash = ParameterHash.of(run.parameters());
      String readme = Files.readString(README);
      assertTrue(readme.contains("steps 0 to " + steps), "steps are " + steps);
      assertEquals(4, readme.split(hash, -1).length, "three devices with the hash " + hash);
    }
  }

  @Test
  void linksLeadToFiles() throws IOException {
    var broken = new TreeSet<String>();
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"));
        Stream<Path> records = Files.walk(ROOT.resolve("bench/records"))) {
      Stream<Path> texts = Stream.concat(docs, records).filter(p -> p.toString().endsWith(".md"));
      for (Path page : Stream.concat(Stream.of(README), texts).toList()) {
        Matcher link = Pattern.compile("\\]\\(([^)#]+)[^)]*\\)").matcher(Files.readString(page));
        while (link.find()) {
          if (!link.group(1).contains("://")
              && !Files.exists(page.resolveSibling(link.group(1)).normalize())) {
            broken.add(ROOT.relativize(page) + ": " + link.group(1));
          }
        }
      }
    }
    assertEquals(new TreeSet<String>(), broken);
  }

  /** Each piece of Java in the guide stands in the file that was linked last before it. */
  @Test
  void theGuidesCodeIsThatOfTheSources() throws IOException {
    Path guide = ROOT.resolve("docs/sharing-and-tying.md");
    Matcher piece =
        Pattern.compile("\\]\\(([^)]+\\.java)\\)|(?s:```java\n(.*?)```)")
            .matcher(Files.readString(guide));
    String source = "";
    String name = "";
    String last = "";
    int pieces = 0;
    while (piece.find()) {
      if (piece.group(1) != null) {
        name = piece.group(1);
        source = unindented(Files.readString(guide.resolveSibling(name)));
      } else {
        pieces++;
        last = unindented(piece.group(2));
        assertTrue(source.contains(last), name + " lacks " + last);
      }
    }
    assertTrue(pieces >= 4, pieces + " pieces");
    // Negative control: a changed piece is found.
    assertFalse(source.contains(last.replace("(", "((")), last);
  }

  private static String unindented(String code) {
    return code.replaceAll("(?m)^ +", "");
  }

  @Test
  void itWorksOnTheClassPath(@TempDir Path folder) throws Exception {
    Path app = folder.resolve("Main.java");
    Files.writeString(app, program(""));
    says(
        List.of("@" + ROOT.resolve("scripts/classpath.args"), "-cp", classes() + "", app + ""),
        folder);
  }

  @Test
  void itWorksOnTheModulePath(@TempDir Path folder) throws Exception {
    assumeTrue(
        Files.exists(classes().resolve("module-info.class")), "built without a module descriptor");
    Path module = Files.writeString(folder.resolve("module-info.java"), MODULE);
    Path main = Files.createDirectories(folder.resolve("app")).resolve("Main.java");
    Files.writeString(main, program("package app; "));
    run(folder, "javac", List.of("-p", classes() + "", "-d", folder + "", module + "", main + ""));
    says(
        List.of(
            "--enable-native-access=dev.selfsame",
            "-p",
            classes() + ":" + folder,
            "-m",
            "app/app.Main"),
        folder);
  }

  private static final String MODULE = "module app { requires dev.selfsame; }";

  private static String program(String prefix) {
    return prefix
        + """
        import dev.selfsame.*;
        import dev.selfsame.op.Bias;

        public class Main {
          public static void main(String[] args) {
            try (Scope scope = Scope.open()) {
              Device device = Device.vector();
              Tensor x = Tensor.of(scope, device, new float[] {1, 2, 3, 4}, 2, 2);
              Bias.add(x, Tensor.of(scope, device, new float[] {10, 20}, 2), x);
              System.out.println(java.util.Arrays.toString(x.toFloatArray()));
              Device.softcuda();
            } catch (DeviceException e) {
              System.out.println("without softcuda");
            }
          }
        }
        """;
  }

  private static void says(List<String> arguments, Path folder) throws Exception {
    String said = run(folder, "java", arguments);
    assertTrue(said.contains("[11.0, 22.0, 13.0, 24.0]"), said);
    // The option for native access is the right one: JDK 25 warns otherwise.
    assertFalse(said.contains("restricted method"), said);
  }

  private static String run(Path folder, String tool, List<String> arguments) throws Exception {
    var command = new java.util.ArrayList<>(arguments);
    command.addFirst(Path.of(System.getProperty("java.home"), "bin", tool).toString());
    Path log = folder.resolve(tool + ".log");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      assertTrue(process.waitFor(120, TimeUnit.SECONDS), tool + " takes too long");
    } finally {
      process.destroyForcibly();
    }
    String said = Files.readString(log);
    assertEquals(0, process.exitValue(), said);
    return said;
  }

  private static Path classes() throws URISyntaxException {
    return Path.of(Tensor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}

package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.selfsame.verify.OpsUnderTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The rules of the house, read off the source tree: every operation has its files and its row in
 * the README, files stay short, and public packages are exported.
 */
class HouseTest {
  private static final Path ROOT = Path.of("").toAbsolutePath();
  private static final Path MAIN = ROOT.resolve("src/main/java/dev/selfsame");

  /** Public final classes of package op that are no operation. */
  private static final Set<String> HELPERS = Set.of("Check", "PackedFilters");

  /**
   * What an operation still lacks: stem to siblings, from {@code vector, cuda, test, verify, bench,
   * readme}. An entry that is no longer true fails, too.
   */
  private static final Map<String, Set<String>> OWED = Map.of();

  /**
   * Operations that are others' kernels by another name: stem to the operation that it calls. They
   * have a definition of their own, and every sibling but kernels.
   */
  private static final Map<String, String> COMPOSED = Map.of("ConvTranspose2d", "Conv2d");

  /** Files that may be longer than {@link #MAX_LINES}, each for a reason beside it. */
  private static final Set<String> LONG =
      // One context with its pool, streams and launches: to be split.
      Set.of("src/main/java/dev/selfsame/cuda/CudaContext.java");

  private static final int MAX_LINES = 500;
  private static final int MAX_TEST_LINES = 700;

  @TestFactory
  Stream<DynamicTest> everyOperationHasItsSiblings() throws IOException {
    return stems().stream().map(stem -> DynamicTest.dynamicTest(stem, () -> siblings(stem)));
  }

  @Test
  void owedAndHelperNamesExist() throws IOException {
    var stems = stems();
    for (String stem : OWED.keySet()) {
      if (!stems.contains(stem)) {
        fail("OWED names " + stem + ", which is no operation");
      }
    }
    for (String helper : HELPERS) {
      if (!Files.exists(MAIN.resolve("op/" + helper + ".java"))) {
        fail("HELPERS names " + helper + ", which is no class of package op");
      }
    }
  }

  @Test
  void filesStayShort() throws IOException {
    var over = new TreeMap<String, Integer>();
    for (String folder : List.of("src", "cuda-kernels", "native", "scripts", "bench")) {
      for (Path file : files(ROOT.resolve(folder), HouseTest::isSource)) {
        int lines = Files.readAllLines(file).size();
        String name = ROOT.relativize(file).toString().replace('\\', '/');
        int most = name.contains("test/") ? MAX_TEST_LINES : MAX_LINES;
        if (lines > most && !LONG.contains(name)) {
          over.put(name, lines);
        }
      }
    }
    assertEquals(Map.of(), over, "files that are too long (aim at 400 lines)");
  }

  @Test
  void packagesWithPublicTypesAreExported() throws IOException {
    String module = Files.readString(ROOT.resolve("src/main/java/module-info.java"));
    // The insides: kernels on raw memory, and the command line.
    Set<String> inside = Set.of("cpu", "cli");
    var missing = new TreeSet<String>();
    for (Path file : files(MAIN, f -> f.toString().endsWith(".java"))) {
      String name = MAIN.relativize(file.getParent()).toString().replace('/', '.');
      Pattern type = Pattern.compile("(?m)^public .*\\b(class|interface|record|enum) ");
      if (!inside.contains(name) && type.matcher(Files.readString(file)).find()) {
        String exported = name.isEmpty() ? "dev.selfsame" : "dev.selfsame." + name;
        if (!Pattern.compile("exports " + Pattern.quote(exported) + "\\s*;")
            .matcher(module)
            .find()) {
          missing.add(exported);
        }
      }
    }
    assertEquals(Set.of(), missing, "packages that module-info.java does not export");
  }

  @Test
  void composedOperationsCallWhatTheyAreMadeOf() throws IOException {
    for (var composed : COMPOSED.entrySet()) {
      String source = Files.readString(MAIN.resolve("op/" + composed.getKey() + ".java"));
      String calls = "\\b" + composed.getValue() + "\\.\\w+\\(";
      if (!Pattern.compile(calls).matcher(source).find() || source.contains("Kernel.of(")) {
        fail(composed + ": it must call the other operation and have no kernel of its own");
      }
    }
  }

  private static void siblings(String stem) throws IOException {
    String key = normal(COMPOSED.getOrDefault(stem, stem));
    var lacks = new TreeSet<String>();
    if (none(
        MAIN.resolve("cpu"),
        f -> f.matches(COMPOSED.getOrDefault(stem, stem) + "Vector.*\\.java"))) {
      lacks.add("vector");
    }
    if (none(ROOT.resolve("cuda-kernels"), f -> f.endsWith(".cu") && normal(f).startsWith(key))) {
      lacks.add("cuda");
    }
    if (none(ROOT.resolve("src/test/java/dev/selfsame/op"), f -> f.equals(stem + "Test.java"))) {
      lacks.add("test");
    }
    if (none(MAIN.resolve("verify"), f -> f.equals(stem + "Cases.java"))
        || OpsUnderTest.all().stream().noneMatch(o -> o.op().getSimpleName().equals(stem))) {
      lacks.add("verify");
    }
    // bench/ and the table of operations in README.md are asked only once they are there.
    Path bench = ROOT.resolve("bench");
    if (Files.exists(bench) && none(bench, f -> f.equals(stem + "Bench.java"))) {
      lacks.add("bench");
    }
    String readme = Files.readString(ROOT.resolve("README.md"));
    if (Pattern.compile("(?mi)^\\| *op\\b").matcher(readme).find()
        && !Pattern.compile("(?m)^\\|.*\\b" + stem + "\\b.*\\|").matcher(readme).find()) {
      lacks.add("readme");
    }
    assertEquals(new TreeSet<>(OWED.getOrDefault(stem, Set.of())), lacks, stem + " lacks");
  }

  private static Set<String> stems() throws IOException {
    var stems = new TreeSet<String>();
    Pattern op = Pattern.compile("(?m)^public final class (\\w+)");
    for (Path file : files(MAIN.resolve("op"), f -> f.toString().endsWith(".java"))) {
      var m = op.matcher(Files.readString(file));
      if (m.find() && !HELPERS.contains(m.group(1))) {
        stems.add(m.group(1));
      }
    }
    return stems;
  }

  private static String normal(String name) {
    return name.replace("_", "").toLowerCase(Locale.ROOT);
  }

  private static boolean isSource(Path file) {
    return file.toString().matches(".*\\.(java|cu|cuh|cpp|h|hpp|sh)")
        || !file.getFileName().toString().contains(".");
  }

  private static boolean none(Path folder, Predicate<String> name) throws IOException {
    return files(folder, f -> name.test(f.getFileName().toString())).isEmpty();
  }

  private static List<Path> files(Path folder, Predicate<Path> wanted) throws IOException {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (var walk = Files.walk(folder)) {
      var found = new ArrayList<Path>();
      walk.filter(f -> Files.isRegularFile(f) && !f.toString().contains("/target/"))
          .filter(wanted)
          .forEach(found::add);
      return found;
    }
  }
}

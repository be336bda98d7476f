import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Formats the Java sources with google-java-format, or checks that they are formatted.
 *
 * <p>Called by Maven with the JDK of the toolchain. (Spotless would run the formatter inside
 * Maven's own JVM, whose parser is too old for this code when Maven runs on JDK 17.)
 *
 * <pre>{@code java -cp google-java-format.jar… scripts/Format.java check|apply path,…}</pre>
 */
final class Format {
  public static void main(String[] args) throws Exception {
    boolean apply = args[0].equals("apply");
    var files = new ArrayList<Path>();
    for (String path : args[1].split(",")) {
      if (Files.exists(Path.of(path))) {
        try (var walk = Files.walk(Path.of(path))) {
          walk.filter(p -> p.toString().endsWith(".java") && !p.toString().contains("target/"))
              .forEach(files::add);
        }
      }
    }
    var formatter = new Formatter();
    List<String> wrong =
        files.parallelStream()
            .filter(f -> differs(formatter, f, apply))
            .map(Path::toString)
            .sorted()
            .toList();
    if (!wrong.isEmpty()) {
      System.out.println((apply ? "Formatted:" : "Not formatted:"));
      wrong.forEach(f -> System.out.println("  " + f));
      if (!apply) {
        System.out.println("Run scripts/format");
        System.exit(1);
      }
    }
  }

  private static boolean differs(Formatter formatter, Path file, boolean apply) {
    try {
      String before = Files.readString(file);
      String after =
          formatter.formatSourceAndFixImports(RemoveUnusedImports.removeUnusedImports(before));
      if (before.equals(after)) {
        return false;
      }
      if (apply) {
        Files.writeString(file, after);
      }
      return true;
    } catch (Exception e) {
      System.out.println(file + ": " + e.getMessage());
      return true;
    }
  }
}

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Makes plain text of the tagged Brown corpus: {@code java scripts/BrownText.java CORPUS_DIR
 * OUT_DIR} writes train.txt, valid.txt and test.txt; with {@code --shipped} a tenth of each, as
 * .txt.gz. Run by {@code scripts/data}.
 *
 * <p>The rule. Documents are the 500 files ca01 … cr09 by name; number i = 0 … 499 goes to the
 * validation part if i mod 10 = 8, to the test part if i mod 10 = 9, else to the training part. A
 * line of the source is a sentence of tokens {@code word/tag}: what follows the last slash is
 * dropped, tokens are joined by one space. A sentence is a line; a blank line follows each
 * document. The shipped parts hold documents 0, 10, 20 … of each full part.
 */
final class BrownText {
  private static final int DOCUMENTS = 500;
  private static final int SHIPPED_EVERY = 10;
  private static final List<String> PARTS = List.of("train", "valid", "test");

  public static void main(String[] args) throws IOException {
    boolean shipped = args.length == 3 && args[2].equals("--shipped");
    if (args.length != 2 && !shipped) {
      System.err.println("usage: java BrownText.java CORPUS_DIR OUT_DIR [--shipped]");
      System.exit(2);
    }
    List<Path> documents = documents(Path.of(args[0]));
    Path out = Files.createDirectories(Path.of(args[1]));
    List<List<Path>> parts = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i < DOCUMENTS; i++) {
      parts.get(Math.max(0, i % 10 - 7)).add(documents.get(i));
    }
    for (int p = 0; p < PARTS.size(); p++) {
      var text = new StringBuilder();
      for (int d = 0; d < parts.get(p).size(); d += shipped ? SHIPPED_EVERY : 1) {
        append(parts.get(p).get(d), text);
      }
      byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
      if (shipped) {
        Files.write(out.resolve(PARTS.get(p) + ".txt.gz"), gzip(bytes));
      } else {
        Files.write(out.resolve(PARTS.get(p) + ".txt"), bytes);
      }
    }
  }

  private static List<Path> documents(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files.filter(f -> f.getFileName().toString().matches("c[a-r][0-9]{2}")).sorted().toList();
      if (found.size() != DOCUMENTS) {
        throw new IOException(
            "%s: %d documents ca01 … cr09; the Brown corpus has %d"
                .formatted(folder, found.size(), DOCUMENTS));
      }
      return found;
    }
  }

  private static void append(Path document, StringBuilder text) throws IOException {
    for (String line : Files.readAllLines(document, StandardCharsets.US_ASCII)) {
      if (line.isBlank()) {
        continue;
      }
      String space = "";
      for (String token : line.strip().split("\\s+")) {
        int slash = token.lastIndexOf('/');
        if (slash < 1) {
          throw new IOException(document + ": token without a tag: " + token);
        }
        text.append(space).append(token, 0, slash);
        space = " ";
      }
      text.append('\n');
    }
    text.append('\n');
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip =
        new GZIPOutputStream(out) {
          {
            def.setLevel(Deflater.BEST_COMPRESSION);
          }
        }) {
      zip.write(bytes);
    }
    return out.toByteArray();
  }

  private BrownText() {}
}

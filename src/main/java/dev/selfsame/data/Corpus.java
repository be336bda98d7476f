package dev.selfsame.data;

import dev.selfsame.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * English text in a training, a validation and a test part that share no document: a sentence a
 * line, its tokens separated by one space, a blank line after each document.
 *
 * @param name "shipped" or "brown"
 */
public record Corpus(String name, String train, String valid, String test) {
  /** The names that {@link #find} takes. */
  public static final List<String> NAMES = List.of("shipped", "brown");

  /**
   * The text that ships in the jar: a tenth of the documents of the Brown corpus (Francis and
   * Kučera 1964). The README beside the resource states the rule and the terms.
   */
  public static Corpus shipped() {
    return new Corpus("shipped", resource("train"), resource("valid"), resource("test"));
  }

  /** The whole Brown corpus, from a folder with train.txt, valid.txt and test.txt. */
  public static Corpus brown(Path folder) {
    return new Corpus("brown", read(folder, "train"), read(folder, "valid"), read(folder, "test"));
  }

  /** The corpus called {@code name}; "brown" is looked for in {@link Digits#cache()}. */
  public static Corpus find(String name) {
    return switch (name) {
      case "shipped" -> shipped();
      case "brown" -> brown(Digits.cache().resolve(name));
      default -> throw new DataException("no text '%s'; known: %s".formatted(name, NAMES));
    };
  }

  private static String read(Path folder, String part) {
    Path file = folder.resolve(part + ".txt");
    try {
      return checked(file.toString(), Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw new DataException(
          "%s: no such file; bring the text with: scripts/data brown [--dir DIR], and say where with -Dselfsame.data=DIR or SELFSAME_DATA"
              .formatted(file),
          e);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e, e);
    }
  }

  private static String resource(String part) {
    String path = "text/" + part + ".txt.gz";
    try (InputStream in = Corpus.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new DataException("resource dev/selfsame/data/" + path + ": not in this build");
      }
      return checked("resource " + path, new GZIPInputStream(in).readAllBytes());
    } catch (IOException e) {
      throw new DataException("resource " + path + ": cannot be read: " + e, e);
    }
  }

  private static String checked(String what, byte[] bytes) throws CharacterCodingException {
    String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    if (text.isBlank() || !text.endsWith("\n")) {
      throw new DataException(what + ": text must not be empty and must end in a newline");
    }
    return text;
  }
}

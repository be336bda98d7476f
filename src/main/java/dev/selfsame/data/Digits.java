package dev.selfsame.data;

import dev.selfsame.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A data set of small grey images in ten classes, in a training and a test part.
 *
 * @param name "shipped", "mnist" or "fashion"
 * @param train the training part
 * @param test the test part; nothing in it is in the training part
 * @param normalization the usual one for the set
 */
public record Digits(String name, ImageSet train, ImageSet test, Normalization normalization) {
  /** The names that {@link #find} takes. */
  public static final List<String> NAMES = List.of("shipped", "mnist", "fashion");

  private static final int CLASSES = 10;
  private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
  private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
  private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
  private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

  /**
   * The real handwritten digits that ship in the jar: 10,000 to train and 2,000 to test, balanced,
   * from MNIST's training and test part. The README beside the resource states the rule and the
   * licence.
   */
  public static Digits shipped() {
    return new Digits(
        "shipped",
        ImageSet.of("shipped train", resource(TRAIN_IMAGES, 3), resource(TRAIN_LABELS, 1), CLASSES),
        ImageSet.of("shipped test", resource(TEST_IMAGES, 3), resource(TEST_LABELS, 1), CLASSES),
        Normalization.MNIST);
  }

  /** MNIST from a folder with its four IDX files, each plain or with {@code .gz}. */
  public static Digits mnist(Path folder) {
    return read("mnist", folder, Normalization.MNIST);
  }

  /** Fashion-MNIST from a folder with its four IDX files, each plain or with {@code .gz}. */
  public static Digits fashion(Path folder) {
    return read("fashion", folder, Normalization.FASHION);
  }

  /** The set called {@code name}; all but "shipped" are looked for in {@link #cache()}. */
  public static Digits find(String name) {
    return switch (name) {
      case "shipped" -> shipped();
      case "mnist" -> mnist(cache().resolve(name));
      case "fashion" -> fashion(cache().resolve(name));
      default -> throw new DataException("no data set '%s'; known: %s".formatted(name, NAMES));
    };
  }

  /**
   * The folder that {@code scripts/data} fills: the system property {@code selfsame.data}, else the
   * environment variable {@code SELFSAME_DATA}, else {@code ~/.cache/selfsame/data}.
   */
  public static Path cache() {
    for (String value :
        new String[] {System.getProperty("selfsame.data"), System.getenv("SELFSAME_DATA")}) {
      if (value != null && !value.isBlank()) {
        return Path.of(value);
      }
    }
    return Path.of(System.getProperty("user.home", "."), ".cache", "selfsame", "data");
  }

  private static Digits read(String name, Path folder, Normalization normalization) {
    return new Digits(
        name,
        ImageSet.read(
            name + " train",
            locate(name, folder, TRAIN_IMAGES),
            locate(name, folder, TRAIN_LABELS),
            CLASSES),
        ImageSet.read(
            name + " test",
            locate(name, folder, TEST_IMAGES),
            locate(name, folder, TEST_LABELS),
            CLASSES),
        normalization);
  }

  private static Path locate(String name, Path folder, String file) {
    Path plain = folder.resolve(file);
    Path zipped = folder.resolve(file + ".gz");
    if (Files.exists(plain)) {
      return plain;
    }
    if (Files.exists(zipped)) {
      return zipped;
    }
    throw new DataException(
        "%s: no such file, nor with .gz; bring the set with: scripts/data %s [--dir DIR], and say where with -Dselfsame.data=DIR or SELFSAME_DATA"
            .formatted(plain, name));
  }

  private static IdxFile resource(String file, int rank) {
    String path = "digits/" + file + ".gz";
    try (InputStream in = Digits.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new DataException("resource dev/selfsame/data/" + path + ": not in this build");
      }
      return IdxFile.read("resource " + path, in, rank);
    } catch (IOException e) {
      throw new DataException("resource " + path + ": cannot be read: " + e, e);
    }
  }
}

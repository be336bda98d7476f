import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Rebuilds the digit set that ships in the jar from the full MNIST IDX files, plain, in one folder.
 *
 * <p>{@code java scripts/ShippedDigits.java MNIST_DIR OUT_DIR}; run by {@code scripts/data
 * --rebuild-shipped}. The rule: of the k digits of a class, in file order, take those at positions
 * floor(i * k / n) for i = 0 … n-1, with n = 1000 for the training file and n = 200 for the test
 * file; the taken digits keep their file order. Spacing them evenly matters for the test part: the
 * first half of the MNIST test file is the easier one.
 */
final class ShippedDigits {
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("usage: java ShippedDigits.java MNIST_DIR OUT_DIR");
      System.exit(2);
    }
    Path from = Path.of(args[0]);
    Path to = Files.createDirectories(Path.of(args[1]));
    long bytes = subset(from, to, "train", 60_000, 1000) + subset(from, to, "t10k", 10_000, 200);
    System.out.printf("%d bytes in %s%n", bytes, to);
  }

  private static long subset(Path from, Path to, String part, int count, int perClass)
      throws IOException {
    byte[] images = Files.readAllBytes(from.resolve(part + "-images-idx3-ubyte"));
    byte[] labels = Files.readAllBytes(from.resolve(part + "-labels-idx1-ubyte"));
    if (images.length != 16 + 784 * count || labels.length != 8 + count) {
      throw new IOException(part + ": not the full MNIST files");
    }
    int[] size = new int[10];
    for (int i = 0; i < count; i++) {
      size[labels[8 + i]]++;
    }
    boolean[][] take = new boolean[10][];
    for (int c = 0; c < 10; c++) {
      take[c] = new boolean[size[c]];
      for (int i = 0; i < perClass; i++) {
        take[c][(int) ((long) i * size[c] / perClass)] = true;
      }
    }
    var pixelBytes = new ByteArrayOutputStream();
    var labelBytes = new ByteArrayOutputStream();
    header(pixelBytes, 0x803, 10 * perClass, 28, 28);
    header(labelBytes, 0x801, 10 * perClass);
    int[] seen = new int[10];
    for (int i = 0; i < count; i++) {
      int c = labels[8 + i];
      if (take[c][seen[c]++]) {
        pixelBytes.write(images, 16 + 784 * i, 784);
        labelBytes.write(c);
      }
    }
    return gzip(pixelBytes, to.resolve(part + "-images-idx3-ubyte.gz"))
        + gzip(labelBytes, to.resolve(part + "-labels-idx1-ubyte.gz"));
  }

  private static void header(ByteArrayOutputStream out, int... words) throws IOException {
    var data = new DataOutputStream(out);
    for (int word : words) {
      data.writeInt(word);
    }
  }

  private static long gzip(ByteArrayOutputStream content, Path file) throws IOException {
    try (var out =
        new GZIPOutputStream(Files.newOutputStream(file)) {
          {
            def.setLevel(Deflater.BEST_COMPRESSION);
          }
        }) {
      content.writeTo(out);
    }
    return Files.size(file);
  }
}

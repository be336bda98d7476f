package dev.selfsame.data;

import dev.selfsame.DataException;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * One IDX file of unsigned bytes, as MNIST and Fashion-MNIST use it: two zero bytes, the element
 * type (0x08), the number of dimensions, each dimension as a big-endian 32-bit integer, then the
 * elements, last dimension fastest. Plain or gzip'ed: the first two bytes tell.
 *
 * <p>Reading is strict: a wrong magic number, a number of dimensions other than the asked one, a
 * size that doesn't fit, missing or trailing bytes and a damaged gzip stream (its checksum counts)
 * are each a {@link DataException} that names the file, what was expected and what was found.
 */
public final class IdxFile {
  private static final int UNSIGNED_BYTE = 0x08;
  private static final int STEP = 1 << 20;

  private final String name;
  private final int[] shape;
  private final byte[] elements;

  private IdxFile(String name, int[] shape, byte[] elements) {
    this.name = name;
    this.shape = shape;
    this.elements = elements;
  }

  /** Reads a file of images, [N, H, W]. */
  public static IdxFile images(Path file) {
    return read(file, 3);
  }

  /** Reads a file of labels, [N]. */
  public static IdxFile labels(Path file) {
    return read(file, 1);
  }

  /** Reads a file that must have {@code rank} dimensions. */
  public static IdxFile read(Path file, int rank) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(file.toString(), in, rank);
    } catch (NoSuchFileException e) {
      throw new DataException(file + ": no such file", e);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e, e);
    }
  }

  /**
   * Reads from a stream to its end; {@code name} stands for it in messages. The stream is not
   * closed.
   */
  public static IdxFile read(String name, InputStream stream, int rank) {
    if (rank < 1 || rank > 255) {
      throw new IllegalArgumentException("rank is " + rank + "; IDX has 1 to 255 dimensions");
    }
    try {
      byte[] raw = stream.readAllBytes();
      boolean zipped = raw.length >= 2 && raw[0] == 0x1f && raw[1] == (byte) 0x8b;
      return parse(name, zipped ? new Unzipped(raw) : new ByteArrayInputStream(raw), rank);
    } catch (ZipException e) {
      throw new DataException(name + ": corrupt gzip stream: " + e.getMessage(), e);
    } catch (EOFException e) {
      throw new DataException(name + ": the gzip stream is truncated", e);
    } catch (IOException e) {
      throw new DataException(name + ": cannot be read: " + e, e);
    }
  }

  private static IdxFile parse(String name, InputStream in, int rank) throws IOException {
    int magic = word(name, in, "the magic number");
    int expected = UNSIGNED_BYTE << 8 | rank;
    if (magic != expected) {
      throw new DataException(
          "%s: not an IDX file of unsigned bytes with %d dimension%s: magic number expected 0x%08x, found 0x%08x"
              .formatted(name, rank, rank == 1 ? "" : "s", expected, magic));
    }
    int[] shape = new int[rank];
    long count = 1;
    for (int d = 0; d < rank; d++) {
      shape[d] = word(name, in, "dimension " + d);
      if (shape[d] < 1) {
        throw new DataException(
            "%s: dimension %d expected 1 or more, found %d".formatted(name, d, shape[d]));
      }
      count *= shape[d];
      if (count > Integer.MAX_VALUE - 8) {
        throw new DataException(
            "%s: dimensions %s… are more elements than this reader holds, %d"
                .formatted(
                    name, Arrays.toString(Arrays.copyOf(shape, d + 1)), Integer.MAX_VALUE - 8));
      }
    }
    byte[] elements = elements(name, in, (int) count);
    if (in.read() >= 0) {
      throw new DataException(
          "%s: expected %d elements for %s, found more bytes after them"
              .formatted(name, count, Arrays.toString(shape)));
    }
    return new IdxFile(name, shape, elements);
  }

  /** Reads in steps, so that a damaged header can't make a small file ask for much memory. */
  private static byte[] elements(String name, InputStream in, int count) throws IOException {
    var steps = new ArrayList<byte[]>();
    int found = 0;
    while (found < count) {
      byte[] step = in.readNBytes(Math.min(STEP, count - found));
      if (step.length == 0) {
        throw new DataException(
            "%s: truncated: expected %d elements, found %d".formatted(name, count, found));
      }
      steps.add(step);
      found += step.length;
    }
    byte[] all = new byte[count];
    int at = 0;
    for (byte[] step : steps) {
      System.arraycopy(step, 0, all, at, step.length);
      at += step.length;
    }
    return all;
  }

  private static int word(String name, InputStream in, String what) throws IOException {
    byte[] b = in.readNBytes(4);
    if (b.length < 4) {
      throw new DataException(
          "%s: truncated in the header: expected 4 bytes for %s, found %d"
              .formatted(name, what, b.length));
    }
    return (b[0] & 0xff) << 24 | (b[1] & 0xff) << 16 | (b[2] & 0xff) << 8 | b[3] & 0xff;
  }

  /**
   * Unzips an array; bytes behind the last member are an error here, which the base class skips.
   */
  private static final class Unzipped extends GZIPInputStream {
    private static final int TRAILER = 8;

    Unzipped(byte[] raw) throws IOException {
      super(new ByteArrayInputStream(raw), raw.length);
    }

    @Override
    public int read(byte[] b, int off, int len) throws IOException {
      int n = super.read(b, off, len);
      if (n < 0 && inf.getRemaining() > TRAILER) {
        throw new ZipException(inf.getRemaining() - TRAILER + " bytes behind its end");
      }
      return n;
    }
  }

  /** The file's name, for messages. */
  public String name() {
    return name;
  }

  /** Number of dimensions. */
  public int rank() {
    return shape.length;
  }

  /** Size of dimension {@code d}. */
  public int size(int d) {
    return shape[d];
  }

  /** The elements, last dimension fastest; the array itself, not a copy. */
  byte[] elements() {
    return elements;
  }
}

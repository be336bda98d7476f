package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DataException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxFileTest {
  /** Two images of 2 × 3. */
  private static final byte[] IMAGES = {
    0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, (byte) 255
  };

  static byte[] gzip(byte[] plain) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  private static IdxFile read(byte[] bytes) {
    return IdxFile.read("some-file", new ByteArrayInputStream(bytes), 3);
  }

  private static void refused(byte[] bytes, String... parts) {
    var e = assertThrows(DataException.class, () -> read(bytes));
    assertTrue(e.getMessage().startsWith("some-file: "), e.getMessage());
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  private static byte[] with(int at, int value) {
    byte[] copy = IMAGES.clone();
    copy[at] = (byte) value;
    return copy;
  }

  @Test
  void readsPlainAndZipped(@TempDir Path folder) throws IOException {
    for (byte[] bytes : new byte[][] {IMAGES, gzip(IMAGES)}) {
      Path file = Files.write(folder.resolve("f"), bytes);
      IdxFile idx = IdxFile.images(file);
      assertEquals(3, idx.rank());
      assertEquals(2, idx.size(0));
      assertEquals(2, idx.size(1));
      assertEquals(3, idx.size(2));
      assertArrayEquals(Arrays.copyOfRange(IMAGES, 16, 28), idx.elements());
    }
  }

  @Test
  void refusesAnyTruncation() throws IOException {
    byte[] zipped = gzip(IMAGES);
    for (int n = 0; n < IMAGES.length; n++) {
      refused(Arrays.copyOf(IMAGES, n), "truncated", "expected", "found");
    }
    refused(Arrays.copyOf(IMAGES, 20), "expected 12 elements, found 4");
    for (int n = 0; n < zipped.length; n++) {
      refused(Arrays.copyOf(zipped, n), "truncated");
    }
  }

  /** A few bits of a gzip stream mean nothing (padding); any other flip must not go unnoticed. */
  @Test
  void noFlippedBitOfTheZippedFileChangesTheContents() throws IOException {
    byte[] zipped = gzip(IMAGES);
    byte[] contents = read(zipped).elements();
    int refused = 0;
    for (int bit = 0; bit < 8 * zipped.length; bit++) {
      byte[] copy = zipped.clone();
      copy[bit / 8] ^= (byte) (1 << bit % 8);
      try {
        assertArrayEquals(contents, read(copy).elements());
      } catch (DataException e) {
        refused++;
      }
    }
    assertTrue(refused > 8 * (zipped.length - 10), refused + " refused");
  }

  @Test
  void refusesTrailingBytes() throws IOException {
    refused(Arrays.copyOf(IMAGES, IMAGES.length + 1), "more bytes after them");
    refused(gzip(Arrays.copyOf(IMAGES, IMAGES.length + 1)), "more bytes after them");
    byte[] zipped = gzip(IMAGES);
    for (int extra : new int[] {1, 7, 100}) {
      byte[] longer = Arrays.copyOf(zipped, zipped.length + extra);
      refused(longer, "corrupt gzip stream", extra + " bytes behind its end");
    }
  }

  @Test
  void refusesOtherMagicNumbers() {
    refused(with(3, 1), "expected 0x00000803, found 0x00000801");
    refused(with(2, 0x0d), "expected 0x00000803, found 0x00000d03");
    refused(with(0, 1), "found 0x01000803");
    refused("<!doctype html><html>".getBytes(), "not an IDX file");
  }

  @Test
  void refusesImpossibleSizes() {
    refused(with(7, 0), "dimension 0 expected 1 or more, found 0");
    refused(with(8, 0x80), "dimension 1 expected 1 or more, found -2147483646");
    byte[] large = with(4, 0x7f);
    large[8] = 0x7f;
    refused(large, "more elements than this reader holds");
    refused(with(4, 0x10), "truncated");
  }

  @Test
  void namesAMissingFile(@TempDir Path folder) {
    Path file = folder.resolve("not-there");
    var e = assertThrows(DataException.class, () -> IdxFile.labels(file));
    assertEquals(file + ": no such file", e.getMessage());
    e = assertThrows(DataException.class, () -> IdxFile.labels(folder));
    assertTrue(e.getMessage().startsWith(folder + ": cannot be read"), e.getMessage());
  }
}

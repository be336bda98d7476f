package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.selfsame.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DigitsTest {
  /** The hashes were computed from the full files by an independent program (NumPy). */
  @Test
  void shippedDigitsAreTheStatedOnes() {
    Digits digits = Digits.find("shipped");
    assertEquals("shipped train [10000, 1, 28, 28], 10 classes", digits.train().toString());
    assertEquals("shipped test [2000, 1, 28, 28], 10 classes", digits.test().toString());
    int[] perClass = new int[10];
    Arrays.fill(perClass, 1000);
    assertArrayEquals(perClass, histogram(digits.train()));
    Arrays.fill(perClass, 200);
    assertArrayEquals(perClass, histogram(digits.test()));
    assertEquals(
        "83ad9cd0b6af7c3295148882eb0368f214640801a15e91f251a853479316edc8", sha256(digits.train()));
    assertEquals(
        "13b65fea66dc7bdb4696820c3831c521f4967dbadf34bb7a85bb5eb54df1c858", sha256(digits.test()));
  }

  private static int[] histogram(ImageSet set) {
    int[] perClass = new int[set.classes()];
    for (int i = 0; i < set.count(); i++) {
      perClass[set.label(i)]++;
    }
    return perClass;
  }

  /** Of each image's label and pixels, one byte each, in order. */
  private static String sha256(ImageSet set) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      byte[] row = new byte[1 + set.imageSize()];
      for (int i = 0; i < set.count(); i++) {
        row[0] = (byte) set.label(i);
        for (int p = 0; p < set.imageSize(); p++) {
          row[1 + p] = (byte) set.pixel(i, p);
        }
        digest.update(row);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void readsAFolderOfPlainOrZippedFiles(@TempDir Path folder) throws IOException {
    byte[] images = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 3, 4};
    byte[] labels = {0, 0, 8, 1, 0, 0, 0, 1, 6};
    Files.write(folder.resolve("train-images-idx3-ubyte"), images);
    Files.write(folder.resolve("train-labels-idx1-ubyte.gz"), IdxFileTest.gzip(labels));
    Files.write(folder.resolve("t10k-images-idx3-ubyte.gz"), IdxFileTest.gzip(images));
    Files.write(folder.resolve("t10k-labels-idx1-ubyte"), labels);
    Digits digits = Digits.fashion(folder);
    assertEquals("fashion", digits.name());
    assertEquals(6, digits.test().label(0));
    assertEquals(4, digits.train().pixel(0, 1));

    Files.delete(folder.resolve("t10k-labels-idx1-ubyte"));
    var e = assertThrows(DataException.class, () -> Digits.mnist(folder));
    assertTrue(
        e.getMessage().contains(folder.resolve("t10k-labels-idx1-ubyte") + ": no such file"));
    assertTrue(e.getMessage().contains("scripts/data mnist"), e.getMessage());
  }

  @Test
  void refusesUnknownNames() {
    var e = assertThrows(DataException.class, () -> Digits.find("cifar"));
    assertEquals("no data set 'cifar'; known: [shipped, mnist, fashion]", e.getMessage());
  }

  @Test
  void fullSetsWherePresent() {
    for (String name : new String[] {"mnist", "fashion"}) {
      assumeTrue(Files.isDirectory(Digits.cache().resolve(name)), name + " is not in the cache");
      Digits digits = Digits.find(name);
      assertEquals(60_000, digits.train().count());
      assertEquals(10_000, digits.test().count());
      assertEquals(28, digits.test().width());
    }
  }
}

package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DataException;
import java.io.ByteArrayInputStream;
import org.junit.jupiter.api.Test;

class ImageSetTest {
  private static void refused(String part, Runnable run) {
    var e = assertThrows(DataException.class, run::run);
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void holdsWhatItWasGiven() {
    byte[] pixels = {1, 2, 3, (byte) 200};
    var set = ImageSet.of("s", 1, 1, 2, 10, pixels, new byte[] {9, 0});
    pixels[0] = 77;
    assertEquals(1, set.pixel(0, 0));
    assertEquals(200, set.pixel(1, 1));
    assertEquals(9, set.label(0));
    assertEquals(1, set.first(1).count());
    assertEquals("s [2, 1, 1, 2], 10 classes", set.toString());
    assertThrows(IndexOutOfBoundsException.class, () -> set.pixel(2, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> set.pixel(0, 2));
    assertThrows(IndexOutOfBoundsException.class, () -> set.label(-1));
  }

  @Test
  void movesImages() {
    byte[] pixels = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
    ImageSet set = ImageSet.of("s", 1, 2, 3, 10, pixels, new byte[] {7, 8});
    assertPixels(set.shifted(0, 0), 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16);
    assertPixels(set.shifted(0, 1), 0, 1, 2, 0, 4, 5, 0, 11, 12, 0, 14, 15);
    assertPixels(set.shifted(0, -2), 3, 0, 0, 6, 0, 0, 13, 0, 0, 16, 0, 0);
    assertPixels(set.shifted(1, 0), 0, 0, 0, 1, 2, 3, 0, 0, 0, 11, 12, 13);
    assertPixels(set.shifted(-1, 1), 0, 4, 5, 0, 0, 0, 0, 14, 15, 0, 0, 0);
    assertEquals(8, set.shifted(1, 1).label(1));
    refused("shift by 2 rows and 0 columns; expected less than 2", () -> set.shifted(2, 0));
    refused("shift by 0 rows and -3 columns", () -> set.shifted(0, -3));
  }

  private static void assertPixels(ImageSet set, int... pixels) {
    for (int i = 0; i < pixels.length; i++) {
      assertEquals(pixels[i], set.pixel(i / set.imageSize(), i % set.imageSize()), "pixel " + i);
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    refused("label 1 is 10; expected 0 to 9", () -> set(1, 1, new byte[2], new byte[] {0, 10}));
    refused("label 0 is 255", () -> set(1, 1, new byte[1], new byte[] {-1}));
    refused("there are 3 pixels", () -> set(1, 2, new byte[3], new byte[2]));
    refused("expected each 1 or more", () -> set(1, 0, new byte[0], new byte[1]));
    refused("expected each 1 or more", () -> set(1, 1, new byte[0], new byte[0]));
    refused("first 3 images; expected 1 to 2", () -> set(1, 1, new byte[2], new byte[2]).first(3));
  }

  private static ImageSet set(int h, int w, byte[] pixels, byte[] labels) {
    return ImageSet.of("s", 1, h, w, 10, pixels, labels);
  }

  @Test
  void refusesFilesThatDoNotBelongTogether() {
    var images = idx(3, 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5);
    var labels = idx(1, 0, 0, 8, 1, 0, 0, 0, 2, 1, 1);
    refused("f has 1 images, but f has 2 labels", () -> ImageSet.of("s", images, labels, 10));
    refused("f has 1 dimensions and f has 3", () -> ImageSet.of("s", labels, images, 10));
  }

  private static IdxFile idx(int rank, int... bytes) {
    byte[] b = new byte[bytes.length];
    for (int i = 0; i < b.length; i++) {
      b[i] = (byte) bytes[i];
    }
    return IdxFile.read("f", new ByteArrayInputStream(b), rank);
  }

  @Test
  void normalizesInThreeRoundings() {
    assertEquals(0f, Normalization.NONE.value(0));
    assertEquals(1f, Normalization.NONE.value(255));
    float[] table = Normalization.MNIST.table();
    for (int x = 0; x < 256; x++) {
      float scaled = (float) ((double) x / 255.0);
      float centred = (float) ((double) scaled - (double) 0.1307f);
      float expected = (float) ((double) centred / (double) 0.3081f);
      assertEquals(Float.floatToRawIntBits(expected), Float.floatToRawIntBits(table[x]));
    }
    assertEquals(0xbed93271, Float.floatToRawIntBits(table[0]));
    refused("std is 0.0", () -> new Normalization(0f, 0f));
    refused("mean is NaN", () -> new Normalization(Float.NaN, 1f));
  }
}

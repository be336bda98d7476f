package dev.selfsame.data;

import dev.selfsame.DataException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/**
 * Images of one size with a class label each, as bytes in memory: pixels [N, C, H, W], labels [N].
 * Immutable.
 */
public final class ImageSet {
  private final String name;
  private final int count;
  private final int channels;
  private final int height;
  private final int width;
  private final int classes;
  private final byte[] pixels;
  private final byte[] labels;

  private ImageSet(
      String name, int channels, int height, int width, int classes, byte[] pixels, byte[] labels) {
    this.name = name;
    this.count = labels.length;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.classes = classes;
    this.pixels = pixels;
    this.labels = labels;
  }

  /**
   * A set from arrays, which are copied.
   *
   * @param pixels [N, C, H, W], N ≥ 1, unsigned bytes
   * @param labels [N], each in 0 … classes − 1
   */
  public static ImageSet of(
      String name, int channels, int height, int width, int classes, byte[] pixels, byte[] labels) {
    return checked(name, channels, height, width, classes, pixels.clone(), labels.clone());
  }

  /** The set of an image file [N, H, W] and a label file [N]; one channel. */
  public static ImageSet of(String name, IdxFile images, IdxFile labels, int classes) {
    if (images.rank() != 3 || labels.rank() != 1) {
      throw new DataException(
          "%s has %d dimensions and %s has %d; expected 3 for images and 1 for labels"
              .formatted(images.name(), images.rank(), labels.name(), labels.rank()));
    }
    if (images.size(0) != labels.size(0)) {
      throw new DataException(
          "%s has %d images, but %s has %d labels; expected as many"
              .formatted(images.name(), images.size(0), labels.name(), labels.size(0)));
    }
    return checked(
        name, 1, images.size(1), images.size(2), classes, images.elements(), labels.elements());
  }

  /** Reads an image file and a label file, plain or gzip'ed; one channel. */
  public static ImageSet read(String name, Path images, Path labels, int classes) {
    return of(name, IdxFile.images(images), IdxFile.labels(labels), classes);
  }

  private static ImageSet checked(
      String name, int channels, int height, int width, int classes, byte[] pixels, byte[] labels) {
    Objects.requireNonNull(name, "name");
    if (channels < 1 || height < 1 || width < 1 || labels.length < 1) {
      throw new DataException(
          "%s: [N, C, H, W] is [%d, %d, %d, %d]; expected each 1 or more"
              .formatted(name, labels.length, channels, height, width));
    }
    if (classes < 1 || classes > 256) {
      throw new DataException(name + ": " + classes + " classes; expected 1 to 256");
    }
    if (pixels.length != (long) labels.length * channels * height * width) {
      throw new DataException(
          "%s: [N, C, H, W] is [%d, %d, %d, %d], but there are %d pixels"
              .formatted(name, labels.length, channels, height, width, pixels.length));
    }
    for (int i = 0; i < labels.length; i++) {
      if ((labels[i] & 0xff) >= classes) {
        throw new DataException(
            "%s: label %d is %d; expected 0 to %d"
                .formatted(name, i, labels[i] & 0xff, classes - 1));
      }
    }
    return new ImageSet(name, channels, height, width, classes, pixels, labels);
  }

  /** What the set is called in messages. */
  public String name() {
    return name;
  }

  /** N, the number of images. */
  public int count() {
    return count;
  }

  /** C. */
  public int channels() {
    return channels;
  }

  /** H. */
  public int height() {
    return height;
  }

  /** W. */
  public int width() {
    return width;
  }

  /** The number of classes; labels are below it. */
  public int classes() {
    return classes;
  }

  /** C · H · W. */
  public int imageSize() {
    return channels * height * width;
  }

  /** The pixel at {@code offset} in 0 … imageSize − 1 of image {@code image}, 0 to 255. */
  public int pixel(int image, int offset) {
    Objects.checkIndex(image, count);
    Objects.checkIndex(offset, imageSize());
    return pixels[image * imageSize() + offset] & 0xff;
  }

  /** The class of image {@code image}. */
  public int label(int image) {
    return labels[Objects.checkIndex(image, count)] & 0xff;
  }

  /** The first {@code n} images as a set of their own. */
  public ImageSet first(int n) {
    if (n < 1 || n > count) {
      throw new DataException("%s: first %d images; expected 1 to %d".formatted(name, n, count));
    }
    return new ImageSet(
        name,
        channels,
        height,
        width,
        classes,
        Arrays.copyOf(pixels, n * imageSize()),
        Arrays.copyOf(labels, n));
  }

  /**
   * The same images moved over a background of 0: what leaves on one side is lost.
   *
   * @param down rows, negative for up; by less than H
   * @param right columns, negative for left; by less than W
   */
  public ImageSet shifted(int down, int right) {
    if (Math.abs(down) >= height || Math.abs(right) >= width) {
      throw new DataException(
          "%s: shift by %d rows and %d columns; expected less than %d and %d"
              .formatted(name, down, right, height, width));
    }
    byte[] moved = new byte[pixels.length];
    for (int row = 0; row < count * channels * height; row++) {
      int to = row % height + down;
      if (to >= 0 && to < height) {
        System.arraycopy(
            pixels,
            row * width + Math.max(0, -right),
            moved,
            (row + down) * width + Math.max(0, right),
            width - Math.abs(right));
      }
    }
    return new ImageSet(name, channels, height, width, classes, moved, labels);
  }

  @Override
  public String toString() {
    return "%s [%d, %d, %d, %d], %d classes"
        .formatted(name, count, channels, height, width, classes);
  }
}

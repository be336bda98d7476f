package dev.selfsame.data;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Cuts an image set into batches, addressed by step: what is in batch {@code step} depends on the
 * set, the batch size, the seed and the step only, so a resumed run reads the batches that an
 * uninterrupted one would. Not thread-safe: one instance a thread.
 */
public final class Batches {
  /**
   * Keeps the shuffling streams apart from other users of the same seed: "shuf" above the epoch.
   */
  private static final long STREAM = 0x73687566L << 32;

  private final ImageSet set;
  private final float[] table;
  private final int size;
  private final boolean shuffled;
  private final long seed;
  private final long perEpoch;
  private int @Nullable [] order;
  private long orderEpoch = -1;

  private Batches(ImageSet set, Normalization norm, int size, boolean shuffled, long seed) {
    if (size < 1 || size > set.count()) {
      throw new SelfsameException(
          "batch size is %d; expected 1 to the %d images of %s"
              .formatted(size, set.count(), set.name()));
    }
    this.set = set;
    this.table = norm.table();
    this.size = size;
    this.shuffled = shuffled;
    this.seed = seed;
    this.perEpoch = shuffled ? set.count() / size : (set.count() + size - 1L) / size;
  }

  /**
   * For training: each epoch e goes through {@code Philox.permutation(seed, stream("shuf", e), N)};
   * all batches have {@code size} images, and the N mod size last ones of an epoch are left out.
   */
  public static Batches shuffled(ImageSet set, Normalization norm, int size, long seed) {
    return new Batches(set, norm, size, true, seed);
  }

  /** For evaluation: in file order, each image once an epoch; the last batch may be smaller. */
  public static Batches inOrder(ImageSet set, Normalization norm, int size) {
    return new Batches(set, norm, size, false, 0);
  }

  /** The set behind the batches. */
  public ImageSet set() {
    return set;
  }

  /** Batches in an epoch. */
  public long perEpoch() {
    return perEpoch;
  }

  /** The epoch of batch {@code step}, from 0. */
  public long epoch(long step) {
    return Math.floorDiv(step, perEpoch);
  }

  /** How many images batch {@code step} has. */
  public int size(long step) {
    return (int) Math.min(size, set.count() - first(step));
  }

  private long first(long step) {
    if (step < 0) {
      throw new SelfsameException("step is " + step + "; expected 0 or more");
    }
    return step % perEpoch * size;
  }

  /** The index in the set of image {@code i} of batch {@code step}. */
  public int index(long step, int i) {
    int n = size(step);
    if (i < 0 || i >= n) {
      throw new SelfsameException("image %d of a batch of %d".formatted(i, n));
    }
    int at = (int) first(step) + i;
    return shuffled ? order(epoch(step))[at] : at;
  }

  private int[] order(long epoch) {
    int[] known = order;
    if (known == null || orderEpoch != epoch) {
      known = Philox.permutation(seed, STREAM + epoch, set.count());
      order = known;
      orderEpoch = epoch;
    }
    return known;
  }

  /**
   * Writes batch {@code step}: normalised pixels [n, C, H, W] and labels [n] from the starts of the
   * segments. Elements behind them are left alone.
   *
   * @param pixels floats, at least {@code size(step) * imageSize()} of them
   * @param labels ints, at least {@code size(step)} of them
   * @return n, {@code size(step)}
   */
  public int fill(long step, MemorySegment pixels, MemorySegment labels) {
    int n = size(step);
    int imageSize = set.imageSize();
    requireRoom("pixels", pixels, (long) n * imageSize);
    requireRoom("labels", labels, n);
    for (int i = 0; i < n; i++) {
      int image = index(step, i);
      i32(labels, i, set.label(image));
      long at = (long) i * imageSize;
      for (int p = 0; p < imageSize; p++) {
        f32(pixels, at + p, table[set.pixel(image, p)]);
      }
    }
    return n;
  }

  /** {@link #fill(long, MemorySegment, MemorySegment)} into arrays. */
  public int fill(long step, float[] pixels, int[] labels) {
    return fill(step, MemorySegment.ofArray(pixels), MemorySegment.ofArray(labels));
  }

  /**
   * {@link #fill(long, MemorySegment, MemorySegment)} into tensors on any device.
   *
   * @param pixels FP32 with exactly {@code size(step) * imageSize()} elements, such as [n, C, H, W]
   * @param labels INT32 with exactly {@code size(step)} elements
   */
  public int fill(long step, Tensor pixels, Tensor labels) {
    int n = size(step);
    requireKind("pixels", pixels, DType.F32, (long) n * set.imageSize());
    requireKind("labels", labels, DType.I32, n);
    if (pixels.device() instanceof Device.Cuda || labels.device() instanceof Device.Cuda) {
      float[] stagedPixels = new float[n * set.imageSize()];
      int[] stagedLabels = new int[n];
      fill(step, stagedPixels, stagedLabels);
      pixels.copyFrom(MemorySegment.ofArray(stagedPixels));
      labels.copyFrom(MemorySegment.ofArray(stagedLabels));
      return n;
    }
    return fill(step, pixels.memory(), labels.memory());
  }

  private static void requireKind(String name, Tensor tensor, DType dtype, long elements) {
    if (tensor.dtype() != dtype) {
      throw new DTypeException(
          "%s is %s; the batch needs %s".formatted(name, tensor.dtype(), dtype));
    }
    if (tensor.elements() != elements) {
      throw new ShapeException(
          "%s has shape %s; the batch needs %d elements".formatted(name, tensor.shape(), elements));
    }
  }

  private static void requireRoom(String name, MemorySegment segment, long elements) {
    if (segment.isReadOnly() || segment.byteSize() < 4 * elements) {
      throw new SelfsameException(
          "%s has room for %d elements%s; the batch needs %d"
              .formatted(
                  name,
                  segment.byteSize() / 4,
                  segment.isReadOnly() ? " and is read-only" : "",
                  elements));
    }
  }
}

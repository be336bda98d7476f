package dev.selfsame.data;

import dev.selfsame.SelfsameException;
import dev.selfsame.contract.Philox;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Pairs of images, half of them of one class and half of two, addressed by step: what is in batch
 * {@code step} depends on the set, the size, the seed and the step only.
 */
public final class Pairs {
  /** Keeps the streams apart from other users of the same seed: "pair" above the step. */
  private static final long STREAM = 0x70616972L << 32;

  private final ImageSet set;
  private final int size;
  private final long seed;
  private final int[][] byClass;

  /**
   * A batch.
   *
   * @param first numbers of the images on one side
   * @param second of those on the other
   * @param different 0 where both show one class, 1 where they show two
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  public record Batch(int[] first, int[] second, int[] different) {}

  /**
   * Pairs of a set.
   *
   * @param size pairs of a batch, even: every other one is of two classes
   */
  public Pairs(ImageSet set, int size, long seed) {
    if (size < 2 || size % 2 != 0) {
      throw new SelfsameException("size is " + size + "; an even number of pairs is needed");
    }
    this.set = set;
    this.size = size;
    this.seed = seed;
    byClass = new int[set.classes()][];
    for (int c = 0; c < byClass.length; c++) {
      int wanted = c;
      byClass[c] = IntStream.range(0, set.count()).filter(i -> set.label(i) == wanted).toArray();
    }
    if (Arrays.stream(byClass).filter(images -> images.length > 0).count() < 2) {
      throw new SelfsameException(set.name() + " has images of one class only; two are needed");
    }
  }

  /** Batch number {@code step}. */
  public Batch batch(long step) {
    Batch batch = new Batch(new int[size], new int[size], new int[size]);
    for (int i = 0; i < size; i++) {
      long at = 4L * i;
      int first = draw(step, at, set.count());
      int label = set.label(first);
      batch.first[i] = first;
      batch.different[i] = i % 2;
      if (i % 2 == 0) {
        batch.second[i] = byClass[label][draw(step, at + 1, byClass[label].length)];
      } else {
        // Among the images of all other classes, by their number there.
        int number = draw(step, at + 1, set.count() - byClass[label].length);
        int other = 0;
        while (other == label || number >= byClass[other].length) {
          number -= other == label ? 0 : byClass[other].length;
          other++;
        }
        batch.second[i] = byClass[other][number];
      }
    }
    return batch;
  }

  /** A number below {@code n}; n is far below 2³², so the bias of the product does not matter. */
  private int draw(long step, long index, int n) {
    return (int) (((Philox.bits(seed, STREAM + step, index) & 0xffffffffL) * n) >>> 32);
  }
}

package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Comparisons of results whose elements are dot products, see {@link Bounds}. */
final class DotProducts {
  /** Elements compared with float64: all if there are no more than this, else as many at random. */
  private static final int SAMPLE = 2000;

  private DotProducts() {}

  /**
   * Ours and theirs against each other in all elements, and each against float64 in a sample.
   *
   * @param terms of a dot product, at most
   * @param magnitudes theirs for the inputs' absolute values
   */
  static List<Agreement> compare(
      double terms,
      MemorySegment ours,
      String peer,
      MemorySegment theirs,
      MemorySegment magnitudes,
      Reference reference) {
    long n = ours.byteSize() / Float.BYTES;
    List<Agreement> all = new ArrayList<>();
    all.add(
        Agreement.of(
            "ours and " + peer,
            n,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            i -> theirs.getAtIndex(JAVA_FLOAT, i),
            i -> 2 * Bounds.fromComputed(terms, magnitudes.getAtIndex(JAVA_FLOAT, i))));
    all.add(againstFloat64("ours and float64", terms, ours, reference));
    all.add(againstFloat64(peer + " and float64", terms, theirs, reference));
    return all;
  }

  static Agreement againstFloat64(
      String what, double terms, MemorySegment got, Reference reference) {
    long n = got.byteSize() / Float.BYTES;
    var random = new SplittableRandom(n);
    long count = Math.min(n, SAMPLE);
    long[] index = new long[(int) count];
    for (int i = 0; i < count; i++) {
      index[i] = n <= SAMPLE ? i : random.nextLong(n);
    }
    Reference.Term[] exact = new Reference.Term[(int) count];
    for (int i = 0; i < count; i++) {
      exact[i] = reference.at(index[i]);
    }
    return Agreement.of(
        what,
        count,
        i -> got.getAtIndex(JAVA_FLOAT, index[(int) i]),
        i -> exact[(int) i].value(),
        // The reference itself rounds in float64: 2^-29 of the float bound.
        i -> Bounds.dot(terms, exact[(int) i].magnitude()) * (1 + 0x1p-28));
  }
}

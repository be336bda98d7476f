package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Compares bits. There is no tolerance: signed zeros and subnormals count, only NaNs are one class
 * (their payload is not part of the contract).
 */
public final class Bits {
  private Bits() {}

  /**
   * The first difference between two sequences.
   *
   * @param index element index
   * @param expected bits of the control
   * @param actual bits of the tested
   * @param isFloat whether the elements are FP32
   */
  public record Mismatch(long index, int expected, int actual, boolean isFloat) {
    /**
     * Distance in units in the last place: how many floats lie between the two; {@code -1} if
     * either is NaN or an int.
     */
    public long ulps() {
      float a = Float.intBitsToFloat(expected);
      float b = Float.intBitsToFloat(actual);
      if (!isFloat || Float.isNaN(a) || Float.isNaN(b)) {
        return -1;
      }
      return Math.abs(ordinal(expected) - ordinal(actual));
    }

    private static long ordinal(int bits) {
      return bits < 0 ? -(long) (bits & 0x7fffffff) : bits;
    }

    @Override
    public String toString() {
      if (!isFloat) {
        return "index " + index + ": expected " + expected + ", got " + actual;
      }
      return String.format(
          "index %d: expected 0x%08x (%s), got 0x%08x (%s), %s ULP apart",
          index,
          expected,
          Float.intBitsToFloat(expected),
          actual,
          Float.intBitsToFloat(actual),
          ulps() < 0 ? "no" : Long.toString(ulps()));
    }
  }

  /** Whether two floats are the same bits, or both NaN. */
  public static boolean same(float a, float b) {
    return Float.floatToRawIntBits(a) == Float.floatToRawIntBits(b)
        || Float.isNaN(a) && Float.isNaN(b);
  }

  /** The first difference of two arrays of one length, or empty. */
  public static Optional<Mismatch> compare(float[] expected, float[] actual) {
    requireLength(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      if (!same(expected[i], actual[i])) {
        return Optional.of(
            new Mismatch(
                i, Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(actual[i]), true));
      }
    }
    return Optional.empty();
  }

  /** The first difference of two arrays of one length, or empty. */
  public static Optional<Mismatch> compare(int[] expected, int[] actual) {
    requireLength(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] != actual[i]) {
        return Optional.of(new Mismatch(i, expected[i], actual[i], false));
      }
    }
    return Optional.empty();
  }

  /** The first difference of two tensors of one type and shape, on any devices, or empty. */
  public static Optional<Mismatch> compare(Tensor expected, Tensor actual) {
    if (!expected.shape().equals(actual.shape()) || expected.dtype() != actual.dtype()) {
      throw new ShapeException(
          "comparing " + expected + " with " + actual + "; type and shape must be equal");
    }
    return expected.dtype() == DType.F32
        ? compare(expected.toFloatArray(), actual.toFloatArray())
        : compare(expected.toIntArray(), actual.toIntArray());
  }

  /**
   * All differences of two sequences.
   *
   * @param count how many elements differ
   * @param first the first of them, or null
   */
  record Difference(long count, @Nullable Mismatch first) {}

  /**
   * Counts differences of elements {@code from} to {@code from + count} of two arrays, given as
   * bits, and of all that lies around them, where NaNs are no class. Indices are relative to {@code
   * from}; negative ones, and those from {@code count} on, lie outside.
   */
  static Difference difference(int[] expected, int[] actual, int from, int count, boolean isFloat) {
    requireLength(expected.length, actual.length);
    long differing = 0;
    Mismatch first = null;
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] == actual[i]) {
        continue;
      }
      boolean inside = i >= from && i < from + count;
      if (inside
          && isFloat
          && Float.isNaN(Float.intBitsToFloat(expected[i]))
          && Float.isNaN(Float.intBitsToFloat(actual[i]))) {
        continue;
      }
      differing++;
      if (first == null) {
        first = new Mismatch((long) i - from, expected[i], actual[i], isFloat);
      }
    }
    return new Difference(differing, first);
  }

  /**
   * Throws an {@link AssertionError} that names {@code what} and the first difference, if there is
   * one.
   */
  public static void assertSame(String what, float[] expected, float[] actual) {
    compare(expected, actual).ifPresent(m -> fail(what, m));
  }

  /**
   * Throws an {@link AssertionError} that names {@code what} and the first difference, if there is
   * one.
   */
  public static void assertSame(String what, int[] expected, int[] actual) {
    compare(expected, actual).ifPresent(m -> fail(what, m));
  }

  private static void fail(String what, Mismatch m) {
    throw new AssertionError(what + ": bits differ at " + m);
  }

  private static void requireLength(int expected, int actual) {
    if (expected != actual) {
      throw new ShapeException("comparing " + expected + " values with " + actual);
    }
  }
}

package dev.selfsame.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** Seeded inputs: the same in every run and for every contender. */
public final class Inputs {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG;
  private static final long ALIGNMENT = 64;

  private Inputs() {}

  public static MemorySegment zeros(Arena arena, long n) {
    return arena.allocate(n * Float.BYTES, ALIGNMENT);
  }

  /** Standard normal values. */
  public static MemorySegment normal(Arena arena, long seed, long n) {
    RandomGenerator random = new SplittableRandom(seed);
    MemorySegment s = zeros(arena, n);
    for (long i = 0; i < n; i++) {
      s.setAtIndex(F32, i, (float) random.nextGaussian());
    }
    return s;
  }

  public static MemorySegment copy(Arena arena, MemorySegment from) {
    return arena.allocate(from.byteSize(), ALIGNMENT).copyFrom(from);
  }

  /** Changes one value, for negative controls. */
  static void change(MemorySegment s) {
    long i = s.byteSize() / Float.BYTES / 2;
    s.setAtIndex(F32, i, s.getAtIndex(F32, i) + 1);
  }

  /** |from|. */
  public static MemorySegment magnitudes(Arena arena, MemorySegment from) {
    MemorySegment s = copy(arena, from);
    for (long i = 0; i < s.byteSize() / Float.BYTES; i++) {
      s.setAtIndex(F32, i, Math.abs(s.getAtIndex(F32, i)));
    }
    return s;
  }

  /** How row indices are spread. */
  public enum Pattern {
    UNIFORM,
    /** Row k with a frequency of 1/(k + 1), rows in shuffled places: word frequencies. */
    ZIPF,
    /** Half of all in one row, the rest uniform. */
    HALF_HOT,
    /** All in one row. */
    HOT
  }

  /** n int32 indices below rows. */
  public static MemorySegment indices(Arena arena, long seed, Pattern pattern, long n, int rows) {
    var random = new SplittableRandom(seed);
    MemorySegment s = arena.allocate(n * Integer.BYTES, ALIGNMENT);
    int[] place = pattern == Pattern.ZIPF ? shuffled(rows, seed) : null;
    double[] cumulative = pattern == Pattern.ZIPF ? harmonic(rows) : null;
    for (long i = 0; i < n; i++) {
      int row =
          switch (pattern) {
            case UNIFORM -> random.nextInt(rows);
            case HOT -> rows / 2;
            case HALF_HOT -> random.nextBoolean() ? rows / 2 : random.nextInt(rows);
            case ZIPF -> {
              double at = random.nextDouble() * cumulative[rows - 1];
              int k = java.util.Arrays.binarySearch(cumulative, at);
              yield place[Math.min(k < 0 ? -k - 1 : k, rows - 1)];
            }
          };
      s.setAtIndex(I32, i, row);
    }
    return s;
  }

  /** The same indices as int64, as most callers of libtorch have them. */
  public static MemorySegment widened(Arena arena, MemorySegment ints) {
    long n = ints.byteSize() / Integer.BYTES;
    MemorySegment s = arena.allocate(n * Long.BYTES, ALIGNMENT);
    for (long i = 0; i < n; i++) {
      s.setAtIndex(I64, i, ints.getAtIndex(I32, i));
    }
    return s;
  }

  private static int[] shuffled(int n, long seed) {
    int[] a = new int[n];
    var random = new Random(seed);
    for (int i = 0; i < n; i++) {
      int j = random.nextInt(i + 1);
      a[i] = a[j];
      a[j] = i;
    }
    return a;
  }

  private static double[] harmonic(int n) {
    double[] sums = new double[n];
    double sum = 0;
    for (int k = 0; k < n; k++) {
      sum += 1.0 / (k + 1);
      sums[k] = sum;
    }
    return sums;
  }
}

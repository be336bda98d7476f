package dev.selfsame.op;

import java.util.SplittableRandom;

/** Seeded input values for op tests. */
public final class Values {
  private static final float[] SPECIAL = {
    0f,
    -0f,
    1f,
    -1f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    1e-40f,
    -1e-40f,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    1e30f,
    -1e-30f
  };

  private Values() {}

  /** Uniform in [−1, 1), over many binades: sums of these depend on their order. */
  public static float[] random(long seed, long count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1) * (random.nextInt(8) == 0 ? 1e3f : 1f);
    }
    return values;
  }

  /**
   * Small whole numbers: every order of a sum gives the same bits, so a difference is a wiring
   * error.
   */
  public static float[] integers(long seed, long count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(-4, 5);
    }
    return values;
  }

  /** Random values of which one in four is a signed zero, subnormal, infinity, NaN or huge. */
  public static float[] special(long seed, long count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = random(seed + 1, count);
    for (int i = 0; i < values.length; i++) {
      if (random.nextInt(4) == 0) {
        values[i] = SPECIAL[random.nextInt(SPECIAL.length)];
      }
    }
    return values;
  }

  /** Indices in [0, rows). */
  public static int[] indices(long seed, int count, int rows) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(rows);
    }
    return values;
  }
}

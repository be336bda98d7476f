package dev.selfsame.contract;

/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (SC 2011): every number is a function of (seed, stream, index)
 * alone, so it does not matter which thread or device asks for it, or in what order.
 *
 * <p>Layout: the key is the seed (low word first); the 128-bit counter is the block number {@code
 * index / 4} in its low 64 bits and the stream in its high 64 bits; {@code index % 4} picks the
 * word. All 64-bit arguments are used as bit patterns, so negative ones are allowed.
 */
public final class Philox {
  /** Multipliers of the two products of a round. */
  public static final int MULTIPLIER_0 = 0xD2511F53;

  /** Multipliers of the two products of a round. */
  public static final int MULTIPLIER_1 = 0xCD9E8D57;

  /** What is added to the key's words after a round. */
  public static final int WEYL_0 = 0x9E3779B9;

  /** What is added to the key's words after a round. */
  public static final int WEYL_1 = 0xBB67AE85;

  /** Rounds of a block. */
  public static final int ROUNDS = 10;

  private static final float TWO_PI = 0x1.921fb6p2f;

  private Philox() {}

  /**
   * One block of the generator as published: counter words in {@code words[0..3]} are replaced by
   * the four output words.
   */
  public static void block(int[] words, int key0, int key1) {
    int c0 = words[0];
    int c1 = words[1];
    int c2 = words[2];
    int c3 = words[3];
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = Integer.toUnsignedLong(MULTIPLIER_0) * Integer.toUnsignedLong(c0);
      long p1 = Integer.toUnsignedLong(MULTIPLIER_1) * Integer.toUnsignedLong(c2);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }

  /** The 32 random bits at {@code index} of {@code stream}. */
  public static int bits(long seed, long stream, long index) {
    long block = index >>> 2;
    int[] words = {(int) block, (int) (block >>> 32), (int) stream, (int) (stream >>> 32)};
    block(words, (int) seed, (int) (seed >>> 32));
    return words[(int) index & 3];
  }

  /** A float in [0, 1): the upper 24 bits at {@code index}, times 2⁻²⁴. */
  public static float uniform(long seed, long stream, long index) {
    return (bits(seed, stream, index) >>> 8) * 0x1p-24f;
  }

  /**
   * A standard normal float (Box and Muller 1958). Indices 2p and 2p + 1 share the uniforms u₁ =
   * (the upper 24 bits at 2p, plus 1)·2⁻²⁴ in (0, 1] and u₂ = uniform at 2p + 1: with r = √(−2·log
   * u₁) and t = 2π·u₂ they are r·cos t and r·sin t. Each step is one correctly rounded float
   * operation; 2π is the nearest float. The largest magnitude is √(48·log 2) ≈ 5.77.
   */
  public static float normal(long seed, long stream, long index) {
    long even = index & ~1L;
    float u1 = ((bits(seed, stream, even) >>> 8) + 1) * 0x1p-24f;
    float t = TWO_PI * uniform(seed, stream, even + 1);
    float r = (float) Math.sqrt(-2f * ExactMath.log(u1));
    return r * (even == index ? ExactMath.cos(t) : ExactMath.sin(t));
  }

  /** The numbers 0 … {@code n} − 1 in an order that depends on (seed, stream, n) only. */
  public static int[] permutation(long seed, long stream, int n) {
    if (n < 0) {
      throw new IllegalArgumentException("n is " + n + "; a permutation has 0 or more elements");
    }
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    shuffle(order, seed, stream);
    return order;
  }

  /**
   * Shuffles {@code values}: Fisher and Yates, from the last position down, position i swapped with
   * j in 0 … i. j = ⌊bits·(i + 1) / 2³²⌋, where bits are the stream's next 32; a product whose low
   * 32 bits are below 2³² mod (i + 1) is rejected and the next bits are drawn, so that every j is
   * equally likely (Lemire 2019, "Fast random integer generation in an interval").
   */
  public static void shuffle(int[] values, long seed, long stream) {
    long index = 0;
    for (int i = values.length - 1; i > 0; i--) {
      long bound = i + 1L;
      long rejected = (1L << 32) % bound;
      long product;
      do {
        product = Integer.toUnsignedLong(bits(seed, stream, index++)) * bound;
      } while ((product & 0xFFFFFFFFL) < rejected);
      int j = (int) (product >>> 32);
      int swap = values[i];
      values[i] = values[j];
      values[j] = swap;
    }
  }
}

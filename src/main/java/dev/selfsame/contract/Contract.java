package dev.selfsame.contract;

/**
 * The lengths that fix the order of every sum (twin: {@code cuda-kernels/contract.cuh}).
 *
 * <p>A change of any of them changes bits, and is therefore a new {@link #VERSION}.
 */
public final class Contract {
  /** Version of the numerics contract. */
  public static final int VERSION = 1;

  /** Terms in one run of a run sum. */
  public static final int RUN = 32;

  /** Elements in one block of a block sum: 32 rows of {@link #LANES}. */
  public static final int BLOCK = 1024;

  /** Lanes of a block sum. */
  public static final int LANES = 32;

  /** Shortest chunk of a contraction. */
  public static final int CHUNK = 512;

  /** Most chunks that a contraction is cut into. */
  public static final int MAX_CHUNKS = 32;

  private Contract() {}

  /**
   * Length of the chunks that a contraction over {@code k} terms is cut into: 512 up to k = 16,384,
   * then 512·⌈k/16,384⌉, so that there are never more than 32.
   *
   * @throws IllegalArgumentException if {@code k} is negative
   */
  public static long chunk(long k) {
    if (k < 0) {
      throw new IllegalArgumentException("k is " + k + "; a contraction has 0 or more terms");
    }
    long full = (long) CHUNK * MAX_CHUNKS;
    return k <= full ? CHUNK : CHUNK * Math.ceilDiv(k, full);
  }
}

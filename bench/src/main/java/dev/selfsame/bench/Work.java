package dev.selfsame.bench;

/**
 * What one run of a case has to do at least.
 *
 * @param flops floating-point operations, an addition and a multiplication counted as two; 0 where
 *     they are not what the case is about
 * @param bytes that must be read or written at least once
 */
public record Work(double flops, double bytes) {
  /** Work that is a stream of bytes. */
  public static Work bytes(double bytes) {
    return new Work(0, bytes);
  }

  /** What to divide by the nanoseconds of a run to have the rate. */
  double in(Rate rate) {
    return switch (rate) {
      case GFLOPS -> flops;
      case GBYTES -> bytes;
      case STEPS -> 1e9;
    };
  }
}

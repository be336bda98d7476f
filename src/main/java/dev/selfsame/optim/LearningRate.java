package dev.selfsame.optim;

/**
 * Learning rate by step, computed in double on the host and rounded once; so it is the same on
 * every device.
 */
@FunctionalInterface
public interface LearningRate {
  /**
   * The rate of a step.
   *
   * @param step number of the update, from 1
   */
  double at(long step);

  /** Always the same. */
  static LearningRate constant(double rate) {
    return step -> rate;
  }

  /** Multiplied by {@code factor} after every {@code every} steps. */
  static LearningRate step(double rate, long every, double factor) {
    requirePositive("every", every);
    return step -> {
      double r = rate;
      for (long i = (step - 1) / every; i > 0; i--) {
        r *= factor;
      }
      return r;
    };
  }

  /**
   * Falls along half a cosine from {@code rate} at step 1 to {@code last} at step {@code steps},
   * then stays there (Loshchilov &amp; Hutter 2017, SGDR, without restarts).
   */
  static LearningRate cosine(double rate, double last, long steps) {
    requirePositive("steps", steps);
    // StrictMath: the same bits on every machine.
    return step ->
        step >= steps
            ? last
            : last + 0.5 * (rate - last) * (1 + StrictMath.cos(Math.PI * (step - 1) / steps));
  }

  /**
   * This schedule, its first {@code steps} rates scaled up from 1/{@code steps} of theirs to the
   * whole.
   */
  default LearningRate warmup(long steps) {
    requirePositive("steps", steps);
    return step -> step >= steps ? at(step) : at(step) * step / steps;
  }

  private static void requirePositive(String name, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + "; at least 1 is needed");
    }
  }
}

package dev.selfsame.cpu;

/**
 * Sizes of a recurrent layer's pass: T steps of a batch of B, from I inputs to H units, each of
 * which has some gates.
 */
public record RecurrentSizes(long steps, long batch, long inputs, long hidden, int gates) {
  /** Gates of all units. */
  public long width() {
    return gates * hidden;
  }

  /** Elements of one step's states. */
  public long state() {
    return batch * hidden;
  }
}

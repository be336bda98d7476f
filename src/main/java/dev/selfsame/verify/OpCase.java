package dev.selfsame.verify;

/**
 * One case of an operation, which can be run on any device: it takes its inputs, makes its outputs
 * and calls the operation.
 *
 * <pre>{@code
 * Draw draw = …;
 * Draw.Input x = draw.floats("x", 8, 33);
 * OpCase rowSums = draw.toCase("", run -> Sums.rows(run.in(x), run.out("sums", 8)));
 * }</pre>
 *
 * @param description shapes, kinds of values and settings
 * @param body the calls
 */
public record OpCase(String description, Body body) {
  /** The calls of a case. */
  @FunctionalInterface
  public interface Body {
    /** Runs the operation on the run's device. */
    void on(Run run);
  }
}

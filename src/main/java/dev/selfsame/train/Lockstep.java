package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.verify.Bits;
import java.util.List;
import java.util.Optional;

/** Trains several runs of one system step by step and compares their bits after each. */
public final class Lockstep {
  private Lockstep() {}

  /**
   * Where two runs parted.
   *
   * @param step number of the update after which they differed, from 1
   * @param device the device that differs from the first run's
   * @param what the loss, or a parameter's name
   * @param mismatch index and bits; the first run's value counts as expected
   */
  public record Difference(long step, String device, String what, Bits.Mismatch mismatch) {
    @Override
    public String toString() {
      return "step " + step + ", " + device + ", " + what + ", " + mismatch;
    }
  }

  /**
   * One step of every run, then the comparison of the losses and of all parameters with the first
   * run's.
   *
   * @param runs the control first; all at the same step
   * @return the first run's loss, and the first difference if there is one
   */
  public static Outcome step(List<TrainingRun> runs) {
    TrainingRun control = runs.getFirst();
    long[] nanos = new long[runs.size()];
    float[] losses = new float[runs.size()];
    for (int i = 0; i < runs.size(); i++) {
      long start = System.nanoTime();
      losses[i] = runs.get(i).step();
      nanos[i] = System.nanoTime() - start;
    }
    Optional<Difference> difference = Optional.empty();
    for (int i = 1; i < runs.size() && difference.isEmpty(); i++) {
      difference = compare(control, runs.get(i), losses[0], losses[i]);
    }
    return new Outcome(losses[0], nanos, difference);
  }

  /**
   * What a step gave.
   *
   * @param loss the control's
   * @param nanos that each run's step took
   * @param difference the first one, or empty
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  public record Outcome(float loss, long[] nanos, Optional<Difference> difference) {}

  private static Optional<Difference> compare(
      TrainingRun control, TrainingRun run, float expectedLoss, float loss) {
    long step = control.optimizer().steps();
    String device = run.device().toString();
    Optional<Bits.Mismatch> inLoss = Bits.compare(new float[] {expectedLoss}, new float[] {loss});
    if (inLoss.isPresent()) {
      return Optional.of(new Difference(step, device, "loss", inLoss.get()));
    }
    List<Parameter> expected = control.parameters();
    List<Parameter> actual = run.parameters();
    for (int i = 0; i < expected.size(); i++) {
      Optional<Bits.Mismatch> m = Bits.compare(expected.get(i).value(), actual.get(i).value());
      if (m.isPresent()) {
        return Optional.of(new Difference(step, device, expected.get(i).name(), m.get()));
      }
    }
    return Optional.empty();
  }
}

package dev.selfsame.train;

import dev.selfsame.Device;

/**
 * A run whose schedule is complete, handed to {@link TrainingSystem#findings}.
 *
 * @param run the trained model
 * @param settings it was trained with
 * @param quick whether the user asked for a quick run: findings then take seconds, not minutes
 * @param score of its last evaluation
 * @param watch hears how far a long finding is
 */
public record Trained(
    TrainingRun run, TrainingSystem.Settings settings, boolean quick, double score, Watch watch) {
  /** Hears how far a long computation is. */
  @FunctionalInterface
  public interface Watch {
    /** So much of {@code total} is done; {@code task} names the work. */
    void at(String task, long done, long total);
  }

  /** Where it was trained. */
  public Device device() {
    return run.device();
  }

  /**
   * Trains another variant of the system by the same settings to the end and evaluates it: the
   * contrast for a finding.
   */
  public double scoreOf(TrainingSystem system, String variant) {
    try (TrainingRun other = system.start(device(), settings.with(variant))) {
      for (long step = 0; step < settings.steps(); step++) {
        other.step();
        watch.at("training the variant " + variant, step + 1, settings.steps());
      }
      return other.evaluate();
    }
  }
}

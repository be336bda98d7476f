package dev.selfsame.train;

import dev.selfsame.Device;
import java.util.List;

/** A named system that can be trained on any device. */
public interface TrainingSystem {
  /** Name on the command line. */
  String name();

  /** One line: what is shared or tied, and on which data. */
  String summary();

  /** Epochs of a full run, unless the user says otherwise. */
  int defaultEpochs();

  /** Epochs of a quick run. */
  int quickEpochs();

  /**
   * A model with its optimizer and data on one device, before its first step. Runs of one {@code
   * settings} have the same bits on all devices after every step.
   */
  TrainingRun start(Device device, Settings settings);

  /**
   * What the bits of a run depend on.
   *
   * @param seed of initialisation and shuffling
   * @param steps of the whole run, for the learning-rate schedule; a run may stop earlier
   * @param data name of the data set
   * @param variant of the system
   */
  record Settings(long seed, long steps, String data, String variant) {
    /** The same with another variant. */
    public Settings with(String other) {
      return new Settings(seed, steps, data, other);
    }
  }

  /** Settings with the shipped data and the first variant. */
  default Settings settings(long seed, long steps) {
    return new Settings(seed, steps, dataSets().getFirst(), variants().getFirst());
  }

  /** Steps in an epoch on a data set. */
  long stepsPerEpoch(String data);

  /** Names of the data sets that it can be trained on, the shipped one first. */
  List<String> dataSets();

  /** Names of the forms that it has, the one that shows its sharing first. */
  default List<String> variants() {
    return List.of("default");
  }

  /**
   * Lockstep steps of a quick run: scalar and softcuda are thousands of times slower than a GPU.
   */
  default long quickLockstep() {
    return 20;
  }

  /**
   * What the system is known for, measured after a complete run; it may train contrasts. The run
   * has the same parameters afterwards.
   */
  default List<Finding> findings(Trained trained) {
    return List.of();
  }
}

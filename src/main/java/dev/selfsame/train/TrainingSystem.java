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
   */
  record Settings(long seed, long steps, String data) {}

  /** Steps in an epoch on a data set. */
  long stepsPerEpoch(String data);

  /** Names of the data sets that it can be trained on, the shipped one first. */
  List<String> dataSets();
}

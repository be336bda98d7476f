package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.optim.Optimizer;
import java.util.List;
import java.util.Map;

/** One model in training on one device. */
public interface TrainingRun extends AutoCloseable {
  /** Where it trains. */
  Device device();

  /** Every parameter once, in a fixed order. */
  List<Parameter> parameters();

  /** Its optimizer, whose step count is the run's. */
  Optimizer optimizer();

  /** Trains on the next batch; returns its loss before the update. */
  float step();

  /**
   * Tensors that are neither parameters nor the optimizer's, but that the next step depends on:
   * running statistics, states carried from one piece of text to the next. They belong to the
   * checkpoint.
   */
  default Map<String, Tensor> state() {
    return Map.of();
  }

  /** The score on the test set, in the terms of {@link #measure}. */
  double evaluate();

  /** What {@link #evaluate} measures. */
  Measure measure();

  /** Frees the model. */
  @Override
  void close();
}

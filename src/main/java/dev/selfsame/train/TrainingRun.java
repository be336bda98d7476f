package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.optim.Optimizer;
import java.util.List;

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
   * Share of the test set that is classified correctly, or another measure named by {@link
   * #measure}; 0 … 1.
   */
  double evaluate();

  /** What {@link #evaluate} measures. */
  String measure();

  /** Frees the model. */
  @Override
  void close();
}

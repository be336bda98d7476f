package dev.selfsame.optim;

import dev.selfsame.Parameter;
import java.util.List;

/**
 * Parameters that are updated with the same settings.
 *
 * @param parameters each once; a parameter used in many places of the model is still one
 * @param learningRate by step
 * @param weightDecay λ, at least 0
 */
public record ParameterGroup(
    List<Parameter> parameters, LearningRate learningRate, double weightDecay) {
  /** Copies the list and checks λ. */
  public ParameterGroup {
    parameters = List.copyOf(parameters);
    if (!(weightDecay >= 0)) {
      throw new IllegalArgumentException(
          "weightDecay is " + weightDecay + "; at least 0 is needed");
    }
  }
}

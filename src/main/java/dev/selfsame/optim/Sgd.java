package dev.selfsame.optim;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Stochastic gradient descent with momentum; the arithmetic is {@link dev.selfsame.op.Sgd}'s. */
public final class Sgd extends Optimizer {
  private final double momentum;
  private final boolean nesterov;
  private final Map<Parameter, Tensor> velocities;

  /**
   * Velocities start at +0 and live in {@code scope}.
   *
   * @param momentum μ, in [0, 1)
   * @param nesterov whether the gradient is looked up ahead
   */
  public Sgd(Scope scope, List<ParameterGroup> groups, double momentum, boolean nesterov) {
    super(groups);
    this.momentum = momentum;
    this.nesterov = nesterov;
    velocities = zerosFor(scope);
  }

  @Override
  protected void update(ParameterGroup group, List<Parameter> parameters, long step) {
    dev.selfsame.op.Sgd.step(
        parameters.stream().map(Parameter::value).toList(),
        parameters.stream().map(Parameter::gradient).toList(),
        of(velocities, parameters),
        new dev.selfsame.op.Sgd.Hyper(
            group.learningRate().at(step), momentum, group.weightDecay(), nesterov));
  }

  @Override
  public Map<String, Tensor> state() {
    LinkedHashMap<String, Tensor> state = new LinkedHashMap<>();
    putState(state, "velocity", velocities);
    return state;
  }
}

package dev.selfsame.optim;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Adam with decoupled weight decay (Loshchilov &amp; Hutter 2019), or with L2 decay inside the
 * gradient for comparison. The arithmetic, rounding by rounding, is {@link
 * dev.selfsame.op.AdamW}'s.
 */
public final class AdamW extends Optimizer {
  /**
   * Settings that all groups share.
   *
   * @param beta1 decay of the first moment, in [0, 1)
   * @param beta2 decay of the second moment, in [0, 1)
   * @param epsilon added to the denominator, above 0
   * @param decay how weight decay enters
   */
  public record Settings(
      double beta1, double beta2, double epsilon, dev.selfsame.op.AdamW.Decay decay) {
    /** β₁ = 0.9, β₂ = 0.999, ε = 1e−8, decoupled. */
    public static final Settings DEFAULT =
        new Settings(0.9, 0.999, 1e-8, dev.selfsame.op.AdamW.Decay.DECOUPLED);
  }

  private final Settings settings;
  private final Map<Parameter, Tensor> firstMoments;
  private final Map<Parameter, Tensor> secondMoments;

  /** Moments start at +0 and live in {@code scope}. */
  public AdamW(Scope scope, List<ParameterGroup> groups, Settings settings) {
    super(groups);
    this.settings = settings;
    firstMoments = zerosFor(scope);
    secondMoments = zerosFor(scope);
  }

  /** One group with the default settings. */
  public AdamW(
      Scope scope, List<Parameter> parameters, LearningRate learningRate, double weightDecay) {
    this(
        scope,
        List.of(new ParameterGroup(parameters, learningRate, weightDecay)),
        Settings.DEFAULT);
  }

  @Override
  protected void update(ParameterGroup group, List<Parameter> parameters, long step) {
    dev.selfsame.op.AdamW.step(
        parameters.stream().map(Parameter::value).toList(),
        parameters.stream().map(Parameter::gradient).toList(),
        of(firstMoments, parameters),
        of(secondMoments, parameters),
        new dev.selfsame.op.AdamW.Hyper(
            group.learningRate().at(step),
            settings.beta1(),
            settings.beta2(),
            settings.epsilon(),
            group.weightDecay(),
            step,
            settings.decay()));
  }

  @Override
  public Map<String, Tensor> state() {
    LinkedHashMap<String, Tensor> state = new LinkedHashMap<>();
    putState(state, "m", firstMoments);
    putState(state, "v", secondMoments);
    return state;
  }
}

package dev.selfsame.optim;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Updates parameters from their gradients. Each parameter object is updated once a step, however
 * often the model uses it.
 *
 * <p>Its own tensors (moments, velocities) live in the scope given at construction.
 */
public abstract class Optimizer {
  private final List<ParameterGroup> groups;
  private long steps;

  /**
   * Checks that no parameter stands in two groups, and that names are unique: states go by them.
   */
  protected Optimizer(List<ParameterGroup> groups) {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Set<String> names = new HashSet<>();
    for (ParameterGroup group : groups) {
      for (Parameter p : group.parameters()) {
        if (!seen.add(p)) {
          throw new IllegalArgumentException(
              "parameter "
                  + p.name()
                  + " stands twice in the groups; a shared parameter is listed once");
        }
        if (!names.add(p.name())) {
          throw new IllegalArgumentException(
              "two parameters are named " + p.name() + "; saved states go by the names");
        }
      }
    }
    this.groups = List.copyOf(groups);
  }

  /** The groups. */
  public List<ParameterGroup> groups() {
    return groups;
  }

  /** Updates done so far. */
  public long steps() {
    return steps;
  }

  /**
   * Updates every parameter that has a gradient, then clears the gradients. If a group's update
   * fails, the groups before it are updated and have no gradients any more, and the step doesn't
   * count: a second call goes on with the others.
   */
  public void step() {
    requireNoCapture();
    long step = steps + 1;
    for (ParameterGroup group : groups) {
      List<Parameter> reached = new ArrayList<>();
      for (Parameter p : group.parameters()) {
        if (p.hasGradient()) {
          reached.add(p);
        }
      }
      if (!reached.isEmpty()) {
        update(group, reached, step);
      }
      reached.forEach(Parameter::clearGradient);
    }
    steps = step;
  }

  /** Learning rate and bias corrections are of one step; a graph would repeat them. */
  private void requireNoCapture() {
    for (ParameterGroup group : groups) {
      for (Parameter p : group.parameters()) {
        if (p.value().device().isCapturing()) {
          throw new SelfsameException(
              "an optimizer's step can't be captured: its scalars are of one step; call it after"
                  + " each replay");
        }
        return; // all are on one device
      }
    }
  }

  /** One fused call for the parameters of a group. */
  protected abstract void update(ParameterGroup group, List<Parameter> parameters, long step);

  /**
   * The optimizer's own tensors by name, such as {@code m.conv1.weight}; they are saved with the
   * model.
   */
  public abstract Map<String, Tensor> state();

  /** Continues at a step count from a saved state. */
  public void resumeAt(long steps) {
    if (steps < 0) {
      throw new SelfsameException("the saved state has step " + steps + "; at least 0 is needed");
    }
    this.steps = steps;
  }

  /** One zero tensor for each parameter of all groups. */
  protected Map<Parameter, Tensor> zerosFor(Scope scope) {
    Map<Parameter, Tensor> made = new IdentityHashMap<>();
    for (ParameterGroup group : groups) {
      for (Parameter p : group.parameters()) {
        made.put(p, Tensor.zeros(scope, p.value().device(), p.value().shape().sizes()));
      }
    }
    return made;
  }

  /** Adds the tensors under {@code prefix.name}, in the groups' order. */
  protected void putState(
      LinkedHashMap<String, Tensor> state, String prefix, Map<Parameter, Tensor> tensors) {
    for (ParameterGroup group : groups) {
      for (Parameter p : group.parameters()) {
        state.put(prefix + "." + p.name(), at(tensors, p));
      }
    }
  }

  /** The tensors of the parameters, in their order. */
  protected static List<Tensor> of(Map<Parameter, Tensor> tensors, List<Parameter> parameters) {
    return parameters.stream().map(p -> at(tensors, p)).toList();
  }

  private static Tensor at(Map<Parameter, Tensor> tensors, Parameter p) {
    Tensor t = tensors.get(p);
    if (t == null) {
      throw new SelfsameException("parameter " + p.name() + " is in no group of this optimizer");
    }
    return t;
  }
}

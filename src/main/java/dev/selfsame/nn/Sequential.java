package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Var;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Layers one after the other. The same layer may stand several times: its parameters are then
 * shared.
 */
public final class Sequential implements Layer {
  private final List<Layer> layers;

  /** In order of application. */
  public Sequential(List<? extends Layer> layers) {
    this.layers = List.copyOf(layers);
  }

  /** In order of application. */
  public static Sequential of(Layer... layers) {
    return new Sequential(List.of(layers));
  }

  @Override
  public Var forward(Var x) {
    Var y = x;
    for (Layer layer : layers) {
      y = layer.forward(y);
    }
    return y;
  }

  @Override
  public List<Parameter> parameters() {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    return layers.stream().flatMap(l -> l.parameters().stream()).filter(seen::add).toList();
  }
}

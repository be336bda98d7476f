package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Unary;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Layers one after the other. The same layer may stand several times: its parameters are then
 * shared.
 *
 * <p>A convolution or fully connected layer followed by ReLU is one pass over its outputs; the bits
 * are those of two.
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
    for (int i = 0; i < layers.size(); i++) {
      if (layers.get(i) instanceof Contraction contraction && isRelu(i + 1)) {
        y = contraction.forward(y, Activation.RELU);
        i++;
      } else {
        y = layers.get(i).forward(y);
      }
    }
    return y;
  }

  private boolean isRelu(int layer) {
    return layer < layers.size()
        && layers.get(layer) instanceof Layers.Elementwise e
        && e.function() == Unary.RELU;
  }

  @Override
  public List<Parameter> parameters() {
    Set<Parameter> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    return layers.stream().flatMap(l -> l.parameters().stream()).filter(seen::add).toList();
  }
}

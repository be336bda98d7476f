package dev.selfsame.nn;

import dev.selfsame.grad.Var;
import dev.selfsame.op.Activation;

/** A layer whose operation can apply an activation as it writes its outputs. */
sealed interface Contraction extends Layer
    permits Conv2d, ConvTranspose2d, Linear, LocallyConnected2d {
  /** Applies the layer, then the activation. */
  Var forward(Var x, Activation activation);

  @Override
  default Var forward(Var x) {
    return forward(x, Activation.NONE);
  }
}

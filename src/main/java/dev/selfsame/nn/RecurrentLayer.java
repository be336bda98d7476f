package dev.selfsame.nn;

import dev.selfsame.Tensor;
import dev.selfsame.grad.Recurrent;
import dev.selfsame.grad.Var;
import org.jspecify.annotations.Nullable;

/** A layer over sequences [T, B, I] that uses the same weights at every step. */
public interface RecurrentLayer extends Layer {
  /**
   * All steps from given states.
   *
   * @param h the first state, [B, H], or null for zeros
   * @param c the first cell, likewise; layers without cells ignore it
   */
  Recurrent.Result forward(Var x, @Nullable Tensor h, @Nullable Tensor c);

  /** From zeros: the states after each step, [T, B, H]. */
  @Override
  default Var forward(Var x) {
    return forward(x, null, null).y();
  }
}

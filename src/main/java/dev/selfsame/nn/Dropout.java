package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.SelfsameException;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Dropout.Mask;
import java.util.List;

/**
 * Drops a share of the elements in training (Srivastava et al. 2014); off until {@link #train}.
 *
 * <p>The masks are a function of the seed, the step and how many times the layer was applied in
 * that step before: a layer that stands in several places draws another mask in each, and a resumed
 * run draws those that an uninterrupted one would. Two layers take two seeds.
 */
public final class Dropout implements Layer {
  private static final int PLACES = 16;

  private final float p;
  private final long seed;
  private long stream = -1;

  /**
   * A layer.
   *
   * @param p the share that is dropped, 0 ≤ p &lt; 1
   * @param seed of its masks
   */
  public Dropout(float p, long seed) {
    this.p = new Mask(p, seed, 0).p();
    this.seed = seed;
  }

  /** Before the forward pass of a training step, numbered from 0. */
  public void train(long step) {
    if (step < 0 || step >= Long.MAX_VALUE >> PLACES) {
      throw new IllegalArgumentException("step is " + step + "; 0 to 2^47 − 2 are allowed");
    }
    stream = step << PLACES;
  }

  /** Before an evaluation: the layer then changes nothing. */
  public void evaluate() {
    stream = -1;
  }

  @Override
  public Var forward(Var x) {
    if (stream < 0) {
      return x;
    }
    if (x.value().device().isCapturing()) {
      throw new SelfsameException(
          "dropout in training can't be captured: each replay would draw the same mask");
    }
    if ((stream + 1 & (1 << PLACES) - 1) == 0) {
      throw new SelfsameException("dropout was applied 65,535 times since train(step)");
    }
    return Functions.dropout(x, new Mask(p, seed, stream++));
  }

  @Override
  public List<Parameter> parameters() {
    return List.of();
  }
}

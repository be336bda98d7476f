package dev.selfsame.op;

/** What a contraction applies to each output last, after the bias. */
public enum Activation {
  /** Nothing: the output as it is. */
  NONE,
  /** maximum(x, +0): NaN stays NaN, −0 becomes +0. */
  RELU;

  /** The activation of one value. */
  float apply(float x) {
    return this == RELU ? Math.max(x, 0f) : x;
  }
}

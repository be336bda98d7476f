package dev.selfsame;

import org.jspecify.annotations.Nullable;

/**
 * A trained tensor and its gradient. Its identity is sharing: a model that uses the same object in
 * two places has one parameter, which gets the sum of both gradients and is updated once.
 *
 * <p>The gradient of a parameter used several times is the left fold of the uses' gradients in the
 * order in which the backward sweep reaches them, last use first.
 */
public final class Parameter {
  private final String name;
  private final Tensor value;
  private @Nullable Tensor gradient;
  private boolean hasGradient;

  /**
   * A parameter over a tensor, which it does not own.
   *
   * @param name dotted path in the model, such as {@code conv1.weight}; the key in saved states
   * @param value FP32, contiguous
   */
  public Parameter(String name, Tensor value) {
    if (value.dtype() != DType.F32 || value.isTransposed()) {
      throw new DTypeException(
          "parameter " + name + " is " + value + "; a contiguous FP32 tensor is needed");
    }
    this.name = name;
    this.value = value;
  }

  /** Dotted path in the model. */
  public String name() {
    return name;
  }

  /** The weights. */
  public Tensor value() {
    return value;
  }

  /** Whether a backward sweep reached this parameter since the last {@link #clearGradient}. */
  public boolean hasGradient() {
    return hasGradient;
  }

  /**
   * The gradient of the last backward sweep.
   *
   * @throws SelfsameException if there is none
   */
  public Tensor gradient() {
    Tensor g = gradient;
    if (g == null || !hasGradient) {
      throw new SelfsameException(
          "parameter " + name + " has no gradient: no backward sweep reached it");
    }
    return g;
  }

  /**
   * For the tape: memory of the gradient, contents undefined when there was none before. It counts
   * as the gradient from now on; who can't fill it calls {@link #clearGradient}.
   */
  public Tensor gradientMemory() {
    Tensor g = gradient;
    if (g == null) {
      g = Tensor.empty(value.scope(), value.device(), DType.F32, value.shape());
      gradient = g;
    }
    hasGradient = true;
    return g;
  }

  /** Forgets the gradient; its memory is kept for the next sweep. */
  public void clearGradient() {
    hasGradient = false;
  }

  @Override
  public String toString() {
    return name + " " + value;
  }
}

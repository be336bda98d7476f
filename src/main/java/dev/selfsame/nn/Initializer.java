package dev.selfsame.nn;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;

/**
 * Makes parameters with Philox values: the n-th parameter made draws stream n of the seed, so its
 * values depend on the seed and the order of making alone, never on the device.
 */
public final class Initializer {
  private final Scope scope;
  private final Device device;
  private final long seed;
  private int made;

  /** Parameters live in {@code scope} on {@code device}. */
  public Initializer(Scope scope, Device device, long seed) {
    this.scope = scope;
    this.device = device;
    this.seed = seed;
  }

  /** Where the parameters live. */
  public Device device() {
    return device;
  }

  /**
   * Uniform in [−b, b) with b = √(1/fanIn): the variance of LeCun et al. 1998, Efficient BackProp,
   * §4.6, as PyTorch's layers start.
   */
  public Parameter uniform(String name, long fanIn, long... sizes) {
    if (fanIn < 1) {
      throw new ShapeException(name + ": fanIn is " + fanIn + "; at least 1 is needed");
    }
    float bound = (float) Math.sqrt(1.0 / fanIn);
    float[] values = new float[count(name, sizes)];
    int stream = made++;
    for (int i = 0; i < values.length; i++) {
      values[i] = (Philox.uniform(seed, stream, i) * 2f - 1f) * bound;
    }
    return new Parameter(name, Tensor.of(scope, device, values, sizes));
  }

  /** Normal with mean 0 and a standard deviation. */
  public Parameter normal(String name, float deviation, long... sizes) {
    float[] values = new float[count(name, sizes)];
    int stream = made++;
    for (int i = 0; i < values.length; i++) {
      values[i] = Philox.normal(seed, stream, i) * deviation;
    }
    return new Parameter(name, Tensor.of(scope, device, values, sizes));
  }

  private static int count(String name, long[] sizes) {
    Shape shape = Shape.of(sizes);
    if (shape.elements() > Integer.MAX_VALUE - 8) {
      throw new ShapeException(name + ": shape " + shape + " is too large to be drawn on the host");
    }
    return (int) shape.elements();
  }

  /** All of one value. */
  public Parameter constant(String name, float value, long... sizes) {
    made++;
    return new Parameter(name, Tensor.zeros(scope, device, sizes).fill(value));
  }
}

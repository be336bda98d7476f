package dev.selfsame.study;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.LocallyConnected2d;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Unary;
import java.util.Arrays;

/**
 * A loss over real digits as a function of 4×4 filters, one shared by T positions or one for each,
 * and its gradient from the kernels (HessianStudy).
 */
final class FilterLoss {
  /** What follows the filters. */
  enum Kind {
    /** ½·Σ (w·x − y)², pixels 0 … 15 and y the digit at every position: sums of whole numbers. */
    SQUARES,
    /** Cross-entropy of a fixed readout of tanh(w·x), pixels 0 … 1. */
    NETWORK
  }

  private static final int KERNEL = 4;
  private static final int TAPS = KERNEL * KERNEL;
  private static final int CLASSES = 10;

  private final Device device;
  private final Study.Settings settings;
  private final Kind kind;
  private final Geometry geometry;
  private final int images;
  private final int out;
  private final Tensor pixels;
  private final Tensor labels;
  private final Tensor targets;
  private final Tensor readout;

  FilterLoss(Scope scope, Study.Settings settings, Kind kind) {
    this.settings = settings;
    this.kind = kind;
    device = settings.device();
    images = settings.quick() ? 64 : 256;
    geometry = Geometry.of(settings.quick() ? 8 : KERNEL, 0);
    ImageSet set = Digits.shipped().train().first(images);
    out = (int) geometry.outputHeight(set.height(), KERNEL);
    float[] values = new float[images * set.imageSize()];
    int[] digits = new int[images];
    for (int i = 0; i < values.length; i++) {
      int level = set.pixel(i / set.imageSize(), i % set.imageSize()) >> 4;
      values[i] = kind == Kind.SQUARES ? level : level / 15f;
    }
    float[] wanted = new float[images * positions()];
    for (int i = 0; i < images; i++) {
      digits[i] = set.label(i);
      Arrays.fill(wanted, i * positions(), (i + 1) * positions(), digits[i]);
    }
    pixels = Tensor.of(scope, device, values, images, 1, set.height(), set.width());
    labels = Tensor.of(scope, device, digits, images);
    targets = Tensor.of(scope, device, wanted, images, positions());
    readout = Figures.normal(scope, settings, 41, positions(), CLASSES);
  }

  /** T. */
  int positions() {
    return out * out;
  }

  /** Where the Hessian is taken: squares have the same one everywhere. */
  float[] start() {
    float[] w = Figures.normals(settings.seed(), 42, TAPS);
    for (int i = 0; i < TAPS; i++) {
      w[i] = kind == Kind.SQUARES ? 0 : w[i] / 4;
    }
    return w;
  }

  /** How far a weight is moved. */
  float step() {
    return kind == Kind.SQUARES ? 1f : 0x1p-5f;
  }

  /** Gradient of the shared filter [TAPS]. */
  float[] tied(float[] filter) {
    try (Scope own = Scope.open()) {
      Parameter w = new Parameter("filter", Tensor.of(own, device, filter, 1, 1, KERNEL, KERNEL));
      return gradient(new Conv2d(w, null, geometry), w);
    }
  }

  /** Gradient of a filter for each position [TAPS, T]. */
  float[] untied(float[] filters) {
    try (Scope own = Scope.open()) {
      Tensor value = Tensor.of(own, device, filters, 1, 1, KERNEL, KERNEL, out, out);
      Parameter w = new Parameter("filters", value);
      return gradient(new LocallyConnected2d(w, null, geometry), w);
    }
  }

  private float[] gradient(Layer layer, Parameter w) {
    try (Tape tape = Tape.open(device)) {
      Var y = Functions.reshape(layer.forward(tape.constant(pixels)), images, positions());
      Var loss =
          switch (kind) {
            case SQUARES -> {
              Var error = Functions.subtract(y, tape.constant(targets));
              yield Functions.scale(Functions.sum(Functions.multiply(error, error)), 0.5f);
            }
            case NETWORK -> {
              Var hidden = Functions.unary(Unary.TANH, y);
              yield Functions.crossEntropy(
                  Functions.matmul(hidden, tape.constant(readout)), labels);
            }
          };
      tape.backward(loss);
      return w.gradient().toFloatArray();
    }
  }
}

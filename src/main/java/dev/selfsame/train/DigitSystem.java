package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.data.Batches;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.data.Normalization;
import dev.selfsame.optim.Optimizer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What systems on digits have in common: the data, and a run's memory. */
abstract class DigitSystem implements TrainingSystem {
  private @Nullable Digits digits;

  @Override
  public final List<String> dataSets() {
    return Digits.NAMES;
  }

  /** The set, read once for all runs of a lockstep: it never changes. */
  final synchronized Digits digits(String data) {
    Digits known = digits;
    if (known == null || !known.name().equals(data)) {
      known = Digits.find(data);
      digits = known;
    }
    return known;
  }

  /** Makes a run with a scope of its own, which is closed if that fails. */
  static <R extends Run> R open(Function<Scope, R> make) {
    Scope scope = Scope.open();
    try {
      return make.apply(scope);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /** Images by their numbers, [n, 1, H, W], normalized. */
  static Tensor images(
      Scope scope, Device device, ImageSet set, Normalization normalization, int... numbers) {
    int size = set.imageSize();
    float[] pixels = new float[numbers.length * size];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = normalization.value(set.pixel(numbers[i / size], i % size));
    }
    return Tensor.of(
        scope, device, pixels, numbers.length, set.channels(), set.height(), set.width());
  }

  /** The classes of images by their numbers, I32 [n]. */
  static Tensor labels(Scope scope, Device device, ImageSet set, int... numbers) {
    int[] classes = Arrays.stream(numbers).map(set::label).toArray();
    return Tensor.of(scope, device, classes, classes.length);
  }

  /** How many of the images have their largest logit [n, 10] at their class. */
  static long hits(Tensor logits, ImageSet set, int... numbers) {
    float[] values = logits.toFloatArray();
    int classes = values.length / numbers.length;
    long hits = 0;
    for (int i = 0; i < numbers.length; i++) {
      int best = 0;
      for (int c = 1; c < classes; c++) {
        best = values[i * classes + c] > values[i * classes + best] ? c : best;
      }
      hits += best == set.label(numbers[i]) ? 1 : 0;
    }
    return hits;
  }

  /** The numbers of a batch's images. */
  static int[] numbers(Batches batches, long step) {
    int[] numbers = new int[batches.size(step)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = batches.index(step, i);
    }
    return numbers;
  }

  /** A run whose tensors live in one scope. */
  abstract static class Run implements TrainingRun {
    final Scope scope;
    final Device device;

    Run(Scope scope, Device device) {
      this.scope = scope;
      this.device = device;
    }

    @Override
    public final Device device() {
      return device;
    }

    /** Trained by this. */
    @Override
    public abstract Optimizer optimizer();

    @Override
    public List<Parameter> parameters() {
      return optimizer().groups().stream().flatMap(g -> g.parameters().stream()).toList();
    }

    @Override
    public final void close() {
      scope.close();
    }
  }
}

package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import dev.selfsame.nn.BatchNorm;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.LayerNorm;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/**
 * Gradients of the normalizations against central differences of the functions themselves, in
 * float. With a step of h = 2⁻⁵ the differences of values below 64 are off by 64·2⁻²⁴·2 / 2h = 2⁻¹³
 * for each rounding that doesn't cancel, and by h²/6 times the third derivative; both stay below
 * the tolerance of 0.02 at slopes of about 1 to 10. The ops' own tests check the formulas to 1e-5;
 * this one checks that the rules are wired to the right variables.
 */
class GradCheckNormTest {
  private static final Device CPU = Device.scalar();
  private static final float STEP = 0x1p-5f;

  private static float[] unit(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  private static Var constant(Tape tape, long seed, long... shape) {
    int count = 1;
    for (long s : shape) {
      count *= (int) s;
    }
    return tape.constant(Tensor.of(tape.scope(), CPU, unit(seed, count), shape));
  }

  /** Σ w·f(p), with weights that tell the outputs apart. */
  private static void check(long seed, long[] shape, BiFunction<Tape, Var, Var> function) {
    int count = 1;
    for (long s : shape) {
      count *= (int) s;
    }
    float[] start = unit(seed, count);
    try (Scope scope = Scope.open()) {
      Parameter p = new Parameter("p", Tensor.of(scope, CPU, start, shape));
      try (Tape tape = Tape.open(CPU)) {
        tape.backward(weighted(tape, function.apply(tape, tape.parameter(p))));
      }
      float[] gradient = p.gradient().toFloatArray();
      for (int i = 0; i < count; i++) {
        double slope =
            (value(start, shape, i, STEP, function) - value(start, shape, i, -STEP, function))
                / (2 * STEP);
        assertEquals(slope, gradient[i], 0.02, "element " + i);
      }
    }
  }

  private static Var weighted(Tape tape, Var y) {
    return Functions.sum(Functions.multiply(y, constant(tape, 99, y.value().shape().sizes())));
  }

  private static double value(
      float[] start, long[] shape, int i, float h, BiFunction<Tape, Var, Var> function) {
    float[] moved = start.clone();
    moved[i] += h;
    try (Tape tape = Tape.open(CPU)) {
      Var p = tape.constant(Tensor.of(tape.scope(), CPU, moved, shape));
      return weighted(tape, function.apply(tape, p)).value().item();
    }
  }

  @Test
  void layerNorm() {
    long[] rows = {4, 6};
    long[] width = {6};
    check(
        1,
        rows,
        (tape, x) -> Functions.layerNorm(x, constant(tape, 2, 6), constant(tape, 3, 6), 0.1f));
    check(
        2,
        width,
        (tape, gamma) ->
            Functions.layerNorm(constant(tape, 1, 4, 6), gamma, constant(tape, 3, 6), 0.1f));
    check(
        3,
        width,
        (tape, beta) ->
            Functions.layerNorm(constant(tape, 1, 4, 6), constant(tape, 2, 6), beta, 0.1f));
  }

  /** One parameter as scale and as shift, and as scale of two layers. */
  @Test
  void layerNormWithSharedParameters() {
    check(
        2,
        new long[] {6},
        (tape, p) -> {
          Var once = Functions.layerNorm(constant(tape, 1, 4, 6), p, p, 0.1f);
          return Functions.layerNorm(once, p, constant(tape, 3, 6), 0.5f);
        });
  }

  @Test
  void batchNorm() {
    for (long[] shape : new long[][] {{8, 3}, {2, 3, 2, 3}}) {
      check(
          1,
          shape,
          (tape, x) ->
              Functions.batchNorm(x, constant(tape, 2, 3), constant(tape, 3, 3), 0.1f, null));
      check(
          2,
          new long[] {3},
          (tape, gamma) -> Functions.batchNorm(constant(tape, 1, shape), gamma, gamma, 0.1f, null));
    }
  }

  @Test
  void theBatchNormLayerEvaluatesByWhatTrainingLeft() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      BatchNorm layer = BatchNorm.of(new Initializer(scope, CPU, 1), "norm", 1);
      Var x = tape.constant(Tensor.of(scope, CPU, new float[] {1, 3}, 2, 1));
      Var y = layer.forward(x);
      assertEquals(0.2f, layer.runningMean().item());
      assertEquals(Math.fma(0.1f, 1f, 1f), layer.runningVariance().item());
      assertEquals(-1, y.value().toFloatArray()[0], 1e-4);
      layer.evaluate();
      Var evaluated = layer.forward(x);
      assertEquals(0.8 / Math.sqrt(1.1), evaluated.value().toFloatArray()[0], 1e-4);
      assertEquals(0.2f, layer.runningMean().item());
      Var loss = Functions.sum(evaluated);
      assertThrows(SelfsameException.class, () -> tape.backward(loss));
    }
  }

  @Test
  void dropout() {
    check(
        1,
        new long[] {4, 6},
        (tape, x) -> Functions.dropout(x, new dev.selfsame.op.Dropout.Mask(0.4f, 5, 6)));
  }

  @Test
  void theDropoutLayerDrawsAMaskForEachStepAndPlace() {
    Dropout layer = new Dropout(0.5f, 1);
    float[] ones = new float[100];
    Arrays.fill(ones, 1f);
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Var x = tape.constant(Tensor.of(scope, CPU, ones, 100));
      assertSame(x, layer.forward(x));
      layer.train(0);
      float[] first = layer.forward(x).value().toFloatArray();
      float[] second = layer.forward(x).value().toFloatArray();
      layer.train(1);
      float[] next = layer.forward(x).value().toFloatArray();
      layer.train(0);
      assertArrayEquals(first, layer.forward(x).value().toFloatArray());
      assertFalse(Arrays.equals(first, second) || Arrays.equals(first, next));
      layer.evaluate();
      assertSame(x, layer.forward(x));
    }
  }

  @Test
  void layersTakeMoreAxes() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      LayerNorm layer = LayerNorm.of(new Initializer(scope, CPU, 1), "norm", 6);
      Var y = layer.forward(constant(tape, 1, 2, 3, 6));
      assertEquals("[2, 3, 6]", y.value().shape().toString());
      assertEquals(12, layer.parameterCount());
      float mean = 0;
      for (int i = 0; i < 6; i++) {
        mean += y.value().toFloatArray()[i] / 6;
      }
      assertEquals(0, mean, 1e-6);
    }
  }
}

package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Pool2d;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/**
 * Gradients against central differences, without a tolerance: the functions are polynomials of
 * degree at most two in each single parameter value, on whole numbers small enough for every sum to
 * be exact; then (f(w + 1) − f(w − 1)) / 2 is the derivative itself.
 */
class GradCheckTest {
  private static final Device CPU = Device.scalar();

  /** Whole numbers of −2 … 2. */
  private static float[] whole(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextInt(-2, 3);
    }
    return values;
  }

  private static void check(
      float[] start, long[] shape, float h, BiFunction<Tape, Var, Var> function) {
    try (Scope scope = Scope.open()) {
      Parameter p = new Parameter("p", Tensor.of(scope, CPU, start, shape));
      try (Tape tape = Tape.open(CPU)) {
        tape.backward(function.apply(tape, tape.parameter(p)));
      }
      float[] gradient = p.gradient().toFloatArray();
      for (int i = 0; i < start.length; i++) {
        double up = value(start, shape, i, h, function);
        double down = value(start, shape, i, -h, function);
        assertEquals((up - down) / (2 * h), gradient[i], "element " + i);
      }
    }
  }

  private static double value(
      float[] start, long[] shape, int i, float h, BiFunction<Tape, Var, Var> function) {
    float[] moved = start.clone();
    moved[i] += h;
    try (Tape tape = Tape.open(CPU)) {
      Var p = tape.constant(Tensor.of(tape.scope(), CPU, moved, shape));
      return function.apply(tape, p).value().item();
    }
  }

  private static Var constant(Tape tape, long seed, long... shape) {
    int count = 1;
    for (long s : shape) {
      count *= (int) s;
    }
    return tape.constant(Tensor.of(tape.scope(), CPU, whole(seed, count), shape));
  }

  private static Var squared(Var x) {
    return Functions.sum(Functions.multiply(x, x));
  }

  @Test
  void convolution() {
    Geometry geometry = new Geometry(2, 1, 1, 2, 1, 2, 2);
    check(
        whole(1, 4 * 3 * 9),
        new long[] {4, 3, 3, 3},
        1,
        (tape, w) ->
            squared(
                Functions.conv2d(
                    constant(tape, 2, 2, 6, 7, 6), w, constant(tape, 3, 4), geometry)));
    check(
        whole(2, 2 * 6 * 20),
        new long[] {2, 6, 5, 4},
        1,
        (tape, x) -> squared(Functions.conv2d(x, constant(tape, 1, 4, 3, 3, 3), null, geometry)));
    check(
        whole(3, 4),
        new long[] {4},
        1,
        (tape, b) ->
            squared(
                Functions.conv2d(
                    constant(tape, 2, 2, 6, 7, 6), constant(tape, 1, 4, 3, 3, 3), b, geometry)));
  }

  @Test
  void linearAndProducts() {
    check(
        whole(1, 12),
        new long[] {3, 4},
        1,
        (tape, w) -> squared(Functions.linear(constant(tape, 2, 5, 4), w, constant(tape, 3, 3))));
    check(
        whole(1, 20),
        new long[] {5, 4},
        1,
        (tape, x) -> squared(Functions.linear(x, constant(tape, 2, 3, 4), constant(tape, 3, 3))));
    check(
        whole(1, 3),
        new long[] {3},
        1,
        (tape, b) ->
            squared(Functions.linear(constant(tape, 1, 5, 4), constant(tape, 2, 3, 4), b)));
    check(
        whole(1, 24),
        new long[] {2, 3, 4},
        1,
        (tape, a) -> squared(Functions.matmul(a, constant(tape, 2, 2, 4, 5))));
    check(
        whole(1, 40),
        new long[] {2, 4, 5},
        1,
        (tape, b) -> squared(Functions.matmul(constant(tape, 2, 2, 3, 4), b)));
    check(
        whole(1, 12),
        new long[] {4, 3},
        1,
        (tape, a) -> squared(Functions.matmul(a.transposed(), constant(tape, 2, 4, 5))));
  }

  /** One weight in two places: f has degree 2 in it, and its gradient is the sum over both. */
  @Test
  void sharedAndTiedWeights() {
    check(
        whole(1, 9),
        new long[] {3, 3},
        1,
        (tape, w) ->
            Functions.sum(
                Functions.linear(Functions.linear(constant(tape, 2, 4, 3), w, null), w, null)));
    check(
        whole(1, 15),
        new long[] {3, 5},
        1,
        (tape, w) ->
            Functions.sum(
                Functions.matmul(Functions.matmul(constant(tape, 2, 4, 3), w), w.transposed())));
    check(
        whole(1, 15),
        new long[] {5, 3},
        1,
        (tape, table) -> {
          Tensor words = Tensor.of(tape.scope(), CPU, new int[] {4, 0, 4, 2}, 4);
          return Functions.sum(
              Functions.matmul(Functions.embedding(table, words), table.transposed()));
        });
  }

  @Test
  void elementwiseAndShapes() {
    check(
        whole(1, 12),
        new long[] {3, 4},
        1,
        (tape, x) -> {
          Var y =
              Functions.subtract(Functions.add(x, constant(tape, 2, 3, 4)), Functions.scale(x, 4f));
          return squared(Functions.reshape(y, 4, 3));
        });
  }

  @Test
  void pooling() {
    Pool2d.Geometry two = Pool2d.Geometry.of(2);
    check(
        whole(1, 32),
        new long[] {1, 2, 4, 4},
        1,
        (tape, x) -> squared(Functions.averagePool2d(x, two)));
    // Distinct multiples of four: a step of one changes no maximum.
    float[] distinct = new float[32];
    for (int i = 0; i < 32; i++) {
      distinct[i] = 4 * ((i * 13) % 32 - 16);
    }
    check(distinct, new long[] {1, 2, 4, 4}, 1, (tape, x) -> squared(Functions.maxPool2d(x, two)));
  }

  @Test
  void reluAwayFromItsKink() {
    float[] odd = whole(1, 12);
    for (int i = 0; i < odd.length; i++) {
      odd[i] = 4 * odd[i] + 2;
    }
    check(odd, new long[] {12}, 1, (tape, x) -> squared(Functions.relu(x)));
  }

  /**
   * The fold over uses runs from the last to the first: (g3 + g2) + g1, each with its own rounding.
   */
  @Test
  void usesAreSummedLastFirst() {
    float[] parts = {1f, Math.scalb(1f, -24), Math.scalb(1f, -24)};
    float lastFirst = (parts[2] + parts[1]) + parts[0];
    float firstFirst = (parts[0] + parts[1]) + parts[2];
    assertNotEquals(lastFirst, firstFirst, "the parts don't tell the orders apart");
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Parameter p = new Parameter("p", Tensor.of(scope, CPU, new float[] {1}, 1));
      Var sum = Functions.scale(tape.parameter(p), parts[0]);
      sum = Functions.add(sum, Functions.scale(tape.parameter(p), parts[1]));
      sum = Functions.add(sum, Functions.scale(tape.parameter(p), parts[2]));
      tape.backward(sum);
      assertArrayEquals(new float[] {lastFirst}, p.gradient().toFloatArray());
    }
  }
}

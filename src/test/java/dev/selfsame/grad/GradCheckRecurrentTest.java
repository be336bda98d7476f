package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.nn.Gru;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Lstm;
import dev.selfsame.nn.Rnn;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Recurrent layers on a tape against central differences in float: with a step of 2⁻⁶ and values
 * below 4 a difference is off by some roundings of 2⁻²² / 2⁻⁵ and by h²/6 times the third
 * derivative, together below 0.005. The ops' own tests check the formulas closer; this checks that
 * each gradient reaches its parameter.
 */
class GradCheckRecurrentTest {
  private static final Device CPU = Device.scalar();
  private static final float STEP = 0x1p-6f;

  @Test
  void lstm() {
    try (Scope scope = Scope.open()) {
      Lstm layer = Lstm.of(new Initializer(scope, CPU, 3), "lstm", 3, 5);
      check(scope, layer.parameters(), layer::forward);
    }
  }

  @Test
  void rnn() {
    try (Scope scope = Scope.open()) {
      Rnn layer = Rnn.of(new Initializer(scope, CPU, 5), "rnn", 3, 5);
      check(scope, layer.parameters(), layer::forward);
    }
  }

  @Test
  void gru() {
    try (Scope scope = Scope.open()) {
      Gru layer = Gru.of(new Initializer(scope, CPU, 6), "gru", 3, 5);
      check(scope, layer.parameters(), layer::forward);
    }
  }

  /** Two layers that are one layer: the gradient is the sum over both uses. */
  @Test
  void lstmTwice() {
    try (Scope scope = Scope.open()) {
      Lstm layer = Lstm.of(new Initializer(scope, CPU, 4), "lstm", 3, 3);
      check(scope, layer.parameters(), x -> layer.forward(layer.forward(x)));
    }
  }

  private static void check(Scope scope, List<Parameter> parameters, Function<Var, Var> layer) {
    Parameter x = new Initializer(scope, CPU, 9).normal("x", 1f, 4, 2, 3);
    try (Tape tape = Tape.open(CPU)) {
      tape.backward(loss(tape, layer.apply(tape.parameter(x))));
    }
    for (Parameter p : Stream.concat(parameters.stream(), Stream.of(x)).toList()) {
      float[] start = p.value().toFloatArray();
      float[] gradient = p.gradient().toFloatArray();
      for (int i = 0; i < start.length; i++) {
        double slope =
            (moved(p, start, i, STEP, x, layer) - moved(p, start, i, -STEP, x, layer)) / (2 * STEP);
        assertEquals(slope, gradient[i], 0.005, p.name() + " " + i);
      }
    }
  }

  private static double moved(
      Parameter p, float[] start, int i, float by, Parameter x, Function<Var, Var> layer) {
    float[] values = start.clone();
    values[i] += by;
    try (Tape tape = Tape.open(CPU)) {
      p.value().copyFrom(Tensor.of(tape.scope(), CPU, values, p.value().shape().sizes()));
      double loss = loss(tape, layer.apply(tape.parameter(x))).value().item();
      p.value().copyFrom(Tensor.of(tape.scope(), CPU, start, p.value().shape().sizes()));
      return loss;
    }
  }

  /** Σ w·y with weights that tell the states apart. */
  private static Var loss(Tape tape, Var y) {
    long n = y.value().elements();
    float[] weights = new float[(int) n];
    for (int k = 0; k < n; k++) {
      weights[k] = (float) Math.cos(1.3 * k);
    }
    Tensor w = Tensor.of(tape.scope(), CPU, weights, y.value().shape().sizes());
    return Functions.sum(Functions.multiply(y, tape.constant(w)));
  }
}

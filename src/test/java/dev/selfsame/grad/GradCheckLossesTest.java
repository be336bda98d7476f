package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.Softcuda;
import dev.selfsame.op.Devices;
import dev.selfsame.verify.Bits;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Rules of the losses that compare two things: each side against central differences of the
 * function itself, in float (the bound is GradCheckNormTest's), and what a variable gets that
 * stands in several places. The ops' own tests check the formulas more closely.
 */
class GradCheckLossesTest {
  private static final Device CPU = Device.scalar();
  private static final float STEP = 0x1p-5f;
  private static final long[] SHAPE = {4, 6};

  private static float[] unit(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  private static Var constant(Tape tape, long seed) {
    return tape.constant(Tensor.of(tape.scope(), CPU, unit(seed, 24), SHAPE));
  }

  private static void check(BiFunction<Tape, Var, Var> function) {
    float[] start = unit(1, 24);
    try (Scope scope = Scope.open()) {
      Parameter p = new Parameter("p", Tensor.of(scope, CPU, start, SHAPE));
      try (Tape tape = Tape.open(CPU)) {
        Var loss = function.apply(tape, tape.parameter(p));
        tape.backward(Functions.scale(loss, 1.5f));
      }
      float[] gradient = p.gradient().toFloatArray();
      for (int i = 0; i < start.length; i++) {
        double up = value(start, i, STEP, function);
        double down = value(start, i, -STEP, function);
        assertEquals(1.5 * (up - down) / (2 * STEP), gradient[i], 0.02, "element " + i);
      }
    }
  }

  private static double value(float[] start, int i, float h, BiFunction<Tape, Var, Var> function) {
    float[] moved = start.clone();
    moved[i] += h;
    try (Tape tape = Tape.open(CPU)) {
      return function
          .apply(tape, tape.constant(Tensor.of(tape.scope(), CPU, moved, SHAPE)))
          .value()
          .item();
    }
  }

  private static Tensor kinds(Tape tape) {
    return Tensor.of(tape.scope(), CPU, new int[] {0, 1, 1, 0}, 4);
  }

  @Test
  void contrastive() {
    check((tape, p) -> Losses.contrastive(p, constant(tape, 2), kinds(tape), 3f).loss());
    check((tape, p) -> Losses.contrastive(constant(tape, 2), p, kinds(tape), 3f).loss());
    // Both sides from one parameter.
    check((tape, p) ->
        Losses.contrastive(
                Functions.multiply(p, constant(tape, 2)),
                Functions.multiply(p, constant(tape, 3)),
                kinds(tape),
                3f)
            .loss());
  }

  @Test
  void klDivergence() {
    check((tape, p) -> Losses.klDivergence(constant(tape, 2).value(), p, 2f));
  }

  @Test
  void squaredDistance() {
    check((tape, p) -> Losses.squaredDistance(List.of(p), List.of(constant(tape, 2)), 0.3f));
    check((tape, p) -> Losses.squaredDistance(List.of(constant(tape, 2)), List.of(p), 0.3f));
    // In several pairs, on either side, moving with and without its partner.
    check((tape, p) -> {
      Var q = Functions.scale(p, 0.5f);
      Var c = constant(tape, 2);
      return Losses.squaredDistance(List.of(p, p, c, q), List.of(q, c, p, q), 0.3f);
    });
  }

  /** The fused call over all pairs gives each parameter what a call for it alone gives. */
  @Test
  void manyPairsGiveTheBitsOfEachAlone() {
    try (Scope scope = Scope.open()) {
      Parameter a = new Parameter("a", Tensor.of(scope, CPU, unit(1, 24), SHAPE));
      Parameter b = new Parameter("b", Tensor.of(scope, CPU, unit(2, 24), SHAPE));
      Parameter c = new Parameter("c", Tensor.of(scope, CPU, unit(3, 24), SHAPE));
      try (Tape tape = Tape.open(CPU)) {
        Var va = tape.parameter(a);
        tape.backward(
            Losses.squaredDistance(
                List.of(va, va), List.of(tape.parameter(b), tape.parameter(c)), 0.3f));
      }
      float[] sum = a.gradient().toFloatArray();
      float[] ofB = b.gradient().toFloatArray();
      float[] ofC = c.gradient().toFloatArray();
      float[] expected = new float[24];
      for (int i = 0; i < 24; i++) {
        expected[i] = -ofB[i] + -ofC[i];
      }
      Bits.assertSame("the sum over both pairs", expected, sum);
    }
  }

  @Test
  void anEmptyListIsRefused() {
    assertThrows(ShapeException.class, () -> Losses.squaredDistance(List.of(), List.of(), 1f));
  }

  /** A gradient that could not be written is none; one of an earlier use keeps its bits. */
  @Test
  void aFailedGradientIsNone() {
    Device device =
        Devices.tested().stream()
            .filter(d -> d.toString().equals("softcuda"))
            .findFirst()
            .orElse(null);
    Assumptions.assumeTrue(device != null, "NOT RUN: softcuda is not usable");
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(device)) {
      Parameter a = new Parameter("a", Tensor.of(scope, device, unit(1, 24), SHAPE));
      Parameter b = new Parameter("b", Tensor.of(scope, device, unit(2, 24), SHAPE));
      Var loss = Losses.squaredDistance(List.of(tape.parameter(a)), List.of(tape.parameter(b)), 1f);
      a.gradientMemory().fill(7f);
      // The gradient of the loss, memory for a's term and for b, then the table of the call.
      Softcuda.controls().failAllocation(4);
      assertThrows(DeviceException.class, () -> tape.backward(loss));
      Softcuda.controls().reset();
      assertFalse(b.hasGradient());
      assertEquals(7f, a.gradient().toFloatArray()[0]);
    }
  }
}

package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.ClosedException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import org.junit.jupiter.api.Test;

class TapeTest {
  private static final Device CPU = Device.scalar();

  @Test
  void aParameterIsOneVariable() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Parameter p = new Parameter("p", Tensor.zeros(scope, CPU, 2));
      assertSame(tape.parameter(p), tape.parameter(p));
    }
  }

  @Test
  void gradientsOfSeveralSweepsAddUpUntilCleared() {
    try (Scope scope = Scope.open()) {
      Parameter p = new Parameter("p", Tensor.zeros(scope, CPU, 2));
      assertThrows(SelfsameException.class, p::gradient);
      for (int sweep = 0; sweep < 2; sweep++) {
        try (Tape tape = Tape.open(CPU)) {
          tape.backward(Functions.sum(Functions.scale(tape.parameter(p), 3f)));
        }
      }
      assertArrayEquals(new float[] {6, 6}, p.gradient().toFloatArray());
      p.clearGradient();
      assertFalse(p.hasGradient());
      try (Tape tape = Tape.open(CPU)) {
        tape.backward(Functions.sum(tape.parameter(p)));
      }
      assertArrayEquals(new float[] {1, 1}, p.gradient().toFloatArray());
    }
  }

  @Test
  void inputsHaveGradientsAndConstantsNone() {
    try (Tape tape = Tape.open(CPU)) {
      Var x = tape.input(Tensor.of(tape.scope(), CPU, new float[] {2, 3}, 2));
      Var c = tape.constant(Tensor.of(tape.scope(), CPU, new float[] {5, 7}, 2));
      tape.backward(Functions.sum(Functions.multiply(x, c)));
      assertArrayEquals(new float[] {5, 7}, x.gradient().toFloatArray());
      assertThrows(SelfsameException.class, c::gradient);
    }
  }

  @Test
  void memoryGoesWithTheTape() {
    long before = Tensor.liveBytes();
    try (Tape tape = Tape.open(CPU)) {
      Var x = tape.input(Tensor.of(tape.scope(), CPU, new float[] {2, 3}, 2));
      tape.backward(Functions.sum(Functions.multiply(x, x)));
    }
    assertEquals(before, Tensor.liveBytes());
  }

  /** An optimizer must not take undefined memory for a gradient. */
  @Test
  void aGradientThatCantBeWrittenIsNone() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Parameter p = new Parameter("p", Tensor.zeros(scope, CPU, 2));
      Tensor other = Tensor.of(tape.scope(), CPU, new float[] {1, 2}, 2);
      Var y = Functions.multiply(tape.parameter(p), tape.constant(other));
      Var loss = Functions.sum(y);
      other.close();
      assertThrows(ClosedException.class, () -> tape.backward(loss));
      assertFalse(p.hasGradient());
    }
  }

  @Test
  void misuseIsNamed() {
    try (Tape tape = Tape.open(CPU);
        Tape other = Tape.open(CPU)) {
      Var x = tape.input(Tensor.zeros(tape.scope(), CPU, 2));
      assertThrows(ShapeException.class, () -> tape.backward(x));
      assertThrows(ClosedException.class, () -> other.backward(Functions.sum(x)));
      assertThrows(
          DeviceException.class,
          () -> tape.constant(Tensor.zeros(tape.scope(), Device.vector(), 2)));
      tape.backward(Functions.sum(x));
      assertThrows(ClosedException.class, () -> Functions.sum(x));
    }
  }
}

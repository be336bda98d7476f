package dev.selfsame.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.op.Bias;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The verifier finds what is wrong, and passes what is right. */
class VerifierTest {
  private static final Device SCALAR = Device.scalar();
  private static final Device VECTOR = Device.vector();

  /** Seeded cases of every operation, on vectors. */
  @TestFactory
  Stream<DynamicTest> operationsPass() {
    return OpsUnderTest.all().stream()
        .map(op ->
            DynamicTest.dynamicTest(
                op.name(),
                () -> {
                  Verification v = Verifier.against(SCALAR).seed(3).cases(7).verify(op, VECTOR);
                  assertTrue(v.passed(), v::toString);
                  assertEquals(7, v.cases());
                  assertTrue(v.values() > 0);
                }));
  }

  @Test
  void aCaseIsAFunctionOfSeedAndNumber() {
    for (OpUnderTest op : OpsUnderTest.all()) {
      assertEquals(op.draw(5, 6).description(), op.draw(5, 6).description());
      assertNotEquals(op.draw(5, 6).description(), op.draw(6, 6).description());
    }
    Draw one = new Draw("x", 1, 2);
    Draw same = new Draw("x", 1, 2);
    assertEquals(-1, one.floats("a", 999).data().mismatch(same.floats("a", 999).data()));
    Draw other = new Draw("y", 1, 2);
    assertNotEquals(-1, one.floats("b", 999).data().mismatch(other.floats("b", 999).data()));
  }

  @Test
  void countsValuesAndCases() {
    OpUnderTest op =
        planted((draw, run) -> {
          run.out("a", 2, 3).fill(1f);
          run.outInts("b", 5).fill(7);
        });
    List<Integer> done = new ArrayList<>();
    Verification v =
        Verifier.against(SCALAR).from(2).cases(4).verify(op, List.of(VECTOR), done::add).getFirst();
    assertEquals(4, v.cases());
    assertEquals(44, v.values());
    assertEquals(0, v.mismatches());
    assertEquals(List.of(2, 3, 4, 5), done);
    assertTrue(v.passed());
    assertTrue(v.time().compareTo(Duration.ZERO) > 0);
  }

  // ---- negative controls ------------------------------------------------------------------------

  @Test
  void aFlippedBitIsFound() {
    OpUnderTest op =
        planted((draw, run) -> {
          Tensor y = run.out("y", 10);
          y.fill(1f);
          if (faulty(run) && draw.number() == 3) {
            y.slice(6, 7).fill(Math.nextUp(1f));
          }
        });
    Verification v = Verifier.against(SCALAR).cases(5).verify(op, VECTOR);
    assertFalse(v.passed());
    assertEquals(5, v.cases());
    assertEquals(1, v.mismatches());
    Verification.First first = Objects.requireNonNull(v.first());
    assertEquals(3, first.number());
    assertEquals("y", first.output());
    assertEquals(6, first.mismatch().index());
    assertEquals(0x3f800000, first.mismatch().expected());
    assertEquals(0x3f800001, first.mismatch().actual());
    assertEquals(1, first.mismatch().ulps());
  }

  @Test
  void theSignOfZeroIsFoundAndNansAreOneClass() {
    OpUnderTest zero = planted((draw, run) -> run.out("y", 3).fill(faulty(run) ? -0f : 0f));
    assertEquals(3, Verifier.against(SCALAR).cases(1).verify(zero, VECTOR).mismatches());
    OpUnderTest nan =
        planted((draw, run) ->
            run.out("y", 3).fill(Float.intBitsToFloat(faulty(run) ? 0xffc00001 : 0x7fc00000)));
    assertEquals(0, Verifier.against(SCALAR).cases(1).verify(nan, VECTOR).mismatches());
  }

  @ParameterizedTest
  @EnumSource
  void faultsOnPurposeAreFound(NegativeControl control) {
    assertTrue(control.isFound(VECTOR));
    assertFalse(control.isFound(SCALAR), "the definition itself has no fault");
  }

  @Test
  void anElementThatIsNotWrittenIsFound() {
    OpUnderTest op =
        planted((draw, run) -> {
          Tensor y = run.out("y", 10);
          y.slice(0, faulty(run) ? 9 : 10).fill(1f);
        });
    Verification.First first =
        Objects.requireNonNull(Verifier.against(SCALAR).cases(1).verify(op, VECTOR).first());
    assertEquals(9, first.mismatch().index());
  }

  @Test
  void aWriteBesideTheOutputIsFound() {
    // The output's memory is a slice of a larger piece; a kernel gone astray would do this.
    OpUnderTest op =
        planted((draw, run) -> {
          run.out("y", 10).fill(1f);
          if (faulty(run)) {
            run.whole("y").slice(0, 3).fill(2f);
          }
        });
    Verification v = Verifier.against(SCALAR).cases(1).verify(op, VECTOR);
    assertEquals(3, v.mismatches());
    assertTrue(Objects.requireNonNull(v.first()).mismatch().index() < 0);
  }

  @Test
  void aChangedInputIsFound() {
    OpUnderTest op =
        new OpUnderTest(
            Bias.class,
            draw -> {
              Draw.Input x = draw.floats("x", 9);
              return draw.toCase(
                  "",
                  run -> {
                    Tensor in = run.in(x);
                    if (faulty(run)) {
                      in.slice(8, 9).fill(77f);
                    }
                  });
            });
    Verification v = Verifier.against(SCALAR).cases(1).verify(op, VECTOR);
    assertEquals(1, v.mismatches());
    assertEquals("x (an input)", Objects.requireNonNull(v.first()).output());
  }

  @Test
  void anExceptionEndsTheDeviceNotTheRun() {
    OpUnderTest op =
        planted((draw, run) -> {
          run.out("y", 1).fill(1f);
          if (faulty(run) && draw.number() == 2) {
            throw new IllegalStateException("broken");
          }
        });
    List<Verification> both =
        Verifier.against(SCALAR).cases(5).verify(op, List.of(VECTOR, SCALAR), n -> {});
    assertFalse(both.get(0).passed());
    assertEquals(2, both.get(0).cases());
    Verification.Failure failure = Objects.requireNonNull(both.get(0).failure());
    assertEquals(2, failure.number());
    assertEquals("broken", failure.cause().getMessage());
    assertTrue(both.get(1).passed());
    assertEquals(5, both.get(1).cases());
    assertNull(both.get(1).failure());
  }

  @Test
  void aFailingControlIsNoPass() {
    OpUnderTest op =
        planted((draw, run) -> {
          if (run.device() instanceof Device.Scalar) {
            throw new IllegalStateException("broken");
          }
        });
    Verification v = Verifier.against(SCALAR).cases(2).verify(op, VECTOR);
    assertFalse(v.passed());
    assertNotNull(v.failure());
  }

  @Test
  void aBudgetEndsTheRunAfterTheFirstCase() {
    OpUnderTest op = planted((draw, run) -> run.out("y", 1).fill(1f));
    Verification v = Verifier.against(SCALAR).budget(Duration.ZERO).cases(99).verify(op, VECTOR);
    assertEquals(1, v.cases());
    assertTrue(v.passed());
  }

  @Test
  void badSettings() {
    Verifier v = Verifier.against(SCALAR);
    assertThrows(IllegalArgumentException.class, () -> v.cases(0));
    assertThrows(IllegalArgumentException.class, () -> v.from(-1));
    assertThrows(IllegalArgumentException.class, () -> OpsUnderTest.of(String.class));
    assertTrue(OpsUnderTest.named("no-such").isEmpty());
    assertEquals("adamw", OpsUnderTest.named("AdamW").orElseThrow().name());
    assertEquals("global-norm", OpsUnderTest.named("global_norm").orElseThrow().name());
  }

  private interface Planted {
    void on(Draw draw, Run run);
  }

  private static OpUnderTest planted(Planted body) {
    return new OpUnderTest(Bias.class, draw -> draw.toCase("", run -> body.on(draw, run)));
  }

  private static boolean faulty(Run run) {
    return run.device() instanceof Device.Vector;
  }
}

package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.verify.Draw;
import dev.selfsame.verify.NegativeControl;
import dev.selfsame.verify.OpUnderTest;
import dev.selfsame.verify.Verification;
import dev.selfsame.verify.Verifier;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is printed when bits differ or a device fails. */
class VerifyTableTest {
  private static final Candidate DEVICE = Candidate.of("vector", 2);

  private static String print(OpUnderTest op, Candidate... candidates) {
    StringWriter text = new StringWriter();
    VerifyTable table =
        new VerifyTable(new PrintWriter(text, true), List.of(op), List.of(candidates));
    Device device = Candidate.of("vector", 2).device();
    if (device == null) {
      throw new AssertionError("no vectors");
    }
    Verification v = Verifier.against(Device.scalar()).seed(5).from(2).cases(3).verify(op, device);
    assertFalse(v.passed());
    table.head();
    table.rows(op, List.of(v));
    table.foot(List.of(v), 1.5);
    return text.toString();
  }

  @Test
  void aMismatchIsShownWithItsCaseAndHowToRunItAgain() {
    String text = print(NegativeControl.FLIPPED_BIT.planted(), DEVICE);
    assertTrue(text.matches("(?s).*bias +vector:\\d+×2 +3 +99 +3 .*  MISMATCH\n.*"), text);
    assertTrue(text.contains("×2, case 2 (x[1, 33] bias[33] "), text);
    assertTrue(
        text.matches("(?s).*: y index 32: expected 0x\\p{XDigit}{8} .* 1 ULP apart.*"), text);
    assertTrue(text.contains("again: selfsame verify --op bias --device " + DEVICE.device()), text);
    assertTrue(text.contains(" --threads 2 --seed 5 --from 2 --cases 1"), text);
    assertTrue(text.contains("99 values compared, 3 mismatches, 0 failures"), text);
  }

  @Test
  void aFailureAndADeviceThatIsNotThereAreShown() {
    OpUnderTest op =
        new OpUnderTest(
            Draw.class,
            d ->
                d.toCase(
                    "odd",
                    run -> {
                      if (run.device() instanceof Device.Vector) {
                        throw new IllegalStateException("broken");
                      }
                    }));
    String text = print(op, DEVICE, new Candidate("cuda:0", "cuda:0", null, "no driver"));
    assertTrue(text.contains("  FAILED\n"), text);
    assertTrue(text.contains("odd): java.lang.IllegalStateException: broken"), text);
    assertTrue(text.contains("NOT RUN on cuda:0: no driver"), text);
    assertTrue(text.contains("1 failures, 1 devices not run"), text);
  }

  @Test
  void faultsThatAreNotFoundAreNamed() {
    StringWriter text = new StringWriter();
    new VerifyTable(new PrintWriter(text, true), List.of(), List.of())
        .controls(List.of(NegativeControl.REORDERED_SUM));
    assertTrue(text.toString().contains("7 faults planted, 6 found; NOT FOUND: [reordered sum]"));
  }
}

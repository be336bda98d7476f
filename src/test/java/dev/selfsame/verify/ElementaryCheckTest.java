package dev.selfsame.verify;

import static dev.selfsame.contract.Mem.f32;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.op.Devices;
import java.math.BigDecimal;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A dense sample of the inputs; all of them with {@code -Dexhaustive=true}. */
class ElementaryCheckTest {
  /** Of the inputs that lie on a tie in double, and more that come as near. */
  private static final int[] HARD = {
    0x3c413d3a, 0x41178feb, 0x4c5d65a5, 0x65d890d3, 0x6f31a8ec, 0x35400003, 0x3710001b, 0x3efd81ad,
    0x41078feb, 0xb53ffffd, 0xb70fffe5, 0xbb0ec8c4, 0xba928601, 0xb7818000, 0xb7838000, 0x46199998,
    0xc6199998, 0x5f18b878, 0x6115cb11, 0xdf18b878, 0xe115cb11, 0x34000000, 0x34c00000, 0x35200000
  };

  private static final float[] SPECIAL = {
    0f,
    -0f,
    1f,
    -1f,
    Float.NaN,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    -Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE
  };

  @ParameterizedTest
  @EnumSource
  void everyInputIsRoundedToTheNearestFloat(Elementary f) {
    long step = Boolean.getBoolean("exhaustive") ? 1 : 16_381;
    var evaluators = ElementaryCheck.evaluators();
    for (Device device : Devices.tested()) {
      if (device instanceof Device.Cuda cuda && !device.toString().contains(":desc")) {
        evaluators.put(device.toString(), ElementaryCheck.on(cuda));
      }
    }
    var outcome = ElementaryCheck.check(f, step, evaluators);
    assertEquals(0, outcome.wrong(), outcome + " first at " + outcome.firstWrong());
  }

  @ParameterizedTest
  @EnumSource
  void hardAndSpecialInputsAreRoundedToo(Elementary f) {
    for (int bits : HARD) {
      float x = Float.intBitsToFloat(bits);
      assertBits(f.nearest(x), f.of(x), f + " of " + x);
    }
    for (float x : SPECIAL) {
      assertBits(f.nearest(x), f.of(x), f + " of " + x);
    }
  }

  @Test
  void aWrongBitIsFound() {
    var flipped =
        Map.<String, ElementaryCheck.Evaluator>of(
            "flipped",
            (f, x, y, n) -> {
              for (int i = 0; i < n; i++) {
                float v = f32(x, i);
                f32(y, i, v == 2f ? Math.nextUp(f.of(v)) : f.of(v));
              }
            });
    var outcome = ElementaryCheck.check(Elementary.EXP, 1 << 20, flipped);
    assertEquals(1, outcome.wrong());
    assertEquals(2f, Float.intBitsToFloat(outcome.firstWrong().getAsInt()));
  }

  @Test
  void roundingTwiceIsFound() {
    var twice =
        Map.<String, ElementaryCheck.Evaluator>of(
            "twice",
            (f, x, y, n) -> {
              for (int i = 0; i < n; i++) {
                float e = (float) StrictMath.exp(-(double) f32(x, i));
                f32(y, i, 1 / (1 + e));
              }
            });
    assertTrue(ElementaryCheck.check(Elementary.SIGMOID, 1 << 16, twice).wrong() > 100);
  }

  @Test
  void digitsMatchPublishedValues() {
    assertDigits("2.71828182845904523536028747135266249775724709369995", BigElementary.exp(one()));
    assertDigits(
        "0.69314718055994530941723212145817656807550013436026", BigElementary.log1p(one()));
    assertDigits("0.84147098480789650665250232163029899962256306079837", BigElementary.sin(one()));
    assertDigits("0.54030230586813971740093660744297660373231042061792", BigElementary.cos(one()));
    assertDigits("0.84270079294971486934122063508260925929606699796630", BigElementary.erf(one()));
    assertDigits("0.76159415595576488811945828260479359041276859725794", BigElementary.tanh(one()));
    assertDigits(
        "0.73105857863000487925115924182183627436514464016505", BigElementary.sigmoid(one()));
    assertDigits(
        "-0.85220084976718880177270589375302936826176215041004",
        BigElementary.sin(new BigDecimal("1e22")));
  }

  private static BigDecimal one() {
    return BigDecimal.ONE;
  }

  private static void assertDigits(String expected, BigDecimal actual) {
    BigDecimal error = new BigDecimal(expected).subtract(actual).abs();
    assertTrue(error.compareTo(new BigDecimal("1e-49")) < 0, expected + " but " + actual);
  }

  private static void assertBits(float expected, float actual, String what) {
    assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(actual), what);
  }
}

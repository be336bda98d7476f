package dev.selfsame.cpu;

import static dev.selfsame.cpu.PairMathConstants.bits;

/**
 * The constants of {@link PairLog}. Tables are bits of floats; of those of 32 entries, the first 16
 * and the last 16 lie in one vector each, and entry j belongs to mantissas around 1 + j/32.
 */
final class PairLogConstants {
  /** Bits of 1 − 2⁻⁷, where the first piece begins. */
  static final int FIRST = 0x3f7e0000;

  /** With 8 pieces: bits of 1 − 2⁻⁵. */
  static final int FIRST_8 = 0x3f780000;

  // ln 2 in two parts, for a factor of 2²³·k: LN2_HI and LOGS are multiples of 2⁻¹⁷, so that
  // k·ln 2 + LOGS[j] is exact.
  static final float LN2_HI = 0x1.62e4p-24f;
  static final float LN2_LO = 0x1.7f7d1cp-43f;

  // log(1 + f) = f + f²·(LOG_2 + LOG_3·f + …) for |f| ≤ 0.0199 (least squares at Chebyshev nodes).
  static final float LOG_2 = -0.5f;
  static final float LOG_3 = 0x1.555554p-2f;
  static final float LOG_4 = -0x1.001136p-2f;
  static final float LOG_5 = 0x1.99be7ap-3f;

  // The same for −0.0704 ≤ f ≤ 0.0665 with two terms more (Sollya's fpminimax), good to 2⁻³⁸·⁶.
  static final float LOG_8_3 = 0x1.555556p-2f;
  static final float LOG_8_4 = -0x1.ffff6p-3f;
  static final float LOG_8_5 = 0x1.999398p-3f;
  static final float LOG_8_6 = -0x1.570162p-3f;
  static final float LOG_8_7 = 0x1.2a655ap-3f;

  // Distance from the value of either bound: |head|·WIDTH + WIDTH_2·f².
  static final float WIDTH = 0x1p-35f;
  static final float WIDTH_2 = 0x1p-23f;

  /**
   * With 8 pieces. In units of 2⁻²⁴·f², the roundings of f², of q, of f²·q + rest and of low ±
   * width are 0.52 each at most, those in q 0.1.
   */
  static final float WIDTH_8_2 = 0x1.4p-23f;

  /** About 1/(1 + j/32), of so few bits that mantissa · RECIPROCALS[j] − 1 is exact. */
  static final int[] RECIPROCALS =
      bits(
          0x1p0f,
          0x1.fp-1f,
          0x1.ep-1f,
          0x1.d4p-1f,
          0x1.c8p-1f,
          0x1.b8p-1f,
          0x1.bp-1f,
          0x1.a4p-1f,
          0x1.98p-1f,
          0x1.9p-1f,
          0x1.88p-1f,
          0x1.7cp-1f,
          0x1.74p-1f,
          0x1.6cp-1f,
          0x1.64p-1f,
          0x1.5cp-1f,
          0x1.54p-1f,
          0x1.5p-1f,
          0x1.48p-1f,
          0x1.4p-1f,
          0x1.3cp-1f,
          0x1.34p-1f,
          0x1.3p-1f,
          0x1.28p-1f,
          0x1.24p-1f,
          0x1.2p-1f,
          0x1.1cp-1f,
          0x1.14p-1f,
          0x1.1p-1f,
          0x1.0cp-1f,
          0x1.08p-1f,
          0x1.04p-1f);

  /** −log RECIPROCALS[j], to a multiple of 2⁻¹⁷. */
  static final int[] LOGS =
      bits(
          0x0p0f,
          0x1.041p-5f,
          0x1.0858p-4f,
          0x1.701p-4f,
          0x1.da7p-4f,
          0x1.366p-3f,
          0x1.5bf4p-3f,
          0x1.95a4p-3f,
          0x1.d104p-3f,
          0x1.f99p-3f,
          0x1.1178p-2f,
          0x1.315p-2f,
          0x1.4718p-2f,
          0x1.5d5cp-2f,
          0x1.741ep-2f,
          0x1.8b64p-2f,
          0x1.a334p-2f,
          0x1.af52p-2f,
          0x1.c8p-2f,
          0x1.e148p-2f,
          0x1.ee2ap-2f,
          0x1.0436p-1f,
          0x1.0ae7p-1f,
          0x1.188fp-1f,
          0x1.1f86p-1f,
          0x1.2696p-1f,
          0x1.2dbfp-1f,
          0x1.3c61p-1f,
          0x1.43dap-1f,
          0x1.4b7p-1f,
          0x1.5323p-1f,
          0x1.5af4p-1f);

  /** What LOGS lacks. */
  static final int[] LOGS_LOW =
      bits(
          0x0p0f,
          0x1.76279ep-19f,
          0x1.8b59e4p-20f,
          -0x1.67a8aap-19f,
          0x1.3b1c22p-19f,
          -0x1.a7f538p-22f,
          0x1.ad50f6p-25f,
          0x1.adcf7p-19f,
          -0x1.01b354p-20f,
          0x1.c6cb3cp-19f,
          0x1.d044fcp-19f,
          -0x1.c3c594p-19f,
          0x1.b84e38p-19f,
          -0x1.10535p-21f,
          -0x1.e24e62p-20f,
          -0x1.95dd34p-20f,
          0x1.00893ep-20f,
          0x1.2a491ap-19f,
          -0x1.8e2eaap-20f,
          0x1.4344e4p-19f,
          0x1.56b414p-22f,
          0x1.7cec08p-22f,
          0x1.b8b416p-19f,
          -0x1.bf0dc4p-21f,
          0x1.afe30cp-20f,
          0x1.089a6ep-20f,
          0x1.55ec38p-19f,
          -0x1.fcf25p-19f,
          -0x1.a0db88p-26f,
          -0x1.48347ap-20f,
          -0x1.d97988p-21f,
          0x1.70d928p-23f);

  // The tables for 8 pieces, entry j around 1 + j/8. The reciprocals are multiples of 1/32, and of
  // 1/16 where |f| exceeds 1/16: so f is exact.
  static final int[] RECIPROCALS_8 =
      bits(1f, 28 / 32f, 26 / 32f, 23 / 32f, 21 / 32f, 20 / 32f, 18 / 32f, 17 / 32f);
  static final int[] LOGS_8 =
      bits(
          0x0p0f,
          0x1.1178p-3f,
          0x1.a94p-3f,
          0x1.522ap-2f,
          0x1.af52p-2f,
          0x1.e148p-2f,
          0x1.2696p-1f,
          0x1.43dap-1f);
  static final int[] LOGS_LOW_8 =
      bits(
          0x0p0f,
          0x1.d044fcp-20f,
          -0x1.2c3752p-19f,
          0x1.c0e714p-19f,
          0x1.2a491ap-19f,
          0x1.4344e4p-19f,
          0x1.089a6ep-20f,
          -0x1.a0db88p-26f);

  private PairLogConstants() {}
}

package dev.selfsame.cpu;

/**
 * The constants of {@link PairMath}: floats. A table's first 16 and last 16 entries lie in one
 * vector each.
 */
final class PairMathConstants {
  /** t = fma(x, c, ROUND) holds round(c·x) in its low bits. */
  static final float ROUND = 0x1.8p23f;

  // exp: 32/ln 2, and ln(2)/32 in two parts; k·EXP_STEP_HI is exact for |k| < 2^12.
  static final float EXP_SCALE = 0x1.715476p5f;
  static final float EXP_STEP_HI = 0x1.62e43p-6f;
  static final float EXP_STEP_LO = -0x1.05c610p-34f;
  // exp(r) = 1 + r + r²·(EXP_2 + EXP_3·r + EXP_4·r²) for |r| ≤ ln(2)/64 (Sollya's fpminimax).
  static final float EXP_2 = 0.5f;
  static final float EXP_3 = 0x1.5555c8p-3f;
  static final float EXP_4 = 0x1.5555acp-5f;

  /**
   * Distance of the bounds, relative to the result: twice 0x1.7p-36, which EXP_RESTS begin with and
   * which is somewhat more than the largest error that was found, 0x1.57p-36.
   */
  static final float EXP_WIDTH = 0x1.7p-35f;

  /** Up to here, no part of a result is subnormal. */
  static final float EXP_NEAR = 56f;

  /** 2^(j/32) rounded. */
  private static final float[] POWERS = {
    0x1p0f, 0x1.059b0ep0f, 0x1.0b5586p0f, 0x1.11301ep0f, 0x1.172b84p0f, 0x1.1d4874p0f,
    0x1.2387a6p0f, 0x1.29e9ep0f, 0x1.306fep0f, 0x1.371a74p0f, 0x1.3dea64p0f, 0x1.44e086p0f,
    0x1.4bfdaep0f, 0x1.5342b6p0f, 0x1.5ab07ep0f, 0x1.6247ecp0f, 0x1.6a09e6p0f, 0x1.71f75ep0f,
    0x1.7a1148p0f, 0x1.82589ap0f, 0x1.8ace54p0f, 0x1.93737cp0f, 0x1.9c4918p0f, 0x1.a5503cp0f,
    0x1.ae89fap0f, 0x1.b7f77p0f, 0x1.c199bep0f, 0x1.cb720ep0f, 0x1.d5818ep0f, 0x1.dfc974p0f,
    0x1.ea4afap0f, 0x1.f50766p0f
  };

  /** Their bits, less the exponent bits that a shift of j by 18 adds. */
  static final int[] EXP_POWERS = new int[32];

  /** 2^(j/32) / POWERS[j] − 1 − 0x1.7p-36, as bits. */
  static final int[] EXP_RESTS =
      bits(
          -0x1.7p-36f,
          -0x1.94a214p-25f,
          0x1.8d68d4p-25f,
          -0x1.ddd0fcp-25f,
          -0x1.9cc422p-27f,
          -0x1.a329b2p-25f,
          0x1.961b04p-25f,
          -0x1.2b3bbcp-25f,
          0x1.122202p-25f,
          -0x1.ce44cep-26f,
          0x1.36dde4p-25f,
          0x1.2dade2p-30f,
          -0x1.0a635p-25f,
          -0x1.c59db4p-26f,
          -0x1.0190acp-27f,
          -0x1.6ce084p-25f,
          0x1.25a95cp-26f,
          0x1.8acfb8p-26f,
          -0x1.05f944p-25f,
          -0x1.1c7d42p-26f,
          0x1.6631cap-28f,
          -0x1.34bc56p-25f,
          0x1.a245e4p-28f,
          -0x1.0bacc8p-25f,
          -0x1.fa7b04p-27f,
          -0x1.e52486p-26f,
          -0x1.6ad1b4p-28f,
          -0x1.b6851ep-28f,
          -0x1.a6917cp-28f,
          -0x1.abcd32p-26f,
          0x1.5fd28ep-28f,
          -0x1.2b8df8p-27f);

  static {
    for (int j = 0; j < 32; j++) {
      EXP_POWERS[j] = Float.floatToIntBits(POWERS[j]) - (j << 18);
    }
  }

  private PairMathConstants() {}

  private static int[] bits(float... values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}

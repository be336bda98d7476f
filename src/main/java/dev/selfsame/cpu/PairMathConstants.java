package dev.selfsame.cpu;

/**
 * The constants of {@link PairMath}: floats. Tables of 32 entries lie in two vectors of 512 bits,
 * tables of 8 in one of 256.
 */
final class PairMathConstants {
  /** t = fma(x, c, ROUND) holds round(c·x) in its low bits. */
  static final float ROUND = 0x1.8p23f;

  // 1/ln 2, and ln 2 in two parts; k·LN2_HI is exact for |k| < 2^12.
  static final float INV_LN2 = 0x1.715476p0f;
  static final float LN2_HI = 0x1.62e43p-1f;
  static final float LN2_LO = -0x1.05c610p-29f;
  // exp(r) = (1 + r)·(1 + r²·(EXP_2 + EXP_3·r + EXP_4·r²)) for |r| ≤ ln(2)/64, good to 2⁻³⁷ (a
  // minimax fit in 200 bits, its coefficients rounded one after the other, the last first).
  static final float EXP_2 = 0.5f;
  static final float EXP_3 = -0x1.555f22p-2f;
  static final float EXP_4 = 0x1.801138p-2f;
  // The same for |r| ≤ ln(2)/16, with four terms after EXP_2 (Sollya's fpminimax), good to 2⁻³⁷.
  static final float EXP_8_3 = -0x1.55553ap-2f;
  static final float EXP_8_4 = 0x1.7fffcep-2f;
  static final float EXP_8_5 = -0x1.785a5ep-2f;
  static final float EXP_8_6 = 0x1.79fef6p-2f;

  /** Relative distance of a bound of exp, more than the largest error found, 0x1.99p-36. */
  static final float EXP_ERROR = 0x1.bp-36f;

  /** Distance of exp's bounds, relative to the result. */
  static final float EXP_WIDTH = 2 * EXP_ERROR;

  // With 8 steps the distance of a bound is EXP_ERROR_8 + EXP_ERROR_8_2·r². In units of 2⁻²⁴·r²,
  // the roundings of r², of r²·q + rest and of the low part are 0.515 at most, that of q 0.5, those
  // in q 0.02, and rest·r²·q, which is left out, 1.4: 3.5. The upper bound has a rounding more.
  static final float EXP_ERROR_8 = 0x1.2p-37f;
  static final float EXP_ERROR_8_2 = 0x1p-22f;
  static final float EXP_WIDTH_8 = 0x1.4p-36f;
  static final float EXP_WIDTH_8_2 = 0x1.1p-21f;

  // Distance of a bound of e^2x − 1 from it: TANH_WIDTH·(e^2x − 1) + TANH_WIDTH_2·2^(k/32)·r².
  static final float TANH_WIDTH = 0x1p-39f;
  static final float TANH_WIDTH_2 = 0x1.5p-22f;
  static final float TANH_WIDTH_8_2 = 0x1.1p-22f;

  /** The bits of t for k + offset = 0. */
  static final int RANGE_FIRST = 0x4b400000;

  /** 2^(j/32) rounded. */
  private static final float[] POWERS = {
    0x1p0f, 0x1.059b0ep0f, 0x1.0b5586p0f, 0x1.11301ep0f, 0x1.172b84p0f, 0x1.1d4874p0f,
    0x1.2387a6p0f, 0x1.29e9ep0f, 0x1.306fep0f, 0x1.371a74p0f, 0x1.3dea64p0f, 0x1.44e086p0f,
    0x1.4bfdaep0f, 0x1.5342b6p0f, 0x1.5ab07ep0f, 0x1.6247ecp0f, 0x1.6a09e6p0f, 0x1.71f75ep0f,
    0x1.7a1148p0f, 0x1.82589ap0f, 0x1.8ace54p0f, 0x1.93737cp0f, 0x1.9c4918p0f, 0x1.a5503cp0f,
    0x1.ae89fap0f, 0x1.b7f77p0f, 0x1.c199bep0f, 0x1.cb720ep0f, 0x1.d5818ep0f, 0x1.dfc974p0f,
    0x1.ea4afap0f, 0x1.f50766p0f
  };

  /** 2^(j/32) / POWERS[j] − 1. */
  private static final float[] RESTS = {
    0x0p0f,
    -0x1.947414p-25f,
    0x1.8d96d4p-25f,
    -0x1.dda2fcp-25f,
    -0x1.9c0c22p-27f,
    -0x1.a2fbb2p-25f,
    0x1.964904p-25f,
    -0x1.2b0dbcp-25f,
    0x1.125002p-25f,
    -0x1.cde8cep-26f,
    0x1.370be4p-25f,
    0x1.336de2p-30f,
    -0x1.0a355p-25f,
    -0x1.c541b4p-26f,
    -0x1.00d8acp-27f,
    -0x1.6cb284p-25f,
    0x1.26055cp-26f,
    0x1.8b2bb8p-26f,
    -0x1.05cb44p-25f,
    -0x1.1c2142p-26f,
    0x1.67a1cap-28f,
    -0x1.348e56p-25f,
    0x1.a3b5e4p-28f,
    -0x1.0b7ec8p-25f,
    -0x1.f9c304p-27f,
    -0x1.e4c886p-26f,
    -0x1.6961b4p-28f,
    -0x1.b5151ep-28f,
    -0x1.a5217cp-28f,
    -0x1.ab7132p-26f,
    0x1.61428ep-28f,
    -0x1.2ad5f8p-27f
  };

  private PairMathConstants() {}

  static int[] bits(float... values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  /**
   * The bits of 2^(j/steps), less the exponent bits that a shift of j + offset·steps adds, for j in
   * 0 … steps − 1.
   *
   * @param steps 8 or 32
   */
  static int[] powers(int steps, int offset) {
    int[] bits = new int[steps];
    int shift = 23 - Integer.numberOfTrailingZeros(steps);
    for (int j = 0; j < steps; j++) {
      bits[j] = Float.floatToIntBits(POWERS[j * 32 / steps]) - (j + offset * steps << shift);
    }
    return bits;
  }

  /** What those lack, relative to them, plus a distance: 2^(j/steps) / POWERS[…] − 1, as bits. */
  static int[] rests(int steps, float distance) {
    int[] bits = new int[steps];
    for (int j = 0; j < steps; j++) {
      bits[j] = Float.floatToIntBits(RESTS[j * 32 / steps] + distance);
    }
    return bits;
  }
}

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
  // exp(r) = (1 + r)·(1 + r²·(EXP_2 + EXP_3·r + EXP_4·r²)) for |r| ≤ ln(2)/64, good to 2⁻³⁷ (a
  // minimax fit in 200 bits, its coefficients rounded one after the other, the last first).
  static final float EXP_2 = 0.5f;
  static final float EXP_3 = -0x1.555f22p-2f;
  static final float EXP_4 = 0x1.801138p-2f;

  /** Relative distance of a bound of exp, more than the largest error found, 0x1.99p-36. */
  static final float EXP_ERROR = 0x1.bp-36f;

  /** Distance of exp's bounds, relative to the result. */
  static final float EXP_WIDTH = 2 * EXP_ERROR;

  // Distance of a bound of e^2x − 1 from it: TANH_WIDTH·(e^2x − 1) + TANH_WIDTH_2·2^(k/32)·r².
  static final float TANH_WIDTH = 0x1p-39f;
  static final float TANH_WIDTH_2 = 0x1.5p-22f;

  // An offset is added to k so that k + offset in 0 … 4,095 is the loop's range, which a few bits
  // of t show. exp: k from −2,592 on, where no part of a result is subnormal; to e^32.
  static final int EXP_OFFSET = 2592;

  /** |x| up to 44. */
  static final int SIGMOID_OFFSET = 2048;

  /** |x| up to 44, without a sign. */
  static final int TANH_OFFSET = 0;

  /** The bits of t that are those of RANGE_FIRST in range. */
  static final int RANGE_MASK = ~0xfff;

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

  // Their bits, less the exponent bits that a shift of j + offset by 18 adds.
  static final int[] EXP_POWERS = powers(EXP_OFFSET);
  static final int[] SIGMOID_POWERS = powers(SIGMOID_OFFSET);
  static final int[] TANH_POWERS = powers(TANH_OFFSET);

  /** 2^(j/32) / POWERS[j] − 1, as bits. */
  static final int[] EXP_RESTS =
      bits(
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
          -0x1.2ad5f8p-27f);

  /** The same less EXP_ERROR: with these, a result is a lower bound. */
  static final int[] EXP_RESTS_BELOW = moved(-EXP_ERROR);

  /** With these, a result is an upper bound. */
  static final int[] EXP_RESTS_ABOVE = moved(EXP_ERROR);

  private PairMathConstants() {}

  static int[] bits(float... values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  private static int[] powers(int offset) {
    int[] bits = new int[32];
    for (int j = 0; j < 32; j++) {
      bits[j] = Float.floatToIntBits(POWERS[j]) - (j + offset << 18);
    }
    return bits;
  }

  private static int[] moved(float distance) {
    int[] bits = new int[32];
    for (int j = 0; j < 32; j++) {
      bits[j] = Float.floatToIntBits(Float.intBitsToFloat(EXP_RESTS[j]) + distance);
    }
    return bits;
  }
}

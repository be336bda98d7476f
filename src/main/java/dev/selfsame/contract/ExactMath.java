package dev.selfsame.contract;

import static dev.selfsame.contract.ExactMathConstants.*;

/**
 * The elementary functions of the contract, correctly rounded: each returns the float nearest the
 * real value, ties to even, for every one of the 2³² inputs; subnormals are kept, and the
 * infinities, zeros and NaN are as in IEEE 754-2019, section 9.2.1. A NaN's payload is not part of
 * the contract.
 *
 * <p>How: an argument reduction and a polynomial in double, with every fused operation written out,
 * and one rounding to float at the end. A double has 29 bits more than a float, so an error of an
 * ulp or two of the double leaves only a few of the inputs undecided; an exhaustive run over all
 * inputs shows that each of those falls on the right side as well ({@code ElementaryCheck}, {@code
 * bench/records/exhaustive.md}). The proof holds for this sequence of operations with these
 * constants, so a change of either needs that run again. The method is the one of LLVM's libc and
 * of CORE-MATH (Sibidanov, Zimmermann and Glondu 2022, "The CORE-MATH project"), without tables, so
 * that it runs on vectors: twins are {@code cuda-kernels/exact_math.cuh} and {@code
 * cpu/VectorMath.java}.
 */
public final class ExactMath {
  private ExactMath() {}

  /** eˣ; e^−∞ is +0. */
  public static float exp(float x) {
    double c = x > EXP_MAX ? EXP_MAX : x < EXP_MIN ? EXP_MIN : x;
    double t = Math.fma(c, INV_LN2, ROUND);
    return (float) (powerOfTwo(t) * (1.0 + expm1Reduced(c, t)));
  }

  /** eˣ − 1; −0 gives −0. */
  public static float expm1(float x) {
    float c = x > EXP_MAX ? EXP_MAX : x < EXP_MIN ? EXP_MIN : x;
    return x == 0 ? x : (float) expm1((double) c);
  }

  /** Natural logarithm of x: −∞ for ±0, NaN below. */
  public static float log(float x) {
    if (!(x > 0 && x < Float.POSITIVE_INFINITY)) {
      return x == 0 ? Float.NEGATIVE_INFINITY : x > 0 ? x : Float.NaN;
    }
    long i = split(x);
    return roundOrLookUp(logReduced(splitExponent(i), splitMantissa(i) - 1.0), x, LOG_HARD);
  }

  /** Natural logarithm of 1 + x: −∞ for −1, NaN below; −0 gives −0. */
  public static float log1p(float x) {
    if (!(x > -1 && x < Float.POSITIVE_INFINITY) || x == 0) {
      return x == -1 ? Float.NEGATIVE_INFINITY : x >= 0 ? x : Float.NaN;
    }
    // When 1 + x needs no scaling, its f is x itself, whatever 1 + x rounds to.
    long i = split(1.0 + x);
    double k = splitExponent(i);
    double f = k == 0 ? x : splitMantissa(i) - 1.0;
    return roundOrLookUp(logReduced(k, f), x, LOG1P_HARD);
  }

  /** Hyperbolic tangent of x; −0 gives −0. */
  public static float tanh(float x) {
    float c = x > TANH_MAX ? TANH_MAX : x < -TANH_MAX ? -TANH_MAX : x;
    double e = expm1((double) c + c);
    return x == 0 ? x : (float) (e / (e + 2.0));
  }

  /** 1 / (1 + e⁻ˣ). */
  public static float sigmoid(float x) {
    // Near 0 the value is 1/2 + x/4 − x³/48 + …, often a tie but for a term that a double can't
    // hold:
    // the factor a little below 1/4 marks its side.
    if (x < SIGMOID_NEAR && x > -SIGMOID_NEAR) {
      return (float) Math.fma((double) x, SIGMOID_SLOPE, 0.5);
    }
    double c = x > EXP_MAX ? -EXP_MAX : x < EXP_MIN ? -EXP_MIN : -x;
    double t = Math.fma(c, INV_LN2, ROUND);
    double scale = powerOfTwo(t);
    double y = 1.0 / Math.fma(scale, expm1Reduced(c, t), scale + 1.0);
    return roundOrLookUp(y, x, SIGMOID_HARD);
  }

  /** The error function, 2/√π ∫₀ˣ e^−t² dt; −0 gives −0. */
  public static float erf(float x) {
    double c = x > ERF_MAX ? ERF_MAX : x < -ERF_MAX ? -ERF_MAX : x;
    double u = Math.fma(c * c, 0.125, -1.0);
    double q = ERF_28;
    q = Math.fma(q, u, ERF_27);
    q = Math.fma(q, u, ERF_26);
    q = Math.fma(q, u, ERF_25);
    q = Math.fma(q, u, ERF_24);
    q = Math.fma(q, u, ERF_23);
    q = Math.fma(q, u, ERF_22);
    q = Math.fma(q, u, ERF_21);
    q = Math.fma(q, u, ERF_20);
    q = Math.fma(q, u, ERF_19);
    q = Math.fma(q, u, ERF_18);
    q = Math.fma(q, u, ERF_17);
    q = Math.fma(q, u, ERF_16);
    q = Math.fma(q, u, ERF_15);
    q = Math.fma(q, u, ERF_14);
    q = Math.fma(q, u, ERF_13);
    q = Math.fma(q, u, ERF_12);
    q = Math.fma(q, u, ERF_11);
    q = Math.fma(q, u, ERF_10);
    q = Math.fma(q, u, ERF_9);
    q = Math.fma(q, u, ERF_8);
    q = Math.fma(q, u, ERF_7);
    q = Math.fma(q, u, ERF_6);
    q = Math.fma(q, u, ERF_5);
    q = Math.fma(q, u, ERF_4);
    q = Math.fma(q, u, ERF_3);
    q = Math.fma(q, u, ERF_2);
    q = Math.fma(q, u, ERF_1);
    q = Math.fma(q, u, ERF_0);
    return (float) (c * q);
  }

  /** Sine of x radians; NaN for ±∞; −0 gives −0. */
  public static float sin(float x) {
    float magnitude = Math.abs(x);
    if (magnitude < TURN_MAX) {
      return roundOrLookUp(turn(x, 0), x, SIN_HARD);
    }
    if (!(magnitude < Float.POSITIVE_INFINITY)) {
      return Float.NaN;
    }
    float y = (float) bigTurn(Float.floatToRawIntBits(magnitude), 0);
    return x < 0 ? -y : y;
  }

  /** Cosine of x radians; NaN for ±∞. */
  public static float cos(float x) {
    float magnitude = Math.abs(x);
    if (magnitude < TURN_MAX) {
      return roundOrLookUp(turn(x, 1), magnitude, COS_HARD);
    }
    return magnitude < Float.POSITIVE_INFINITY
        ? roundOrLookUp(bigTurn(Float.floatToRawIntBits(magnitude), 1), magnitude, COS_HARD)
        : Float.NaN;
  }

  /** 1 / √x, rounded once: ±∞ for ±0, NaN below. */
  public static float rsqrt(float x) {
    return (float) (1.0 / Math.sqrt((double) x));
  }

  private static double expm1(double x) {
    double t = Math.fma(x, INV_LN2, ROUND);
    double scale = powerOfTwo(t);
    return Math.fma(scale, expm1Reduced(x, t), scale - 1.0);
  }

  /** y rounded to float, unless it lies on a tie and x is listed. */
  private static float roundOrLookUp(double y, float x, float[][] hard) {
    if ((Double.doubleToRawLongBits(y) & BELOW_FLOAT_BITS) == TIE_BITS) {
      for (float[] pair : hard) {
        if (pair[0] == x) {
          return pair[1];
        }
      }
    }
    return (float) y;
  }

  /** 2ᵏ, where t holds k as fma(…, ROUND) left it. */
  private static double powerOfTwo(double t) {
    return Double.longBitsToDouble((Double.doubleToRawLongBits(t) << 52) + ONE_BITS);
  }

  /** e^(x − k·ln 2) − 1, where t holds k. */
  private static double expm1Reduced(double x, double t) {
    double k = t - ROUND;
    double r = Math.fma(-k, LN2_LO, Math.fma(-k, LN2_HI, x));
    double q = EXP_11;
    q = Math.fma(q, r, EXP_10);
    q = Math.fma(q, r, EXP_9);
    q = Math.fma(q, r, EXP_8);
    q = Math.fma(q, r, EXP_7);
    q = Math.fma(q, r, EXP_6);
    q = Math.fma(q, r, EXP_5);
    q = Math.fma(q, r, EXP_4);
    q = Math.fma(q, r, EXP_3);
    q = Math.fma(q, r, EXP_2);
    return Math.fma(r * r, q, r);
  }

  /** k·ln 2 + log(1 + f), where 1 + f lies in [√½, √2). */
  private static double logReduced(double k, double f) {
    double s = f / (f + 2.0);
    double z = s * s;
    double q = LOG_7;
    q = Math.fma(q, z, LOG_6);
    q = Math.fma(q, z, LOG_5);
    q = Math.fma(q, z, LOG_4);
    q = Math.fma(q, z, LOG_3);
    q = Math.fma(q, z, LOG_2);
    q = Math.fma(q, z, LOG_1);
    double half = 0.5 * f * f;
    double tail = Math.fma(s, Math.fma(q, z, half), k * LN2_LO);
    return Math.fma(k, LN2_HI, f - (half - tail));
  }

  /** x = 2ᵏ·m with m in [√½, √2): the bits hold k + 1024 above the bits of m less those of √½. */
  private static long split(double x) {
    return Double.doubleToRawLongBits(x) + (SPLIT_BIAS - ROOT_HALF_BITS);
  }

  private static double splitExponent(long i) {
    return Double.longBitsToDouble(i >>> 52 | TWO_52_BITS) - (0x1p52 + 1024);
  }

  private static double splitMantissa(long i) {
    return Double.longBitsToDouble((i & MANTISSA_BITS) + ROOT_HALF_BITS);
  }

  private static double sinReduced(double r) {
    double z = r * r;
    double q = SIN_6;
    q = Math.fma(q, z, SIN_5);
    q = Math.fma(q, z, SIN_4);
    q = Math.fma(q, z, SIN_3);
    q = Math.fma(q, z, SIN_2);
    q = Math.fma(q, z, SIN_1);
    return r * Math.fma(q, z, 1.0);
  }

  private static double cosReduced(double r) {
    double z = r * r;
    double q = COS_7;
    q = Math.fma(q, z, COS_6);
    q = Math.fma(q, z, COS_5);
    q = Math.fma(q, z, COS_4);
    q = Math.fma(q, z, COS_3);
    q = Math.fma(q, z, COS_2);
    return Math.fma(z * z, q, Math.fma(z, -0.5, 1.0));
  }

  /** sin(r + n·π/2); cos is the same with n + 1. */
  private static double quarterTurns(double r, int n) {
    double y = (n & 1) != 0 ? cosReduced(r) : sinReduced(r);
    return (n & 2) != 0 ? -y : y;
  }

  /**
   * sin(x + n·π/2). x − k·PI_OVER_2_HI is exact: a multiple of 2⁻⁵² (or of x's last bit) below 1.
   */
  private static double turn(double x, int n) {
    double t = Math.fma(x, TWO_OVER_PI, ROUND);
    double k = t - ROUND;
    double r = Math.fma(-k, PI_OVER_2_LO, Math.fma(-k, PI_OVER_2_HI, x));
    return quarterTurns(r, (int) Double.doubleToRawLongBits(t) + n);
  }

  /**
   * The same for |x| of 2²⁵ or more (Payne and Hanek 1983): |x|/(2π) in fixed point. |x| is an
   * integer m times 2ᵉ, so the bits of 2/π before position e − 2 only give whole turns; 128 bits
   * from there on are enough for the 24 bits of m, the 30 that cancel in the worst case, and a
   * double.
   */
  private static double bigTurn(int magnitude, int n) {
    long m = (magnitude & 0x7fffff) | 0x800000;
    int bit = (magnitude >>> 23) - 152;
    long d = m * twoOverPiWord(bit + 96);
    long c = m * twoOverPiWord(bit + 64) + (d >>> 32);
    long b = m * twoOverPiWord(bit + 32) + (c >>> 32);
    long a = m * twoOverPiWord(bit) + (b >>> 32);
    long high = a << 32 | (b & 0xffffffffL);
    long low = c << 32 | (d & 0xffffffffL);
    long quarter = (high + (1L << 61)) >>> 62;
    double rest = (double) (high - (quarter << 62)) * 0x1p-62;
    double r = Math.fma((double) (low >>> 1), 0x1p-125, rest) * PI_OVER_2_HI;
    return quarterTurns(r, (int) quarter + n);
  }

  /** 32 bits of 2/π. */
  private static long twoOverPiWord(int bit) {
    int[] bits = TWO_OVER_PI_BITS;
    long pair = (long) bits[bit >> 5] << 32 | (bits[(bit >> 5) + 1] & 0xffffffffL);
    return pair << (bit & 31) >>> 32;
  }
}

package dev.selfsame.contract;

/**
 * The constants of {@link ExactMath} and its twins. The polynomials are minimax fits by Sollya's
 * {@code fpminimax} (exp, log, sin, cos) and a Chebyshev interpolation in 400 bits (erf), each
 * coefficient rounded to double. {@code ExactMathTwinTest} holds the copy in {@code
 * cuda-kernels/exact_math.cuh} to these.
 */
public final class ExactMathConstants {
  // Rounding to an integer: t = fma(x, c, ROUND) holds round(c·x) in its low bits.
  public static final double ROUND = 0x1.8p52;

  // exp: 1/ln 2, and ln 2 in two parts; k·LN2_HI is exact for |k| < 2^11.
  public static final double INV_LN2 = 0x1.71547652b82fep0;
  public static final double LN2_HI = 0x1.62e42fefa38p-1;
  public static final double LN2_LO = 0x1.ef35793c7673p-45;

  // exp(r) = 1 + r + r²·(EXP_2 + EXP_3·r + …) for |r| ≤ ln(2)/2.
  public static final double EXP_2 = 0x1.0000000000005p-1;
  public static final double EXP_3 = 0x1.555555555553bp-3;
  public static final double EXP_4 = 0x1.555555555210cp-5;
  public static final double EXP_5 = 0x1.1111111118831p-7;
  public static final double EXP_6 = 0x1.6c16c17f2f16fp-10;
  public static final double EXP_7 = 0x1.a01a0177f2193p-13;
  public static final double EXP_8 = 0x1.a019a6a16c798p-16;
  public static final double EXP_9 = 0x1.71de810a04547p-19;
  public static final double EXP_10 = 0x1.28a28f510994ap-22;
  public static final double EXP_11 = 0x1.ae77776e17861p-26;

  // log((1 + s)/(1 − s)) = 2·s + s·(LOG_1·s² + LOG_2·s⁴ + …) for |s| ≤ (√2 − 1)/(√2 + 1).
  public static final double LOG_1 = 0x1.5555555555592p-1;
  public static final double LOG_2 = 0x1.999999997ff58p-2;
  public static final double LOG_3 = 0x1.24924941dc60dp-2;
  public static final double LOG_4 = 0x1.c71c5218e11f5p-3;
  public static final double LOG_5 = 0x1.74663bf27dcf1p-3;
  public static final double LOG_6 = 0x1.39a2024d18ee6p-3;
  public static final double LOG_7 = 0x1.2f02bc1b2f46ap-3;

  // erf(x)/x = ERF_0 + ERF_1·u + …, u = x²/8 − 1, for |x| ≤ 4.
  public static final double ERF_0 = 0x1.6a040781a499cp-2;
  public static final double ERF_1 = -0x1.69a0ccda3df48p-3;
  public static final double ERF_2 = 0x1.0dabaf0613e2cp-3;
  public static final double ERF_3 = -0x1.b92e95c193713p-4;
  public static final double ERF_4 = 0x1.717efc7845718p-4;
  public static final double ERF_5 = -0x1.3215d8b742ff1p-4;
  public static final double ERF_6 = 0x1.ea97f14b44a2ap-5;
  public static final double ERF_7 = -0x1.76e8649c5334dp-5;
  public static final double ERF_8 = 0x1.0ed52c03bc446p-5;
  public static final double ERF_9 = -0x1.7034f9ab55e15p-6;
  public static final double ERF_10 = 0x1.d635293108492p-7;
  public static final double ERF_11 = -0x1.1a023e301262ap-7;
  public static final double ERF_12 = 0x1.3e15145c7df84p-8;
  public static final double ERF_13 = -0x1.51ee638ed1239p-9;
  public static final double ERF_14 = 0x1.52d98f4450cbfp-10;
  public static final double ERF_15 = -0x1.4160dcfe116dap-11;
  public static final double ERF_16 = 0x1.20ef5de5a25d3p-12;
  public static final double ERF_17 = -0x1.ed82b5d0f1802p-14;
  public static final double ERF_18 = 0x1.913ea26ea3059p-15;
  public static final double ERF_19 = -0x1.375c3839c9678p-16;
  public static final double ERF_20 = 0x1.cd5dfaae169acp-18;
  public static final double ERF_21 = -0x1.456750c093848p-19;
  public static final double ERF_22 = 0x1.bb50f27d2d2aep-21;
  public static final double ERF_23 = -0x1.2d8443581956ap-22;
  public static final double ERF_24 = 0x1.7811ae2a3616ep-24;
  public static final double ERF_25 = -0x1.63b7303840fccp-26;
  public static final double ERF_26 = 0x1.ad7e96a15055bp-28;
  public static final double ERF_27 = -0x1.e6de93897dcccp-29;
  public static final double ERF_28 = 0x1.00cea67be2456p-30;

  // sin and cos: 2/π, and π/2 in two parts.
  public static final double TWO_OVER_PI = 0x1.45f306dc9c883p-1;
  public static final double PI_OVER_2_HI = 0x1.921fb54442d18p0;
  public static final double PI_OVER_2_LO = 0x1.1a62633145c07p-54;

  // sin(r) = r·(1 + SIN_1·r² + SIN_2·r⁴ + …) for |r| ≤ π/4.
  public static final double SIN_1 = -0x1.5555555555548p-3;
  public static final double SIN_2 = 0x1.111111110f75ep-7;
  public static final double SIN_3 = -0x1.a01a019bf2523p-13;
  public static final double SIN_4 = 0x1.71de355f3628cp-19;
  public static final double SIN_5 = -0x1.ae5e549c421c3p-26;
  public static final double SIN_6 = 0x1.5d8e4234a005dp-33;

  // cos(r) = 1 − r²/2 + COS_2·r⁴ + COS_3·r⁶ + … for |r| ≤ π/4.
  public static final double COS_2 = 0x1.555555555554bp-5;
  public static final double COS_3 = -0x1.6c16c16c15017p-10;
  public static final double COS_4 = 0x1.a01a019c8f66bp-16;
  public static final double COS_5 = -0x1.27e4f7f1c1054p-22;
  public static final double COS_6 = 0x1.1ee9dbec7010ap-29;
  public static final double COS_7 = -0x1.8fa6917123386p-37;

  // Where results have reached their limits (infinity, 0, ±1), so that x may be cut to these.
  public static final float EXP_MAX = 90f;
  public static final float EXP_MIN = -110f;
  public static final float TANH_MAX = 20f;
  public static final float ERF_MAX = 4f;

  // From here on, sin and cos take 2/π from TWO_OVER_PI_BITS.
  public static final float TURN_MAX = 0x1p25f;

  // Below SIGMOID_NEAR, sigmoid(x) is 1/2 + SIGMOID_SLOPE·x, rounded.
  public static final float SIGMOID_NEAR = 0x1p-14f;
  public static final double SIGMOID_SLOPE = 0x1.ffffffcp-3;

  // Bit patterns of doubles: 1, 2^52, √½, the mantissa, and what keeps an exponent positive.
  public static final long ONE_BITS = 0x3ff0000000000000L;
  public static final long TWO_52_BITS = 0x4330000000000000L;
  public static final long ROOT_HALF_BITS = 0x3fe6a09e667f3bcdL;
  public static final long MANTISSA_BITS = 0x000fffffffffffffL;
  public static final long SPLIT_BIAS = 1024L << 52;

  // The bits of a double that a float doesn't have, and their pattern halfway between two floats.
  public static final long BELOW_FLOAT_BITS = 0x1fffffffL;
  public static final long TIE_BITS = 0x10000000L;

  /** The first 320 bits of 2/π after the point. */
  static final int[] TWO_OVER_PI_BITS = {
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599,
    0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0
  };

  /**
   * Pairs of an input whose value lies so near a tie that its double falls on the tie, and its
   * result.
   */
  static final float[][] LOG_HARD = {
    {0x1.827a74p-7f, -0x1.1c2b1ep2f},
    {0x1.2f1fd6p3f, 0x1.1fcbcep1f},
    {0x1.bacb4ap25f, 0x1.1e0696p4f},
    {0x1.b121a6p76f, 0x1.a9a3f2p5f},
    {0x1.6351d8p95f, 0x1.08b512p6f}
  };

  static final float[][] LOG1P_HARD = {
    {0x1.800006p-21f, 0x1.7ffffep-21f},
    {0x1.200036p-17f, 0x1.1fffe6p-17f},
    {0x1.fb035ap-2f, 0x1.9bddc2p-2f},
    {0x1.0f1fd6p3f, 0x1.1fcbcep1f},
    {0x1.b121a6p76f, 0x1.a9a3f2p5f},
    {0x1.6351d8p95f, 0x1.08b512p6f},
    {-0x1.7ffffap-21f, -0x1.800002p-21f},
    {-0x1.1fffcap-17f, -0x1.20001ap-17f},
    {-0x1.1d9188p-9f, -0x1.1de14ap-9f}
  };
  static final float[][] SIGMOID_HARD = {{-0x1.250c02p-10f, 0x1.ffb6bep-2f}};
  static final float[][] SIN_HARD = {
    {0x1.33333p13f, -0x1.63f4bap-2f}, {-0x1.33333p13f, 0x1.63f4bap-2f}
  };
  static final float[][] COS_HARD = {
    {0x1.3170fp63f, 0x1.fe2976p-1f}, {0x1.2b9622p67f, 0x1.f0285ep-1f}
  };

  private ExactMathConstants() {}
}

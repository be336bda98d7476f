// The elementary functions of the contract, correctly rounded (twin: contract/ExactMath.java).
//
// Each function evaluates, in double, the operations of its Java twin in the same order, and rounds
// once to float. The polynomials are the twin's; an exhaustive run over all 2^32 inputs of each
// function shows that no input is misrounded (bench/records/exhaustive.md). Build with -fmad=false
// and g++ -ffp-contract=off: every fused operation is written out.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define EM_FN static __device__ __forceinline__
#define EM_TABLE static __device__ const
#else
#include <cmath>
#define EM_FN static inline
#define EM_TABLE static const
#endif

namespace em {

// Rounding to an integer: t = fma(x, c, ROUND) holds round(c·x) in its low bits.
constexpr double ROUND = 0x1.8p52;

// exp: 1/ln 2, and ln 2 in two parts; k·LN2_HI is exact for |k| < 2^11.
constexpr double INV_LN2 = 0x1.71547652b82fep0;
constexpr double LN2_HI = 0x1.62e42fefa38p-1;
constexpr double LN2_LO = 0x1.ef35793c7673p-45;

// exp(r) = 1 + r + r²·(EXP_2 + EXP_3·r + …) for |r| ≤ ln(2)/2.
constexpr double EXP_2 = 0x1.0000000000005p-1;
constexpr double EXP_3 = 0x1.555555555553bp-3;
constexpr double EXP_4 = 0x1.555555555210cp-5;
constexpr double EXP_5 = 0x1.1111111118831p-7;
constexpr double EXP_6 = 0x1.6c16c17f2f16fp-10;
constexpr double EXP_7 = 0x1.a01a0177f2193p-13;
constexpr double EXP_8 = 0x1.a019a6a16c798p-16;
constexpr double EXP_9 = 0x1.71de810a04547p-19;
constexpr double EXP_10 = 0x1.28a28f510994ap-22;
constexpr double EXP_11 = 0x1.ae77776e17861p-26;

// log((1 + s)/(1 − s)) = 2·s + s·(LOG_1·s² + LOG_2·s⁴ + …) for |s| ≤ (√2 − 1)/(√2 + 1).
constexpr double LOG_1 = 0x1.5555555555592p-1;
constexpr double LOG_2 = 0x1.999999997ff58p-2;
constexpr double LOG_3 = 0x1.24924941dc60dp-2;
constexpr double LOG_4 = 0x1.c71c5218e11f5p-3;
constexpr double LOG_5 = 0x1.74663bf27dcf1p-3;
constexpr double LOG_6 = 0x1.39a2024d18ee6p-3;
constexpr double LOG_7 = 0x1.2f02bc1b2f46ap-3;

// erf(x)/x = ERF_0 + ERF_1·u + …, u = x²/8 − 1, for |x| ≤ 4.
constexpr double ERF_0 = 0x1.6a040781a499cp-2;
constexpr double ERF_1 = -0x1.69a0ccda3df48p-3;
constexpr double ERF_2 = 0x1.0dabaf0613e2cp-3;
constexpr double ERF_3 = -0x1.b92e95c193713p-4;
constexpr double ERF_4 = 0x1.717efc7845718p-4;
constexpr double ERF_5 = -0x1.3215d8b742ff1p-4;
constexpr double ERF_6 = 0x1.ea97f14b44a2ap-5;
constexpr double ERF_7 = -0x1.76e8649c5334dp-5;
constexpr double ERF_8 = 0x1.0ed52c03bc446p-5;
constexpr double ERF_9 = -0x1.7034f9ab55e15p-6;
constexpr double ERF_10 = 0x1.d635293108492p-7;
constexpr double ERF_11 = -0x1.1a023e301262ap-7;
constexpr double ERF_12 = 0x1.3e15145c7df84p-8;
constexpr double ERF_13 = -0x1.51ee638ed1239p-9;
constexpr double ERF_14 = 0x1.52d98f4450cbfp-10;
constexpr double ERF_15 = -0x1.4160dcfe116dap-11;
constexpr double ERF_16 = 0x1.20ef5de5a25d3p-12;
constexpr double ERF_17 = -0x1.ed82b5d0f1802p-14;
constexpr double ERF_18 = 0x1.913ea26ea3059p-15;
constexpr double ERF_19 = -0x1.375c3839c9678p-16;
constexpr double ERF_20 = 0x1.cd5dfaae169acp-18;
constexpr double ERF_21 = -0x1.456750c093848p-19;
constexpr double ERF_22 = 0x1.bb50f27d2d2aep-21;
constexpr double ERF_23 = -0x1.2d8443581956ap-22;
constexpr double ERF_24 = 0x1.7811ae2a3616ep-24;
constexpr double ERF_25 = -0x1.63b7303840fccp-26;
constexpr double ERF_26 = 0x1.ad7e96a15055bp-28;
constexpr double ERF_27 = -0x1.e6de93897dcccp-29;
constexpr double ERF_28 = 0x1.00cea67be2456p-30;

// sin and cos: 2/π, and π/2 in two parts.
constexpr double TWO_OVER_PI = 0x1.45f306dc9c883p-1;
constexpr double PI_OVER_2_HI = 0x1.921fb54442d18p0;
constexpr double PI_OVER_2_LO = 0x1.1a62633145c07p-54;

// sin(r) = r·(1 + SIN_1·r² + SIN_2·r⁴ + …) for |r| ≤ π/4.
constexpr double SIN_1 = -0x1.5555555555548p-3;
constexpr double SIN_2 = 0x1.111111110f75ep-7;
constexpr double SIN_3 = -0x1.a01a019bf2523p-13;
constexpr double SIN_4 = 0x1.71de355f3628cp-19;
constexpr double SIN_5 = -0x1.ae5e549c421c3p-26;
constexpr double SIN_6 = 0x1.5d8e4234a005dp-33;

// cos(r) = 1 − r²/2 + COS_2·r⁴ + COS_3·r⁶ + … for |r| ≤ π/4.
constexpr double COS_2 = 0x1.555555555554bp-5;
constexpr double COS_3 = -0x1.6c16c16c15017p-10;
constexpr double COS_4 = 0x1.a01a019c8f66bp-16;
constexpr double COS_5 = -0x1.27e4f7f1c1054p-22;
constexpr double COS_6 = 0x1.1ee9dbec7010ap-29;
constexpr double COS_7 = -0x1.8fa6917123386p-37;
// Where results have reached their limits (infinity, 0, ±1), so that x may be cut to these.
constexpr float EXP_MAX = 90.0f;
constexpr float EXP_MIN = -110.0f;
constexpr float TANH_MAX = 20.0f;
constexpr float ERF_MAX = 4.0f;

// From here on, sin and cos take 2/π from TWO_OVER_PI_BITS.
constexpr float TURN_MAX = 0x1p25f;

// Below SIGMOID_NEAR, sigmoid(x) is 1/2 + SIGMOID_SLOPE·x, rounded.
constexpr float SIGMOID_NEAR = 0x1p-14f;
constexpr double SIGMOID_SLOPE = 0x1.ffffffcp-3;

// The first 320 bits of 2/π after the point.
EM_TABLE uint32_t TWO_OVER_PI_BITS[10] = {0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u,
                                     0x3c439041u, 0xfe5163abu, 0xdebbc561u, 0xb7246e3au, 0x424dd2e0u};

// Pairs of an input whose value lies so near a tie that its double falls on the tie, and its result.
EM_TABLE float LOG_HARD[5][2] = {{0x1.827a74p-7f, -0x1.1c2b1ep2f}, {0x1.2f1fd6p3f, 0x1.1fcbcep1f}, {0x1.bacb4ap25f, 0x1.1e0696p4f}, {0x1.b121a6p76f, 0x1.a9a3f2p5f}, {0x1.6351d8p95f, 0x1.08b512p6f}};
EM_TABLE float LOG1P_HARD[9][2] = {{0x1.800006p-21f, 0x1.7ffffep-21f}, {0x1.200036p-17f, 0x1.1fffe6p-17f}, {0x1.fb035ap-2f, 0x1.9bddc2p-2f}, {0x1.0f1fd6p3f, 0x1.1fcbcep1f}, {0x1.b121a6p76f, 0x1.a9a3f2p5f}, {0x1.6351d8p95f, 0x1.08b512p6f}, {-0x1.7ffffap-21f, -0x1.800002p-21f}, {-0x1.1fffcap-17f, -0x1.20001ap-17f}, {-0x1.1d9188p-9f, -0x1.1de14ap-9f}};
EM_TABLE float SIGMOID_HARD[1][2] = {{-0x1.250c02p-10f, 0x1.ffb6bep-2f}};
EM_TABLE float SIN_HARD[2][2] = {{0x1.33333p13f, -0x1.63f4bap-2f}, {-0x1.33333p13f, 0x1.63f4bap-2f}};
EM_TABLE float COS_HARD[2][2] = {{0x1.3170fp63f, 0x1.fe2976p-1f}, {0x1.2b9622p67f, 0x1.f0285ep-1f}};


#ifdef __CUDACC__
EM_FN double fma(double a, double b, double c) { return __fma_rn(a, b, c); }
EM_FN float round_to_float(double a) { return __double2float_rn(a); }
EM_FN double root(double a) { return __dsqrt_rn(a); }
EM_FN long long bits(double a) { return __double_as_longlong(a); }
EM_FN double from_bits(long long a) { return __longlong_as_double(a); }
#else
EM_FN double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
EM_FN float round_to_float(double a) { return (float)a; }
EM_FN double root(double a) { return std::sqrt(a); }
EM_FN long long bits(double a) {
  long long r;
  std::memcpy(&r, &a, sizeof r);
  return r;
}
EM_FN double from_bits(long long a) {
  double r;
  std::memcpy(&r, &a, sizeof r);
  return r;
}
#endif

// 2^k, where t holds k as fma(…, ROUND) left it.
EM_FN double power_of_two(double t) { return from_bits((bits(t) << 52) + 0x3ff0000000000000LL); }

// e^(x − k·ln 2) − 1, where t holds k.
EM_FN double expm1_reduced(double x, double t) {
  double k = t - ROUND;
  double r = fma(-k, LN2_LO, fma(-k, LN2_HI, x));
  double q = EXP_11;
  q = fma(q, r, EXP_10);
  q = fma(q, r, EXP_9);
  q = fma(q, r, EXP_8);
  q = fma(q, r, EXP_7);
  q = fma(q, r, EXP_6);
  q = fma(q, r, EXP_5);
  q = fma(q, r, EXP_4);
  q = fma(q, r, EXP_3);
  q = fma(q, r, EXP_2);
  return fma(r * r, q, r);
}

EM_FN double exp(double x) {
  double t = fma(x, INV_LN2, ROUND);
  return power_of_two(t) * (1.0 + expm1_reduced(x, t));
}

EM_FN double expm1(double x) {
  double t = fma(x, INV_LN2, ROUND);
  double scale = power_of_two(t);
  return fma(scale, expm1_reduced(x, t), scale - 1.0);
}

// k·ln 2 + log(1 + f), where 1 + f lies in [√½, √2].
EM_FN double log_reduced(double k, double f) {
  double s = f / (f + 2.0);
  double z = s * s;
  double q = LOG_7;
  q = fma(q, z, LOG_6);
  q = fma(q, z, LOG_5);
  q = fma(q, z, LOG_4);
  q = fma(q, z, LOG_3);
  q = fma(q, z, LOG_2);
  q = fma(q, z, LOG_1);
  double half = 0.5 * f * f;
  double tail = fma(s, fma(q, z, half), k * LN2_LO);
  return fma(k, LN2_HI, f - (half - tail));
}

// x = 2^k·m with m in [√½, √2): the bits hold k + 1024 above the bits of m − √½.
constexpr long long ROOT_HALF = 0x3fe6a09e667f3bcdLL;
constexpr long long MANTISSA = 0x000fffffffffffffLL;
EM_FN long long split(double x) { return bits(x) + (0x4000000000000000LL - ROOT_HALF); }
EM_FN double split_exponent(long long i) {
  return from_bits((long long)((unsigned long long)i >> 52) | 0x4330000000000000LL) -
         (0x1p52 + 1024.0);
}
EM_FN double split_mantissa(long long i) { return from_bits((i & MANTISSA) + ROOT_HALF); }

EM_FN double log(double x) {
  long long i = split(x);
  return log_reduced(split_exponent(i), split_mantissa(i) - 1.0);
}

// When 1 + x needs no scaling, its f is x itself, whatever 1 + x rounds to.
EM_FN double log1p(double x) {
  long long i = split(1.0 + x);
  double k = split_exponent(i);
  return log_reduced(k, k == 0.0 ? x : split_mantissa(i) - 1.0);
}

EM_FN double tanh(double x) {
  double e = expm1(x + x);
  return e / (e + 2.0);
}

EM_FN double sigmoid(double x) {
  double t = fma(-x, INV_LN2, ROUND);
  double scale = power_of_two(t);
  return 1.0 / fma(scale, expm1_reduced(-x, t), scale + 1.0);
}

EM_FN double erf(double x) {
  double u = fma(x * x, 0.125, -1.0);
  double q = ERF_28;
  q = fma(q, u, ERF_27);
  q = fma(q, u, ERF_26);
  q = fma(q, u, ERF_25);
  q = fma(q, u, ERF_24);
  q = fma(q, u, ERF_23);
  q = fma(q, u, ERF_22);
  q = fma(q, u, ERF_21);
  q = fma(q, u, ERF_20);
  q = fma(q, u, ERF_19);
  q = fma(q, u, ERF_18);
  q = fma(q, u, ERF_17);
  q = fma(q, u, ERF_16);
  q = fma(q, u, ERF_15);
  q = fma(q, u, ERF_14);
  q = fma(q, u, ERF_13);
  q = fma(q, u, ERF_12);
  q = fma(q, u, ERF_11);
  q = fma(q, u, ERF_10);
  q = fma(q, u, ERF_9);
  q = fma(q, u, ERF_8);
  q = fma(q, u, ERF_7);
  q = fma(q, u, ERF_6);
  q = fma(q, u, ERF_5);
  q = fma(q, u, ERF_4);
  q = fma(q, u, ERF_3);
  q = fma(q, u, ERF_2);
  q = fma(q, u, ERF_1);
  q = fma(q, u, ERF_0);
  return x * q;
}

EM_FN double sin_reduced(double r) {
  double z = r * r;
  double q = SIN_6;
  q = fma(q, z, SIN_5);
  q = fma(q, z, SIN_4);
  q = fma(q, z, SIN_3);
  q = fma(q, z, SIN_2);
  q = fma(q, z, SIN_1);
  return r * fma(q, z, 1.0);
}

EM_FN double cos_reduced(double r) {
  double z = r * r;
  double q = COS_7;
  q = fma(q, z, COS_6);
  q = fma(q, z, COS_5);
  q = fma(q, z, COS_4);
  q = fma(q, z, COS_3);
  q = fma(q, z, COS_2);
  return fma(z * z, q, fma(z, -0.5, 1.0));
}

// sin(r + n·π/2); cos is the same with n + 1.
EM_FN double quarter_turns(double r, int n) {
  double y = (n & 1) != 0 ? cos_reduced(r) : sin_reduced(r);
  return (n & 2) != 0 ? -y : y;
}

EM_FN double turn(double x, int n) {
  double t = fma(x, TWO_OVER_PI, ROUND);
  double k = t - ROUND;
  double r = fma(-k, PI_OVER_2_LO, fma(-k, PI_OVER_2_HI, x));
  return quarter_turns(r, (int)bits(t) + n);
}

EM_FN uint64_t two_over_pi_word(int bit) {
  uint64_t pair =
      (uint64_t)TWO_OVER_PI_BITS[bit >> 5] << 32 | TWO_OVER_PI_BITS[(bit >> 5) + 1];
  return pair << (bit & 31) >> 32;
}

// For |x| of 2^25 or more (Payne and Hanek 1983): |x|/(2π) in fixed point. |x| is an integer m times
// 2^e, so the bits of 2/π before position e − 2 only give whole turns; 128 bits from there on are
// enough for the 24 bits of m, the 30 that cancel in the worst case, and a double.
EM_FN double big_turn(uint32_t magnitude, int n) {
  uint64_t m = (magnitude & 0x7fffffu) | 0x800000u;
  int bit = (int)(magnitude >> 23) - 152;
  uint64_t d = m * two_over_pi_word(bit + 96);
  uint64_t c = m * two_over_pi_word(bit + 64) + (d >> 32);
  uint64_t b = m * two_over_pi_word(bit + 32) + (c >> 32);
  uint64_t a = m * two_over_pi_word(bit) + (b >> 32);
  uint64_t high = a << 32 | (b & 0xffffffffu);
  uint64_t low = c << 32 | (d & 0xffffffffu);
  uint64_t quarter = (high + (1ULL << 61)) >> 62;
  double rest = (double)(long long)(high - (quarter << 62)) * 0x1p-62;
  double r = fma((double)(long long)(low >> 1), 0x1p-125, rest) * PI_OVER_2_HI;
  return quarter_turns(r, (int)quarter + n);
}

// y rounded to float, unless it lies on a tie and x is listed.
EM_FN float round_or_look_up(double y, float x, const float (*hard)[2], int count) {
  float result = round_to_float(y);
  if ((bits(y) & 0x1fffffff) == 0x10000000) {
    for (int i = 0; i < count; i++) {
      result = hard[i][0] == x ? hard[i][1] : result;
    }
  }
  return result;
}

EM_FN uint32_t float_bits(float x) {
  uint32_t r;
  memcpy(&r, &x, sizeof r);
  return r;
}

}  // namespace em

EM_FN float em_expf(float x) {
  float c = x > em::EXP_MAX ? em::EXP_MAX : x < em::EXP_MIN ? em::EXP_MIN : x;
  return em::round_to_float(em::exp(c));
}

EM_FN float em_expm1f(float x) {
  float c = x > em::EXP_MAX ? em::EXP_MAX : x < em::EXP_MIN ? em::EXP_MIN : x;
  return x == 0.0f ? x : em::round_to_float(em::expm1(c));
}

EM_FN float em_logf(float x) {
  if (!(x > 0.0f && x < INFINITY)) {
    return x == 0.0f ? -INFINITY : x > 0.0f ? x : NAN;
  }
  return em::round_or_look_up(em::log(x), x, em::LOG_HARD, 5);
}

EM_FN float em_log1pf(float x) {
  if (!(x > -1.0f && x < INFINITY) || x == 0.0f) {
    return x == -1.0f ? -INFINITY : x >= 0.0f ? x : NAN;
  }
  return em::round_or_look_up(em::log1p(x), x, em::LOG1P_HARD, 9);
}

EM_FN float em_tanhf(float x) {
  float c = x > em::TANH_MAX ? em::TANH_MAX : x < -em::TANH_MAX ? -em::TANH_MAX : x;
  return x == 0.0f ? x : em::round_to_float(em::tanh(c));
}

EM_FN float em_sigmoidf(float x) {
  float c = x > em::EXP_MAX ? em::EXP_MAX : x < em::EXP_MIN ? em::EXP_MIN : x;
  // Near 0 the value is 1/2 + x/4 - x^3/48 + ..., often a tie but for a term that a double can't
  // hold: the factor a little below 1/4 marks its side.
  if (x < em::SIGMOID_NEAR && x > -em::SIGMOID_NEAR) {
    return em::round_to_float(em::fma(x, em::SIGMOID_SLOPE, 0.5));
  }
  return em::round_or_look_up(em::sigmoid(c), x, em::SIGMOID_HARD, 1);
}

EM_FN float em_erff(float x) {
  float c = x > em::ERF_MAX ? em::ERF_MAX : x < -em::ERF_MAX ? -em::ERF_MAX : x;
  return em::round_to_float(em::erf(c));
}

EM_FN float em_sinf(float x) {
  float magnitude = x < 0.0f ? -x : x;
  if (magnitude < em::TURN_MAX) {
    return em::round_or_look_up(em::turn(x, 0), x, em::SIN_HARD, 2);
  }
  if (!(magnitude < INFINITY)) {
    return NAN;
  }
  float y = em::round_to_float(em::big_turn(em::float_bits(magnitude), 0));
  return x < 0.0f ? -y : y;
}

EM_FN float em_cosf(float x) {
  float magnitude = x < 0.0f ? -x : x;
  if (magnitude < em::TURN_MAX) {
    return em::round_or_look_up(em::turn(x, 1), magnitude, em::COS_HARD, 2);
  }
  if (!(magnitude < INFINITY)) {
    return NAN;
  }
  double y = em::big_turn(em::float_bits(magnitude), 1);
  return em::round_or_look_up(y, magnitude, em::COS_HARD, 2);
}

EM_FN float em_rsqrtf(float x) { return em::round_to_float(1.0 / em::root(x)); }

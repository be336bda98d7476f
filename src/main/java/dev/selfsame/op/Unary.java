package dev.selfsame.op;

import dev.selfsame.contract.ExactMath;
import dev.selfsame.cuda.Kernel;

/**
 * Functions of one element, and their gradients. Each operation written below rounds once; {@code
 * fma} rounds once; products by 2, −0.5 and the like are products as any other. Functions marked
 * <i>exact</i> are correctly rounded ({@link ExactMath}).
 *
 * <p>A gradient reads the tensors that its line names: the input {@code x}, the output {@code y} of
 * the same function, and {@code dy}.
 */
public enum Unary {
  /**
   * y = maximum(x, +0) of IEEE 754-2019: NaN stays NaN, −0 becomes +0. dx = dy where y &gt; 0, else
   * +0; so +0 where y is NaN. Reads y.
   */
  RELU("relu"),
  /** y = tanh x, exact. dx = dy · fma(−y, y, 1). Reads y. */
  TANH("tanh"),
  /** y = 1/(1 + e⁻ˣ), exact. dx = dy · (y · (1 − y)). Reads y. */
  SIGMOID("sigmoid"),
  /**
   * x·Φ(x) (Hendrycks &amp; Gimpel 2016, the form with erf): y = (0.5·x) · (1 +
   * erf(x·0.70710678f)), erf exact; NaN for −∞. dx = dy · fma(x, pdf, cdf) with cdf = 0.5 · (1 +
   * erf(x·0.70710678f)), pdf = exp((−0.5·x)·x) · 0.3989423f, both functions exact; NaN for ±∞.
   * Reads x.
   */
  GELU("gelu"),
  /** y = eˣ, exact. dx = dy · y. Reads y. */
  EXP("exp"),
  /** y = log x, exact: −∞ for ±0, NaN below. dx = dy / x. Reads x. */
  LOG("log"),
  /** y = log(1 + x), exact. dx = dy / (1 + x). Reads x. */
  LOG1P("log1p"),
  /** y = eˣ − 1, exact. dx = dy · eˣ, exp exact. Reads x. */
  EXPM1("expm1"),
  /** y = erf x, exact. dx = dy · (1.1283792f · exp(−(x·x))), exp exact. Reads x. */
  ERF("erf"),
  /** y = sin x, exact. dx = dy · cos x, cos exact. Reads x. */
  SIN("sin"),
  /** y = cos x, exact. dx = dy · (−sin x), sin exact. Reads x. */
  COS("cos"),
  /** y = √x, exact; NaN below 0, −0 stays −0. dx = dy / (2·y). Reads y. */
  SQRT("sqrt"),
  /** y = 1/√x, rounded once. dx = dy · ((−0.5·y) / x). Reads x and y. */
  RSQRT("rsqrt"),
  /** y = −x. dx = −dy. Reads neither. */
  NEG("neg"),
  /** y = |x|. dx = dy where x &gt; 0, −dy where x &lt; 0, else (±0, NaN) +0. Reads x. */
  ABS("abs"),
  /** y = x·x. dx = dy · (2·x). Reads x. */
  SQUARE("square");

  static final float ROOT_HALF = 0.70710678f;
  static final float INV_ROOT_TWO_PI = 0.3989423f;
  static final float TWO_OVER_ROOT_PI = 1.1283792f;

  final Kernel kernel;
  final Kernel gradientKernel;

  Unary(String symbol) {
    kernel = Kernel.of("elementwise_" + symbol);
    gradientKernel = Kernel.of("elementwise_" + symbol + "_gradient");
  }

  /** The function: the definition. */
  float of(float x) {
    return switch (this) {
      case RELU -> Math.max(x, 0f);
      case TANH -> ExactMath.tanh(x);
      case SIGMOID -> ExactMath.sigmoid(x);
      case GELU -> (0.5f * x) * (1f + ExactMath.erf(x * ROOT_HALF));
      case EXP -> ExactMath.exp(x);
      case LOG -> ExactMath.log(x);
      case LOG1P -> ExactMath.log1p(x);
      case EXPM1 -> ExactMath.expm1(x);
      case ERF -> ExactMath.erf(x);
      case SIN -> ExactMath.sin(x);
      case COS -> ExactMath.cos(x);
      case SQRT -> (float) Math.sqrt(x);
      case RSQRT -> ExactMath.rsqrt(x);
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case SQUARE -> x * x;
    };
  }

  /** dx: the definition. */
  float gradient(float x, float y, float dy) {
    return switch (this) {
      case RELU -> y > 0f ? dy : 0f;
      case TANH -> dy * Math.fma(-y, y, 1f);
      case SIGMOID -> dy * (y * (1f - y));
      case GELU -> {
        float cdf = 0.5f * (1f + ExactMath.erf(x * ROOT_HALF));
        float pdf = ExactMath.exp((-0.5f * x) * x) * INV_ROOT_TWO_PI;
        yield dy * Math.fma(x, pdf, cdf);
      }
      case EXP -> dy * y;
      case LOG -> dy / x;
      case LOG1P -> dy / (1f + x);
      case EXPM1 -> dy * ExactMath.exp(x);
      case ERF -> dy * (TWO_OVER_ROOT_PI * ExactMath.exp(-(x * x)));
      case SIN -> dy * ExactMath.cos(x);
      case COS -> dy * -ExactMath.sin(x);
      case SQRT -> dy / (2f * y);
      case RSQRT -> dy * ((-0.5f * y) / x);
      case NEG -> -dy;
      case ABS -> x > 0f ? dy : x < 0f ? -dy : 0f;
      case SQUARE -> dy * (2f * x);
    };
  }
}

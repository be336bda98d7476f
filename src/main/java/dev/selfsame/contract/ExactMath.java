package dev.selfsame.contract;

/**
 * The elementary functions of the contract: each returns the float nearest the real value.
 *
 * <p>This first version rounds StrictMath's double results, which misses a few inputs near rounding
 * boundaries; the exact evaluation replaces it.
 */
public final class ExactMath {
  private ExactMath() {}

  /** eˣ. */
  public static float exp(float x) {
    return (float) StrictMath.exp(x);
  }

  /** eˣ − 1. */
  public static float expm1(float x) {
    return (float) StrictMath.expm1(x);
  }

  /** Natural logarithm of x. */
  public static float log(float x) {
    return (float) StrictMath.log(x);
  }

  /** Natural logarithm of 1 + x. */
  public static float log1p(float x) {
    return (float) StrictMath.log1p(x);
  }

  /** Hyperbolic tangent of x. */
  public static float tanh(float x) {
    return (float) StrictMath.tanh(x);
  }

  /** 1 / (1 + e⁻ˣ). */
  public static float sigmoid(float x) {
    double d = x;
    double e = StrictMath.exp(-Math.abs(d));
    return (float) (d >= 0 ? 1 / (1 + e) : e / (1 + e));
  }

  /** Sine of x radians. */
  public static float sin(float x) {
    return (float) StrictMath.sin(x);
  }

  /** Cosine of x radians. */
  public static float cos(float x) {
    return (float) StrictMath.cos(x);
  }

  /** 1 / √x. */
  public static float rsqrt(float x) {
    return (float) (1 / Math.sqrt((double) x));
  }
}

package dev.selfsame.verify;

import dev.selfsame.contract.ExactMath;
import dev.selfsame.cpu.ElementaryKernel;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;

/**
 * An elementary function of the contract, with two independent references: one in double, within
 * 2⁻⁴⁵ of the value (the JDK's StrictMath, a port of fdlibm, states 2.5 ulps or less), and one in a
 * hundred digits for the inputs that the first can't decide.
 */
public enum Elementary {
  /** eˣ. */
  EXP(ExactMath::exp, ElementaryKernel::exp, StrictMath::exp, BigElementary::exp),
  /** Natural logarithm. */
  LOG(ExactMath::log, ElementaryKernel::log, StrictMath::log, BigElementary::log),
  /** Hyperbolic tangent. */
  TANH(ExactMath::tanh, ElementaryKernel::tanh, StrictMath::tanh, BigElementary::tanh),
  /** Logistic function. */
  SIGMOID(
      ExactMath::sigmoid,
      ElementaryKernel::sigmoid,
      Elementary::sigmoidInDouble,
      BigElementary::sigmoid),
  /** Error function. */
  ERF(ExactMath::erf, ElementaryKernel::erf, Elementary::erfInDouble, BigElementary::erf),
  /** eˣ − 1. */
  EXPM1(ExactMath::expm1, ElementaryKernel::expm1, StrictMath::expm1, BigElementary::expm1),
  /** Natural logarithm of 1 + x. */
  LOG1P(ExactMath::log1p, ElementaryKernel::log1p, StrictMath::log1p, BigElementary::log1p),
  /** Sine. */
  SIN(ExactMath::sin, ElementaryKernel::sin, StrictMath::sin, BigElementary::sin),
  /** Cosine. */
  COS(ExactMath::cos, ElementaryKernel::cos, StrictMath::cos, BigElementary::cos),
  /** Reciprocal square root. */
  RSQRT(
      ExactMath::rsqrt, ElementaryKernel::rsqrt, x -> 1 / StrictMath.sqrt(x), BigElementary::rsqrt);

  /** The scalar definition. */
  @FunctionalInterface
  public interface Scalar {
    /** The function's value. */
    float of(float x);
  }

  /** A method of {@link ElementaryKernel}. */
  @FunctionalInterface
  interface Bulk {
    void apply(ElementaryKernel k, MemorySegment x, long xAt, MemorySegment y, long yAt, long n);
  }

  private static final double BELOW = 1 - 0x1p-45;
  private static final double ABOVE = 1 + 0x1p-45;

  private final Scalar scalar;
  private final Bulk bulk;
  private final DoubleUnaryOperator inDouble;
  private final UnaryOperator<BigDecimal> inDigits;

  Elementary(
      Scalar scalar, Bulk bulk, DoubleUnaryOperator inDouble, UnaryOperator<BigDecimal> inDigits) {
    this.scalar = scalar;
    this.bulk = bulk;
    this.inDouble = inDouble;
    this.inDigits = inDigits;
  }

  /** The function's value by the contract's scalar definition. */
  public float of(float x) {
    return scalar.of(x);
  }

  /** The function of n floats on vectors. */
  void apply(ElementaryKernel kernel, MemorySegment x, MemorySegment y, long n) {
    bulk.apply(kernel, x, 0, y, 0, n);
  }

  /** The function's value in double, within a factor 1 ± 2⁻⁴⁵. */
  double inDouble(float x) {
    return inDouble.applyAsDouble(x);
  }

  /** Whether a value within 1 ± 2⁻⁴⁵ of y can be rounded to only one float. */
  static boolean decided(double y) {
    return (float) (y * BELOW) == (float) (y * ABOVE) || Double.isNaN(y);
  }

  /** The float nearest to the function's value. */
  public float nearest(float x) {
    double y = inDouble(x);
    return decided(y) ? (float) y : inDigits.apply(new BigDecimal(x)).floatValue();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static double sigmoidInDouble(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }

  /** 2/√π·e^−x²·Σ 2ⁿx²ⁿ⁺¹/(1·3·…·(2n + 1)), all terms of one sign; x is a float, so x² is exact. */
  private static double erfInDouble(double x) {
    if (!(Math.abs(x) < 6)) {
      return Double.isNaN(x) ? x : Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 3; Math.abs(term) > Math.abs(sum) * 0x1p-56; n += 2) {
      term *= 2 * x * x / n;
      sum += term;
    }
    return 2 / StrictMath.sqrt(Math.PI) * StrictMath.exp(-x * x) * sum;
  }
}

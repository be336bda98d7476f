package dev.selfsame.bench;

/**
 * Elementwise functions in float64, with bounds on the errors of a float implementation whose exp,
 * log, tanh and erf have a relative error of at most c·u: c = 1 for ours, which are correctly
 * rounded, and c = 2 (one unit in the last place) for ATen's, which come from SLEEF's {@code _u10}
 * functions.
 *
 * <p>To first order, with 1 % added for the rest (u as in {@link Bounds}):
 *
 * <ul>
 *   <li>sums, products: u·|y|. ReLU: none.
 *   <li>sigmoid, correctly rounded: u·y. As 1/(1 + e), e = exp(−x): (c·e/(1 + e) + 2)·u·y.
 *   <li>Φ = (1 + erf z)/2, z = x·√½ with two roundings (the constant's is one): e_Φ = ½·(2/√π ·
 *       exp(−z²)·|z|·2u + c·u·|erf z| + u·(1 + erf z)).
 *   <li>GELU, x·Φ: |x|·e_Φ + u·|y|. ATen hands it to oneDNN, whose approximation of erf has no
 *       published bound: it is taken as 1e-6 (errors of 4e-7 were seen) in place of c·u·|erf z|.
 *       Enough to tell that it computes this function, and the only bound here that is not derived.
 *   <li>φ = exp(−x²/2)/√(2π): relative (x²/2 + c + 2)·u; gradient of GELU, dy·(Φ + x·φ): |dy|·(e_Φ
 *       + |x|·φ·(x²/2 + c + 3)·u + u·|Φ + x·φ|) + u·|y|.
 *   <li>gradient of tanh, dy·(1 − y²): |dy|·u·(y² + |1 − y²|) + u·|result|.
 * </ul>
 */
final class ElementwiseReference {
  static final double CORRECT = 1;
  static final double SLEEF = 2;

  private static final double REST = 1.01;
  private static final double ROOT_HALF = Math.sqrt(0.5);

  private static final double ONEDNN_ERF = 1e-6;

  private ElementwiseReference() {}

  /** f(a, b), and the bound on the error of an implementation with constant c. */
  interface Formula {
    double exact(double a, double b);

    double error(double a, double b, double c);
  }

  static Formula of(ElementwiseCases.Function f) {
    return switch (f) {
      case ADD -> formula((a, b) -> a + b, (a, b, c) -> Bounds.U * Math.abs(a + b));
      case MULTIPLY -> formula((a, b) -> a * b, (a, b, c) -> Bounds.U * Math.abs(a * b));
      case RELU -> formula((a, b) -> Math.max(a, 0), (a, b, c) -> 0);
      case EXP -> once((a, b) -> Math.exp(a));
      case LOG -> once((a, b) -> Math.log(a));
      case TANH -> once((a, b) -> Math.tanh(a));
      case SIGMOID ->
          formula(
              (a, b) -> 1 / (1 + Math.exp(-a)),
              (a, b, c) -> {
                double e = Math.exp(-a);
                double roundings = c == CORRECT ? 1 : c * e / (1 + e) + 2;
                return roundings * Bounds.U / (1 + e);
              });
      case GELU ->
          formula(
              (a, b) -> a * cdf(a),
              (a, b, c) -> Math.abs(a) * cdfError(a, c) + Bounds.U * Math.abs(a * cdf(a)));
      case TANH_GRADIENT ->
          formula(
              (y, dy) -> dy * (1 - y * y),
              (y, dy, c) -> Bounds.U * Math.abs(dy) * (y * y + 2 * Math.abs(1 - y * y)));
      case GELU_GRADIENT ->
          formula(
              (x, dy) -> dy * (cdf(x) + x * pdf(x)),
              (x, dy, c) -> {
                double sum = Math.abs(cdf(x) + x * pdf(x));
                double product = Math.abs(x) * pdf(x) * (x * x / 2 + c + 3) * Bounds.U;
                return Math.abs(dy) * (cdfError(x, c) + product + 2 * Bounds.U * sum);
              });
    };
  }

  private interface Exact {
    double of(double a, double b);
  }

  private interface Error {
    double of(double a, double b, double c);
  }

  private static Formula once(Exact exact) {
    return formula(exact, (a, b, c) -> c * Bounds.U * Math.abs(exact.of(a, b)));
  }

  private static Formula formula(Exact exact, Error error) {
    return new Formula() {
      @Override
      public double exact(double a, double b) {
        return exact.of(a, b);
      }

      @Override
      public double error(double a, double b, double c) {
        return REST * error.of(a, b, c) + 4 * Bounds.TINY;
      }
    };
  }

  private static double cdf(double x) {
    return (1 + erf(x * ROOT_HALF)) / 2;
  }

  private static double pdf(double x) {
    return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  private static double cdfError(double x, double c) {
    double z = x * ROOT_HALF;
    double slope = 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * Math.abs(z);
    double erf = erf(z);
    double function = c == CORRECT ? Bounds.U * Math.abs(erf) : ONEDNN_ERF;
    return (function + (2 * slope + 1 + erf) * Bounds.U) / 2;
  }

  /**
   * erf z = 2/√π · exp(−z²) · Σ 2ⁿz²ⁿ⁺¹/(2n + 1)!! (Abramowitz &amp; Stegun 7.1.6): all terms have
   * one sign.
   */
  static double erf(double z) {
    double term = z;
    double sum = z;
    for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= 2 * z * z / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  }
}

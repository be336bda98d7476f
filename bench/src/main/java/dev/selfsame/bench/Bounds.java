package dev.selfsame.bench;

/**
 * Bounds on rounding errors, so that results of two correct implementations can be told from wrong
 * ones without a tolerance chosen by taste.
 *
 * <p>The model (Higham, <i>Accuracy and Stability of Numerical Algorithms</i>, 2nd ed., §2.2): one
 * operation, fused or not, returns its exact result times (1 + δ), |δ| ≤ u, u = 2^-24, plus an
 * absolute error of at most {@link #TINY} where the result is subnormal. A product of n such
 * factors is 1 + θ with |θ| ≤ γ_n = n·u / (1 − n·u) (Lemma 3.1).
 *
 * <p><b>Dot products.</b> Whatever the order of the n additions (chains, chunks, lanes, blocks,
 * threads), and whether or not products are fused, a term takes part in at most n roundings, so
 * that |computed − Σ aᵢbᵢ| ≤ γ_n · Σ|aᵢ||bᵢ| (§3.1, eq. 3.5). It holds for ours and for the peer;
 * they are at most twice that apart. Padding adds terms that are zero and no error. A matrix
 * product and the three passes of a convolution are such dot products: n = K; C/g·R·S; K/g·R·S;
 * N·P·Q. An algorithm that is not a plain sum of products (Winograd, FFT, Strassen) would leave the
 * bound: that is meant.
 *
 * <p><b>Sums.</b> n terms in any order: γ_{n−1} · Σ|xᵢ| (§4.2). Scatter-add: n terms and the old
 * value of the row, γ_n.
 *
 * <p>Σ|aᵢ||bᵢ| itself is taken from the peer's result on absolute values, which is too small by a
 * factor of at most 1 − γ_n: {@link #fromComputed} divides by it.
 */
public final class Bounds {
  /** Half the distance from 1 to the next float. */
  public static final double U = 0x1p-24;

  /** Half the smallest subnormal float. */
  public static final double TINY = 0x1p-150;

  private Bounds() {}

  /** γ_n for float arithmetic. */
  public static double gamma(double n) {
    double nu = n * U;
    if (!(nu < 0.5)) {
      throw new IllegalArgumentException("no useful bound for " + n + " roundings");
    }
    return nu / (1 - nu);
  }

  /** The error of a dot product of n terms, given the exact Σ|aᵢ||bᵢ|. */
  public static double dot(double n, double magnitude) {
    return gamma(n) * magnitude + n * TINY;
  }

  /** The error of a dot product of n terms, given Σ|aᵢ||bᵢ| computed in float in any order. */
  public static double fromComputed(double n, double computedMagnitude) {
    return dot(n, (computedMagnitude + n * TINY) / (1 - gamma(n)));
  }
}

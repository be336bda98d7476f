package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Softmax, log-softmax and mean cross-entropy of logits [rows, n] in float64, with bounds on the
 * errors of a float implementation that subtracts the row's maximum first.
 *
 * <p>For a row let d_j = x_j − max, S = Σ exp(d_j), L = log S, and let exp be computed with a
 * relative error of at most c·u, log with 2·u (u, γ as in {@link Bounds}). Then, to first order,
 * with 1 % added for the rest:
 *
 * <ul>
 *   <li>d_j has a relative error u, so that exp(d_j) has |d_j|·u + c·u;
 *   <li>S has ρ = Σ exp(d_j)·(|d_j| + c)·u / S + γ_{n−1};
 *   <li>L has an absolute error e_L = ρ + 2u·|L|;
 *   <li>log-softmax l_j = d_j − L: e_j = u·|d_j| + e_L + u·|l_j|;
 *   <li>softmax s_j, as exp(d_j)/S or exp(l_j): relative r_j = e_j + ρ + (|d_j| + c + 1)·u, which
 *       covers both;
 *   <li>the mean over N rows of −l_t: mean of e_t, and γ_{N+1} times the mean of |l_t|;
 *   <li>its gradient (s_j − [j = t])/N: (s_j·r_j + 4u·(s_j + [j = t]))/N.
 * </ul>
 */
final class SoftmaxReference {
  /** exp rounded correctly: an error of half a unit in the last place. */
  static final double CORRECT = 1;

  /** ATen's vectorised softmax calls {@code exp_u20}: up to 20 units in the last place. */
  static final double ATEN = 40;

  private static final double REST = 1.01;

  private final int rows;
  private final int n;
  private final double[] logSoftmax;
  private final double[] distance;
  private final double[] sum;

  SoftmaxReference(int rows, int n, MemorySegment logits) {
    this.rows = rows;
    this.n = n;
    logSoftmax = new double[rows * n];
    distance = new double[rows * n];
    sum = new double[rows];
    for (int r = 0; r < rows; r++) {
      double max = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < n; j++) {
        max = Math.max(max, logits.getAtIndex(JAVA_FLOAT, (long) r * n + j));
      }
      for (int j = 0; j < n; j++) {
        int i = r * n + j;
        distance[i] = logits.getAtIndex(JAVA_FLOAT, i) - max;
        sum[r] += Math.exp(distance[i]);
      }
      for (int j = 0; j < n; j++) {
        logSoftmax[r * n + j] = distance[r * n + j] - Math.log(sum[r]);
      }
    }
  }

  /** Bounds for an implementation whose exp has a relative error of c·u. */
  Bound bound(double c) {
    return new Bound(c);
  }

  double logSoftmax(long i) {
    return logSoftmax[(int) i];
  }

  double softmax(long i) {
    return Math.exp(logSoftmax[(int) i]);
  }

  /** Mean cross-entropy for one target a row. */
  double loss(int[] targets) {
    double total = 0;
    for (int r = 0; r < rows; r++) {
      total -= logSoftmax[r * n + targets[r]];
    }
    return total / rows;
  }

  double gradient(long i, int[] targets) {
    return (softmax(i) - hit(i, targets)) / rows;
  }

  private double hit(long i, int[] targets) {
    return targets[(int) (i / n)] == i % n ? 1 : 0;
  }

  /** The bounds of the class comment. */
  final class Bound {
    private final double c;
    private final double[] sumError;

    private Bound(double c) {
      this.c = c;
      sumError = new double[rows];
      for (int r = 0; r < rows; r++) {
        double weighted = 0;
        for (int i = r * n; i < (r + 1) * n; i++) {
          weighted += Math.exp(distance[i]) * (Math.abs(distance[i]) + c) * Bounds.U;
        }
        sumError[r] = weighted / sum[r] + Bounds.gamma(n - 1);
      }
    }

    double logSoftmax(long i) {
      int r = (int) (i / n);
      double logOfSum = sumError[r] + 2 * Bounds.U * Math.abs(Math.log(sum[r]));
      double own = Math.abs(distance[(int) i]) + Math.abs(logSoftmax[(int) i]);
      return REST * (logOfSum + Bounds.U * own) + Bounds.TINY;
    }

    double softmax(long i) {
      return REST * SoftmaxReference.this.softmax(i) * relative(i) + 4 * Bounds.TINY;
    }

    double loss(int[] targets) {
      double errors = 0;
      double magnitude = 0;
      for (int r = 0; r < rows; r++) {
        errors += logSoftmax((long) r * n + targets[r]);
        magnitude += Math.abs(logSoftmax[r * n + targets[r]]);
      }
      return REST * (errors + Bounds.gamma(rows + 1) * magnitude) / rows + Bounds.TINY;
    }

    double gradient(long i, int[] targets) {
      double s = SoftmaxReference.this.softmax(i);
      double own = s * relative(i) + 4 * Bounds.U * (s + hit(i, targets));
      return REST * own / rows + 4 * Bounds.TINY;
    }

    private double relative(long i) {
      return logSoftmax(i)
          + sumError[(int) (i / n)]
          + (Math.abs(distance[(int) i]) + c + 1) * Bounds.U;
    }
  }
}

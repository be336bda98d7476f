package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * One head of attention and its gradients in float64, with bounds on the errors of float
 * implementations, to first order (u, γ as in {@link Bounds}), 1 % added for the rest.
 *
 * <p>A score is off by e = γ_{D+2}·c·Σ|q||k|. A weight exp(s − m)/l is off relatively by ρ = 2·max
 * e + 2u·max|s − m| + (n + 2·64)·u: the errors of its own score and of the others', the
 * subtraction, the sum of n terms and the division, and twice 64u for exp (libtorch's vectors
 * promise 20 units in the last place, and its blocks are rescaled by further exponentials). out is
 * off by (ρ + γ_n)·Σp|v|. With dp off by γ_D·Σ|dout||v| and the dot product of dout and out by
 * γ_D·Σ|dout||out| + Σ|dout|·(error of out), a slope ds = p·(dp − e) is off by p times these and (ρ
 * + 2u)·|ds|; dq, dk and dv are dot products of such numbers.
 */
final class AttentionReference {
  private static final double REST = 1.01;
  private static final double EXP = 64;

  /** out, dq, dk, dv: [rows, dim] each. */
  final double[][] value;

  /** Their bounds. */
  final double[][] bound;

  private final int rows;
  private final int dim;

  /** Operands of a head, [rows, dim]. */
  record Head(double[] q, double[] k, double[] v, double[] dout) {}

  /** Numbers of one head of one sequence from [B, T, heads · dim]. */
  static double[] head(MemorySegment s, int b, int h, int rows, int heads, int dim) {
    double[] out = new double[rows * dim];
    for (int i = 0; i < rows; i++) {
      for (int d = 0; d < dim; d++) {
        long at = ((long) (b * rows + i) * heads + h) * dim + d;
        out[i * dim + d] = s.getAtIndex(JAVA_FLOAT, at);
      }
    }
    return out;
  }

  AttentionReference(Head x, int rows, int dim, boolean causal) {
    this.rows = rows;
    this.dim = dim;
    value = new double[4][rows * dim];
    bound = new double[4][rows * dim];
    double u = Bounds.U;
    double c = 1 / Math.sqrt(dim);
    for (int i = 0; i < rows; i++) {
      int n = causal ? i + 1 : rows;
      double[] p = new double[n];
      double rho = weights(x, i, n, c, p) + (n + 2 * EXP) * u;
      for (int j = 0; j < n; j++) {
        for (int d = 0; d < dim; d++) {
          value[0][i * dim + d] += p[j] * x.v[j * dim + d];
          bound[0][i * dim + d] += p[j] * Math.abs(x.v[j * dim + d]) * (rho + Bounds.gamma(n));
        }
      }
      row(x, i, n, c, p, rho);
    }
    for (double[] b : bound) {
      for (int t = 0; t < b.length; t++) {
        b[t] = REST * b[t] + rows * Bounds.TINY;
      }
    }
  }

  /** p, and the part of its relative error that comes from the scores. */
  private double weights(Head x, int i, int n, double c, double[] p) {
    double most = Double.NEGATIVE_INFINITY;
    double least = Double.POSITIVE_INFINITY;
    double error = 0;
    for (int j = 0; j < n; j++) {
      double magnitude = 0;
      for (int d = 0; d < dim; d++) {
        double term = x.q[i * dim + d] * x.k[j * dim + d];
        p[j] += term * c;
        magnitude += Math.abs(term) * c;
      }
      most = Math.max(most, p[j]);
      least = Math.min(least, p[j]);
      error = Math.max(error, Bounds.gamma(dim + 2) * magnitude);
    }
    double sum = 0;
    for (int j = 0; j < n; j++) {
      p[j] = Math.exp(p[j] - most);
      sum += p[j];
    }
    for (int j = 0; j < n; j++) {
      p[j] /= sum;
    }
    return 2 * error + 2 * Bounds.U * (most - least);
  }

  /** What query i adds to the gradients. */
  private void row(Head x, int i, int n, double c, double[] p, double rho) {
    double u = Bounds.U;
    double e = 0;
    double errorE = 0;
    for (int d = 0; d < dim; d++) {
      double g = x.dout[i * dim + d];
      e += g * value[0][i * dim + d];
      errorE += Math.abs(g) * bound[0][i * dim + d];
      errorE += Bounds.gamma(dim) * Math.abs(g * value[0][i * dim + d]);
    }
    for (int j = 0; j < n; j++) {
      double dp = 0;
      double magnitude = 0;
      for (int d = 0; d < dim; d++) {
        dp += x.dout[i * dim + d] * x.v[j * dim + d];
        magnitude += Math.abs(x.dout[i * dim + d] * x.v[j * dim + d]);
      }
      double ds = p[j] * (dp - e);
      double error =
          p[j] * (Bounds.gamma(dim) * magnitude + errorE)
              + (rho + 2 * u) * (Math.abs(ds) + p[j] * (Math.abs(dp) + Math.abs(e)) * u);
      for (int d = 0; d < dim; d++) {
        term(1, i, d, ds * c, error * c, x.k[j * dim + d], n + 2);
        term(2, j, d, ds * c, error * c, x.q[i * dim + d], rows + 2);
        term(3, j, d, p[j], p[j] * rho, x.dout[i * dim + d], rows);
      }
    }
  }

  private void term(int of, int row, int d, double weight, double error, double x, int n) {
    value[of][row * dim + d] += weight * x;
    bound[of][row * dim + d] += (error + Bounds.gamma(n) * Math.abs(weight)) * Math.abs(x);
  }
}

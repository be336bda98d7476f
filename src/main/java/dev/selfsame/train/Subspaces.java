package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Gemm;

/** Looks at the subspaces that matrices span, in double on the host. */
final class Subspaces {
  private Subspaces() {}

  /** mᵀ·m for m [K, D]: [D, D], symmetric in bits, since a·b and b·a have the same bits. */
  static float[] gram(Device device, Tensor m) {
    try (Scope scope = Scope.open()) {
      Tensor s = Tensor.empty(scope, device, m.size(1), m.size(1));
      Gemm.gemm(m.transpose(), m, s);
      return s.toFloatArray();
    }
  }

  /** A square matrix in rows of doubles. */
  static double[][] rows(float[] matrix, int columns) {
    double[][] rows = new double[matrix.length / columns][columns];
    for (int i = 0; i < matrix.length; i++) {
      rows[i / columns][i % columns] = matrix[i];
    }
    return rows;
  }

  /** An orthonormal basis of the rows' span, by Gram and Schmidt's method, done twice. */
  static double[][] basis(double[][] rows) {
    double[][] q = new double[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      q[i] = rows[i].clone();
      for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < i; j++) {
          double along = dot(q[i], q[j]);
          for (int d = 0; d < q[i].length; d++) {
            q[i][d] -= along * q[j][d];
          }
        }
      }
      double norm = Math.sqrt(dot(q[i], q[i]));
      for (int d = 0; d < q[i].length; d++) {
        q[i][d] /= norm;
      }
    }
    return q;
  }

  /**
   * The cosine of the largest principal angle between two subspaces of one dimension: the least
   * singular value of a·bᵀ (Golub &amp; Van Loan, Matrix Computations, 4th edition, §6.4.3).
   *
   * @param a orthonormal rows
   * @param b orthonormal rows, as many
   */
  static double leastCosine(double[][] a, double[][] b) {
    int k = a.length;
    double[][] products = new double[k][k];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < k; j++) {
        products[i][j] = dot(a[i], b[j]);
      }
    }
    double[][] squares = new double[k][k];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j <= i; j++) {
        squares[i][j] = dot(products[i], products[j]);
        squares[j][i] = squares[i][j];
      }
    }
    return Math.sqrt(Math.max(0, new SymmetricEigen(squares).values()[k - 1]));
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}

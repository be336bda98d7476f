package dev.selfsame.train;

import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a real symmetric matrix, in double on the host: to look at
 * Hessians and covariances, not to train with. Householder's reduction to tridiagonal form, then
 * the QL algorithm with implicit shifts (Golub &amp; Van Loan, Matrix Computations, 4th edition,
 * §8.3). About 9·n³ operations; only + − · / and square roots, so the result is the same
 * everywhere.
 */
public final class SymmetricEigen {
  private static final int MOST_ITERATIONS = 60;

  private final int n;
  private final double[] values;
  private final double[][] vectors;

  /**
   * Decomposes a matrix.
   *
   * @param matrix [n, n], row-major; it is not changed
   * @throws ShapeException if it is not square and of at least one row
   * @throws SelfsameException if it is not symmetric in bits, or not finite
   */
  public SymmetricEigen(double[][] matrix) {
    n = matrix.length;
    double[][] a = checkedCopy(matrix);
    double[] diagonal = new double[n];
    double[] side = new double[n];
    double[][] reflectors = tridiagonal(a, diagonal, side);
    double[][] rows = product(reflectors);
    ql(diagonal, side, rows);
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -diagonal[i]))
            .mapToInt(i -> i)
            .toArray();
    values = IntStream.of(order).mapToDouble(i -> diagonal[i]).toArray();
    vectors = IntStream.of(order).mapToObj(i -> rows[i]).toArray(double[][]::new);
  }

  /** The n eigenvalues, largest first. */
  public double[] values() {
    return values.clone();
  }

  /** The unit eigenvector of the i-th largest eigenvalue, [n]; its sign is arbitrary. */
  public double[] vector(int i) {
    return vectors[i].clone();
  }

  private static double[][] checkedCopy(double[][] matrix) {
    int n = matrix.length;
    if (n == 0) {
      throw new ShapeException("matrix has no rows; at least one is needed");
    }
    double[][] copy = new double[n][];
    for (int i = 0; i < n; i++) {
      if (matrix[i].length != n) {
        throw new ShapeException(
            "row " + i + " of matrix has " + matrix[i].length + " elements; " + n + " are needed");
      }
      for (int j = 0; j <= i; j++) {
        if (!Double.isFinite(matrix[i][j]) || matrix[i][j] != matrix[j][i]) {
          throw new SelfsameException(
              "matrix has %s at [%d, %d] and %s at [%d, %d]; a finite symmetric one is needed"
                  .formatted(matrix[i][j], i, j, matrix[j][i], j, i));
        }
      }
      copy[i] = matrix[i].clone();
    }
    return copy;
  }

  /**
   * Reduces {@code a} by reflections I − β·v·vᵀ from both sides.
   *
   * @return v scaled by √β for each column, zeros before the column's diagonal; null where nothing
   *     is to be reflected
   */
  private static double[][] tridiagonal(double[][] a, double[] diagonal, double[] side) {
    int n = a.length;
    double[][] reflectors = new double[Math.max(0, n - 2)][];
    for (int k = 0; k < n - 2; k++) {
      double largest = 0;
      for (int i = k + 1; i < n; i++) {
        largest = Math.max(largest, Math.abs(a[i][k]));
      }
      double[] v = new double[n];
      double squares = 0;
      double rest = 0;
      for (int i = k + 1; i < n && largest > 0; i++) {
        v[i] = a[i][k] / largest;
        squares += v[i] * v[i];
        rest += i > k + 1 ? v[i] * v[i] : 0;
      }
      diagonal[k] = a[k][k];
      side[k] = a[k + 1][k];
      reflectors[k] = v;
      if (rest == 0) {
        v[k + 1] = 0;
        continue;
      }
      double norm = Math.sqrt(squares);
      double alpha = v[k + 1] > 0 ? -norm : norm;
      v[k + 1] -= alpha;
      side[k] = alpha * largest;
      double scale = Math.sqrt(2 / (rest + v[k + 1] * v[k + 1]));
      for (int i = k + 1; i < n; i++) {
        v[i] *= scale;
      }
      reflectBothSides(a, v, k + 1);
    }
    for (int k = Math.max(0, n - 2); k < n; k++) {
      diagonal[k] = a[k][k];
      side[k] = k + 1 < n ? a[k + 1][k] : 0;
    }
    return reflectors;
  }

  /** a ← (I − v·vᵀ)·a·(I − v·vᵀ) on the rows and columns from {@code from} on. */
  private static void reflectBothSides(double[][] a, double[] v, int from) {
    int n = a.length;
    double[] w = new double[n];
    double both = 0;
    for (int i = from; i < n; i++) {
      for (int j = from; j < n; j++) {
        w[i] += a[i][j] * v[j];
      }
      both += v[i] * w[i];
    }
    for (int i = from; i < n; i++) {
      w[i] -= both / 2 * v[i];
    }
    for (int i = from; i < n; i++) {
      for (int j = from; j < n; j++) {
        a[i][j] -= v[i] * w[j] + w[i] * v[j];
      }
    }
  }

  /** The rows of (H₀·H₁·…)ᵀ: what turns tridiagonal eigenvectors into those of the matrix. */
  private double[][] product(double[][] reflectors) {
    double[][] rows = new double[n][n];
    for (int i = 0; i < n; i++) {
      rows[i][i] = 1;
    }
    // Last first: the part that is still the identity is left alone.
    for (int k = reflectors.length - 1; k >= 0; k--) {
      double[] v = reflectors[k];
      for (int i = k + 1; i < n; i++) {
        double dot = 0;
        for (int j = k + 1; j < n; j++) {
          dot += rows[i][j] * v[j];
        }
        for (int j = k + 1; j < n; j++) {
          rows[i][j] -= dot * v[j];
        }
      }
    }
    return rows;
  }

  /** Diagonalises the tridiagonal matrix; its rotations go to the rows, too. */
  private static void ql(double[] d, double[] e, double[][] rows) {
    int n = d.length;
    // Against the whole matrix: in blocks of zeros there is nothing near to compare with.
    double largest = 0;
    for (int i = 0; i < n; i++) {
      largest = Math.max(largest, Math.abs(d[i]) + Math.abs(e[i]));
    }
    double negligible = Math.ulp(1.0) * largest;
    for (int low = 0; low < n; low++) {
      int iterations = 0;
      int m;
      while ((m = smallSide(e, low, negligible)) != low) {
        if (iterations++ == MOST_ITERATIONS) {
          throw new SelfsameException(
              "eigenvalue " + low + " did not converge in " + MOST_ITERATIONS + " iterations");
        }
        rotate(d, e, rows, low, m);
      }
    }
  }

  /** The first index from {@code low} on whose next off-diagonal element is negligible. */
  private static int smallSide(double[] e, int low, double negligible) {
    int m = low;
    while (m < e.length - 1 && Math.abs(e[m]) > negligible) {
      m++;
    }
    return m;
  }

  /** One implicit QL step on d[low … m], shifted by an eigenvalue of its upper 2×2 corner. */
  private static void rotate(double[] d, double[] e, double[][] rows, int low, int m) {
    double g = (d[low + 1] - d[low]) / (2 * e[low]);
    double r = Math.sqrt(g * g + 1);
    g = d[m] - d[low] + e[low] / (g + (g < 0 ? -r : r));
    double sine = 1;
    double cosine = 1;
    double p = 0;
    for (int i = m - 1; i >= low; i--) {
      double f = sine * e[i];
      double b = cosine * e[i];
      r = length(f, g);
      e[i + 1] = r;
      if (r == 0) {
        d[i + 1] -= p;
        e[m] = 0;
        return;
      }
      sine = f / r;
      cosine = g / r;
      g = d[i + 1] - p;
      double t = (d[i] - g) * sine + 2 * cosine * b;
      p = sine * t;
      d[i + 1] = g + p;
      g = cosine * t - b;
      double[] upper = rows[i + 1];
      double[] lower = rows[i];
      for (int k = 0; k < upper.length; k++) {
        double u = upper[k];
        upper[k] = sine * lower[k] + cosine * u;
        lower[k] = cosine * lower[k] - sine * u;
      }
    }
    d[low] -= p;
    e[low] = g;
    e[m] = 0;
  }

  /** √(a² + b²) without overflow. */
  private static double length(double a, double b) {
    double large = Math.max(Math.abs(a), Math.abs(b));
    double small = Math.min(Math.abs(a), Math.abs(b));
    return large == 0 ? 0 : large * Math.sqrt(1 + small / large * (small / large));
  }

  @Override
  public String toString() {
    return "eigenvalues " + Arrays.toString(values);
  }
}

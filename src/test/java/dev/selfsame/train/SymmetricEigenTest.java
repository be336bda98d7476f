package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.contract.Philox;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricEigenTest {
  private static double[][] random(int n) {
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        a[i][j] = a[j][i] = Philox.normal(1, n, (long) i * n + j);
      }
    }
    return a;
  }

  /** A·v = λ·v, v·w = 0 or 1, values in order. */
  private static void check(double[][] a) {
    int n = a.length;
    SymmetricEigen eigen = new SymmetricEigen(a);
    double[] values = eigen.values();
    double size = Math.max(Math.abs(values[0]), Math.abs(values[n - 1]));
    for (int i = 0; i < n; i++) {
      double[] v = eigen.vector(i);
      for (int r = 0; r < n; r++) {
        assertEquals(values[i] * v[r], dot(a[r], v), 1e-14 * n * size, "row " + r + " of " + i);
      }
      for (int j = 0; j <= i; j++) {
        assertEquals(i == j ? 1 : 0, dot(eigen.vector(j), v), 1e-14 * n, i + "·" + j);
      }
      assertTrue(i == 0 || values[i - 1] >= values[i], "order");
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 17, 64, 150})
  void randomMatrices(int n) {
    check(random(n));
  }

  @Test
  void theSecondDifferenceHasKnownEigenvalues() {
    int n = 50;
    double[][] a = new double[n][n];
    double[] known = new double[n];
    for (int i = 0; i < n; i++) {
      a[i][i] = 2;
      if (i > 0) {
        a[i][i - 1] = a[i - 1][i] = -1;
      }
      known[i] = 2 - 2 * StrictMath.cos((n - i) * Math.PI / (n + 1));
    }
    assertArrayEquals(known, new SymmetricEigen(a).values(), 1e-13);
  }

  @Test
  void repeatedAndZeroEigenvalues() {
    int n = 24;
    double[][] ones = new double[n][n];
    for (double[] row : ones) {
      java.util.Arrays.fill(row, 1);
    }
    check(ones);
    double[] values = new SymmetricEigen(ones).values();
    assertEquals(n, values[0], 1e-12);
    assertEquals(0, values[1], 1e-13);
    assertArrayEquals(new double[n], new SymmetricEigen(new double[n][n]).values());
  }

  @Test
  void blocksOfVeryDifferentSizes() {
    int n = 60;
    double[][] a = new double[n][n];
    double[][] block = random(4);
    for (int b = 0; b < n; b += 4) {
      for (int i = 0; i < 16; i++) {
        // Squares of blocks: semidefinite; every third is nothing at all.
        for (int k = 0; k < 4 && b % 12 != 0; k++) {
          double scale = StrictMath.pow(0.01, b / 4);
          a[b + i / 4][b + i % 4] += scale * (block[i / 4][k] * block[i % 4][k]);
        }
      }
    }
    check(a);
  }

  @Test
  void sizesFarFromOne() {
    for (double scale : new double[] {1e-160, 1e150}) {
      double[][] a = random(9);
      for (double[] row : a) {
        for (int j = 0; j < row.length; j++) {
          row[j] *= scale;
        }
      }
      check(a);
    }
  }

  @Test
  void whatIsNotSymmetricIsRefused() {
    double[][] a = random(4);
    a[1][3] = Math.nextUp(a[1][3]);
    String said = assertThrows(SelfsameException.class, () -> new SymmetricEigen(a)).getMessage();
    assertTrue(said.contains("[3, 1]"), said);
    double[][] b = random(4);
    b[2][2] = Double.NaN;
    assertThrows(SelfsameException.class, () -> new SymmetricEigen(b));
    assertThrows(ShapeException.class, () -> new SymmetricEigen(new double[2][3]));
    assertThrows(ShapeException.class, () -> new SymmetricEigen(new double[0][]));
  }
}

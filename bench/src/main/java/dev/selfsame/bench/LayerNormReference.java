package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * One row of layer normalization and its gradient in float64, with bounds on the errors of float
 * implementations, to first order (u, γ as in {@link Bounds}), 1 % added for the rest.
 *
 * <p>Forward: the mean is off by e = γ_{C+1}·mean|x|; d = x − mean by e + u·|d|; the variance by v
 * = 2·e·mean|d| + γ_{C+4}·var; rstd relatively by ρ = v / 2(var + eps) + 3u; h = d·rstd by |h|·(ρ +
 * 3u) + e·rstd; y by |gamma| times that and 2u·(|h·gamma| + |y|).
 *
 * <p>Gradient, from the mean m and rstd s that forward left, taken as exact. ATen computes dx = s·g
 * + b·x + c with b = (m·Σg − Σ g·x)·s³/C and c = −b·m − s·Σg/C; ours, s·(g − a − h·b'), is within
 * the same bound: the errors of Σg and Σ g·x (γ_{C+3} of the sums of magnitudes) pass on through
 * both, and each product and sum after them adds u times its magnitude, of which 8 are allowed for.
 */
final class LayerNormReference {
  private static final double REST = 1.01;

  final double[] value;
  final double[] bound;

  private LayerNormReference(int columns) {
    value = new double[columns];
    bound = new double[columns];
  }

  private static double at(MemorySegment s, long i) {
    return s.getAtIndex(JAVA_FLOAT, i);
  }

  static LayerNormReference forward(
      MemorySegment x, MemorySegment gamma, MemorySegment beta, double eps, long row, int columns) {
    double mean = 0;
    double magnitude = 0;
    for (int i = 0; i < columns; i++) {
      mean += at(x, row + i) / columns;
      magnitude += Math.abs(at(x, row + i)) / columns;
    }
    double var = 0;
    double distance = 0;
    for (int i = 0; i < columns; i++) {
      double d = at(x, row + i) - mean;
      var += d * d / columns;
      distance += Math.abs(d) / columns;
    }
    double u = Bounds.U;
    double rstd = 1 / Math.sqrt(var + eps);
    double e = Bounds.gamma(columns + 1) * magnitude;
    double v = 2 * e * distance + Bounds.gamma(columns + 4) * var;
    double rho = v / (2 * (var + eps)) + 3 * u;
    var r = new LayerNormReference(columns);
    for (int i = 0; i < columns; i++) {
      double h = (at(x, row + i) - mean) * rstd;
      double scaled = h * at(gamma, i);
      r.value[i] = scaled + at(beta, i);
      double own = Math.abs(h) * (rho + 3 * u) + e * rstd;
      r.bound[i] =
          REST * (Math.abs(at(gamma, i)) * own + 2 * u * (Math.abs(scaled) + Math.abs(r.value[i])))
              + Bounds.TINY;
    }
    return r;
  }

  static LayerNormReference gradient(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      double m,
      double s,
      long row,
      int columns) {
    double sumG = 0;
    double sumGx = 0;
    double sumGh = 0;
    double magnitudeG = 0;
    double magnitudeGx = 0;
    for (int i = 0; i < columns; i++) {
      double g = at(dy, row + i) * at(gamma, i);
      sumG += g;
      sumGx += g * at(x, row + i);
      sumGh += g * (at(x, row + i) - m) * s;
      magnitudeG += Math.abs(g);
      magnitudeGx += Math.abs(g * at(x, row + i));
    }
    double u = Bounds.U;
    double c = columns;
    double slope = s * s * s / c;
    double errorG = Bounds.gamma(columns + 3) * magnitudeG;
    double errorGx = Bounds.gamma(columns + 3) * (magnitudeGx + Math.abs(m) * magnitudeG);
    double b = (m * sumG - sumGx) * slope;
    double errorB =
        (Math.abs(m) * errorG + errorGx + 8 * u * (Math.abs(m * sumG) + Math.abs(sumGx))) * slope;
    double errorC =
        errorB * Math.abs(m) + errorG * s / c + 8 * u * (Math.abs(b * m) + Math.abs(sumG) * s / c);
    var r = new LayerNormReference(columns);
    for (int i = 0; i < columns; i++) {
      double g = at(dy, row + i) * at(gamma, i);
      double xi = at(x, row + i);
      double h = (xi - m) * s;
      r.value[i] = s * (g - sumG / c - h * sumGh / c);
      double terms = s * Math.abs(g) + Math.abs(b * xi) + Math.abs(b * m) + Math.abs(sumG) * s / c;
      r.bound[i] = REST * (errorB * Math.abs(xi) + errorC + 8 * u * terms) + Bounds.TINY;
    }
    return r;
  }
}

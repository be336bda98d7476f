package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Losses that compare two things, in float64, with bounds on the errors of a float implementation
 * in any order of its sums (u, γ as in {@link Bounds}).
 */
final class LossReference {
  private LossReference() {}

  private static double at(MemorySegment x, long i) {
    return x.getAtIndex(JAVA_FLOAT, i);
  }

  /**
   * Divergence at a temperature that is a power of two. A term p·(log p − log q) has, by the bounds
   * e of a softmax and of its logarithm, an error of at most p·(e_log p + e_log q + 4u·(|log p| +
   * |log q|)) + e_p·(1 + |log p| + |log q|), which holds too where log p is the logarithm of the
   * rounded p and the difference is taken after the products. The sum and the mean add γ_{C+R+6} of
   * the magnitudes. The gradient (q − p)·T/R adds four roundings, and γ_C·q where it is the sum of
   * p that multiplies q.
   */
  static final class Divergence {
    private final SoftmaxReference teacher;
    private final SoftmaxReference student;
    private final SoftmaxReference.Bound teacherBound;
    private final SoftmaxReference.Bound studentBound;
    private final double factor;
    private final double loss;
    private final double bound;
    private final int columns;

    Divergence(
        int rows, int columns, MemorySegment teacher, MemorySegment student, float temperature) {
      this.columns = columns;
      this.teacher = new SoftmaxReference(rows, columns, scaled(teacher, temperature));
      this.student = new SoftmaxReference(rows, columns, scaled(student, temperature));
      teacherBound = this.teacher.bound(SoftmaxReference.ATEN);
      studentBound = this.student.bound(SoftmaxReference.ATEN);
      factor = (double) temperature / rows;
      double sum = 0;
      double errors = 0;
      double magnitude = 0;
      for (long i = 0; i < (long) rows * columns; i++) {
        double p = this.teacher.softmax(i);
        double logP = this.teacher.logSoftmax(i);
        double logQ = this.student.logSoftmax(i);
        double logs = Math.abs(logP) + Math.abs(logQ);
        sum += p * (logP - logQ);
        errors +=
            p * (teacherBound.logSoftmax(i) + studentBound.logSoftmax(i) + 4 * Bounds.U * logs)
                + teacherBound.softmax(i) * (1 + logs);
        magnitude += p * logs;
      }
      loss = sum * factor * temperature;
      bound =
          factor * temperature * (errors + Bounds.gamma(columns + rows + 6) * magnitude)
              + Bounds.TINY;
    }

    private static MemorySegment scaled(MemorySegment x, float temperature) {
      float[] y = x.toArray(JAVA_FLOAT);
      for (int i = 0; i < y.length; i++) {
        y[i] /= temperature;
      }
      return MemorySegment.ofArray(y);
    }

    double loss() {
      return loss;
    }

    double bound() {
      return bound;
    }

    double gradient(long i) {
      return (student.softmax(i) - teacher.softmax(i)) * factor;
    }

    double gradientBound(long i) {
      double p = teacher.softmax(i);
      double q = student.softmax(i);
      double own = studentBound.softmax(i) + teacherBound.softmax(i);
      return factor * (own + 4 * Bounds.U * (p + q) + Bounds.gamma(columns + 4) * q)
          + 4 * Bounds.TINY;
    }
  }

  /**
   * Contrastive loss. With g = γ_{D+8}: a squared distance s has an error of g·s, a distance d of
   * g·d, and h = max(m − d, 0) of e = g·d + u·m, also beside the kink. The loss of a row: g·s, or
   * (h + e)·e; their mean adds γ_{R+4}. The gradient |a − b|·c/d·h: |a − b|·c/d·(e + 2g·h); for the
   * same |a − b|·c·g.
   */
  static final class Contrastive {
    private final int columns;
    private final MemorySegment a;
    private final MemorySegment b;
    private final int[] kinds;
    private final double margin;
    private final double g;
    private final double[] distance;
    private double loss;
    private double bound;

    Contrastive(int columns, MemorySegment a, MemorySegment b, int[] kinds, double margin) {
      this.columns = columns;
      this.a = a;
      this.b = b;
      this.kinds = kinds;
      this.margin = margin;
      g = Bounds.gamma(columns + 8);
      int rows = kinds.length;
      distance = new double[rows];
      for (int r = 0; r < rows; r++) {
        double s = 0;
        for (long i = (long) r * columns; i < (r + 1L) * columns; i++) {
          s += difference(i) * difference(i);
        }
        distance[r] = Math.sqrt(s);
        double h = lack(r);
        loss += (kinds[r] == 0 ? s / 2 : h * h / 2) / rows;
        bound += (kinds[r] == 0 ? g * s : (h + lackError(r)) * lackError(r)) / rows;
      }
      bound += Bounds.gamma(rows + 4) * loss + Bounds.TINY;
    }

    private double difference(long i) {
      return at(a, i) - at(b, i);
    }

    private double lack(int r) {
      return Math.max(margin - distance[r], 0);
    }

    private double lackError(int r) {
      return g * distance[r] + Bounds.U * margin;
    }

    double loss() {
      return loss;
    }

    double bound() {
      return bound;
    }

    double gradient(long i) {
      int r = (int) (i / columns);
      double c = difference(i) / kinds.length;
      return kinds[r] == 0 ? c : -c * lack(r) / distance[r];
    }

    double gradientBound(long i) {
      int r = (int) (i / columns);
      double c = Math.abs(difference(i)) / kinds.length;
      double own = kinds[r] == 0 ? c * g : c / distance[r] * (lackError(r) + 2 * g * lack(r));
      return own + 4 * Bounds.TINY;
    }
  }

  /**
   * λ·Σ (a − b)²: n terms of three roundings each, γ_{n+4} in all; the gradient 2λ·(a − b): four
   * roundings.
   */
  static final class Distance {
    private final MemorySegment a;
    private final MemorySegment b;
    private final double lambda;
    private double sum;
    private long terms;

    Distance(List<MemorySegment> as, List<MemorySegment> bs, double lambda) {
      a = as.getFirst();
      b = bs.getFirst();
      this.lambda = lambda;
      for (int t = 0; t < as.size(); t++) {
        long n = as.get(t).byteSize() / Float.BYTES;
        for (long i = 0; i < n; i++) {
          double difference = at(as.get(t), i) - at(bs.get(t), i);
          sum += difference * difference;
        }
        terms += n;
      }
    }

    double penalty() {
      return lambda * sum;
    }

    double bound() {
      return Bounds.gamma(terms + 4) * lambda * sum;
    }

    double gradient(long i) {
      return 2 * lambda * (at(a, i) - at(b, i));
    }

    double gradientBound(long i) {
      return Bounds.gamma(4) * Math.abs(gradient(i)) + Bounds.TINY;
    }
  }
}

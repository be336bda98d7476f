package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Scope;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.study.FilterLoss.Kind;
import dev.selfsame.train.Finding;
import dev.selfsame.train.SymmetricEigen;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;

/**
 * Curvature of a loss in one shared filter and in a filter for each position. P [k·T, k] copies the
 * shared filter to all T positions, so by the chain rule the shared Hessian is PᵀHP.
 *
 * <p>Hessians are differences of the kernels' gradients along each weight. For squared errors over
 * whole-numbered pixels every sum is a whole number below 2²⁴, so these are exact. For the network
 * with tanh and cross-entropy they are central differences.
 */
final class HessianStudy implements Study {
  /** Below this share of the largest eigenvalue a direction counts as flat. */
  private static final double FLAT = 1e-4;

  private static final double LEAST_SHOWN = 1e-7;

  /** The Hessians of one loss, and what follows from them. */
  private static final class Curvature {
    final double[][] tied;
    final double[][] sliced;
    final double[] tiedValues;
    final double[] untiedValues;

    Curvature(double[][] tied, double[][] untied) {
      int positions = untied.length / tied.length;
      int k = tied.length;
      this.tied = tied;
      sliced = new double[k][k];
      for (int i = 0; i < untied.length; i++) {
        for (int j = 0; j < untied.length; j++) {
          sliced[i / positions][j / positions] += untied[i][j];
        }
      }
      tiedValues = new SymmetricEigen(symmetric(tied)).values();
      untiedValues = new SymmetricEigen(symmetric(untied)).values();
    }

    /** The Frobenius norm of their difference over that of the tied one. */
    double difference() {
      double difference = 0;
      double size = 0;
      for (int i = 0; i < tied.length; i++) {
        for (int j = 0; j < tied.length; j++) {
          difference += (tied[i][j] - sliced[i][j]) * (tied[i][j] - sliced[i][j]);
          size += tied[i][j] * tied[i][j];
        }
      }
      return Math.sqrt(difference / size);
    }

    /** Differences of rounded gradients are symmetric only up to rounding. */
    private static double[][] symmetric(double[][] a) {
      double[][] s = new double[a.length][a.length];
      for (int i = 0; i < a.length; i++) {
        for (int j = 0; j < a.length; j++) {
          s[i][j] = (a[i][j] + a[j][i]) / 2;
        }
      }
      return s;
    }
  }

  @Override
  public String name() {
    return "hessian";
  }

  @Override
  public String claim() {
    return "The Hessian of tied weights is the slice PᵀHP of the untied one; tying removes flat"
        + " directions and lowers the condition number.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    Curvature squares = curvature(settings, Kind.SQUARES, progress, 0);
    Curvature network = curvature(settings, Kind.NETWORK, progress, 1);
    Table.Builder table =
        new Table.Builder(
            "Spectra for a 4×4 filter over handwritten digits (flat: below 10⁻⁴ of the largest)",
            "loss",
            "weights",
            "parameters",
            "largest eigenvalue",
            "smallest that is not flat",
            "flat",
            "negative",
            "condition number");
    rows(table, "squared error", squares);
    rows(table, "tanh, cross-entropy", network);
    int positions = squares.untiedValues.length / squares.tiedValues.length;
    double top = squares.tiedValues[0] / positions;
    double bottom = squares.tiedValues[squares.tiedValues.length - 1] / positions;
    double untiedTop = squares.untiedValues[0];
    double untiedBottom = squares.untiedValues[squares.untiedValues.length - 1];
    return new StudyResult(
        List.of(table.build()),
        List.of(spectrum("Squared error", squares), spectrum("Network with tanh", network)),
        List.of(
            new Finding(
                "squared error: the tied Hessian is PᵀHP, exactly",
                "largest difference of an element " + Table.text(largestDifference(squares)),
                largestDifference(squares) == 0),
            new Finding(
                "network with tanh: it is PᵀHP, but for rounding in the differences",
                text("relative difference %.2e (Frobenius)", network.difference()),
                network.difference() < 2e-3),
            new Finding(
                "squared error: the tied spectrum over T lies within the untied one",
                text(
                    "%s … %s within %s … %s",
                    Table.text(bottom),
                    Table.text(top),
                    Table.text(untiedBottom),
                    Table.text(untiedTop)),
                top <= untiedTop * (1 + 1e-12) && bottom >= untiedBottom - 1e-12 * untiedTop),
            flatGone("squared error", squares),
            flatGone("network with tanh", network),
            new Finding(
                "the condition number is lower, even with flat directions left out",
                text(
                    "%.0f against %.0f; network %.0f against %.0f; with them the untied one has no"
                        + " bound",
                    condition(squares.tiedValues),
                    condition(squares.untiedValues),
                    condition(network.tiedValues),
                    condition(network.untiedValues)),
                condition(squares.tiedValues) < condition(squares.untiedValues)
                    && condition(network.tiedValues) < condition(network.untiedValues))));
  }

  private static Curvature curvature(Settings settings, Kind kind, Progress progress, int part) {
    try (Scope scope = Scope.open()) {
      FilterLoss loss = new FilterLoss(scope, settings, kind);
      float[] filter = loss.start();
      double[][] tied = hessian(filter, loss::tied, loss.step(), done -> {});
      float[] everywhere = new float[filter.length * loss.positions()];
      for (int i = 0; i < everywhere.length; i++) {
        everywhere[i] = filter[i / loss.positions()];
      }
      int n = everywhere.length;
      double[][] untied =
          hessian(
              everywhere,
              loss::untied,
              loss.step(),
              done ->
                  progress.at(part * 2L * n + done, 4L * n, kind.name().toLowerCase(Locale.ROOT)));
      progress.at(part * 2L * n + n, 4L * n, "eigenvalues");
      return new Curvature(tied, untied);
    }
  }

  /** A gradient at a point. */
  private interface Gradient {
    float[] at(float[] weights);
  }

  /** Central differences of the gradient; the differences are formed in double. */
  private static double[][] hessian(float[] at, Gradient gradient, float step, IntConsumer done) {
    double[][] hessian = new double[at.length][at.length];
    for (int i = 0; i < at.length; i++) {
      done.accept(i);
      float[] moved = at.clone();
      moved[i] = at[i] + step;
      double distance = moved[i];
      float[] after = gradient.at(moved);
      moved[i] = at[i] - step;
      distance -= moved[i];
      float[] before = gradient.at(moved);
      for (int j = 0; j < at.length; j++) {
        hessian[i][j] = ((double) after[j] - before[j]) / distance;
      }
    }
    return hessian;
  }

  private static double largestDifference(Curvature c) {
    double largest = 0;
    for (int i = 0; i < c.tied.length; i++) {
      for (int j = 0; j < c.tied.length; j++) {
        largest = Math.max(largest, Math.abs(c.tied[i][j] - c.sliced[i][j]));
      }
    }
    return largest;
  }

  private static void rows(Table.Builder table, String loss, Curvature c) {
    row(table, loss, "own filters", c.untiedValues);
    row(table, loss, "shared filter", c.tiedValues);
  }

  private static void row(Table.Builder table, String loss, String weights, double[] values) {
    double limit = FLAT * values[0];
    table.row(
        loss,
        weights,
        (long) values.length,
        values[0],
        Arrays.stream(values).filter(v -> v >= limit).min().orElse(Double.NaN),
        flat(values),
        Arrays.stream(values).filter(v -> v <= -limit).count(),
        condition(values));
  }

  private static long flat(double[] values) {
    return Arrays.stream(values).filter(v -> Math.abs(v) < FLAT * values[0]).count();
  }

  /** The largest over the smallest magnitude that is not flat. */
  private static double condition(double[] values) {
    return values[0]
        / Arrays.stream(values)
            .map(Math::abs)
            .filter(v -> v >= FLAT * values[0])
            .min()
            .orElse(Double.NaN);
  }

  private static Finding flatGone(String loss, Curvature c) {
    return new Finding(
        loss + ": tying removes the flat directions",
        text(
            "%d of %d are flat with own filters, %d of %d with the shared one",
            flat(c.untiedValues), c.untiedValues.length, flat(c.tiedValues), c.tiedValues.length),
        flat(c.untiedValues) > 0 && flat(c.tiedValues) == 0);
  }

  private static Chart spectrum(String title, Curvature c) {
    return Chart.lines(
        title,
        "share of all directions, %",
        "|eigenvalue| / largest (at least 1E-7)",
        false,
        true,
        List.of(series("own filters", c.untiedValues), series("shared filter", c.tiedValues)));
  }

  private static Series series(String name, double[] values) {
    double[] sizes = Arrays.stream(values).map(Math::abs).sorted().toArray();
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    int n = sizes.length;
    int every = Math.max(1, n / 100);
    for (int i = 0; i < n; i += every) {
      x.add(100.0 * i / (n - 1));
      y.add(Math.max(LEAST_SHOWN, sizes[n - 1 - i] / sizes[n - 1]));
    }
    return new Series(name, Style.MEASURED, x, y);
  }
}

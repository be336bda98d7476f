package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.Sums;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * Bias and variance of sharing. At T positions 4×4 filters w_t = w + δ·u_t are seen through y =
 * w_t·x + σ·noise, SAMPLES times each, with inputs whose least-squares estimate is their plain
 * average over y·x (X'X = SAMPLES·I). The untied estimate is each position's own; the tied one is
 * the shared filter's: the weight gradient of the convolution, over all positions at once.
 *
 * <p>Expected squared errors: untied σ²/SAMPLES; tied σ²/(SAMPLES·T) + δ²·(1 − 1/T). They cross at
 * δ = σ/√SAMPLES, whatever T.
 */
final class VarianceStudy implements Study {
  private static final int KERNEL = 4;
  private static final int TAPS = KERNEL * KERNEL;
  private static final int SAMPLES = 16;
  private static final float SIGMA = 1f;
  private static final Geometry APART = Geometry.of(KERNEL, 0);
  private static final double CROSSING = SIGMA / Math.sqrt(SAMPLES);

  /** δ in units of the crossing. */
  private static final double[] SPREADS = {0, 0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 4};

  private record Errors(double tied, double untied) {}

  @Override
  public String name() {
    return "variance";
  }

  @Override
  public String claim() {
    return "Estimating one filter from T positions divides its variance by T; the bias grows with"
        + " the square of how much the true filters differ. Sharing wins below a crossing.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    int[] positions = settings.quick() ? new int[] {1, 4, 16} : new int[] {1, 4, 16, 64, 256};
    int filters = settings.quick() ? 64 : 256;
    double tolerance = settings.quick() ? 0.1 : 0.05;
    Errors[][] errors = new Errors[positions.length][SPREADS.length];
    for (int i = 0; i < positions.length; i++) {
      try (Scope scope = Scope.open()) {
        Experiment experiment = new Experiment(scope, settings, positions[i], filters);
        for (int j = 0; j < SPREADS.length; j++) {
          progress.at(i, positions.length, positions[i] + " positions");
          errors[i][j] = experiment.errors((float) (SPREADS[j] * CROSSING));
        }
      }
    }
    return result(positions, errors, tolerance);
  }

  private static StudyResult result(int[] positions, Errors[][] errors, double tolerance) {
    Table.Builder variance =
        new Table.Builder(
            "Mean squared error a tap when all true filters are the same (δ = 0)",
            "positions T",
            "shared filter",
            "σ²/(m·T)",
            "own filters",
            "σ²/m");
    List<Double> counts = new ArrayList<>();
    List<Double> tied = new ArrayList<>();
    List<Double> untied = new ArrayList<>();
    List<Double> theory = new ArrayList<>();
    double one = SIGMA * SIGMA / SAMPLES;
    for (int i = 0; i < positions.length; i++) {
      counts.add((double) positions[i]);
      tied.add(errors[i][0].tied());
      untied.add(errors[i][0].untied());
      theory.add(one / positions[i]);
      variance.row(
          (long) positions[i], errors[i][0].tied(), one / positions[i], errors[i][0].untied(), one);
    }
    String[] columns = new String[positions.length + 1];
    columns[0] = "δ";
    columns[1] = "own filters";
    for (int i = 1; i < positions.length; i++) {
      columns[i + 1] = "shared, T = " + positions[i];
    }
    Table.Builder spread =
        new Table.Builder("Mean squared error a tap when true filters differ by δ", columns);
    for (int j = 0; j < SPREADS.length; j++) {
      Object[] row = new Object[columns.length];
      row[0] = SPREADS[j] * CROSSING;
      row[1] = errors[positions.length - 1][j].untied();
      for (int i = 1; i < positions.length; i++) {
        row[i + 1] = errors[i][j].tied();
      }
      spread.row(row);
    }
    double fall = Figures.exponent(counts, tied);
    double still = Figures.exponent(counts, untied);
    double growth = biasGrowth(errors[positions.length - 1]);
    List<Double> crossings = new ArrayList<>();
    for (int i = 1; i < positions.length; i++) {
      crossings.add(crossing(errors[i]));
    }
    return new StudyResult(
        List.of(variance.build(), spread.build()),
        List.of(
            Chart.lines(
                "Same true filter everywhere",
                "positions T",
                "mean squared error",
                true,
                true,
                List.of(
                    new Series("own filters", Style.MEASURED, counts, untied),
                    new Series("shared filter", Style.MEASURED, counts, tied),
                    new Series("σ²/(m·T)", Style.THEORY, counts, theory))),
            spreadChart(positions, errors)),
        List.of(
            new Finding(
                "the shared filter's variance falls as 1/T",
                text("T to the power of %.3f", fall),
                Math.abs(fall + 1) < tolerance),
            new Finding(
                "own filters gain nothing from more positions",
                text("T to the power of %.3f", still),
                Math.abs(still) < tolerance),
            new Finding(
                "the shared filter's bias grows as δ²",
                text("δ to the power of %.3f", growth),
                Math.abs(growth - 2) < 2 * tolerance),
            new Finding(
                text("sharing wins up to δ = σ/√m = %.4f, whatever T", CROSSING),
                "crossings at "
                    + String.join(", ", crossings.stream().map(c -> text("%.4f", c)).toList()),
                crossings.stream().allMatch(c -> Math.abs(c / CROSSING - 1) < 2 * tolerance))));
  }

  private static Chart spreadChart(int[] positions, Errors[][] errors) {
    List<Double> spreads = new ArrayList<>();
    for (int j = 1; j < SPREADS.length; j++) {
      spreads.add(SPREADS[j] * CROSSING);
    }
    List<Series> series = new ArrayList<>();
    for (int i = 0; i < positions.length; i++) {
      List<Double> values = new ArrayList<>();
      for (int j = 1; j < SPREADS.length; j++) {
        values.add(i == 0 ? errors[positions.length - 1][j].untied() : errors[i][j].tied());
      }
      String name = i == 0 ? "own filters" : "shared filter, T = " + positions[i];
      series.add(new Series(name, Style.MEASURED, spreads, values));
    }
    return Chart.lines(
        "True filters that differ by δ", "δ", "mean squared error", true, true, series);
  }

  /** The exponent of the error above that at δ = 0. */
  private static double biasGrowth(Errors[] byDelta) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (int j = 3; j < SPREADS.length; j++) {
      x.add(SPREADS[j]);
      y.add(byDelta[j].tied() - byDelta[0].tied());
    }
    return Figures.exponent(x, y);
  }

  /** Where the tied error passes the untied one, on a line between neighbouring squares of δ. */
  private static double crossing(Errors[] byDelta) {
    for (int j = 1; j < SPREADS.length; j++) {
      double before = byDelta[j - 1].tied() - byDelta[j - 1].untied();
      double after = byDelta[j].tied() - byDelta[j].untied();
      if (before <= 0 && after > 0) {
        double low = SPREADS[j - 1] * SPREADS[j - 1];
        double high = SPREADS[j] * SPREADS[j];
        return CROSSING * Math.sqrt(low + (high - low) * before / (before - after));
      }
    }
    return Double.NaN;
  }

  /** T positions and so many filters, each an experiment of its own. */
  private static final class Experiment {
    private final Scope scope;
    private final Device device;
    private final int positions;
    private final int filters;
    private final Tensor inputs;
    private final Tensor image;
    private final Tensor common;
    private final Tensor own;
    private final Tensor noise;

    Experiment(Scope scope, Settings settings, int positions, int filters) {
      this.scope = scope;
      this.positions = positions;
      this.filters = filters;
      device = settings.device();
      float[] x = inputs(settings.seed(), positions);
      inputs = Tensor.of(scope, device, x, positions, SAMPLES, TAPS);
      image = Tensor.of(scope, device, image(x, positions), SAMPLES, 1, KERNEL, KERNEL * positions);
      float[] w = Figures.normals(settings.seed(), 11, TAPS * filters);
      common = Tensor.of(scope, device, repeat(w, positions), positions, TAPS, filters);
      own = Figures.normal(scope, settings, 12, positions, TAPS, filters);
      noise = Figures.normal(scope, settings, 13, positions, SAMPLES, filters);
    }

    /** Both estimates of the same data. */
    Errors errors(float delta) {
      try (Tensor w = Tensor.empty(scope, device, positions, TAPS, filters);
          Tensor y = Tensor.empty(scope, device, positions, SAMPLES, filters);
          Tensor estimate = Tensor.empty(scope, device, positions, TAPS, filters)) {
        Elementwise.fma(own, delta, common, w);
        Gemm.gemm(inputs, w, y);
        Elementwise.fma(noise, SIGMA, y, y);
        Gemm.gemm(inputs.transpose(), y, estimate);
        Elementwise.scale(estimate, 1f / SAMPLES, estimate);
        double untied = meanSquare(estimate, w);
        float[] shared = shared(y.toFloatArray());
        try (Tensor everywhere =
            Tensor.of(scope, device, repeat(shared, positions), positions, TAPS, filters)) {
          return new Errors(meanSquare(everywhere, w), untied);
        }
      }
    }

    /** The shared filters [TAPS, filters]: one weight gradient over all positions. */
    private float[] shared(float[] y) {
      float[] rows = new float[y.length];
      for (int i = 0; i < y.length; i++) {
        int t = i / (SAMPLES * filters);
        int sample = i / filters % SAMPLES;
        rows[(sample * filters + i % filters) * positions + t] = y[i];
      }
      try (Tensor dy = Tensor.of(scope, device, rows, SAMPLES, filters, 1, positions);
          Tensor dw = Tensor.empty(scope, device, filters, 1, KERNEL, KERNEL)) {
        Conv2d.weightGradient(image, dy, APART, dw);
        Elementwise.scale(dw, 1f / (SAMPLES * positions), dw);
        float[] byFilter = dw.toFloatArray();
        float[] byTap = new float[byFilter.length];
        for (int i = 0; i < byFilter.length; i++) {
          byTap[i % TAPS * filters + i / TAPS] = byFilter[i];
        }
        return byTap;
      }
    }

    private double meanSquare(Tensor a, Tensor b) {
      try (Tensor difference = Tensor.empty(scope, device, positions, TAPS, filters);
          Tensor sum = Tensor.empty(scope, device, 1)) {
        Elementwise.binary(Binary.SUB, a, b, difference);
        Sums.squares(difference, sum);
        return (double) sum.item() / difference.elements();
      }
    }

    private static float[] repeat(float[] block, int times) {
      float[] all = new float[block.length * times];
      for (int t = 0; t < times; t++) {
        System.arraycopy(block, 0, all, t * block.length, block.length);
      }
      return all;
    }

    /** ±1 with orthogonal columns: Sylvester's matrix, its rows and columns flipped at random. */
    private static float[] inputs(long seed, int positions) {
      float[] x = new float[positions * SAMPLES * TAPS];
      for (int t = 0; t < positions; t++) {
        int flips = Philox.bits(seed, 10, t);
        for (int i = 0; i < SAMPLES * TAPS; i++) {
          int sample = i / TAPS;
          int tap = i % TAPS;
          int sign = Integer.bitCount(sample & tap) + (flips >>> sample) + (flips >>> 16 + tap);
          x[t * SAMPLES * TAPS + i] = (sign & 1) == 0 ? 1f : -1f;
        }
      }
      return x;
    }

    /** The positions side by side in an image [SAMPLES, 1, KERNEL, KERNEL·T]. */
    private static float[] image(float[] x, int positions) {
      float[] image = new float[x.length];
      for (int i = 0; i < x.length; i++) {
        int t = i / (SAMPLES * TAPS);
        int sample = i / TAPS % SAMPLES;
        int row = i % TAPS / KERNEL;
        int at = (sample * KERNEL + row) * positions + t;
        image[at * KERNEL + i % KERNEL] = x[i];
      }
      return image;
    }
  }
}

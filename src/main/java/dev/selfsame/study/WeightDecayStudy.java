package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.AdamW.Decay;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Dropout;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gather;
import dev.selfsame.op.Sums;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import dev.selfsame.optim.ParameterGroup;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * Weight decay of a parameter that stands in S places. Each use gives a gradient of ±1 at random;
 * the parameter gets their sum ({@link Bias#gradient} over S rows).
 *
 * <p>Adam divides by the root of the mean square of what it is given. With L2 that is g + λ·w, so
 * the decay is lr·λ·w/√E[g²]: uses that are independent have E[g²] = S and divide it by √S; uses
 * that all pull the same way have E[g²] = S² and divide it by S. Decoupled, it is lr·λ·w.
 *
 * <p>Measured as λ_eff = ⟨w₀, w(λ = 0) − w(λ)⟩ / (lr·steps·⟨w₀, w₀⟩), both runs under the same
 * gradients, so that their noise drops out; and after steps without learning, so that the moments
 * have settled.
 */
final class WeightDecayStudy implements Study {
  private static final double RATE = 1e-3;
  private static final double LAMBDA = 0.1;
  private static final int MOST_USES = 4096;

  /** How the gradients of the uses hang together. */
  private enum Uses {
    INDEPENDENT,
    IDENTICAL
  }

  private record Effective(double l2, double decoupled) {}

  @Override
  public String name() {
    return "weight-decay";
  }

  @Override
  public String claim() {
    return "The decay of a parameter shared S times falls as 1/√S under Adam with L2, and stays"
        + " what it is under AdamW.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    int factor = settings.quick() ? 8 : 2;
    int width = settings.quick() ? 64 : 512;
    int steps = settings.quick() ? 40 : 100;
    Table.Builder table =
        new Table.Builder(
            text("λ_eff / λ over %d steps, λ = %s, learning rate %s", steps, LAMBDA, RATE),
            "S",
            "L2, independent uses",
            "1/√S",
            "L2, identical uses",
            "1/S",
            "AdamW, independent",
            "AdamW, identical");
    List<Double> counts = new ArrayList<>();
    List<List<Double>> curves = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      curves.add(new ArrayList<>());
    }
    int all = 0;
    for (int s = 1; s <= MOST_USES; s *= factor) {
      all++;
    }
    for (int s = 1; s <= MOST_USES; s *= factor) {
      progress.at(counts.size(), all, "S = " + s);
      Effective apart = effective(settings, Uses.INDEPENDENT, s, width, steps);
      Effective alike = effective(settings, Uses.IDENTICAL, s, width, steps);
      double[] cells = {
        apart.l2, 1 / Math.sqrt(s), alike.l2, 1.0 / s, apart.decoupled, alike.decoupled
      };
      counts.add((double) s);
      Object[] row = new Object[7];
      row[0] = (long) s;
      for (int i = 0; i < cells.length; i++) {
        curves.get(i).add(cells[i]);
        row[i + 1] = cells[i];
      }
      table.row(row);
    }
    double apart = Figures.exponent(counts, curves.get(0));
    double alike = Figures.exponent(counts, curves.get(2));
    double still = Figures.exponent(counts, curves.get(4));
    double stillAlike = Figures.exponent(counts, curves.get(5));
    return new StudyResult(
        List.of(table.build()),
        List.of(
            Chart.lines(
                "Weight decay of a parameter used S times",
                "uses S",
                "effective decay / λ",
                true,
                true,
                List.of(
                    series("AdamW", counts, curves.get(4), Style.MEASURED),
                    series("Adam with L2, independent uses", counts, curves.get(0), Style.MEASURED),
                    series("Adam with L2, identical uses", counts, curves.get(2), Style.MEASURED),
                    series("1/√S", counts, curves.get(1), Style.THEORY),
                    series("1/S", counts, curves.get(3), Style.THEORY)))),
        List.of(
            new Finding(
                "under Adam with L2 the decay falls as 1/√S where uses are independent",
                text("S to the power of %.3f", apart),
                Math.abs(apart + 0.5) < 0.03),
            new Finding(
                "under Adam with L2 it falls as 1/√S where all uses pull the same way, too",
                text("S to the power of %.3f, so as 1/S", alike),
                Math.abs(alike + 0.5) < 0.03),
            new Finding(
                "under AdamW it stays, however uses hang together",
                text("S to the power of %.4f and %.4f", still, stillAlike),
                Math.abs(still) < 0.003 && Math.abs(stillAlike) < 0.003)));
  }

  private static Series series(String name, List<Double> x, List<Double> y, Style style) {
    return new Series(name, style, x, y);
  }

  private static Effective effective(Settings settings, Uses uses, int s, int width, int steps) {
    LearningRate rate = step -> step <= steps ? 0 : RATE;
    try (Scope scope = Scope.open()) {
      Tensor start = Figures.normal(scope, settings, 21, width);
      Parameter free = copy(scope, start, "free");
      Parameter decoupled = copy(scope, start, "decoupled");
      Parameter l2 = copy(scope, start, "l2");
      Optimizer adamW =
          new AdamW(
              scope,
              List.of(
                  new ParameterGroup(List.of(free), rate, 0),
                  new ParameterGroup(List.of(decoupled), rate, LAMBDA)),
              AdamW.Settings.DEFAULT);
      Optimizer adam =
          new AdamW(
              scope,
              List.of(new ParameterGroup(List.of(l2), rate, LAMBDA)),
              new AdamW.Settings(0.9, 0.999, 1e-8, Decay.L2));
      SharedGradient gradient = new SharedGradient(scope, settings, uses, s, width);
      for (int step = 0; step < 2 * steps; step++) {
        Tensor g = gradient.at(step);
        for (Parameter p : List.of(free, decoupled, l2)) {
          p.gradientMemory().copyFrom(g);
        }
        adamW.step();
        adam.step();
      }
      double whole = dot(scope, start, start) * RATE * steps * LAMBDA;
      double still = dot(scope, start, free.value());
      return new Effective(
          (still - dot(scope, start, l2.value())) / whole,
          (still - dot(scope, start, decoupled.value())) / whole);
    }
  }

  private static Parameter copy(Scope scope, Tensor start, String name) {
    Tensor value = Tensor.zeros(scope, start.device(), start.elements());
    return new Parameter(name, value.copyFrom(start));
  }

  private static double dot(Scope scope, Tensor a, Tensor b) {
    try (Tensor products = Tensor.empty(scope, a.device(), a.elements());
        Tensor sum = Tensor.empty(scope, a.device(), 1)) {
      Elementwise.binary(Binary.MUL, a, b, products);
      Sums.sum(products, sum);
      return sum.item();
    }
  }

  /** The sum over S uses of gradients of ±1. */
  private static final class SharedGradient {
    private final Settings settings;
    private final Uses uses;
    private final Tensor ones;
    private final Tensor each;
    private final Tensor row;
    private final Tensor first;
    private final Tensor sum;

    SharedGradient(Scope scope, Settings settings, Uses uses, int s, int width) {
      this.settings = settings;
      this.uses = uses;
      Device device = settings.device();
      long rows = uses == Uses.INDEPENDENT ? s : 1;
      ones = Tensor.empty(scope, device, rows, width).fill(1f);
      row = Tensor.empty(scope, device, rows, width);
      each = Tensor.empty(scope, device, s, width);
      first = Tensor.of(scope, device, new int[s], s);
      sum = Tensor.empty(scope, device, width);
    }

    Tensor at(int step) {
      // Kept elements become 2, dropped ones 0: ±1 once 1 is taken off.
      Dropout.dropout(ones, new Dropout.Mask(0.5f, settings.seed(), step), row);
      Elementwise.binary(Binary.SUB, row, ones, row);
      if (uses == Uses.INDEPENDENT) {
        Bias.gradient(row, sum);
      } else {
        Gather.gather(row, first, each);
        Bias.gradient(each, sum);
      }
      return sum;
    }
  }
}

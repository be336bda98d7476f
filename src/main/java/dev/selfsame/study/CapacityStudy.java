package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.LocallyConnected2d;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * What one layer learns by heart. Random inputs of n values get random labels of one bit; a layer
 * is trained on them, and whatever it predicts it has memorised: the bits that the labels cost less
 * than one each, P − Σ loss / log 2. Two layers, each with a score for both labels: one with a
 * filter of k taps of its own at every position (n weights, as a dense map), and one whose filter
 * is shared, its outputs summed over the positions.
 *
 * <p>Expected, as long as P is much more: half a nat a free weight, 1/(2·log 2) = 0.72 bits (Wilks
 * 1938); and all P once a layer can separate them, from n = P/2 on (Cover 1965).
 */
final class CapacityStudy implements Study {
  private static final double HALF_NAT = 0.5 / StrictMath.log(2);
  private static final int CLASSES = 2;

  /**
   * How much is learned by heart.
   *
   * @param labels P
   * @param repeats sets of labels, each learned by scores of its own
   * @param most the largest n
   * @param filter k
   * @param steps of training, on all labels at once
   */
  record Size(int labels, int repeats, int most, int filter, int steps) {}

  @Override
  public String name() {
    return "capacity";
  }

  @Override
  public String claim() {
    return "Of random labels an untied layer memorises the more the larger the input; what a shared"
        + " filter memorises follows its own size k, whatever the input's.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    return measure(
        settings,
        settings.quick() ? new Size(128, 16, 256, 8, 80) : new Size(512, 32, 1024, 16, 200),
        progress);
  }

  static StudyResult measure(Settings settings, Size size, Progress progress) {
    Table.Builder byInput =
        new Table.Builder(
            text(
                "Bits memorised of %d random labels (mean of %d), filter of k = %d",
                size.labels(), size.repeats(), size.filter()),
            "n",
            "own filters: weights",
            "bits by own filters",
            "shared filter: weights",
            "bits by shared filter");
    List<Double> inputs = new ArrayList<>();
    List<Double> own = new ArrayList<>();
    List<Double> shared = new ArrayList<>();
    int parts = 2 * (Integer.numberOfTrailingZeros(size.most() / size.filter()) + 1);
    int part = 0;
    for (int n = size.filter(); n <= size.most(); n *= 2) {
      progress.at(part++, parts, "n = " + n);
      double untied = memorised(settings, size, n, size.filter(), false);
      double tied = memorised(settings, size, n, size.filter(), true);
      inputs.add((double) n);
      own.add(untied);
      shared.add(tied);
      byInput.row(n + 0L, n + 0L, untied, size.filter() + 0L, tied);
    }
    int n = size.most() / 2;
    Table.Builder byFilter =
        new Table.Builder(
            text("Bits memorised by a shared filter of k taps, n = %d", n), "k", "bits", "0.72·k");
    List<Double> taps = new ArrayList<>();
    List<Double> bits = new ArrayList<>();
    List<Double> theory = new ArrayList<>();
    for (int k = size.filter() / 2; k <= n; k *= 2) {
      progress.at(Math.min(part++, parts), parts, "k = " + k);
      double tied = memorised(settings, size, n, k, true);
      taps.add((double) k);
      bits.add(tied);
      theory.add(Math.min(size.labels(), HALF_NAT * k));
      byFilter.row(k + 0L, tied, HALF_NAT * k);
    }
    return new StudyResult(
        List.of(byInput.build(), byFilter.build()),
        List.of(
            Chart.lines(
                "Random labels: larger inputs",
                "input size n",
                "bits memorised",
                true,
                true,
                List.of(
                    new Series("own filters, n weights", Style.MEASURED, inputs, own),
                    new Series(
                        "shared filter, " + size.filter() + " weights",
                        Style.MEASURED,
                        inputs,
                        shared))),
            Chart.lines(
                "Random labels: larger shared filter",
                "filter size k",
                "bits memorised",
                true,
                true,
                List.of(
                    new Series("shared filter, n = " + n, Style.MEASURED, taps, bits),
                    new Series("0.72·k, at most all labels", Style.THEORY, taps, theory)))),
        findings(size, inputs, own, shared, taps, bits));
  }

  private static List<Finding> findings(
      Size size,
      List<Double> inputs,
      List<Double> own,
      List<Double> shared,
      List<Double> taps,
      List<Double> bits) {
    int few = (int) inputs.stream().filter(n -> n <= size.labels() / 4.0).count();
    double growth = Figures.exponent(inputs.subList(0, few), own.subList(0, few));
    double still = Figures.exponent(inputs, shared);
    int fewTaps = (int) taps.stream().filter(k -> k <= size.labels() / 8.0).count();
    double follows = Figures.exponent(taps.subList(0, fewTaps), bits.subList(0, fewTaps));
    double each = bits.get(fewTaps - 1) / taps.get(fewTaps - 1);
    double all = own.getLast() / size.labels();
    return List.of(
        new Finding(
            "what own filters memorise grows with the input, about in proportion",
            text("n to the power of %.2f up to n = %d", growth, size.labels() / 4),
            Math.abs(growth - 1) < 0.25),
        new Finding(
            "until they know all labels by heart",
            text("%.1f %% of the bits at n = %d", 100 * all, size.most()),
            all > 0.95),
        new Finding(
            "what the shared filter memorises does not grow with the input",
            text(
                "%.1f to %.1f bits, n to the power of %.3f",
                shared.stream().mapToDouble(b -> b).min().orElse(0),
                shared.stream().mapToDouble(b -> b).max().orElse(0),
                still),
            Math.abs(still) < 0.15),
        new Finding(
            "it follows k, by about 0.72 bits a weight",
            text("k to the power of %.2f, %.2f bits a weight", follows, each),
            Math.abs(follows - 1) < 0.35 && Math.abs(each / HALF_NAT - 1) < 0.35));
  }

  /** Bits memorised by a filter of k taps, shared by all n/k positions or one for each. */
  private static double memorised(Settings settings, Size size, int n, int k, boolean isShared) {
    Device device = settings.device();
    int scores = CLASSES * size.repeats();
    int positions = n / k;
    Geometry apart = Geometry.of(1, 0).withStride(1, k);
    try (Scope scope = Scope.open()) {
      Tensor x = Figures.normal(scope, settings, 51, size.labels(), 1, 1, n);
      Tensor labels = labels(scope, settings, size);
      Initializer init = new Initializer(scope, device, settings.seed());
      Layer layer =
          isShared
              ? new Conv2d(init.uniform("shared", k, scores, 1, 1, k), null, apart)
              : new LocallyConnected2d(
                  init.uniform("own", k, scores, 1, 1, k, 1, positions), null, apart);
      // Sums of independent outputs grow as the root of their number.
      float even = (float) (1 / Math.sqrt(positions));
      Tensor sum = Tensor.empty(scope, device, positions, 1).fill(even);
      LearningRate rate = LearningRate.cosine(0.1, 0.001, size.steps());
      AdamW optimizer = new AdamW(scope, layer.parameters(), rate, 0);
      float loss = 0;
      for (int step = 0; step <= size.steps(); step++) {
        try (Tape tape = Tape.open(device)) {
          Var y = layer.forward(tape.constant(x));
          Var rows = Functions.reshape(y, (long) size.labels() * scores, positions);
          Var score = Functions.matmul(rows, tape.constant(sum));
          long cases = (long) size.labels() * size.repeats();
          Var mean = Functions.crossEntropy(Functions.reshape(score, cases, CLASSES), labels);
          loss = mean.value().item();
          if (step < size.steps()) {
            tape.backward(mean);
            optimizer.step();
          }
        }
      }
      return size.labels() * (1 - loss / StrictMath.log(2));
    }
  }

  /** Independent bits, [labels · repeats]. */
  private static Tensor labels(Scope scope, Settings settings, Size size) {
    int[] labels = new int[size.labels() * size.repeats()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = Philox.bits(settings.seed(), 52, i) >>> 31;
    }
    return Tensor.of(scope, settings.device(), labels, labels.length);
  }
}

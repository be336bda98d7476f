package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.LocallyConnected2d;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * conv(shift x) against shift(conv x), for all shifts up to a distance: shift(x)[i] = x[i − d]
 * where that pixel exists, else +0. An output is of the interior when its window and the one it
 * came from lie wholly in the image.
 */
final class EquivarianceStudy implements Study {
  private static final int CHANNELS = 3;
  private static final int FILTERS = 4;

  private record Case(int kernel, int stride, int padding, int dilation, boolean isShared) {
    Case(int kernel, int stride, int padding, int dilation) {
      this(kernel, stride, padding, dilation, true);
    }

    Geometry geometry() {
      return Geometry.of(stride, padding).withDilation(dilation, dilation);
    }

    /** Whether the window of output p reads no padding. */
    boolean isInside(int p, int side) {
      int first = p * stride - padding;
      return first >= 0 && first + (kernel - 1) * dilation < side;
    }
  }

  private static final List<Case> CASES =
      List.of(
          new Case(3, 1, 0, 1),
          new Case(3, 1, 1, 1),
          new Case(5, 1, 2, 1),
          new Case(3, 1, 2, 2),
          new Case(3, 2, 1, 1),
          new Case(5, 3, 2, 1));

  /** The contrast: filters of their own at each position. */
  private static final Case OWN = new Case(3, 1, 0, 1, false);

  /** Pairs of outputs compared, and those with the same bits. */
  private static final class Count {
    long pairs;
    long same;

    void pair(float a, float b) {
      pairs++;
      same += Float.floatToRawIntBits(a) == Float.floatToRawIntBits(b) ? 1 : 0;
    }

    Count plus(Count other) {
      Count sum = new Count();
      sum.pairs = pairs + other.pairs;
      sum.same = same + other.same;
      return sum;
    }

    double percent() {
      return pairs == 0 ? 0 : 100.0 * same / pairs;
    }
  }

  /** Of one convolution: by kind of pair, and of purely horizontal shifts by distance. */
  private static final class Outcome {
    final Count interior = new Count();
    final Count border = new Count();
    final Count offStride = new Count();
    final Count moved = new Count();
    final List<Double> distances = new ArrayList<>();
    final List<Double> inside = new ArrayList<>();
    final List<Double> everywhere = new ArrayList<>();
  }

  @Override
  public String name() {
    return "equivariance";
  }

  @Override
  public String claim() {
    return "Shared filters commute with shifts: conv(shift x) = shift(conv x), bit for bit, in the"
        + " interior and for shifts by multiples of the stride.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    int side = settings.quick() ? 14 : 40;
    int most = settings.quick() ? 3 : 8;
    Table.Builder table =
        new Table.Builder(
            text("%d×%d images, all shifts of up to ±%d rows and columns", side, side, most),
            "kernel",
            "stride",
            "padding",
            "dilation",
            "interior outputs",
            "of them same",
            "border outputs",
            "same there",
            "outputs off the stride",
            "same off the stride");
    List<Outcome> outcomes = new ArrayList<>();
    Count interior = new Count();
    Count border = new Count();
    Count off = new Count();
    for (Case c : CASES) {
      progress.at(outcomes.size(), CASES.size() + 1, "kernel " + c.kernel());
      Outcome o = measure(settings, c, side, most);
      outcomes.add(o);
      interior = interior.plus(o.interior);
      border = border.plus(o.border);
      off = off.plus(o.offStride);
      table.row(
          (long) c.kernel,
          (long) c.stride,
          (long) c.padding,
          (long) c.dilation,
          o.interior.pairs,
          o.interior.same,
          o.border.pairs,
          o.border.same,
          o.offStride.pairs,
          o.offStride.same);
    }
    progress.at(CASES.size(), CASES.size() + 1, "own filters");
    Outcome own = measure(settings, OWN, side, most);
    Count moved = own.moved;
    List<Double> distances = outcomes.getFirst().distances;
    Outcome padded = outcomes.get(1);
    Outcome strided = outcomes.get(4);
    return new StudyResult(
        List.of(table.build()),
        List.of(
            Chart.lines(
                "Outputs that move with the image",
                "horizontal shift, pixels",
                "outputs with the same bits, %",
                false,
                false,
                List.of(
                    series("3×3, interior", distances, padded.inside),
                    series("3×3, padding 1, border too", distances, padded.everywhere),
                    series("3×3, stride 2, interior", distances, strided.inside),
                    series("own filters at each position", distances, own.everywhere)))),
        List.of(
            new Finding(
                "in the interior every output has the same bits",
                text("%,d of %,d", interior.same, interior.pairs),
                interior.pairs > 0 && interior.same == interior.pairs),
            new Finding(
                "at the border it fails, where padding takes the place of pixels that moved out",
                text("%,d of %,d are the same", border.same, border.pairs),
                border.same < border.pairs),
            new Finding(
                "a stride of s leaves only shifts by multiples of s: under others nearly no output"
                    + " has a counterpart",
                text("%.3f %% of %,d are the same", off.percent(), off.pairs),
                off.pairs > 0 && off.percent() < 1),
            new Finding(
                "without sharing nothing moves with the image",
                text("%.3f %% of %,d are the same", moved.percent(), moved.pairs),
                moved.pairs > 0 && moved.percent() < 1)));
  }

  private static Series series(String name, List<Double> x, List<Double> y) {
    return new Series(name, Style.MEASURED, x, y);
  }

  private static Outcome measure(Settings settings, Case c, int side, int most) {
    int span = 2 * most + 1;
    float[] image = Figures.normals(settings.seed(), 1, CHANNELS * side * side);
    float[] shifted = new float[span * span * image.length];
    for (int i = 0; i < span * span; i++) {
      shift(image, side, i / span - most, i % span - most, shifted, i * image.length);
    }
    Outcome outcome = new Outcome();
    try (Scope scope = Scope.open()) {
      int out = (int) c.geometry().outputHeight(side, c.kernel());
      int k = c.kernel();
      Tensor filters =
          c.isShared()
              ? Figures.normal(scope, settings, 2, FILTERS, CHANNELS, k, k)
              : Figures.normal(scope, settings, 2, FILTERS, CHANNELS, k, k, out, out);
      float[] still = conv(scope, settings, image, 1, side, filters, c, out);
      float[] moved = conv(scope, settings, shifted, span * span, side, filters, c, out);
      for (int i = 0; i < span * span; i++) {
        int dy = i / span - most;
        int dx = i % span - most;
        boolean onStride = dy % c.stride() == 0 && dx % c.stride() == 0;
        Count inside = new Count();
        Count edge = new Count();
        compare(c, side, out, dy, dx, still, moved, i * still.length, inside, edge);
        if (onStride) {
          add(outcome.interior, inside);
          add(outcome.border, edge);
        } else {
          add(outcome.offStride, inside.plus(edge));
        }
        if (dy != 0 || dx != 0) {
          add(outcome.moved, inside.plus(edge));
        }
        if (dy == 0) {
          outcome.distances.add((double) dx);
          outcome.inside.add(inside.percent());
          outcome.everywhere.add(inside.plus(edge).percent());
        }
      }
    }
    return outcome;
  }

  private static void add(Count sum, Count more) {
    sum.pairs += more.pairs;
    sum.same += more.same;
  }

  private static float[] conv(
      Scope scope,
      Settings settings,
      float[] images,
      int n,
      int side,
      Tensor filters,
      Case c,
      int out) {
    try (Tensor x = Tensor.of(scope, settings.device(), images, n, CHANNELS, side, side);
        Tensor y = Tensor.empty(scope, settings.device(), n, FILTERS, out, out)) {
      if (c.isShared()) {
        Conv2d.forward(x, filters, null, c.geometry(), y);
      } else {
        LocallyConnected2d.forward(x, filters, null, Activation.NONE, c.geometry(), y);
      }
      return y.toFloatArray();
    }
  }

  private static void shift(float[] image, int side, int dy, int dx, float[] to, int at) {
    for (int i = 0; i < image.length; i++) {
      int row = i / side % side - dy;
      int column = i % side - dx;
      if (row >= 0 && row < side && column >= 0 && column < side) {
        to[at + i] = image[i - dy * side - dx];
      }
    }
  }

  /** Output [p, q] of the moved image against [p − ⌊dy/s⌋, q − ⌊dx/s⌋] of the one that stood. */
  private static void compare(
      Case c,
      int side,
      int out,
      int dy,
      int dx,
      float[] still,
      float[] moved,
      int at,
      Count inside,
      Count edge) {
    for (int i = 0; i < still.length; i++) {
      int p = i / out % out;
      int q = i % out;
      int fromP = p - Math.floorDiv(dy, c.stride());
      int fromQ = q - Math.floorDiv(dx, c.stride());
      if (fromP < 0 || fromP >= out || fromQ < 0 || fromQ >= out) {
        continue;
      }
      boolean isInside =
          c.isInside(p, side)
              && c.isInside(q, side)
              && c.isInside(fromP, side)
              && c.isInside(fromQ, side);
      float from = still[i + (fromP - p) * out + fromQ - q];
      (isInside ? inside : edge).pair(moved[at + i], from);
    }
  }
}

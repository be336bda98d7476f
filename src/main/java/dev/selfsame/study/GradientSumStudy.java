package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Scope;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * The gradient of a shared parameter, as the tape gives it, against the sum over its uses, computed
 * use by use: in the stated order, to the bit, and in another order as the control.
 */
final class GradientSumStudy implements Study {
  /**
   * A parameter and its gradient, computed three ways.
   *
   * @param name what shares
   * @param uses places where the parameter stands
   * @param gradient what a backward sweep over the whole model gives
   * @param order the stated order of the sum
   * @param stated the uses' gradients, summed in that order
   * @param otherOrder another order
   * @param other summed in that one
   * @param orderMatters whether another order must round differently: the sum of two terms does not
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  record Sum(
      String name,
      long uses,
      float[] gradient,
      String order,
      float[] stated,
      String otherOrder,
      float[] other,
      boolean orderMatters) {
    long same() {
      return sameBits(gradient, stated);
    }

    long sameInOther() {
      return sameBits(gradient, other);
    }

    /** The largest difference to the other order, over the largest magnitude. */
    double difference() {
      double largest = 0;
      double difference = 0;
      for (int i = 0; i < gradient.length; i++) {
        largest = Math.max(largest, Math.abs((double) gradient[i]));
        difference = Math.max(difference, Math.abs((double) gradient[i] - other[i]));
      }
      return difference / largest;
    }

    private static long sameBits(float[] a, float[] b) {
      long same = 0;
      for (int i = 0; i < a.length; i++) {
        same += Float.floatToRawIntBits(a[i]) == Float.floatToRawIntBits(b[i]) ? 1 : 0;
      }
      return same;
    }
  }

  @Override
  public String name() {
    return "gradient-sum";
  }

  @Override
  public String claim() {
    return "The gradient of a shared parameter is the sum of its uses' gradients, here in a stated"
        + " order and so to the bit.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    List<Sum> sums = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      SharedUses uses = new SharedUses(scope, settings);
      progress.at(0, 5, "siamese");
      sums.add(uses.branches(2));
      sums.add(uses.branches(8));
      progress.at(2, 5, "recurrent");
      sums.add(uses.recurrent());
      progress.at(3, 5, "tied embedding");
      sums.add(uses.tiedEmbedding());
      progress.at(4, 5, "convolution");
      sums.add(uses.convolution());
    }
    Table.Builder table =
        new Table.Builder(
            "Elements of the gradient with the bits of the sum over the uses",
            "shared by",
            "uses",
            "elements",
            "stated order",
            "same bits",
            "another order",
            "same bits in that",
            "largest relative difference");
    List<Finding> findings = new ArrayList<>();
    List<Double> index = new ArrayList<>();
    List<Double> stated = new ArrayList<>();
    List<Double> other = new ArrayList<>();
    for (Sum sum : sums) {
      long n = sum.gradient().length;
      table.row(
          sum.name(),
          sum.uses(),
          n,
          sum.order(),
          sum.same(),
          sum.otherOrder(),
          sum.sameInOther(),
          sum.difference());
      index.add((double) index.size());
      stated.add(100.0 * sum.same() / n);
      other.add(100.0 * sum.sameInOther() / n);
      findings.add(
          new Finding(
              text("%s: the gradient is the sum over %,d uses, to the bit", sum.name(), sum.uses()),
              text("%,d of %,d elements", sum.same(), n),
              sum.same() == n));
    }
    double most = sums.stream().mapToDouble(Sum::difference).max().orElse(Double.NaN);
    findings.add(
        new Finding(
            "any other order gives the same sum but for rounding",
            text("largest relative difference %.2e", most),
            most < 1e-5));
    findings.add(
        new Finding(
            "the order is needed for the bits: with three terms or more, another one has others",
            "as the table's last columns say",
            sums.stream()
                .allMatch(s -> (s.sameInOther() < s.gradient().length) == s.orderMatters())));
    return new StudyResult(
        List.of(table.build()),
        List.of(
            Chart.bars(
                "Gradient of a shared parameter against the sum over its uses",
                "shared by",
                "elements with the same bits, %",
                sums.stream().map(Sum::name).toList(),
                List.of(
                    new Series("stated order", Style.MEASURED, index, stated),
                    new Series("another order", Style.MEASURED, index, other)))),
        findings);
  }
}

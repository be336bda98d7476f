package dev.selfsame.study;

import static dev.selfsame.study.Figures.text;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Linear;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.study.Chart.Series;
import dev.selfsame.study.Chart.Style;
import dev.selfsame.train.Finding;
import dev.selfsame.train.Systems;
import dev.selfsame.train.TrainingRun;
import dev.selfsame.train.TrainingSystem;
import java.util.ArrayList;
import java.util.List;

/**
 * How many weights sharing saves: a dense map of an image to itself, a filter of its own at every
 * position, and one filter for all; then, unless quick, every system in all its variants.
 */
final class ParametersStudy implements Study {
  private static final long CHANNELS = 3;
  private static final long FILTERS = 16;
  private static final long KERNEL = 3;
  private static final Geometry SAME = Geometry.of(1, 1);

  /** Up to this side a dense layer is small enough to be made and counted. */
  private static final long MADE = 16;

  @Override
  public String name() {
    return "parameters";
  }

  @Override
  public String claim() {
    return "A dense map of a 256×256×3 image to itself has (256·256·3)² = 38,654,705,664 weights;"
        + " 16 shared 3×3 filters have 3·3·3·16 = 432, whatever the image's size.";
  }

  @Override
  public StudyResult run(Settings settings, Progress progress) {
    List<Double> sides = new ArrayList<>();
    List<Double> dense = new ArrayList<>();
    List<Double> local = new ArrayList<>();
    List<Double> shared = new ArrayList<>();
    Table.Builder layers =
        new Table.Builder(
            "Weights of one layer (without biases) over an n×n×3 image",
            "n",
            "dense, to itself",
            "bytes as FP32",
            "3×3, own filters at each position",
            "3×3, 16 shared filters",
            "dense / shared");
    for (long n = 8; n <= 256; n *= 2) {
      long image = n * n * CHANNELS;
      long d = Linear.weightShape(image, image).elements();
      long s = Conv2d.weightShape(CHANNELS, FILTERS, KERNEL, SAME).elements();
      long u = SAME.outputHeight(n, KERNEL) * SAME.outputWidth(n, KERNEL) * s;
      layers.row(n, d, d * Float.BYTES, u, s, d / (double) s);
      sides.add((double) n);
      dense.add((double) d);
      local.add((double) u);
      shared.add((double) s);
    }
    boolean counted = true;
    for (long n = 8; n <= MADE; n *= 2) {
      counted &= objectsAgree(settings, n);
    }
    long side = 256;
    long all = Linear.weightShape(side * side * CHANNELS, side * side * CHANNELS).elements();
    long filter = Conv2d.weightShape(CHANNELS, FILTERS, KERNEL, SAME).elements();
    double growth = Figures.exponent(sides, dense);
    double localGrowth = Figures.exponent(sides, local);
    List<Finding> findings =
        List.of(
            new Finding(
                "a dense map of a 256×256×3 image to itself has 38,654,705,664 weights",
                text("%,d", all),
                all == 38_654_705_664L),
            new Finding("16 shared 3×3×3 filters have 432", text("%,d", filter), filter == 432),
            new Finding(
                "dense weights grow as n⁴, untied filters as n², shared ones not at all",
                text(
                    "exponents %.3f, %.3f, %.3f",
                    growth, localGrowth, Figures.exponent(sides, shared)),
                Math.abs(growth - 4) < 1e-9
                    && Math.abs(localGrowth - 2) < 1e-9
                    && shared.stream().distinct().count() == 1),
            new Finding(
                "shape arithmetic counts what layer objects hold, where they can be made",
                "dense and shared layers made for n = 8 and 16",
                counted));
    // Some systems train a part of theirs before they start: too long for a quick run.
    List<Table> tables =
        settings.quick()
            ? List.of(layers.build())
            : List.of(layers.build(), systems(settings, progress));
    return new StudyResult(
        tables,
        List.of(
            Chart.lines(
                "Weights of one layer over an n×n×3 image",
                "n",
                "weights",
                true,
                true,
                List.of(
                    new Series("dense, image to itself", Style.MEASURED, sides, dense),
                    new Series("own 3×3 filters at each position", Style.MEASURED, sides, local),
                    new Series("16 shared 3×3 filters", Style.MEASURED, sides, shared)))),
        findings);
  }

  private static boolean objectsAgree(Settings settings, long n) {
    long image = n * n * CHANNELS;
    try (Scope scope = Scope.open()) {
      Initializer init = new Initializer(scope, settings.device(), settings.seed());
      return weights(Linear.of(init, "dense", image, image))
              == Linear.weightShape(image, image).elements()
          && weights(Conv2d.of(init, "shared", CHANNELS, FILTERS, KERNEL, SAME))
              == Conv2d.weightShape(CHANNELS, FILTERS, KERNEL, SAME).elements();
    }
  }

  private static long weights(Layer layer) {
    return layer.parameters().stream()
        .filter(p -> p.name().endsWith(".weight"))
        .mapToLong(p -> p.value().elements())
        .sum();
  }

  /** Every system of {@code selfsame train} as it starts, in all its forms. */
  private static Table systems(Settings settings, Progress progress) {
    Table.Builder table =
        new Table.Builder("Trained values of each system", "system", "variant", "parameters");
    int done = 0;
    for (TrainingSystem system : Systems.ALL) {
      progress.at(done++, Systems.ALL.size(), system.name());
      for (String variant : system.variants()) {
        TrainingSystem.Settings of = system.settings(settings.seed(), 1).with(variant);
        try (TrainingRun run = system.start(settings.device(), of)) {
          table.row(system.name(), variant, count(run.parameters()));
        }
      }
    }
    return table.build();
  }

  private static long count(List<Parameter> parameters) {
    return parameters.stream().mapToLong(p -> p.value().elements()).sum();
  }
}

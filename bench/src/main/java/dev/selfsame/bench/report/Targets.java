package dev.selfsame.bench.report;

import static java.lang.Double.NaN;

import dev.selfsame.bench.RunRecord.CaseResult;
import dev.selfsame.bench.RunRecord.PeerResult;
import dev.selfsame.bench.RunRecord.SuiteResult;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/** What we set out to reach: one place, so that the report says plainly what is not reached. */
final class Targets {
  /**
   * A number of a suite that should be at least {@code wanted}.
   *
   * @param value NaN if the record lacks what it needs
   */
  record Target(String suite, String what, double wanted, ToDoubleFunction<SuiteResult> value) {}

  private static final String UNIFORM = "uniform 65536x256 into 50000";
  private static final String HOT = "hot 65536x256 into 50000";

  static final List<Target> ALL =
      Stream.of(
              resnet50("conv2d-forward", 0.8),
              resnet50("conv2d-data-gradient", 0.7),
              resnet50("conv2d-weight-gradient", 0.7),
              List.of(
                  mean("gemm", 1.0),
                  share("gemm", "1024x1024x1024 NN", 0.85),
                  mean("scatter-add", 2.0),
                  new Target(
                      "scatter-add",
                      "hot row, uniform's time over its own",
                      1.0,
                      s -> time(s, UNIFORM) / time(s, HOT)),
                  new Target(
                      "scatter-add",
                      "hot row, bytes a second over uniform's",
                      1.0,
                      s -> rate(s, HOT) / rate(s, UNIFORM)),
                  new Target(
                      "adamw",
                      "geometric mean to libtorch's C++ AdamW",
                      1.5,
                      s -> geometricMean(s.cases().stream().mapToDouble(c -> ratioTo(c, "C++")))),
                  share("adamw", "1e7 parameters", 0.95),
                  share("adamw", "1e8 parameters", 0.95),
                  mean("softmax", 1.0),
                  one("softmax", "softmax 4096x1024"),
                  mean("layer-norm", 1.0),
                  mean("elementwise", 1.0),
                  one("elementwise", "gelu 4096x1024"),
                  one("elementwise", "tanh 4096x1024"),
                  mean("attention", 1.0),
                  mean("lstm", 1.0),
                  mean("gru", 1.0),
                  new Target(
                      "step",
                      "least ratio",
                      1.0,
                      s ->
                          s.cases().stream()
                              .mapToDouble(CaseResult::worstRatio)
                              .min()
                              .orElse(NaN))))
          .flatMap(List::stream)
          .toList();

  private Targets() {}

  /** The geometric mean that pictures show as a line, or NaN. */
  static double lineOf(String suite) {
    return ALL.stream()
        .filter(t -> t.suite().equals(suite) && t.what().matches("geometric mean(?!.*C\\+\\+).*"))
        .mapToDouble(Target::wanted)
        .findFirst()
        .orElse(NaN);
  }

  static double geometricMean(SuiteResult s) {
    return geometricMean(s.cases().stream().mapToDouble(CaseResult::worstRatio));
  }

  private static double geometricMean(DoubleStream ratios) {
    return Math.exp(ratios.filter(r -> !Double.isNaN(r)).map(Math::log).average().orElse(NaN));
  }

  private static Target mean(String suite, double wanted) {
    return new Target(suite, "geometric mean to the fastest peer", wanted, Targets::geometricMean);
  }

  /** Over the network's layers, for one image, for eight, and the layer that does worst. */
  private static List<Target> resnet50(String suite, double least) {
    return List.of(
        new Target(
            suite,
            "geometric mean, ResNet-50, 1 image",
            1.0,
            s -> geometricMean(layers(s, "n1").mapToDouble(CaseResult::worstRatio))),
        new Target(
            suite,
            "geometric mean, ResNet-50, 8 images",
            1.0,
            s -> geometricMean(layers(s, "n8").mapToDouble(CaseResult::worstRatio))),
        new Target(
            suite,
            "least ratio, ResNet-50",
            least,
            s -> layers(s, "n[18]").mapToDouble(CaseResult::worstRatio).min().orElse(NaN)));
  }

  private static Stream<CaseResult> layers(SuiteResult s, String batch) {
    return s.cases().stream()
        .filter(c -> c.name().matches(".* " + batch) && !c.name().contains("depthwise"));
  }

  private static Target one(String suite, String name) {
    return new Target(
        suite,
        name,
        1.0,
        s -> find(s, name).mapToDouble(CaseResult::worstRatio).findFirst().orElse(NaN));
  }

  private static Target share(String suite, String name, double wanted) {
    return new Target(
        suite,
        name + ", share of the limit",
        wanted,
        s ->
            find(s, name)
                .filter(c -> c.limit() > 0)
                .mapToDouble(c -> c.ours().median() / c.limit())
                .findFirst()
                .orElse(NaN));
  }

  private static double ratioTo(CaseResult c, String peer) {
    return c.theirs().stream()
        .filter(p -> p.name().contains(peer))
        .map(PeerResult::ratio)
        .mapToDouble(r -> r.median())
        .findFirst()
        .orElse(NaN);
  }

  private static double time(SuiteResult s, String name) {
    return find(s, name).mapToDouble(c -> c.bytes() / c.ours().median()).findFirst().orElse(NaN);
  }

  private static double rate(SuiteResult s, String name) {
    return find(s, name).mapToDouble(c -> c.ours().median()).findFirst().orElse(NaN);
  }

  private static Stream<CaseResult> find(SuiteResult s, String name) {
    return s.cases().stream().filter(c -> c.name().equals(name));
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchRecurrent;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** The sets of cases that can be named on the command line. */
public enum Suite {
  CONV2D_FORWARD(Conv2dCases::forward),
  CONV2D_DATA_GRADIENT(Conv2dCases::dataGradient),
  CONV2D_WEIGHT_GRADIENT(Conv2dCases::weightGradient),
  CONV_TRANSPOSE(ConvTranspose2dCases::all),
  LOCALLY_CONNECTED(LocallyConnected2dCases::all),
  GEMM(GemmCases::all),
  SCATTER_ADD(ScatterAddCases::all),
  GATHER(GatherCases::all),
  ADAMW(AdamWCases::all),
  SOFTMAX(SoftmaxCases::all),
  CROSS_ENTROPY(CrossEntropyCases::all),
  LOSSES(LossCases::all),
  LAYER_NORM(LayerNormCases::all),
  ATTENTION(AttentionCases::all),
  DROPOUT(DropoutCases::all),
  BATCH_NORM(BatchNormCases::all),
  ELEMENTWISE(ElementwiseCases::all),
  POOL(Pool2dCases::all),
  SUMS(SumsCases::all),
  RNN(device -> RecurrentCases.all(TorchRecurrent.Kind.RNN, device)),
  LSTM(device -> RecurrentCases.all(TorchRecurrent.Kind.LSTM, device)),
  GRU(device -> RecurrentCases.all(TorchRecurrent.Kind.GRU, device)),
  STEP(StepCases::all);

  private final Function<Device, List<BenchCase.Planned>> cases;

  Suite(Function<Device, List<BenchCase.Planned>> cases) {
    this.cases = cases;
  }

  /** As on the command line: {@code conv2d-forward}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The bare loop whose bandwidth limits the suite. */
  Limits.Loop loop() {
    return switch (this) {
      case ADAMW -> Limits.Loop.UPDATE;
      case SUMS -> Limits.Loop.READ;
      default -> Limits.Loop.TRIAD;
    };
  }

  public List<BenchCase.Planned> cases(Device device) {
    return cases.apply(device);
  }

  /** Builds the case of this name. */
  public BenchCase build(String name, Device device) {
    return cases(device).stream()
        .filter(c -> c.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                label() + " has no case '" + name + "', but " + names(device)))
        .build()
        .get();
  }

  /** Every name of a suite. */
  static List<String> labels() {
    return Arrays.stream(values()).map(Suite::label).toList();
  }

  /** The suites that a name stands for: {@code conv2d} for its three passes, {@code all}. */
  public static List<Suite> named(String name) {
    return Arrays.stream(values())
        .filter(s -> name.equals("all") || (s.label() + "-").startsWith(name + "-"))
        .toList();
  }

  private List<String> names(Device device) {
    return cases(device).stream().map(BenchCase.Planned::name).toList();
  }
}

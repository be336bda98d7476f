package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.bench.peers.TorchRecurrent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code scripts/bench check}: our values against libtorch's and float64, within derived bounds.
 */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Compares ops of ours with libtorch and with float64. An error is shown as a share of the"
          + " bound",
      "that holds for it (derived in Bounds.java and AdamWReference.java); above 1 is a wrong"
          + " result.",
      "Exit code 1 if there is one."
    })
public final class CrossCheck implements Callable<Integer> {
  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "vector",
      description = "ours: vector, vector:128|256|512 or scalar; ${DEFAULT-VALUE}")
  String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "${DEFAULT-VALUE}")
  int threads;

  @Option(names = "--quick", description = "small cases only")
  boolean quick;

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.exit(new CommandLine(new CrossCheck()).execute(arguments));
  }

  @Override
  public Integer call() {
    TorchPeer.threads(threads);
    Device ours = Device.parse(device, threads);
    Machine machine = Machine.here();
    System.out.printf(
        "ours: %s, %d thread(s), commit %s; theirs: libtorch %s%nlargest error as a share of its"
            + " bound:%n%n",
        ours, threads, machine.commit(), machine.libtorch());
    System.out.printf("%-26s %5s  %-33s %12s %9s%n", "op", "cases", "compared", "values", "worst");
    boolean good = true;
    for (Map.Entry<String, List<Planned>> op : ops(ours).entrySet()) {
      good &= check(op.getKey(), op.getValue());
    }
    System.out.printf(
        "%ncontrols, one input value of theirs changed by 1; each must be found wrong:%n");
    for (Map.Entry<String, List<Planned>> op : ops(ours).entrySet()) {
      good &= control(op.getKey(), op.getValue());
    }
    System.out.printf(
        "%n%s%n", good ? "all within their bounds, all controls found" : "WRONG, see above");
    return good ? 0 : 1;
  }

  private Map<String, List<Planned>> ops(Device ours) {
    Map<String, List<Planned>> ops = new LinkedHashMap<>();
    for (Conv2dCases.Pass pass : Conv2dCases.Pass.values()) {
      Suite suite = Suite.valueOf("CONV2D_" + pass);
      ops.put(suite.label(), with(Conv2dCases.odd(ours, pass), suite, ours));
    }
    ops.put("conv2d-bias-gradient", Conv2dCases.biasGradient(ours));
    ops.put("conv-transpose", with(ConvTranspose2dCases.odd(ours), Suite.CONV_TRANSPOSE, ours));
    ops.put(
        "locally-connected",
        with(LocallyConnected2dCases.odd(ours), Suite.LOCALLY_CONNECTED, ours));
    ops.put("gemm", with(GemmCases.odd(ours), Suite.GEMM, ours));
    ops.put("scatter-add", with(ScatterAddCases.odd(ours), Suite.SCATTER_ADD, ours));
    ops.put("gather", with(GatherCases.odd(ours), Suite.GATHER, ours));
    ops.put("adamw", AdamWCases.fiftySteps(ours));
    ops.put("softmax cross-entropy", with(CrossEntropyCases.odd(ours), Suite.CROSS_ENTROPY, ours));
    ops.put("losses", with(LossCases.odd(ours), Suite.LOSSES, ours));
    ops.put("layer-norm", with(LayerNormCases.odd(ours), Suite.LAYER_NORM, ours));
    ops.put("attention", with(AttentionCases.odd(ours), Suite.ATTENTION, ours));
    ops.put("batch-norm", with(BatchNormCases.odd(ours), Suite.BATCH_NORM, ours));
    ops.put("elementwise", with(ElementwiseCases.odd(ours), Suite.ELEMENTWISE, ours));
    ops.put("pool", with(Pool2dCases.odd(ours), Suite.POOL, ours));
    ops.put("sums", with(SumsCases.odd(ours), Suite.SUMS, ours));
    for (TorchRecurrent.Kind kind : TorchRecurrent.Kind.values()) {
      Suite suite = Suite.valueOf(kind.name());
      ops.put(suite.label(), with(RecurrentCases.odd(kind, ours), suite, ours));
    }
    ops.put("step", StepCases.all(ours));
    return ops;
  }

  private List<Planned> with(List<Planned> small, Suite suite, Device ours) {
    List<Planned> all = new ArrayList<>(small);
    if (!quick) {
      all.addAll(suite.cases(ours));
    }
    return all;
  }

  /** The first case with a wrong result must be found, in every comparison of ours. */
  private static boolean control(String op, List<Planned> cases) {
    try (BenchCase c = cases.getFirst().build().get()) {
      List<Agreement> ours =
          c.check().run(true).stream().filter(a -> a.what().contains("ours and")).toList();
      boolean found = ours.stream().noneMatch(Agreement::holds);
      System.out.printf("%-26s %s: %s%n", op, c.name(), found ? "found" : "NOT FOUND " + ours);
      return found;
    }
  }

  /** Prints one line for each kind of comparison. */
  private static boolean check(String op, List<Planned> cases) {
    Map<String, Agreement> worst = new LinkedHashMap<>();
    Map<String, Integer> counts = new LinkedHashMap<>();
    List<String> wrong = new ArrayList<>();
    for (Planned planned : cases) {
      try (BenchCase c = planned.build().get()) {
        for (Agreement a : c.check().run(false)) {
          counts.merge(a.what(), 1, Integer::sum);
          worst.merge(
              a.what(),
              a,
              (x, y) ->
                  new Agreement(
                      x.what(),
                      x.values() + y.values(),
                      y.worst() > x.worst() || Double.isNaN(y.worst()) ? y.worst() : x.worst(),
                      0,
                      0));
          if (!a.holds()) {
            wrong.add("%s: index %d, error %.3g".formatted(c.name(), a.where(), a.error()));
          }
        }
      }
    }
    String label = op;
    for (Agreement a : worst.values()) {
      System.out.printf(
          "%-26s %5d  %-33s %12d %9.4f%s%n",
          label, counts.get(a.what()), a.what(), a.values(), a.worst(), a.holds() ? "" : "  WRONG");
      label = "";
    }
    wrong.forEach(w -> System.out.println("    " + w));
    System.out.flush();
    return wrong.isEmpty();
  }
}

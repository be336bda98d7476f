package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Parameter;
import dev.selfsame.bench.peers.TorchModel;
import dev.selfsame.bench.peers.TorchPeer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A whole training step of a shipped system beside the same step in libtorch: forward, loss,
 * backward, AdamW; another batch at each step where the system has more than one.
 *
 * <p><b>The check.</b> Loss and gradients of the first step against libtorch's in float64, then the
 * parameters after it. Bounds that hold for all roundings exceed the values themselves after five
 * layers, so the probabilistic form is taken (Higham &amp; Mary 2019, <i>A New Approach to
 * Probabilistic Rounding Error Analysis</i>): √n·u·λ in place of n·u, λ = 4, for the n roundings on
 * the longest way to a result, as a share of the loss, and for gradients of each tensor's 2-norm.
 * The parameters are held to AdamW's bound for their own gradients, {@link AdamWReference}.
 */
final class TrainingStep {
  /** Batches that the steps of most systems go through in turn. */
  static final int BATCHES = 64;

  private static final double LAMBDA = 4;

  /** Our side. */
  interface Ours {
    List<Parameter> parameters();

    /** Leaves gradients behind; returns the loss. */
    float backward(int batch);

    /** What is done with the gradients. */
    void update();

    /** Takes back what a backward pass left beside gradients. */
    default void restart() {}
  }

  /**
   * A system's case.
   *
   * @param forward roundings on the longest way from the inputs to the loss
   * @param backward the same to a gradient
   * @param inputs libtorch's, one for each batch
   * @param labels likewise
   */
  record Case(
      String name,
      Work work,
      double forward,
      double backward,
      Ours ours,
      Function<List<Tensor>, TorchModel> theirs,
      List<Tensor> inputs,
      List<Tensor> labels) {}

  private final Case of;
  private final CaseMemory memory;
  private final List<Parameter> parameters;
  private final List<MemorySegment> initial;
  private final List<MemorySegment> weights;
  private final TorchModel theirs;
  private int ourStep;
  private int theirStep;

  private TrainingStep(CaseMemory memory, Case of) {
    this.of = of;
    this.memory = memory;
    parameters = of.ours.parameters();
    initial = parameters.stream().map(p -> memory.copy(p.value().memory())).toList();
    weights = initial.stream().map(memory::copy).toList();
    theirs =
        of.theirs.apply(
            IntStream.range(0, weights.size())
                .mapToObj(i ->
                    TorchPeer.floats(weights.get(i), parameters.get(i).value().shape().sizes()))
                .toList());
  }

  /** The case, over {@code memory}, which it frees. */
  static BenchCase build(CaseMemory memory, Case of) {
    var step = new TrainingStep(memory, of);
    return new BenchCase(
        of.name,
        Rate.STEPS,
        of.work,
        new Contender("selfsame", step::our),
        step.peers(memory.threads()),
        step::check,
        step::close);
  }

  /**
   * With several threads also libtorch as it does better: OpenMP's and OpenBLAS's teams, of which a
   * step wakes one after the other, take the cores from each other, so one team, or none, is often
   * faster than two.
   */
  private List<Contender> peers(int threads) {
    if (threads == 1) {
      return List.of(new Contender("libtorch", this::their));
    }
    return List.of(
        new Contender("libtorch", () -> their(threads, threads)),
        new Contender("libtorch, one thread in OpenBLAS", () -> their(threads, 1)),
        new Contender("libtorch, one thread", () -> their(1, 1)));
  }

  private void their(int threads, int blasThreads) {
    TorchPeer.threads(threads, blasThreads);
    their();
  }

  private void our() {
    of.ours.backward(ourStep++ % of.inputs.size());
    of.ours.update();
  }

  private void their() {
    int batch = theirStep++ % of.inputs.size();
    theirs.step(of.inputs.get(batch), of.labels.get(batch));
  }

  private void close() {
    TorchPeer.threads(memory.threads());
    of.inputs.forEach(Tensor::close);
    of.labels.forEach(Tensor::close);
    theirs.close();
    memory.run();
  }

  private List<Agreement> check(boolean control) {
    Gradients our = ourGradients();
    if (control) {
      Inputs.change(weights.getLast());
    }
    Gradients exact;
    Tensor inputs = of.inputs.getFirst();
    try (TorchModel wide = theirs.inFloat64();
        Tensor wideInputs =
            inputs.is_floating_point() ? inputs.to(torch.ScalarType.Double) : inputs.clone()) {
      exact = gradients(wide, wideInputs);
    }
    Gradients peer = gradients(theirs, inputs);
    our();
    their();
    List<Agreement> all = new ArrayList<>();
    all.addAll(compare("ours and libtorch", our, peer, 2));
    all.addAll(compare("ours and float64", our, exact, 1));
    all.addAll(compare("libtorch and float64", peer, exact, 1));
    all.add(
        updated("ours", parameters.stream().map(p -> doubles(p.value().memory())).toList(), our));
    all.add(
        updated(
            "libtorch",
            IntStream.range(0, theirs.size()).mapToObj(i -> doubles(theirs.value(i))).toList(),
            peer));
    return all;
  }

  private record Gradients(double loss, List<double[]> values) {}

  /** Of the first batch; what the sweep left is forgotten again. */
  private Gradients ourGradients() {
    float loss = of.ours.backward(0);
    List<double[]> values = new ArrayList<>();
    for (Parameter p : parameters) {
      values.add(doubles(p.gradient().memory()));
      p.clearGradient();
    }
    of.ours.restart();
    return new Gradients(loss, values);
  }

  private Gradients gradients(TorchModel model, Tensor inputs) {
    double loss = model.backward(inputs, of.labels.getFirst());
    List<double[]> values = new ArrayList<>();
    for (int i = 0; i < model.size(); i++) {
      values.add(doubles(model.gradient(i)));
    }
    model.clearGradients();
    model.restart();
    return new Gradients(loss, values);
  }

  /** The loss, then for each parameter the 2-norm of the error. */
  private List<Agreement> compare(String what, Gradients got, Gradients want, int factor) {
    double lossBound = factor * LAMBDA * Math.sqrt(of.forward) * Bounds.U * want.loss();
    double unit = factor * LAMBDA * Math.sqrt(of.backward) * Bounds.U;
    int n = want.values().size();
    return List.of(
        Agreement.of("loss: " + what, 1, i -> got.loss(), i -> want.loss(), i -> lossBound),
        Agreement.of(
            "gradients: " + what,
            n,
            i -> distance(got.values().get((int) i), want.values().get((int) i)),
            i -> 0,
            i -> unit * distance(want.values().get((int) i), null)));
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      double d = a[i] - (b == null ? 0 : b[i]);
      sum += d * d;
    }
    return Math.sqrt(sum);
  }

  private Agreement updated(String whose, List<double[]> got, Gradients gradients) {
    double[] before = joined(initial.stream().map(m -> doubles(m)).toList());
    double[] after = joined(got);
    var reference = new AdamWReference(before);
    reference.step(joined(gradients.values()));
    return Agreement.of(
        "parameters of " + whose,
        after.length,
        i -> after[(int) i],
        i -> reference.parameter((int) i),
        i -> reference.error((int) i) * (1 + 0x1p-28));
  }

  private static double[] joined(List<double[]> parts) {
    return parts.stream().flatMapToDouble(java.util.Arrays::stream).toArray();
  }

  private static double[] doubles(MemorySegment floats) {
    double[] values = new double[(int) (floats.byteSize() / Float.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats.getAtIndex(JAVA_FLOAT, i);
    }
    return values;
  }

  private static double[] doubles(Tensor values) {
    try (values;
        Tensor flat = values.reshape(-1);
        Tensor wide = flat.to(torch.ScalarType.Double)) {
      return MemorySegment.ofAddress(wide.data_ptr().address())
          .reinterpret(8 * wide.numel())
          .toArray(JAVA_DOUBLE);
    }
  }
}

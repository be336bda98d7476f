package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAdamW;
import dev.selfsame.bench.peers.TorchLeNet;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.train.LeNet;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A whole training step of the shipped LeNet: forward, loss, backward, AdamW; 64 images, another
 * batch at each step.
 *
 * <p><b>The check.</b> Loss and gradients of the first step against libtorch's in float64, then the
 * parameters after it. Bounds that hold for all roundings exceed the values themselves after five
 * layers, so the probabilistic form is taken (Higham &amp; Mary 2019, <i>A New Approach to
 * Probabilistic Rounding Error Analysis</i>): √n·u·λ in place of n·u, λ = 4, for the n roundings on
 * the longest way to a result, as a share of the loss, and for gradients of each tensor's 2-norm.
 * The parameters are held to AdamW's bound for their own gradients, {@link AdamWReference}.
 */
final class StepCases {
  private static final int BATCH = 64;
  private static final int BATCHES = 64;
  private static final int CLASSES = 10;
  private static final int PIXELS = 28 * 28;
  private static final double LAMBDA = 4;

  /** Terms of the sums on the way from the pixels to the loss, and over the batch. */
  private static final int FORWARD = 25 + 150 + 400 + 120 + 84 + CLASSES + BATCH;

  /** As many on the way back, and over the positions of the first layer's gradient. */
  private static final int BACKWARD = 2 * FORWARD + BATCH * PIXELS;

  private StepCases() {}

  static List<Planned> all(Device device) {
    String name = "lenet batch " + BATCH;
    return List.of(new Planned(name, () -> build(name, device)));
  }

  /** Multiplications and additions of the forward pass; nothing needs the pixels' gradient. */
  private static Work work() {
    double conv1 = 2.0 * BATCH * 6 * PIXELS * 25;
    double conv2 = 2.0 * BATCH * 16 * 100 * 150;
    double full = 2.0 * BATCH * (400 * 120 + 120 * 84 + 84 * CLASSES);
    double parameters = 61_706;
    return new Work(2 * conv1 + 3 * (conv2 + full), 4.0 * BATCH * PIXELS + 28 * parameters);
  }

  private static BenchCase build(String name, Device device) {
    var memory = new CaseMemory(device);
    var ours = new Ours(memory, device);
    List<Parameter> parameters = ours.model.parameters();
    List<MemorySegment> initial =
        parameters.stream().map(p -> memory.copy(p.value().memory())).toList();
    List<MemorySegment> weights = initial.stream().map(memory::copy).toList();
    var theirs =
        new TorchLeNet(
            IntStream.range(0, weights.size())
                .mapToObj(i ->
                    TorchPeer.floats(weights.get(i), parameters.get(i).value().shape().sizes()))
                .toList());
    List<Tensor> theirImages = new ArrayList<>();
    List<Tensor> theirLabels = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      MemorySegment x = memory.normal(i, (long) BATCH * PIXELS);
      MemorySegment t = labels(memory, i);
      ours.images.add(memory.floats(x, BATCH, 1, 28, 28));
      ours.labels.add(memory.ints(t, BATCH));
      theirImages.add(TorchPeer.floats(x, BATCH, 1, 28, 28));
      theirLabels.add(TorchPeer.longs(Inputs.widened(memory.arena(), t), BATCH));
    }
    int[] step = {0};
    Runnable their =
        () -> {
          int batch = step[0]++ % BATCHES;
          theirs.step(theirImages.get(batch), theirLabels.get(batch));
        };
    BenchCase.Check check =
        control -> {
          Gradients our = ours.gradients();
          if (control) {
            Inputs.change(weights.getLast());
          }
          Gradients exact = float64(theirs, theirImages.getFirst(), theirLabels.getFirst());
          Gradients peer = gradients(theirs, theirImages.getFirst(), theirLabels.getFirst());
          ours.run();
          their.run();
          List<Agreement> all = new ArrayList<>();
          all.addAll(compare("ours and libtorch", our, peer, 2));
          all.addAll(compare("ours and float64", our, exact, 1));
          all.addAll(compare("libtorch and float64", peer, exact, 1));
          List<MemorySegment> updated = parameters.stream().map(p -> p.value().memory()).toList();
          all.add(updated("ours", updated, initial, our));
          all.add(updated("libtorch", weights, initial, peer));
          return all;
        };
    return new BenchCase(
        name,
        Rate.STEPS,
        work(),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", their)),
        check,
        () -> {
          theirImages.forEach(Tensor::close);
          theirLabels.forEach(Tensor::close);
          theirs.close();
          memory.run();
        });
  }

  private static MemorySegment labels(CaseMemory memory, int batch) {
    MemorySegment t = memory.arena().allocate(BATCH * 4L, 64);
    int[] labels = new SplittableRandom(batch).ints(BATCH, 0, CLASSES).toArray();
    MemorySegment.copy(labels, 0, t, JAVA_INT, 0, BATCH);
    return t;
  }

  /** As the shipped system steps, but at libtorch's default learning rate. */
  private static final class Ours implements Runnable {
    private final Device device;
    private final Layer model;
    private final AdamW optimizer;
    private final List<dev.selfsame.Tensor> images = new ArrayList<>();
    private final List<dev.selfsame.Tensor> labels = new ArrayList<>();

    Ours(CaseMemory memory, Device device) {
      this.device = device;
      model = LeNet.model(new Initializer(memory.scope(), device, 1));
      LearningRate rate = LearningRate.constant(TorchAdamW.LR);
      optimizer = new AdamW(memory.scope(), model.parameters(), rate, TorchAdamW.WEIGHT_DECAY);
    }

    @Override
    public void run() {
      backward((int) (optimizer.steps() % BATCHES));
      optimizer.step();
    }

    private float backward(int batch) {
      try (Tape tape = Tape.open(device)) {
        Var logits = model.forward(tape.constant(images.get(batch)));
        Var loss = Functions.crossEntropy(logits, labels.get(batch));
        tape.backward(loss);
        return loss.value().item();
      }
    }

    /** Of the first batch; what the sweep left is forgotten again. */
    Gradients gradients() {
      float loss = backward(0);
      List<double[]> values = new ArrayList<>();
      for (Parameter p : model.parameters()) {
        values.add(doubles(p.gradient().memory()));
        p.clearGradient();
      }
      return new Gradients(loss, values);
    }
  }

  private record Gradients(double loss, List<double[]> values) {}

  private static Gradients gradients(TorchLeNet net, Tensor images, Tensor labels) {
    double loss = net.backward(images, labels);
    List<double[]> values = new ArrayList<>();
    for (int i = 0; i < net.size(); i++) {
      try (Tensor flat = net.gradient(i).reshape(-1);
          Tensor wide = flat.to(torch.ScalarType.Double)) {
        values.add(
            MemorySegment.ofAddress(wide.data_ptr().address())
                .reinterpret(8 * wide.numel())
                .toArray(JAVA_DOUBLE));
      }
    }
    net.clearGradients();
    return new Gradients(loss, values);
  }

  private static Gradients float64(TorchLeNet net, Tensor images, Tensor labels) {
    try (TorchLeNet wide = net.inFloat64();
        Tensor wideImages = images.to(torch.ScalarType.Double)) {
      return gradients(wide, wideImages, labels);
    }
  }

  /** The loss, then for each parameter the 2-norm of the error. */
  private static List<Agreement> compare(String what, Gradients got, Gradients want, int factor) {
    double lossBound = factor * LAMBDA * Math.sqrt(FORWARD) * Bounds.U * want.loss();
    double unit = factor * LAMBDA * Math.sqrt(BACKWARD) * Bounds.U;
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

  private static Agreement updated(
      String whose, List<MemorySegment> got, List<MemorySegment> initial, Gradients gradients) {
    double[] before = joined(initial.stream().map(StepCases::doubles).toList());
    double[] after = joined(got.stream().map(StepCases::doubles).toList());
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
}

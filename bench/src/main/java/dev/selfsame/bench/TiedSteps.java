package dev.selfsame.bench;

import static dev.selfsame.bench.DigitBatches.CLASSES;
import static dev.selfsame.bench.DigitBatches.PIXELS;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAutoencoder;
import dev.selfsame.bench.peers.TorchDistill;
import dev.selfsame.bench.peers.TorchModel;
import dev.selfsame.bench.peers.TorchMultitask;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.bench.peers.TorchSiamese;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Losses;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.train.Distill;
import dev.selfsame.train.Multitask;
import dev.selfsame.train.Siamese;
import dev.selfsame.train.TiedAutoencoder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;

/**
 * Training steps of the systems on digits in which networks, or a network's two ends, are tied:
 *
 * <ul>
 *   <li>multitask: two networks 784–64–10 drawn together, each with the same 100 images always;
 *   <li>tied-autoencoder: 784 pixels to 64 numbers and back by one matrix, 100 images;
 *   <li>siamese: LeNet's convolutions and full layers 400–84–16, 64 pairs of images, some of one
 *       digit, some of two;
 *   <li>distill: a student 784–120–84–10 and LeNet as its teacher, 50 images, T = 4.
 * </ul>
 */
final class TiedSteps {
  private static final int TASK = 100;
  private static final int DRAWN = 100;
  private static final int PAIRS = 64;
  private static final int TAUGHT = 50;
  private static final int HIDDEN = 64;
  private static final int CODE = 64;
  private static final int POINT = 16;
  private static final float LAMBDA = 0.1f;
  private static final float MARGIN = 2;
  private static final float TEMPERATURE = 4;
  private static final float STATES = 1f / (TAUGHT * (120 + 84));

  /** Terms of the sums in LeNet's convolutions. */
  private static final int CONVOLVED = 25 + 150;

  /** Of an exponential, a logarithm, a root or a division, and what is around it. */
  private static final int FUNCTION = 8;

  private TiedSteps() {}

  static List<Planned> all(Device device) {
    return List.of(
        planned("multitask 2x" + TASK, TiedSteps::multitask, device),
        planned("tied-autoencoder batch " + DRAWN, TiedSteps::autoencoder, device),
        planned("siamese " + PAIRS + " pairs", TiedSteps::siamese, device),
        planned("distill batch " + TAUGHT, TiedSteps::distill, device));
  }

  /** A system's parts, but for its name. */
  private record Parts(
      Work work,
      double forward,
      double backward,
      List<Parameter> parameters,
      TapeStep.Loss loss,
      Function<List<org.bytedeco.pytorch.Tensor>, TorchModel> theirs,
      DigitBatches batches) {}

  private static Planned planned(
      String name, BiFunction<CaseMemory, Initializer, Parts> system, Device device) {
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          Parts s = system.apply(memory, new Initializer(memory.scope(), device, 1));
          return TrainingStep.build(
              memory,
              new TrainingStep.Case(
                  name,
                  s.work,
                  s.forward,
                  s.backward,
                  new TapeStep(memory, device, s.parameters, s.loss),
                  s.theirs,
                  s.batches.theirImages,
                  s.batches.theirLabels));
        });
  }

  private static Parts multitask(CaseMemory memory, Initializer init) {
    Layer[] networks = {Multitask.network(init, "a"), Multitask.network(init, "b")};
    List<Parameter> parameters = Stream.of(networks).flatMap(n -> n.parameters().stream()).toList();
    DigitBatches examples = DigitBatches.of(memory, 1, 2 * TASK, 2 * TASK, CLASSES);
    Tensor[] images = halves(examples.images.getFirst());
    Tensor[] labels = halves(examples.labels.getFirst());
    TapeStep.Loss loss =
        (tape, batch) -> {
          Var[] losses = new Var[2];
          List<List<Var>> weights = new ArrayList<>();
          for (int task = 0; task < 2; task++) {
            Var logits = networks[task].forward(tape.constant(images[task]));
            losses[task] = Functions.crossEntropy(logits, labels[task]);
            weights.add(networks[task].parameters().stream().map(tape::parameter).toList());
          }
          Var tie = Losses.squaredDistance(weights.getFirst(), weights.getLast(), LAMBDA);
          return Functions.add(Functions.add(losses[0], losses[1]), tie);
        };
    int terms = PIXELS + HIDDEN + CLASSES + TASK + 2 * FUNCTION;
    return new Parts(
        work(2 * products(TASK, PIXELS, HIDDEN), 2 * products(TASK, HIDDEN, CLASSES), parameters),
        terms + networks[0].parameterCount(),
        2 * terms,
        parameters,
        loss,
        p -> new TorchMultitask(p, LAMBDA),
        examples);
  }

  private static Parts autoencoder(CaseMemory memory, Initializer init) {
    TiedAutoencoder.Model model = TiedAutoencoder.Model.tied(init);
    DigitBatches digits = DigitBatches.of(memory, DRAWN).flat();
    TapeStep.Loss loss = (tape, batch) -> model.error(tape.constant(digits.images.get(batch)));
    int terms = PIXELS + CODE;
    double product = products(DRAWN, PIXELS, CODE);
    return new Parts(
        new Work(2 * product + 3 * product, 4.0 * DRAWN * PIXELS + 28.0 * CODE * PIXELS),
        terms + DRAWN * PIXELS,
        2 * terms + DRAWN,
        model.parameters(),
        loss,
        TorchAutoencoder::new,
        digits);
  }

  private static Parts siamese(CaseMemory memory, Initializer init) {
    Layer branch = Siamese.branch(init);
    DigitBatches pairs = DigitBatches.of(memory, TrainingStep.BATCHES, 2 * PAIRS, PAIRS, 2);
    pairs.theirLabels.replaceAll(kinds -> kinds.to(torch.ScalarType.Bool));
    List<Tensor[]> images = pairs.images.stream().map(TiedSteps::halves).toList();
    TapeStep.Loss loss =
        (tape, batch) -> {
          Var a = branch.forward(tape.constant(images.get(batch)[0]));
          Var b = branch.forward(tape.constant(images.get(batch)[1]));
          return Losses.contrastive(a, b, pairs.labels.get(batch), MARGIN).loss();
        };
    int terms = CONVOLVED + 400 + 84 + POINT + PAIRS + FUNCTION;
    double full = products(2 * PAIRS, 400, 84) + products(2 * PAIRS, 84, POINT);
    return new Parts(
        work(first(2 * PAIRS), second(2 * PAIRS) + full, branch.parameters()),
        terms,
        2 * terms + 2 * PAIRS * PIXELS,
        branch.parameters(),
        loss,
        p -> new TorchSiamese(p, MARGIN),
        pairs);
  }

  private static Parts distill(CaseMemory memory, Initializer init) {
    Distill.Network teacher = Distill.Network.teacher(init);
    Distill.Network student = Distill.Network.student(init);
    DigitBatches digits = DigitBatches.of(memory, TAUGHT);
    TapeStep.Loss loss =
        (tape, batch) -> {
          Var x = tape.constant(digits.images.get(batch));
          List<Var> mine = student.forward(x);
          List<Var> theirs =
              teacher.forward(x).stream().map(v -> tape.constant(v.value())).toList();
          Var hard = Functions.crossEntropy(mine.getLast(), digits.labels.get(batch));
          Var soft = Losses.klDivergence(theirs.getLast().value(), mine.getLast(), TEMPERATURE);
          Var hidden = Losses.squaredDistance(mine.subList(0, 2), theirs.subList(0, 2), STATES);
          return Functions.add(hard, Functions.add(Functions.scale(soft, 1), hidden));
        };
    List<org.bytedeco.pytorch.Tensor> fixed =
        teacher.parameters().stream()
            .map(p -> TorchPeer.floats(p.value().memory(), p.value().shape().sizes()))
            .toList();
    int top = 120 + 84 + CLASSES + 2 * FUNCTION;
    int terms = CONVOLVED + 400 + PIXELS + 2 * top;
    double both = products(TAUGHT, 120, 84) + products(TAUGHT, 84, CLASSES);
    double teaching = first(TAUGHT) + second(TAUGHT) + products(TAUGHT, 400, 120) + both;
    Work learning = work(products(TAUGHT, PIXELS, 120), both, student.parameters());
    return new Parts(
        new Work(learning.flops() + teaching, learning.bytes()),
        terms + TAUGHT * (120 + 84),
        2 * terms + TAUGHT,
        student.parameters(),
        loss,
        p -> new TorchDistill(p, fixed, TEMPERATURE, STATES),
        digits);
  }

  private static Tensor[] halves(Tensor t) {
    long n = t.size(0) / 2;
    return new Tensor[] {t.slice(0, n), t.slice(n, 2 * n)};
  }

  /** Multiplications and additions of LeNet's first convolution. */
  private static double first(int images) {
    return products(images * PIXELS, 25, 6);
  }

  /** Of the second. */
  private static double second(int images) {
    return products(images * 100, 150, 16);
  }

  private static double products(int rows, int inputs, int outputs) {
    return 2.0 * rows * inputs * outputs;
  }

  /** Of a step; nothing needs the pixels' gradient, so the first layers have two passes. */
  private static Work work(double first, double rest, List<Parameter> parameters) {
    double count = parameters.stream().mapToLong(p -> p.value().elements()).sum();
    return new Work(2 * first + 3 * rest, 28 * count);
  }
}

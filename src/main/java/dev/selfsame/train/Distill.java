package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.data.Batches;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Losses;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Unary;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A student tied to its teacher, as DistilBERT is (Sanh, Debut, Chaumond &amp; Wolf 2019): its
 * hidden states are drawn to the teacher's by ‖h_s − h_t‖², its logits by soft targets (Hinton,
 * Vinyals &amp; Dean 2015). The teacher is LeNet-5, trained on all digits; the student has no
 * convolution and sees a few hundred labelled digits.
 */
public final class Distill extends DigitSystem {
  private static final int EXAMPLES = 500;
  private static final int BATCH = 50;
  private static final float TEMPERATURE = 4;
  private static final float SOFT = 1;
  private static final float HIDDEN = 1;
  private static final int TEACHER_BATCH = 64;
  private static final int TEACHER_STEPS = 400;

  private final Map<String, List<float[]>> teachers = new HashMap<>();

  @Override
  public String name() {
    return "distill";
  }

  @Override
  public String summary() {
    return "a student's hidden states and logits tied to its teacher's";
  }

  @Override
  public List<String> variants() {
    return List.of("tied", "untied");
  }

  @Override
  public int defaultEpochs() {
    return 10;
  }

  @Override
  public int quickEpochs() {
    return 3;
  }

  @Override
  public long quickLockstep() {
    return 10;
  }

  /** Not once round the few examples: how often it is evaluated. */
  @Override
  public long stepsPerEpoch(String data) {
    return 100;
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    List<float[]> teacher = teacher(settings.data());
    return open(scope -> new Run(scope, device, settings, digits(settings.data()), teacher));
  }

  /**
   * A teacher or a student, whose hidden states have the same sizes.
   *
   * @param first images [N, 1, 28, 28] to [N, 120]
   * @param second [N, 120] to [N, 84]
   * @param output [N, 84] to logits [N, 10]
   */
  public record Network(Layer first, Layer second, Layer output) {
    /** LeNet-5. */
    public static Network teacher(Initializer init) {
      Layer convolutions =
          Sequential.of(
              Conv2d.of(init, "teacher.conv1", 1, 6, 5, Geometry.of(1, 2)),
              Layers.activation(Unary.RELU),
              Layers.maxPool2d(2),
              Conv2d.of(init, "teacher.conv2", 6, 16, 5, Geometry.of(1, 0)),
              Layers.activation(Unary.RELU),
              Layers.maxPool2d(2),
              Layers.flatten(),
              Linear.of(init, "teacher.fc1", 16 * 5 * 5, 120),
              Layers.activation(Unary.RELU));
      return top(convolutions, init, "teacher");
    }

    /** Fully connected layers only. */
    public static Network student(Initializer init) {
      Layer dense =
          Sequential.of(
              Layers.flatten(),
              Linear.of(init, "student.fc1", 28 * 28, 120),
              Layers.activation(Unary.RELU));
      return top(dense, init, "student");
    }

    private static Network top(Layer first, Initializer init, String name) {
      Layer second =
          Sequential.of(Linear.of(init, name + ".fc2", 120, 84), Layers.activation(Unary.RELU));
      return new Network(first, second, Linear.of(init, name + ".fc3", 84, 10));
    }

    /**
     * Both hidden states, [N, 120] and [N, 84], and the logits [N, 10] of images [N, 1, 28, 28].
     */
    public List<Var> forward(Var x) {
      Var h = first.forward(x);
      Var g = second.forward(h);
      return List.of(h, g, output.forward(g));
    }

    /** Of all layers, in their order. */
    public List<Parameter> parameters() {
      return Stream.of(first, second, output).flatMap(l -> l.parameters().stream()).toList();
    }
  }

  /** The weights of a trained teacher: the same bits on any device, so the fastest trains it. */
  private synchronized List<float[]> teacher(String data) {
    return teachers.computeIfAbsent(data, this::trainTeacher);
  }

  private List<float[]> trainTeacher(String data) {
    Digits digits = digits(data);
    Device device = Device.vector();
    try (Scope scope = Scope.open()) {
      Network teacher = Network.teacher(new Initializer(scope, device, 0));
      LearningRate rate = LearningRate.cosine(2e-3, 1e-5, TEACHER_STEPS).warmup(20);
      Optimizer optimizer = new AdamW(scope, teacher.parameters(), rate, 0.01);
      Batches batches = Batches.shuffled(digits.train(), digits.normalization(), TEACHER_BATCH, 0);
      while (optimizer.steps() < TEACHER_STEPS) {
        int[] numbers = numbers(batches, optimizer.steps());
        try (Tape tape = Tape.open(device)) {
          Var x =
              tape.constant(
                  images(tape.scope(), device, digits.train(), digits.normalization(), numbers));
          Tensor labels = labels(tape.scope(), device, digits.train(), numbers);
          tape.backward(Functions.crossEntropy(teacher.forward(x).getLast(), labels));
          optimizer.step();
        }
      }
      return teacher.parameters().stream().map(p -> p.value().toFloatArray()).toList();
    }
  }

  @Override
  public List<Finding> findings(Trained trained) {
    int seeds = trained.quick() ? 3 : 10;
    double[] means = new double[2];
    int better = 0;
    for (int s = 0; s < seeds; s++) {
      double[] scores = new double[2];
      for (int v = 0; v < 2; v++) {
        Settings of = trained.settings();
        Settings other = new Settings(of.seed() + s, of.steps(), of.data(), variants().get(v));
        try (TrainingRun run = start(trained.device(), other)) {
          for (long step = 0; step < other.steps(); step++) {
            run.step();
          }
          scores[v] = run.evaluate();
        }
        means[v] += scores[v] / seeds;
        trained.watch().at("students with ties and without", 2L * s + v + 1, 2L * seeds);
      }
      better += scores[0] > scores[1] ? 1 : 0;
    }
    return List.of(
        new Finding(
            "from "
                + EXAMPLES
                + " labelled digits, the student with ties beats the same one"
                + " without (mean of "
                + seeds
                + " seeds)",
            String.format(
                Locale.ROOT,
                "with %.2f %%, without %.2f %%, better for %d of %d seeds; the teacher has %.2f %%",
                100 * means[0],
                100 * means[1],
                better,
                seeds,
                100 * ((Run) trained.run()).accuracy(((Run) trained.run()).teacher)),
            means[0] > means[1]));
  }

  private static final class Run extends DigitSystem.Run {
    private final Network teacher;
    private final Network student;
    private final boolean isTied;
    private final Optimizer optimizer;
    private final Digits digits;
    private final int[] examples;
    private final long seed;

    Run(
        Scope scope,
        Device device,
        Settings settings,
        Digits digits,
        List<float[]> teacherWeights) {
      super(scope, device);
      this.digits = digits;
      seed = settings.seed();
      isTied = settings.variant().equals("tied");
      teacher = Network.teacher(new Initializer(scope, device, 0));
      for (int p = 0; p < teacherWeights.size(); p++) {
        teacher.parameters().get(p).value().copyFrom(MemorySegment.ofArray(teacherWeights.get(p)));
      }
      student = Network.student(new Initializer(scope, device, seed));
      int[] order = Philox.permutation(seed, -1, digits.train().count());
      examples = Arrays.copyOf(order, EXAMPLES);
      LearningRate rate = LearningRate.cosine(2e-3, 1e-5, settings.steps());
      optimizer = new AdamW(scope, student.parameters(), rate, 0.01);
    }

    @Override
    public Optimizer optimizer() {
      return optimizer;
    }

    /** The next of the examples, in an order of its own each time round. */
    private int[] batch() {
      long step = optimizer.steps();
      int perEpoch = EXAMPLES / BATCH;
      int[] order = Philox.permutation(seed, step / perEpoch, EXAMPLES);
      int first = (int) (step % perEpoch) * BATCH;
      return Arrays.stream(order, first, first + BATCH).map(i -> examples[i]).toArray();
    }

    @Override
    public float step() {
      int[] numbers = batch();
      ImageSet set = digits.train();
      try (Tape tape = Tape.open(device)) {
        Var x = tape.constant(images(tape.scope(), device, set, digits.normalization(), numbers));
        List<Var> mine = student.forward(x);
        Var loss =
            Functions.crossEntropy(mine.getLast(), labels(tape.scope(), device, set, numbers));
        if (isTied) {
          loss = Functions.add(loss, ties(tape, x, mine));
        }
        tape.backward(loss);
        optimizer.step();
        return loss.value().item();
      }
    }

    private Var ties(Tape tape, Var x, List<Var> mine) {
      // The teacher's numbers as constants: no gradient flows to it.
      List<Var> theirs = teacher.forward(x).stream().map(v -> tape.constant(v.value())).toList();
      Var soft = Losses.klDivergence(theirs.getLast().value(), mine.getLast(), TEMPERATURE);
      Var hidden =
          Losses.squaredDistance(
              mine.subList(0, 2), theirs.subList(0, 2), HIDDEN / (BATCH * (120 + 84)));
      return Functions.add(Functions.scale(soft, SOFT), hidden);
    }

    double accuracy(Network network) {
      ImageSet test = digits.test();
      int[] all = IntStream.range(0, test.count()).toArray();
      try (Tape tape = Tape.open(device)) {
        Var x = tape.constant(images(tape.scope(), device, test, digits.normalization(), all));
        return hits(network.forward(x).getLast().value(), test, all) / (double) test.count();
      }
    }

    @Override
    public double evaluate() {
      return accuracy(student);
    }

    @Override
    public Measure measure() {
      return Measure.share("test accuracy");
    }
  }
}

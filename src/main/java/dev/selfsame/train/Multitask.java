package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.data.Normalization;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Losses;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Layers;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Sequential;
import dev.selfsame.op.Unary;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Two related tasks, tied softly (Caruana 1997, "Multitask learning"): one network reads upright
 * digits, another slanted ones, each from a hundred examples of its own. The penalty Ω = λ·‖w_A −
 * w_B‖² over all their weights lets each learn from the other's examples.
 */
public final class Multitask extends DigitSystem {
  private static final int EXAMPLES = 100;
  private static final int HIDDEN = 64;
  private static final float LAMBDA = 0.1f;
  private static final float[] LAMBDAS = {0, 1e-3f, 1e-2f, 1e-1f, 1};

  /** Rows of an image for each pixel that it slants. */
  private static final int SLANT = 4;

  @Override
  public String name() {
    return "multitask";
  }

  @Override
  public String summary() {
    return "two networks for two tasks, their weights drawn together by a penalty";
  }

  @Override
  public List<String> variants() {
    return List.of("tied", "untied");
  }

  @Override
  public int defaultEpochs() {
    return 4;
  }

  @Override
  public int quickEpochs() {
    return 2;
  }

  /** Each step sees all examples, so this is only how often it is evaluated. */
  @Override
  public long stepsPerEpoch(String data) {
    return 100;
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    return start(device, settings, settings.variant().equals("tied") ? LAMBDA : 0f);
  }

  private Run start(Device device, Settings settings, float lambda) {
    return open(scope -> new Run(scope, device, settings, digits(settings.data()), lambda));
  }

  @Override
  public List<Finding> findings(Trained trained) {
    int seeds = trained.quick() ? 3 : 10;
    double[] distances = new double[LAMBDAS.length];
    double[] accuracies = new double[LAMBDAS.length];
    long done = 0;
    for (int l = 0; l < LAMBDAS.length; l++) {
      for (int s = 0; s < seeds; s++) {
        Settings settings = trained.settings();
        Settings other =
            new Settings(settings.seed() + s, settings.steps(), settings.data(), "tied");
        try (Run run = start(trained.device(), other, LAMBDAS[l])) {
          for (long step = 0; step < settings.steps(); step++) {
            run.step();
          }
          distances[l] += run.distance() / seeds;
          accuracies[l] += run.evaluate() / seeds;
        }
        trained.watch().at("other strengths of the tie", ++done, (long) LAMBDAS.length * seeds);
      }
    }
    boolean shrinks =
        IntStream.range(1, LAMBDAS.length).allMatch(l -> distances[l] < distances[l - 1]);
    int best =
        IntStream.range(1, LAMBDAS.length)
            .reduce(1, (x, y) -> accuracies[y] > accuracies[x] ? y : x);
    return List.of(
        new Finding(
            "‖w_A − w_B‖² shrinks monotonically with λ",
            table("λ=%.0e: %.3g", distances, 1),
            shrinks),
        new Finding(
            "with "
                + EXAMPLES
                + " examples a task, some λ > 0 beats λ = 0 (mean of "
                + seeds
                + " seeds)",
            table("λ=%.0e: %.2f %%", accuracies, 100),
            accuracies[best] > accuracies[0]));
  }

  private static String table(String format, double[] values, double factor) {
    List<String> cells = new ArrayList<>();
    for (int l = 0; l < values.length; l++) {
      cells.add(String.format(Locale.ROOT, format, LAMBDAS[l], factor * values[l]));
    }
    return String.join(", ", cells);
  }

  /**
   * The network of one task, images [N, 1, 28, 28] to logits [N, 10].
   *
   * @param name what its parameters' names begin with
   */
  public static Layer network(Initializer init, String name) {
    return Sequential.of(
        Layers.flatten(),
        Linear.of(init, name + ".fc1", 28 * 28, HIDDEN),
        Layers.activation(Unary.RELU),
        Linear.of(init, name + ".fc2", HIDDEN, 10));
  }

  private static final class Run extends DigitSystem.Run {
    private final Layer[] networks;
    private final float lambda;
    private final Optimizer optimizer;
    private final Digits digits;
    private final Tensor[] examples = new Tensor[2];
    private final Tensor[] labels = new Tensor[2];

    Run(Scope scope, Device device, Settings settings, Digits digits, float lambda) {
      super(scope, device);
      this.digits = digits;
      this.lambda = lambda;
      int[] order = Philox.permutation(settings.seed(), 0, digits.train().count());
      for (int task = 0; task < 2; task++) {
        int[] mine = Arrays.copyOfRange(order, task * EXAMPLES, (task + 1) * EXAMPLES);
        examples[task] = look(scope, digits.train(), mine, task);
        labels[task] = labels(scope, device, digits.train(), mine);
      }
      Initializer init = new Initializer(scope, device, settings.seed());
      networks = new Layer[] {network(init, "a"), network(init, "b")};
      List<Parameter> all = Stream.of(networks).flatMap(n -> n.parameters().stream()).toList();
      optimizer = new AdamW(scope, all, LearningRate.cosine(2e-3, 1e-5, settings.steps()), 0.01);
    }

    /** Images as a task sees them: upright, or slanted. */
    private Tensor look(Scope to, ImageSet set, int[] numbers, int task) {
      Normalization norm = digits.normalization();
      int side = set.width();
      float[] pixels = new float[numbers.length * set.imageSize()];
      for (int i = 0; i < pixels.length; i++) {
        int row = i / side % set.height();
        int column = i % side + (task == 0 ? 0 : Math.floorDiv(row - set.height() / 2, SLANT));
        boolean inside = column >= 0 && column < side;
        int pixel = inside ? set.pixel(numbers[i / set.imageSize()], row * side + column) : 0;
        pixels[i] = norm.value(pixel);
      }
      return Tensor.of(to, device, pixels, numbers.length, 1, set.height(), side);
    }

    @Override
    public Optimizer optimizer() {
      return optimizer;
    }

    private Var tie(Tape tape, float strength) {
      return Losses.squaredDistance(
          networks[0].parameters().stream().map(tape::parameter).toList(),
          networks[1].parameters().stream().map(tape::parameter).toList(),
          strength);
    }

    @Override
    public float step() {
      try (Tape tape = Tape.open(device)) {
        Var first = Functions.crossEntropy(logits(0, tape.constant(examples[0])), labels[0]);
        Var second = Functions.crossEntropy(logits(1, tape.constant(examples[1])), labels[1]);
        Var both = Functions.add(first, second);
        Var loss = lambda == 0 ? both : Functions.add(both, tie(tape, lambda));
        tape.backward(loss);
        optimizer.step();
        return loss.value().item();
      }
    }

    private Var logits(int task, Var x) {
      return networks[task].forward(x);
    }

    /** ‖w_A − w_B‖². */
    double distance() {
      try (Tape tape = Tape.open(device)) {
        return tie(tape, 1f).value().item();
      }
    }

    /** Mean of both tasks. */
    @Override
    public double evaluate() {
      ImageSet test = digits.test();
      int[] all = IntStream.range(0, test.count()).toArray();
      long right = 0;
      for (int task = 0; task < 2; task++) {
        try (Tape tape = Tape.open(device)) {
          Var x = tape.constant(look(tape.scope(), test, all, task));
          right += hits(logits(task, x).value(), test, all);
        }
      }
      return right / 2.0 / test.count();
    }

    @Override
    public Measure measure() {
      return Measure.share("test accuracy of both tasks");
    }
  }
}

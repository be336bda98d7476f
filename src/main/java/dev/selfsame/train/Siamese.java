package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.data.Normalization;
import dev.selfsame.data.Pairs;
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
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A siamese network (Bromley, Guyon, LeCun, Säckinger &amp; Shah 1993): two branches with one set
 * of parameters map two digits to two points, whose distance tells whether the digits are the same.
 * Trained by the contrastive loss (Hadsell, Chopra &amp; LeCun 2006).
 */
public final class Siamese extends DigitSystem {
  private static final int BATCH = 64;
  private static final int POINT = 16;
  private static final float MARGIN = 2;
  private static final int TEST_PAIRS = 4000;

  @Override
  public String name() {
    return "siamese";
  }

  @Override
  public String summary() {
    return "two branches, one set of parameters: same digit or not, by distance";
  }

  @Override
  public int defaultEpochs() {
    return 10;
  }

  @Override
  public int quickEpochs() {
    return 2;
  }

  @Override
  public long quickLockstep() {
    return 8;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return digits(data).train().count() / BATCH;
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    return open(scope -> new Run(scope, device, settings, digits(settings.data())));
  }

  /** One branch, images [N, 1, 28, 28] to points [N, 16]. Both branches are one such object. */
  public static Layer branch(Initializer init) {
    return Sequential.of(
        Conv2d.of(init, "conv1", 1, 6, 5, Geometry.of(1, 2)),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        Conv2d.of(init, "conv2", 6, 16, 5, Geometry.of(1, 0)),
        Layers.activation(Unary.RELU),
        Layers.maxPool2d(2),
        Layers.flatten(),
        Linear.of(init, "fc1", 16 * 5 * 5, 84),
        Layers.activation(Unary.RELU),
        Linear.of(init, "fc2", 84, POINT));
  }

  @Override
  public List<Finding> findings(Trained trained) {
    Run run = (Run) trained.run();
    List<float[]> shared = run.gradients(true, true);
    List<float[]> first = run.gradients(true, false);
    List<float[]> second = run.gradients(false, true);
    int wrong = 0;
    for (int p = 0; p < shared.size(); p++) {
      // The left fold over the uses, last use first: the second branch's, plus the first one's.
      float[] sum = second.get(p);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += first.get(p)[i];
      }
      wrong += Bits.compare(sum, shared.get(p)).isPresent() ? 1 : 0;
    }
    return List.of(
        new Finding(
            "distance tells same digits from different ones: ROC AUC at least 0.98",
            String.format(
                Locale.ROOT, "%.4f on %d pairs of test digits", trained.score(), TEST_PAIRS),
            trained.score() >= 0.98),
        new Finding(
            "the shared gradient is branch B's plus branch A's, in bits",
            (shared.size() - wrong) + " of " + shared.size() + " parameters",
            wrong == 0));
  }

  private static final class Run extends DigitSystem.Run {
    private final Layer branch;
    private final Optimizer optimizer;
    private final Normalization normalization;
    private final ImageSet train;
    private final ImageSet test;
    private final Pairs pairs;

    Run(Scope scope, Device device, Settings settings, Digits digits) {
      super(scope, device);
      normalization = digits.normalization();
      train = digits.train();
      test = digits.test();
      pairs = new Pairs(train, BATCH, settings.seed());
      branch = branch(new Initializer(scope, device, settings.seed()));
      LearningRate rate = LearningRate.cosine(2e-3, 1e-5, settings.steps()).warmup(20);
      optimizer = new AdamW(scope, branch.parameters(), rate, 0.01);
    }

    @Override
    public Optimizer optimizer() {
      return optimizer;
    }

    private Var point(Tape tape, ImageSet set, int[] numbers) {
      return branch.forward(
          tape.constant(images(tape.scope(), device, set, normalization, numbers)));
    }

    private Losses.Contrastive loss(Var a, Var b, int[] different) {
      Tensor labels = Tensor.of(a.tape().scope(), device, different, different.length);
      return Losses.contrastive(a, b, labels, MARGIN);
    }

    @Override
    public float step() {
      Pairs.Batch batch = pairs.batch(optimizer.steps());
      try (Tape tape = Tape.open(device)) {
        Var a = point(tape, train, batch.first());
        Var b = point(tape, train, batch.second());
        Var loss = loss(a, b, batch.different()).loss();
        tape.backward(loss);
        optimizer.step();
        return loss.value().item();
      }
    }

    /** Of every parameter, on the next batch; a branch may stand still. */
    List<float[]> gradients(boolean firstMoves, boolean secondMoves) {
      Pairs.Batch batch = pairs.batch(optimizer.steps());
      try (Tape tape = Tape.open(device)) {
        Var a = point(tape, train, batch.first());
        Var b = point(tape, train, batch.second());
        Var left = firstMoves ? a : tape.constant(a.value());
        Var right = secondMoves ? b : tape.constant(b.value());
        tape.backward(loss(left, right, batch.different()).loss());
        List<float[]> gradients = new ArrayList<>();
        for (Parameter p : parameters()) {
          gradients.add(p.gradient().toFloatArray());
          p.clearGradient();
        }
        return gradients;
      }
    }

    /** The chance that two pairs, of one digit and of two, lie the right way round by distance. */
    @Override
    public double evaluate() {
      Pairs held = new Pairs(test, 200, 0);
      float[] same = new float[TEST_PAIRS / 2];
      float[] different = new float[TEST_PAIRS / 2];
      for (int step = 0; step < TEST_PAIRS / 200; step++) {
        Pairs.Batch batch = held.batch(step);
        try (Tape tape = Tape.open(device)) {
          Var a = point(tape, test, batch.first());
          Var b = point(tape, test, batch.second());
          float[] distances = loss(a, b, batch.different()).distances().toFloatArray();
          for (int i = 0; i < distances.length; i += 2) {
            same[step * 100 + i / 2] = distances[i];
            different[step * 100 + i / 2] = distances[i + 1];
          }
        }
      }
      Arrays.sort(same);
      double right = 0;
      for (float distance : different) {
        int below = Arrays.binarySearch(same, distance);
        right += below >= 0 ? below : -below - 1;
      }
      return right / same.length / different.length;
    }

    @Override
    public Measure measure() {
      return Measure.number("ROC AUC");
    }
  }
}

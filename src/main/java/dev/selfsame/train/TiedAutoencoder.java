package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.data.Batches;
import dev.selfsame.data.Digits;
import dev.selfsame.data.ImageSet;
import dev.selfsame.data.Normalization;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Losses;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.Optimizer;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * An autoencoder whose decoder is its encoder, transposed (Vincent, Larochelle, Bengio &amp;
 * Manzagol 2008): one matrix W codes a digit and draws it again. Untied, the decoder has a matrix
 * of its own; linear, it finds the subspace of the largest principal components (Baldi &amp; Hornik
 * 1989).
 */
public final class TiedAutoencoder extends DigitSystem {
  private static final int BATCH = 100;
  private static final int PIXELS = 28 * 28;
  private static final int CODE = 64;

  /** The spectrum of the digits has a gap behind its sixth value, so the subspace is well set. */
  private static final int LINEAR_CODE = 6;

  @Override
  public String name() {
    return "tied-autoencoder";
  }

  @Override
  public String summary() {
    return "the decoder is the encoder, transposed: one matrix, used twice";
  }

  @Override
  public List<String> variants() {
    return List.of("tied", "untied", "linear");
  }

  @Override
  public int defaultEpochs() {
    return 40;
  }

  @Override
  public int quickEpochs() {
    return 10;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return digits(data).train().count() / BATCH;
  }

  @Override
  public Run start(Device device, Settings settings) {
    return open(scope -> new Run(scope, device, settings, digits(settings.data())));
  }

  @Override
  public List<Finding> findings(Trained trained) {
    Run run = (Run) trained.run();
    float[] s = Subspaces.gram(run.device(), run.model.encoder().value());
    double[][] gram = Subspaces.rows(s, PIXELS);
    int unequal = 0;
    double magnitudes = 0;
    for (int i = 0; i < PIXELS; i++) {
      for (int j = 0; j < PIXELS; j++) {
        unequal += Double.compare(gram[i][j], gram[j][i]) != 0 ? 1 : 0;
        magnitudes += gram[i][i] * gram[j][j];
      }
    }
    // An element of S is off by at most γ·Σ|w·w'| ≤ γ·√(Sᵢᵢ·Sⱼⱼ), with γ below (K + 2)·2⁻²⁴; an
    // eigenvalue by at most the norm of that (Weyl).
    double slack = (CODE + 2) * 0x1p-24 * Math.sqrt(magnitudes);
    trained.watch().at("eigenvalues", 0, 2);
    double[] values = new SymmetricEigen(gram).values();
    trained.watch().at("eigenvalues", 1, 2);
    double untied = trained.scoreOf(this, "untied");
    long weights = weights(run);
    long untiedWeights;
    try (Run other = start(run.device(), trained.settings().with("untied"))) {
      untiedWeights = weights(other);
    }
    double cosine;
    double ofLinear;
    double[][] components;
    double most;
    try (Run linear = start(run.device(), trained.settings().with("linear"))) {
      for (long step = 0; step < trained.settings().steps(); step++) {
        linear.step();
        trained.watch().at("training the linear one", step + 1, trained.settings().steps());
      }
      ofLinear = linear.evaluate();
      double[][] covariance = Subspaces.rows(linear.covariance(), PIXELS);
      SymmetricEigen principal = new SymmetricEigen(covariance);
      components =
          IntStream.range(0, LINEAR_CODE).mapToObj(principal::vector).toArray(double[][]::new);
      most = linear.explainedBy(components);
      double[][] w = Subspaces.rows(linear.model.encoder().value().toFloatArray(), PIXELS);
      cosine = Subspaces.leastCosine(Subspaces.basis(w), components);
    }
    return List.of(
        new Finding(
            "S = WᵀW is symmetric in bits",
            unequal + " of " + PIXELS * PIXELS + " elements differ from their mirror image",
            run.model.isTied() && unequal == 0),
        new Finding(
            "S is positive semidefinite, but for the rounding of its elements",
            String.format(
                Locale.ROOT,
                "eigenvalues %.3g to %.3g; rounding may shift them by %.1g",
                values[PIXELS - 1],
                values[0],
                slack),
            values[PIXELS - 1] >= -slack),
        new Finding(
            "tying halves the weights; what that costs in variance explained is measured",
            String.format(
                Locale.ROOT,
                "%,d for %,d weights; tied %.2f %%, untied %.2f %%",
                weights,
                untiedWeights,
                100 * trained.score(),
                100 * untied),
            2 * weights == untiedWeights),
        new Finding(
            "the linear one spans the first principal components: every principal angle has a"
                + " cosine of at least 0.99",
            String.format(
                Locale.ROOT,
                "least cosine %.5f for %d components; explains %.2f %% of the test variance, they"
                    + " %.2f %%",
                cosine,
                LINEAR_CODE,
                100 * ofLinear,
                100 * most),
            cosine >= 0.99));
  }

  /**
   * Codes images and draws them again.
   *
   * @param encoder [code, 784]
   * @param decoder [code, 784]; the encoder itself, where they are tied
   * @param isLinear without ReLU behind the code
   */
  public record Model(Parameter encoder, Parameter decoder, boolean isLinear) {
    /** Tied, with ReLU and codes of 64 numbers. */
    public static Model tied(Initializer init) {
      return of(init, "tied");
    }

    private static Model of(Initializer init, String variant) {
      boolean linear = variant.equals("linear");
      int code = linear ? LINEAR_CODE : CODE;
      Parameter encoder = init.uniform("encoder", PIXELS, code, PIXELS);
      boolean untied = variant.equals("untied");
      Parameter decoder = untied ? init.uniform("decoder", PIXELS, code, PIXELS) : encoder;
      return new Model(encoder, decoder, linear);
    }

    /** Whether one matrix does both. */
    public boolean isTied() {
      return encoder == decoder;
    }

    /** One matrix, or two. */
    public List<Parameter> parameters() {
      return isTied() ? List.of(encoder) : List.of(encoder, decoder);
    }

    /** What is drawn from the codes of images x [N, 784]: [N, 784]. */
    public Var forward(Var x) {
      Tape tape = x.tape();
      Var product = Functions.matmul(x, tape.parameter(encoder).transposed());
      Var code = isLinear ? product : Functions.relu(product);
      return Functions.matmul(code, tape.parameter(decoder));
    }

    /** Squared error of an image, on average, for images x [N, 784]. */
    public Var error(Var x) {
      return Losses.squaredDistance(List.of(forward(x)), List.of(x), 1f / x.value().size(0));
    }
  }

  private static long weights(Run run) {
    return run.parameters().stream().mapToLong(p -> p.value().elements()).sum();
  }

  /** One model in training. */
  static final class Run extends DigitSystem.Run {
    private final Model model;
    private final Optimizer optimizer;
    private final Batches training;
    private final ImageSet test;
    private final float[] mean;

    Run(Scope scope, Device device, Settings settings, Digits digits) {
      super(scope, device);
      training = Batches.shuffled(digits.train(), Normalization.NONE, BATCH, settings.seed());
      test = digits.test();
      mean = mean(digits.train());
      Initializer init = new Initializer(scope, device, settings.seed());
      model = Model.of(init, settings.variant());
      LearningRate rate = LearningRate.cosine(3e-3, 1e-6, settings.steps());
      optimizer = new AdamW(scope, model.parameters(), rate, 0);
    }

    @Override
    public Optimizer optimizer() {
      return optimizer;
    }

    @Override
    public float step() {
      try (Tape tape = Tape.open(device)) {
        int[] numbers = numbers(training, optimizer.steps());
        Var loss = model.error(tape.constant(centered(tape.scope(), training.set(), numbers)));
        tape.backward(loss);
        optimizer.step();
        return loss.value().item();
      }
    }

    @Override
    public double evaluate() {
      try (Tape tape = Tape.open(device)) {
        Tensor x = centered(tape.scope(), test, IntStream.range(0, test.count()).toArray());
        double total = 0;
        for (float v : x.toFloatArray()) {
          total += (double) v * v;
        }
        return 1 - model.error(tape.constant(x)).value().item() / (total / test.count());
      }
    }

    @Override
    public Measure measure() {
      return Measure.share("test variance explained");
    }

    private static float[] mean(ImageSet set) {
      long[] sums = new long[PIXELS];
      for (int i = 0; i < set.count(); i++) {
        for (int p = 0; p < PIXELS; p++) {
          sums[p] += set.pixel(i, p);
        }
      }
      float[] mean = new float[PIXELS];
      for (int p = 0; p < PIXELS; p++) {
        mean[p] = (float) (sums[p] / 255.0 / set.count());
      }
      return mean;
    }

    /** Images less the mean image, [n, 784]. */
    private Tensor centered(Scope to, ImageSet set, int[] numbers) {
      float[] pixels = new float[numbers.length * PIXELS];
      for (int i = 0; i < pixels.length; i++) {
        int p = i % PIXELS;
        pixels[i] = Normalization.NONE.value(set.pixel(numbers[i / PIXELS], p)) - mean[p];
      }
      return Tensor.of(to, device, pixels, numbers.length, PIXELS);
    }

    /** Σ x·xᵀ over the training images. */
    float[] covariance() {
      try (Scope some = Scope.open()) {
        int[] all = IntStream.range(0, training.set().count()).toArray();
        return Subspaces.gram(device, centered(some, training.set(), all));
      }
    }

    /** The share of the test images' variance within a subspace of orthonormal rows. */
    double explainedBy(double[][] basis) {
      try (Scope some = Scope.open()) {
        int[] all = IntStream.range(0, test.count()).toArray();
        double within = 0;
        double total = 0;
        for (double[] x : Subspaces.rows(centered(some, test, all).toFloatArray(), PIXELS)) {
          total += Subspaces.dot(x, x);
          within +=
              Arrays.stream(basis).mapToDouble(b -> Subspaces.dot(b, x)).map(d -> d * d).sum();
        }
        return within / total;
      }
    }
  }
}

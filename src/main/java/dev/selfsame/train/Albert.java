package dev.selfsame.train;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.data.Corpus;
import dev.selfsame.data.MaskedText;
import dev.selfsame.data.Ngrams;
import dev.selfsame.data.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * ALBERT (Lan et al. 2020): one encoder block is all L layers. It guesses hidden words of English
 * text; variants are L = 6, 1 and 12, all of one number of parameters.
 */
public final class Albert implements TrainingSystem {
  private static final int WORDS = 1000;
  private static final int LENGTH = 16;

  /** Of the words of a piece: a quarter, so that a small text goes further. */
  private static final int HIDDEN = 4;

  private static final int BATCH = 16;

  /** The model's sizes. */
  public static final AlbertModel.Sizes SIZES =
      new AlbertModel.Sizes(WORDS, 32, 64, 4, 256, LENGTH);

  private @Nullable Texts texts;

  /** Both parts of a text as numbers, read once for all runs of a lockstep. */
  private record Texts(String name, int[] train, int[] test) {}

  private synchronized Texts texts(String data) {
    Texts known = texts;
    if (known == null || !known.name.equals(data)) {
      Corpus corpus = Corpus.find(data);
      Vocabulary words = Vocabulary.words(corpus.train(), WORDS);
      known = new Texts(data, words.encode(corpus.train()), words.encode(corpus.test()));
      texts = known;
    }
    return known;
  }

  private static MaskedText masked(int[] tokens, long seed) {
    return new MaskedText(tokens, WORDS, LENGTH, HIDDEN, BATCH, seed);
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    Texts text = texts(settings.data());
    int layers = Integer.parseInt(settings.variant());
    MaskedText training = masked(text.train, settings.seed());
    return new AlbertRun(device, settings, SIZES, layers, training, masked(text.test, 0));
  }

  @Override
  public List<Finding> findings(Trained trained) {
    double unigram = unigram(trained.settings().data());
    double goal = unigram - 0.5;
    List<Finding> findings = new ArrayList<>();
    findings.add(
        new Finding(
            "at least half a bit per hidden word below the words' frequencies",
            String.format(Locale.ROOT, "%.3f, against %.3f", trained.score(), unigram),
            trained.score() <= goal));
    findings.add(counts(trained));
    findings.add(SharedBlock.of((AlbertRun) trained.run(), SIZES).finding());
    if (!trained.quick()) {
      for (String layers : variants()) {
        if (!layers.equals(trained.settings().variant())) {
          double score = trained.scoreOf(this, layers);
          findings.add(
              new Finding(
                  "the same with L = " + layers,
                  String.format(Locale.ROOT, "%.3f, against %.3f", score, unigram),
                  score <= goal));
        }
      }
    }
    return findings;
  }

  /** Parameters of each variant, each of which makes a step. */
  private Finding counts(Trained trained) {
    List<Long> counts = new ArrayList<>();
    for (String layers : variants()) {
      try (TrainingRun run = start(trained.device(), trained.settings().with(layers))) {
        if (!Float.isFinite(run.step())) {
          return new Finding("L = " + layers + " makes a step", "its loss is not finite", false);
        }
        counts.add(
            run.parameters().stream().mapToLong((Parameter p) -> p.value().elements()).sum());
      }
    }
    return new Finding(
        "parameters do not grow with the layers",
        "L = " + String.join(", ", variants()) + ": " + counts,
        counts.stream().distinct().count() == 1);
  }

  /** Bits of the words that an evaluation hides, by the words' frequencies in the training text. */
  private double unigram(String data) {
    Texts text = texts(data);
    MaskedText test = masked(text.test, 0);
    int n = test.guesses();
    int batches = (int) (AlbertRun.TEST_EPOCHS * test.perEpoch());
    int[] hidden = new int[batches * n];
    try (Scope scope = Scope.open()) {
      Device host = Device.scalar();
      Tensor tokens = Tensor.empty(scope, host, DType.I32, Shape.of(BATCH * LENGTH));
      Tensor places = Tensor.empty(scope, host, DType.I32, Shape.of(n));
      Tensor targets = Tensor.empty(scope, host, DType.I32, Shape.of(n));
      for (int batch = 0; batch < batches; batch++) {
        test.fill(batch, tokens, places, targets);
        System.arraycopy(targets.toIntArray(), 0, hidden, batch * n, n);
      }
    }
    int[] words = Arrays.stream(text.train).filter(t -> t > Vocabulary.END).toArray();
    return new Ngrams(words, WORDS).unigramBits(hidden);
  }

  @Override
  public String name() {
    return "albert";
  }

  @Override
  public String summary() {
    return "one encoder block is all layers: hidden words of English text";
  }

  @Override
  public List<String> dataSets() {
    return Corpus.NAMES;
  }

  @Override
  public List<String> variants() {
    return List.of("6", "1", "12");
  }

  @Override
  public int defaultEpochs() {
    return 12;
  }

  @Override
  public int quickEpochs() {
    return 4;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return masked(texts(data).train, 0).perEpoch();
  }

  /** The scalar device takes about a second a step. */
  @Override
  public long quickLockstep() {
    return 3;
  }
}

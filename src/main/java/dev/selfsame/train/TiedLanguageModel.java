package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.data.Corpus;
import dev.selfsame.data.Ngrams;
import dev.selfsame.data.TextStreams;
import dev.selfsame.data.Vocabulary;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Lstm;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A language model of words that uses one matrix twice: its rows are looked up as the words'
 * embeddings, and its transpose rates the next word (Press &amp; Wolf 2017). The variant {@code
 * untied} has a matrix for each.
 */
public final class TiedLanguageModel implements TrainingSystem {
  private static final String UNTIED = "untied";
  private static final int UNITS = 128;
  private static final int STREAMS = 16;
  private static final int STEPS = 32;

  private @Nullable Texts texts;

  /** Both parts of a text as numbers, read once for all runs of a lockstep. */
  private record Texts(String name, int[] train, int[] test) {}

  /** Words that are told apart: what a tenth of the corpus, or all of it, has often enough. */
  private static int words(String data) {
    return data.equals("shipped") ? 2_000 : 10_000;
  }

  private synchronized Texts texts(String data) {
    Texts known = texts;
    if (known == null || !known.name.equals(data)) {
      Corpus corpus = Corpus.find(data);
      Vocabulary words = Vocabulary.words(corpus.train(), words(data));
      known = new Texts(data, words.encode(corpus.train()), words.encode(corpus.test()));
      texts = known;
    }
    return known;
  }

  /** The model: words of as many numbers as the recurrent layer has units. */
  public static LanguageModel model(Initializer init, long words, long units, boolean tied) {
    Embedding embedding = Embedding.of(init, "embedding", words, units, 0.1f);
    Lstm lstm = Lstm.of(init, "lstm", units, units);
    Linear output =
        new Linear(
            tied ? embedding.weight() : init.normal("output.weight", 0.1f, words, units), null);
    return new LanguageModel(embedding, lstm, output);
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    Texts text = texts(settings.data());
    Scope scope = Scope.open();
    try {
      Initializer init = new Initializer(scope, device, settings.seed());
      boolean tied = !settings.variant().equals(UNTIED);
      LanguageModel model = model(init, words(settings.data()), UNITS, tied);
      LearningRate rate = LearningRate.cosine(2e-2, 1e-4, settings.steps()).warmup(20);
      return new LanguageModelRun(
          scope,
          device,
          model,
          new AdamW(scope, model.parameters(), rate, 0.01),
          TextStreams.training(text.train, STREAMS, STEPS),
          TextStreams.evaluation(text.test, STREAMS, STEPS),
          LanguageModelRun.Score.PERPLEXITY);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return "tied-lm";
  }

  @Override
  public String summary() {
    return "output weights are the embedding, transposed: words of English";
  }

  @Override
  public List<String> dataSets() {
    return Corpus.NAMES;
  }

  @Override
  public List<String> variants() {
    return List.of("tied", UNTIED);
  }

  /** With more, the model learns the small text by heart, and the perplexity rises. */
  @Override
  public int defaultEpochs() {
    return 4;
  }

  @Override
  public int quickEpochs() {
    return 4;
  }

  /** The scalar device takes seconds a step. */
  @Override
  public long quickLockstep() {
    return 3;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return TextStreams.training(texts(data).train, STREAMS, STEPS).perEpoch();
  }

  @Override
  public List<Finding> findings(Trained trained) {
    String data = trained.settings().data();
    Texts text = texts(data);
    Ngrams counts = new Ngrams(text.train, words(data));
    double unigram = StrictMath.pow(2, counts.unigramBits(text.test));
    List<Finding> findings = new ArrayList<>();
    findings.add(
        new Finding(
            "perplexity below that of counting words",
            String.format(Locale.ROOT, "%.2f, against %.2f", trained.score(), unigram),
            trained.score() < unigram));
    if (trained.settings().variant().equals(UNTIED)) {
      return findings;
    }
    double untied = trained.scoreOf(this, UNTIED);
    long more = (long) words(data) * UNITS;
    long parameters =
        trained.run().parameters().stream().mapToLong(p -> p.value().elements()).sum();
    findings.add(
        new Finding(
            "fewer parameters than untied, and no worse perplexity",
            String.format(
                Locale.ROOT,
                "%,d, against %,d; perplexity %.2f, against %.2f",
                parameters,
                parameters + more,
                trained.score(),
                untied),
            trained.score() <= untied));
    findings.add(TiedGradient.of((LanguageModelRun) trained.run()).finding());
    return findings;
  }
}

package dev.selfsame.train;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.data.Corpus;
import dev.selfsame.data.Ngrams;
import dev.selfsame.data.TextStreams;
import dev.selfsame.data.Vocabulary;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Gru;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Lstm;
import dev.selfsame.nn.RecurrentLayer;
import dev.selfsame.nn.Rnn;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Character language models of three recurrent layers, each of which uses one set of weights at
 * every step of the text: the simple one (Elman 1990), long short-term memory (Hochreiter &amp;
 * Schmidhuber 1997) and gated recurrent units (Cho et al. 2014).
 */
public final class CharacterModel implements TrainingSystem {
  /** The recurrent layer. */
  public enum Cell {
    RNN,
    LSTM,
    GRU;

    /** Its field's name. */
    String label() {
      return switch (this) {
        case RNN -> "a simple recurrent layer";
        case LSTM -> "long short-term memory";
        case GRU -> "a layer of gated recurrent units";
      };
    }

    /** A new layer. */
    public RecurrentLayer layer(Initializer init, long inputs, long units) {
      return switch (this) {
        case RNN -> Rnn.of(init, "rnn", inputs, units);
        case LSTM -> Lstm.of(init, "lstm", inputs, units);
        case GRU -> Gru.of(init, "gru", inputs, units);
      };
    }

    /** A layer over given parameters, in the order of {@link RecurrentLayer#parameters}. */
    RecurrentLayer over(List<Parameter> p) {
      return switch (this) {
        case RNN -> new Rnn(p.get(0), p.get(1), p.get(2));
        case LSTM -> new Lstm(p.get(0), p.get(1), p.get(2));
        case GRU -> new Gru(p.get(0), p.get(1), p.get(2), p.get(3));
      };
    }
  }

  private static final int WIDTH = 32;
  private static final int UNITS = 128;
  private static final int STREAMS = 16;
  private static final int STEPS = 32;

  private final Cell cell;
  private @Nullable Texts texts;

  /** The system of a layer. */
  public CharacterModel(Cell cell) {
    this.cell = cell;
  }

  /** Both parts of a text as numbers, read once for all runs of a lockstep. */
  private record Texts(String name, int[] train, int[] test) {}

  private synchronized Texts texts(String data) {
    Texts known = texts;
    if (known == null || !known.name.equals(data)) {
      Corpus corpus = Corpus.find(data);
      Vocabulary characters = Vocabulary.characters();
      known = new Texts(data, characters.encode(corpus.train()), characters.encode(corpus.test()));
      texts = known;
    }
    return known;
  }

  /** The model: characters become {@code width} numbers each, read by one layer. */
  public static LanguageModel model(Cell cell, Initializer init, long width, long units) {
    int characters = Vocabulary.characters().size();
    return new LanguageModel(
        Embedding.of(init, "embedding", characters, width, 1f),
        cell.layer(init, width, units),
        Linear.of(init, "output", units, characters));
  }

  @Override
  public TrainingRun start(Device device, Settings settings) {
    Texts text = texts(settings.data());
    Scope scope = Scope.open();
    try {
      LanguageModel model =
          model(cell, new Initializer(scope, device, settings.seed()), WIDTH, UNITS);
      LearningRate rate = LearningRate.cosine(1e-2, 1e-4, settings.steps()).warmup(20);
      return new LanguageModelRun(
          scope,
          device,
          model,
          new AdamW(scope, model.parameters(), rate, 0.01),
          TextStreams.training(text.train, STREAMS, STEPS),
          TextStreams.evaluation(text.test, STREAMS, STEPS),
          LanguageModelRun.Score.BITS_PER_CHARACTER);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return cell.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String summary() {
    return "the same weights at every step of a text: characters of English, by " + cell.label();
  }

  @Override
  public List<String> dataSets() {
    return Corpus.NAMES;
  }

  @Override
  public int defaultEpochs() {
    return 8;
  }

  @Override
  public int quickEpochs() {
    return 1;
  }

  @Override
  public long stepsPerEpoch(String data) {
    return TextStreams.training(texts(data).train, STREAMS, STEPS).perEpoch();
  }

  /** The scalar device takes about a second a step. */
  @Override
  public long quickLockstep() {
    return 5;
  }

  @Override
  public List<Finding> findings(Trained trained) {
    List<Finding> findings = new ArrayList<>();
    Texts text = texts(trained.settings().data());
    Ngrams counts = new Ngrams(text.train, Vocabulary.characters().size());
    double unigram = counts.unigramBits(text.test);
    double bigram = counts.bigramBits(text.test);
    findings.add(
        new Finding(
            "fewer bits per character than counting single characters and pairs",
            String.format(
                Locale.ROOT, "%.3f, against %.3f and %.3f", trained.score(), unigram, bigram),
            trained.score() < Math.min(unigram, bigram)));
    findings.add(SequenceGradient.of(cell, (LanguageModelRun) trained.run()).finding());
    AddingProblem adding = trained.quick() ? AddingProblem.QUICK : AddingProblem.FULL;
    findings.add(adding.contrast(cell, trained));
    return findings;
  }
}

package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAlbert;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.data.MaskedText;
import dev.selfsame.grad.Functions;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.EncoderBlock;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.LayerNorm;
import dev.selfsame.train.Albert;
import dev.selfsame.train.AlbertModel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Training steps of albert: six layers that are one block, 16 pieces of 16 tokens, whose
 * frequencies fall as words' do, 4 of each hidden as the system hides them. Dropout is off on both
 * sides: libtorch would draw other masks.
 */
final class AlbertStep {
  private static final AlbertModel.Sizes S = Albert.SIZES;
  private static final int BATCH = 16;
  private static final int LAYERS = 6;
  private static final int HIDDEN = 4;
  private static final int ROWS = BATCH * S.length();
  private static final int GUESSES = BATCH * HIDDEN;

  private AlbertStep() {}

  static Planned planned(Device device) {
    String name = "albert %dx%d, %d layers".formatted(BATCH, S.length(), LAYERS);
    return new Planned(name, () -> build(name, device));
  }

  private static BenchCase build(String name, Device device) {
    var memory = new CaseMemory(device);
    AlbertModel model = model(new Initializer(memory.scope(), device, 1));
    int[] positions = IntStream.range(0, ROWS).map(i -> i % S.length()).toArray();
    var order = dev.selfsame.Tensor.of(memory.scope(), device, positions, ROWS);
    List<Batch> batches = new ArrayList<>();
    List<Tensor> inputs = new ArrayList<>();
    List<Tensor> labels = new ArrayList<>();
    int words = TrainingStep.BATCHES * ROWS;
    int[] text =
        Inputs.indices(memory.arena(), 1, Inputs.Pattern.ZIPF, words, S.vocabulary())
            .toArray(JAVA_INT);
    var masked = new MaskedText(text, S.vocabulary(), S.length(), HIDDEN, BATCH, 1);
    for (int i = 0; i < TrainingStep.BATCHES; i++) {
      // Tokens and places side by side, as libtorch's model takes them.
      MemorySegment in = memory.arena().allocate(4L * (ROWS + GUESSES), 64);
      MemorySegment hidden = memory.arena().allocate(4L * GUESSES, 64);
      var batch =
          new Batch(
              memory.ints(in.asSlice(0, 4L * ROWS), ROWS),
              memory.ints(in.asSlice(4L * ROWS), GUESSES),
              memory.ints(hidden, GUESSES));
      masked.fill(i, batch.tokens, batch.places, batch.hidden);
      batches.add(batch);
      inputs.add(TorchPeer.longs(Inputs.widened(memory.arena(), in), ROWS + GUESSES));
      labels.add(TorchPeer.longs(Inputs.widened(memory.arena(), hidden), GUESSES));
    }
    TapeStep.Loss loss =
        (tape, i) -> {
          Batch b = batches.get(i);
          return Functions.crossEntropy(model.forward(tape, b.tokens, order, b.places), b.hidden);
        };
    double parameters = model.parameters().stream().mapToLong(p -> p.value().elements()).sum();
    return TrainingStep.build(
        memory,
        new TrainingStep.Case(
            name,
            new Work(3 * products(), 28 * parameters),
            roundings(),
            2 * roundings() + ROWS,
            new TapeStep(memory, device, model.parameters(), loss),
            p -> new TorchAlbert(p, BATCH, S.heads(), LAYERS, LayerNorm.EPS),
            inputs,
            labels));
  }

  private static AlbertModel model(Initializer init) {
    EncoderBlock block =
        EncoderBlock.of(init, "block", S.width(), S.heads(), S.inner(), new Dropout(0.1f, 1));
    return new AlbertModel(init, S, Collections.nCopies(LAYERS, block));
  }

  /** Multiplications and additions of the forward pass. */
  private static double products() {
    double e = S.width();
    double attention = 4.0 * ROWS * S.length() * e;
    double layer = 2.0 * ROWS * e * (4 * e + 2 * S.inner()) + attention;
    double ends = 2.0 * S.embedding() * (e * (ROWS + GUESSES) + GUESSES * S.vocabulary());
    return LAYERS * layer + ends;
  }

  /** On the longest way: the terms of all sums, and 8 for each elementary function or division. */
  private static double roundings() {
    double norm = 2.0 * S.width() + 8;
    double attention = S.width() + (double) S.width() / S.heads() + 2 * S.length() + 16 + S.width();
    double fed = S.width() + 8 + S.inner();
    double ends = 3 * norm + 3.0 * S.embedding() + S.width() + S.vocabulary() + GUESSES;
    return LAYERS * (attention + fed + 2 * norm) + ends;
  }

  private record Batch(
      dev.selfsame.Tensor tokens, dev.selfsame.Tensor places, dev.selfsame.Tensor hidden) {}
}

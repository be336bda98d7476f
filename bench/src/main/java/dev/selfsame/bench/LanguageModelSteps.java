package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAdamW;
import dev.selfsame.bench.peers.TorchLanguageModel;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.bench.peers.TorchRecurrent.Kind;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.nn.Initializer;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.train.CharacterModel;
import dev.selfsame.train.CharacterModel.Cell;
import dev.selfsame.train.LanguageModel;
import dev.selfsame.train.TiedLanguageModel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * Training steps of lstm, tied-lm, rnn and gru: 16 streams of 32 tokens, whose frequencies fall as
 * words' do, 128 units; 96 characters of 32 numbers each, or 2,000 words of 128. States are carried
 * on, and gradients clipped to a norm of 1. In the checked step the norm is less, so that its
 * gradients are the optimizer's.
 */
final class LanguageModelSteps {
  private static final int BATCH = 16;
  private static final int STEPS = 32;
  private static final int ROWS = BATCH * STEPS;
  private static final int WIDTH = 32;
  private static final int UNITS = 128;

  private LanguageModelSteps() {}

  static List<Planned> all(Device device) {
    return List.of(
        characters(Cell.LSTM, Kind.LSTM, device),
        planned("tied-lm", Kind.LSTM, i -> TiedLanguageModel.model(i, 2_000, UNITS, true), device),
        characters(Cell.RNN, Kind.RNN, device),
        characters(Cell.GRU, Kind.GRU, device));
  }

  private static Planned characters(Cell cell, Kind kind, Device device) {
    String system = cell.name().toLowerCase(Locale.ROOT);
    return planned(system, kind, i -> CharacterModel.model(cell, i, WIDTH, UNITS), device);
  }

  private static Planned planned(
      String system, Kind kind, Function<Initializer, LanguageModel> model, Device device) {
    String name = "%s %dx%d".formatted(system, STEPS, BATCH);
    return new Planned(name, () -> build(name, kind, model, device));
  }

  private static BenchCase build(
      String name, Kind kind, Function<Initializer, LanguageModel> architecture, Device device) {
    var memory = new CaseMemory(device);
    LanguageModel model = architecture.apply(new Initializer(memory.scope(), device, 1));
    int tokens = (int) model.output().weight().value().size(0);
    long width = model.embedding().weight().value().size(1);
    int gates = kind.gates() * UNITS;
    var ours = new Ours(memory, device, model);
    List<Tensor> inputs = new ArrayList<>();
    List<Tensor> labels = new ArrayList<>();
    for (int i = 0; i < TrainingStep.BATCHES; i++) {
      MemorySegment in = Inputs.indices(memory.arena(), 2 * i, Inputs.Pattern.ZIPF, ROWS, tokens);
      MemorySegment next =
          Inputs.indices(memory.arena(), 2 * i + 1, Inputs.Pattern.ZIPF, ROWS, tokens);
      ours.inputs.add(memory.ints(in, ROWS));
      ours.labels.add(memory.ints(next, ROWS));
      inputs.add(TorchPeer.longs(Inputs.widened(memory.arena(), in), ROWS));
      labels.add(TorchPeer.longs(Inputs.widened(memory.arena(), next), ROWS));
    }
    double products = 2.0 * ROWS * (gates * (width + UNITS) + UNITS * tokens);
    double parameters = model.parameters().stream().mapToLong(p -> p.value().elements()).sum();
    double forward = STEPS * (width + UNITS + 8) + UNITS + tokens + ROWS;
    return TrainingStep.build(
        memory,
        new TrainingStep.Case(
            name,
            new Work(3 * products, 28 * parameters),
            forward,
            2 * forward + ROWS,
            ours,
            p ->
                new TorchLanguageModel(
                    kind,
                    p,
                    TorchPeer.floats(memory.zeros(gates), gates),
                    TorchPeer.floats(memory.zeros(BATCH * UNITS), 1, BATCH, UNITS),
                    STEPS,
                    BATCH),
            inputs,
            labels));
  }

  /** As the shipped systems step, but at libtorch's default learning rate. */
  private static final class Ours implements TrainingStep.Ours {
    private final Device device;
    private final LanguageModel model;
    private final AdamW optimizer;
    private final List<dev.selfsame.Tensor> inputs = new ArrayList<>();
    private final List<dev.selfsame.Tensor> labels = new ArrayList<>();
    private final dev.selfsame.Tensor h;
    private final dev.selfsame.Tensor c;
    private final dev.selfsame.Tensor norm;

    Ours(CaseMemory memory, Device device, LanguageModel model) {
      this.device = device;
      this.model = model;
      LearningRate rate = LearningRate.constant(TorchAdamW.LR);
      optimizer = new AdamW(memory.scope(), model.parameters(), rate, TorchAdamW.WEIGHT_DECAY);
      h = memory.floats(memory.zeros(BATCH * UNITS), BATCH, UNITS);
      c = memory.floats(memory.zeros(BATCH * UNITS), BATCH, UNITS);
      norm = memory.floats(memory.zeros(1), 1);
    }

    @Override
    public List<Parameter> parameters() {
      return model.parameters();
    }

    @Override
    public float backward(int batch) {
      try (Tape tape = Tape.open(device)) {
        var result = model.forward(tape, inputs.get(batch), h, c);
        var loss = Functions.crossEntropy(result.logits(), labels.get(batch));
        tape.backward(loss);
        h.copyFrom(result.states().h());
        c.copyFrom(result.states().c());
        return loss.value().item();
      }
    }

    @Override
    public void update() {
      GlobalNorm.clip(parameters().stream().map(Parameter::gradient).toList(), 1f, norm);
      optimizer.step();
    }

    @Override
    public void restart() {
      h.fill(0f);
      c.fill(0f);
    }
  }
}

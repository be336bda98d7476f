package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.bench.peers.TorchAdamW;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import java.util.List;

/**
 * Our side of a step that carries nothing on to the next: a loss on a tape, as the shipped system
 * has it, and AdamW at libtorch's default learning rate and weight decay.
 */
final class TapeStep implements TrainingStep.Ours {
  /** What is made small. */
  interface Loss {
    Var of(Tape tape, int batch);
  }

  private final Device device;
  private final List<Parameter> parameters;
  private final Loss loss;
  private final AdamW optimizer;

  TapeStep(CaseMemory memory, Device device, List<Parameter> parameters, Loss loss) {
    this.device = device;
    this.parameters = parameters;
    this.loss = loss;
    LearningRate rate = LearningRate.constant(TorchAdamW.LR);
    optimizer = new AdamW(memory.scope(), parameters, rate, TorchAdamW.WEIGHT_DECAY);
  }

  @Override
  public List<Parameter> parameters() {
    return parameters;
  }

  @Override
  public float backward(int batch) {
    try (Tape tape = Tape.open(device)) {
      Var value = loss.of(tape, batch);
      tape.backward(value);
      return value.value().item();
    }
  }

  @Override
  public void update() {
    optimizer.step();
  }
}

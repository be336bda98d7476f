package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAdamW;
import dev.selfsame.bench.peers.TorchLeNet;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.train.LeNet;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/** Whole training steps of the shipped systems, see {@link TrainingStep}. */
final class StepCases {
  private static final int BATCH = 64;
  private static final int CLASSES = 10;
  private static final int PIXELS = 28 * 28;

  /** Terms of the sums on the way from the pixels to the loss, and over the batch. */
  private static final int FORWARD = 25 + 150 + 400 + 120 + 84 + CLASSES + BATCH;

  /** As many on the way back, and over the positions of the first layer's gradient. */
  private static final int BACKWARD = 2 * FORWARD + BATCH * PIXELS;

  private StepCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    cases.add(new Planned("lenet batch " + BATCH, () -> lenet("lenet batch " + BATCH, device)));
    cases.addAll(LanguageModelSteps.all(device));
    cases.add(AlbertStep.planned(device));
    return cases;
  }

  /** Multiplications and additions of the forward pass; nothing needs the pixels' gradient. */
  private static Work work() {
    double conv1 = 2.0 * BATCH * 6 * PIXELS * 25;
    double conv2 = 2.0 * BATCH * 16 * 100 * 150;
    double full = 2.0 * BATCH * (400 * 120 + 120 * 84 + 84 * CLASSES);
    double parameters = 61_706;
    return new Work(2 * conv1 + 3 * (conv2 + full), 4.0 * BATCH * PIXELS + 28 * parameters);
  }

  private static BenchCase lenet(String name, Device device) {
    var memory = new CaseMemory(device);
    var ours = new Ours(memory, device);
    List<Tensor> theirImages = new ArrayList<>();
    List<Tensor> theirLabels = new ArrayList<>();
    for (int i = 0; i < TrainingStep.BATCHES; i++) {
      MemorySegment x = memory.normal(i, (long) BATCH * PIXELS);
      MemorySegment t = labels(memory, i);
      ours.images.add(memory.floats(x, BATCH, 1, 28, 28));
      ours.labels.add(memory.ints(t, BATCH));
      theirImages.add(TorchPeer.floats(x, BATCH, 1, 28, 28));
      theirLabels.add(TorchPeer.longs(Inputs.widened(memory.arena(), t), BATCH));
    }
    return TrainingStep.build(
        memory,
        new TrainingStep.Case(
            name, work(), FORWARD, BACKWARD, ours, TorchLeNet::new, theirImages, theirLabels));
  }

  private static MemorySegment labels(CaseMemory memory, int batch) {
    MemorySegment t = memory.arena().allocate(BATCH * 4L, 64);
    int[] labels = new SplittableRandom(batch).ints(BATCH, 0, CLASSES).toArray();
    MemorySegment.copy(labels, 0, t, JAVA_INT, 0, BATCH);
    return t;
  }

  /** As the shipped system steps, but at libtorch's default learning rate. */
  private static final class Ours implements TrainingStep.Ours {
    private final Device device;
    private final Layer model;
    private final AdamW optimizer;
    private final List<dev.selfsame.Tensor> images = new ArrayList<>();
    private final List<dev.selfsame.Tensor> labels = new ArrayList<>();

    Ours(CaseMemory memory, Device device) {
      this.device = device;
      model = LeNet.model(new Initializer(memory.scope(), device, 1));
      LearningRate rate = LearningRate.constant(TorchAdamW.LR);
      optimizer = new AdamW(memory.scope(), model.parameters(), rate, TorchAdamW.WEIGHT_DECAY);
    }

    @Override
    public List<Parameter> parameters() {
      return model.parameters();
    }

    @Override
    public void update() {
      optimizer.step();
    }

    @Override
    public float backward(int batch) {
      try (Tape tape = Tape.open(device)) {
        Var logits = model.forward(tape.constant(images.get(batch)));
        Var loss = Functions.crossEntropy(logits, labels.get(batch));
        tape.backward(loss);
        return loss.value().item();
      }
    }
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchLeNet;
import dev.selfsame.bench.peers.TorchLocallyConnected;
import dev.selfsame.bench.peers.TorchModel;
import dev.selfsame.grad.Functions;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.train.LeNet;
import dev.selfsame.train.LocallyConnected;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * Training steps of lenet and locally-connected: 64 images of 28×28, two layers of filters of 5×5
 * (6, then 16), shared by all positions or one for each, three full layers (120, 84, 10).
 */
final class DigitSteps {
  private static final int BATCH = 64;

  /** Terms of the sums on the way from the pixels to the loss, and over the batch. */
  private static final int FORWARD = 25 + 150 + 400 + 120 + 84 + DigitBatches.CLASSES + BATCH;

  /** As many on the way back, and over the positions of the first layer's gradient. */
  private static final int BACKWARD = 2 * FORWARD + BATCH * DigitBatches.PIXELS;

  private static final List<ConvShape> LOCAL =
      List.of(ConvShape.lenet1(BATCH), ConvShape.lenet2(BATCH));

  private DigitSteps() {}

  static List<Planned> all(Device device) {
    return List.of(
        planned("lenet", LeNet::model, TorchLeNet::new, device),
        planned(
            "locally-connected",
            LocallyConnected::model,
            p -> TorchLocallyConnected.of(p, LOCAL),
            device));
  }

  private static Planned planned(
      String system,
      Function<Initializer, Layer> ours,
      Function<List<Tensor>, TorchModel> theirs,
      Device device) {
    String name = system + " batch " + BATCH;
    return new Planned(name, () -> build(name, ours, theirs, device));
  }

  private static BenchCase build(
      String name,
      Function<Initializer, Layer> architecture,
      Function<List<Tensor>, TorchModel> theirs,
      Device device) {
    var memory = new CaseMemory(device);
    Layer model = architecture.apply(new Initializer(memory.scope(), device, 1));
    DigitBatches digits = DigitBatches.of(memory, BATCH);
    TapeStep.Loss loss =
        (tape, i) ->
            Functions.crossEntropy(
                model.forward(tape.constant(digits.images.get(i))), digits.labels.get(i));
    return TrainingStep.build(
        memory,
        new TrainingStep.Case(
            name,
            work(model.parameters()),
            FORWARD,
            BACKWARD,
            new TapeStep(memory, device, model.parameters(), loss),
            theirs,
            digits.theirImages,
            digits.theirLabels));
  }

  /** Multiplications and additions of the forward pass; nothing needs the pixels' gradient. */
  private static Work work(List<Parameter> parameters) {
    double first = 2.0 * BATCH * 6 * DigitBatches.PIXELS * 25;
    double second = 2.0 * BATCH * 16 * 100 * 150;
    double full = 2.0 * BATCH * (400 * 120 + 120 * 84 + 84 * DigitBatches.CLASSES);
    double count = parameters.stream().mapToLong(p -> p.value().elements()).sum();
    return new Work(
        2 * first + 3 * (second + full), 4.0 * BATCH * DigitBatches.PIXELS + 28 * count);
  }
}

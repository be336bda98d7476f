package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Tensor;
import dev.selfsame.bench.peers.TorchPeer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Batches for the systems on digits, the same memory for ours and libtorch's: images of normal
 * values, and labels.
 */
final class DigitBatches {
  static final int SIDE = 28;
  static final int PIXELS = SIDE * SIDE;
  static final int CLASSES = 10;

  final List<Tensor> images = new ArrayList<>();
  final List<Tensor> labels = new ArrayList<>();
  final List<org.bytedeco.pytorch.Tensor> theirImages = new ArrayList<>();
  final List<org.bytedeco.pytorch.Tensor> theirLabels = new ArrayList<>();

  private DigitBatches() {}

  /** Batches of images [N, 1, 28, 28] with a digit each. */
  static DigitBatches of(CaseMemory memory, int batch) {
    return of(memory, TrainingStep.BATCHES, batch, batch, CLASSES);
  }

  /** So many batches of so many images, and of labels I32 below {@code classes}. */
  static DigitBatches of(CaseMemory memory, int batches, int images, int labels, int classes) {
    var all = new DigitBatches();
    for (int i = 0; i < batches; i++) {
      MemorySegment x = memory.normal(i, (long) images * PIXELS);
      MemorySegment t = memory.arena().allocate(labels * 4L, 64);
      int[] values = new SplittableRandom(i).ints(labels, 0, classes).toArray();
      MemorySegment.copy(values, 0, t, JAVA_INT, 0, labels);
      all.images.add(memory.floats(x, images, 1, SIDE, SIDE));
      all.labels.add(memory.ints(t, labels));
      all.theirImages.add(TorchPeer.floats(x, images, 1, SIDE, SIDE));
      all.theirLabels.add(TorchPeer.longs(Inputs.widened(memory.arena(), t), labels));
    }
    return all;
  }

  /** The same, images as rows [N, 784]. */
  DigitBatches flat() {
    images.replaceAll(x -> x.reshape(x.size(0), PIXELS));
    theirImages.replaceAll(x -> x.reshape(x.size(0), PIXELS));
    return this;
  }
}

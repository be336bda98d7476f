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

  /** [N, 1, 28, 28]. */
  final List<Tensor> images = new ArrayList<>();

  /** I32. */
  final List<Tensor> labels = new ArrayList<>();

  final List<org.bytedeco.pytorch.Tensor> theirImages = new ArrayList<>();
  final List<org.bytedeco.pytorch.Tensor> theirLabels = new ArrayList<>();

  /** So many batches of so many images and labels below {@code classes}. */
  DigitBatches(CaseMemory memory, int batches, int images, int labels, int classes) {
    for (int i = 0; i < batches; i++) {
      MemorySegment x = memory.normal(i, (long) images * PIXELS);
      MemorySegment t = memory.arena().allocate(labels * 4L, 64);
      int[] values = new SplittableRandom(i).ints(labels, 0, classes).toArray();
      MemorySegment.copy(values, 0, t, JAVA_INT, 0, labels);
      this.images.add(memory.floats(x, images, 1, SIDE, SIDE));
      this.labels.add(memory.ints(t, labels));
      theirImages.add(TorchPeer.floats(x, images, 1, SIDE, SIDE));
      theirLabels.add(TorchPeer.longs(Inputs.widened(memory.arena(), t), labels));
    }
  }

  /** Images with a digit each, so many that a step never meets the same twice soon. */
  static DigitBatches of(CaseMemory memory, int batch) {
    return new DigitBatches(memory, TrainingStep.BATCHES, batch, batch, CLASSES);
  }
}

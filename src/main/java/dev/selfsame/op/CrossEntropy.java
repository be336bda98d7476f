package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.cpu.CrossEntropyVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Cross-entropy of the softmax of logits with one label a row, averaged over the rows (Goodfellow,
 * Bengio &amp; Courville 2016, section 6.2.2.3). Functions, maximum m and sum s of a row are those
 * of {@link Softmax}; every other operation rounds once:
 *
 * <pre>
 *   losses[r] = −((logits[r, label] − m) − log(s))
 *   loss      = (block sum of losses) / (float) R, as {@link Sums#mean}
 *   c         = scale / (float) R, once
 *   gradient  = (exp(logits − m) / s − 1) · c at the label, (exp(logits − m) / s) · c elsewhere
 * </pre>
 *
 * A label outside 0 … C − 1 is an {@link IndexException} that names its position, before anything
 * is written, on every device. (On CUDA, so each call waits for the labels to be checked; captured
 * into a graph, each replay.)
 */
public final class CrossEntropy {
  private static final List<Kernel> LOSSES =
      List.of(Kernel.of("cross_entropy_losses"), Kernel.of("cross_entropy_losses_long"));
  private static final List<Kernel> GRADIENT = Softmax.kernels("cross_entropy_gradient");
  private static final Kernel LABELS = Kernel.of("cross_entropy_labels");

  private CrossEntropy() {}

  /**
   * The loss of each row and their mean.
   *
   * @param logits [R, C], R and C at least 1
   * @param labels I32 [R], each in 0 … C − 1
   * @param losses [R]
   * @param loss [1]
   */
  public static void forward(Tensor logits, Tensor labels, Tensor losses, Tensor loss) {
    String op = "crossEntropy";
    Check.plain(op, "losses", losses, DType.F32);
    Check.input(op, "logits", logits, losses);
    inputs(op, logits, labels);
    Check.shape(op, "losses", losses, logits.size(0));
    Check.input(op, "loss", loss, losses);
    Check.shape(op, "loss", loss, 1);
    Check.apart(op, "logits", logits, "losses", losses);
    Check.apart(op, "labels", labels, "losses", losses);
    Check.apart(op, "logits", logits, "loss", loss);
    Check.apart(op, "labels", labels, "loss", loss);
    Check.apart(op, "losses", losses, "loss", loss);
    labels(op, labels, logits.size(1));
    long rows = logits.size(0);
    long columns = logits.size(1);
    switch (losses.device()) {
      case Device.Scalar d ->
          scalarLosses(logits.memory(), labels.memory(), losses.memory(), rows, columns);
      case Device.Vector d ->
          CrossEntropyVector.on(d.bits())
              .losses(
                  logits.memory(), labels.memory(), losses.memory(), rows, columns, d.workers());
      case Device.Cuda d -> {
        boolean isLong = columns > 1024;
        d.context()
            .launch(LOSSES.get(isLong ? 1 : 0))
            .grid(isLong ? rows : Math.ceilDiv(rows, 8))
            .block(256)
            .arg(logits.address())
            .arg(labels.address())
            .arg(losses.address())
            .arg(rows)
            .arg(columns)
            .what(() -> op + " of " + logits)
            .run();
      }
    }
    Sums.mean(losses, loss);
  }

  private static void scalarLosses(
      MemorySegment logits, MemorySegment labels, MemorySegment losses, long rows, long columns) {
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      float m = Softmax.maximum(logits, row, columns);
      float s = Softmax.sumOfExp(logits, row, columns, m);
      f32(losses, r, -((f32(logits, row + i32(labels, r)) - m) - ExactMath.log(s)));
    }
  }

  /**
   * The gradient of the mean loss, times {@code scale}.
   *
   * @param logits [R, C], R and C at least 1
   * @param labels I32 [R], each in 0 … C − 1
   * @param scale gradient of the mean loss, mostly 1
   * @param dlogits [R, C]; may be logits itself
   */
  public static void gradient(Tensor logits, Tensor labels, float scale, Tensor dlogits) {
    String op = "crossEntropy gradient";
    Check.plain(op, "dlogits", dlogits, DType.F32);
    Check.input(op, "logits", logits, dlogits);
    inputs(op, logits, labels);
    Check.shape(op, "dlogits", dlogits, logits.shape());
    Check.sameOrApart(op, "logits", logits, "dlogits", dlogits);
    Check.apart(op, "labels", labels, "dlogits", dlogits);
    labels(op, labels, logits.size(1));
    long rows = logits.size(0);
    long columns = logits.size(1);
    float c = scale / (float) rows;
    switch (dlogits.device()) {
      case Device.Scalar d ->
          scalarGradient(logits.memory(), labels.memory(), c, dlogits.memory(), rows, columns);
      case Device.Vector d ->
          CrossEntropyVector.on(d.bits())
              .gradient(
                  logits.memory(),
                  labels.memory(),
                  c,
                  dlogits.memory(),
                  rows,
                  columns,
                  d.workers());
      case Device.Cuda d ->
          Softmax.run(
              Softmax.launch(d.context(), GRADIENT, columns)
                  .arg(logits.address())
                  .arg(labels.address())
                  .arg(c)
                  .arg(dlogits.address()),
              op,
              dlogits);
    }
  }

  private static void scalarGradient(
      MemorySegment logits,
      MemorySegment labels,
      float c,
      MemorySegment dlogits,
      long rows,
      long columns) {
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      float m = Softmax.maximum(logits, row, columns);
      float s = Softmax.sumOfExp(logits, row, columns, m);
      for (long i = 0; i < columns; i++) {
        float y = ExactMath.exp(f32(logits, row + i) - m) / s;
        f32(dlogits, row + i, (i == i32(labels, r) ? y - 1f : y) * c);
      }
    }
  }

  private static void inputs(String op, Tensor logits, Tensor labels) {
    Check.rank(op, "logits", logits, 2, "[R, C]");
    Check.notEmpty(op, "logits", logits);
    Softmax.columns(op, logits);
    Check.plain(op, "labels", labels, DType.I32);
    Check.device(op, "labels", labels, logits.device());
    Check.shape(op, "labels", labels, logits.size(0));
  }

  private record LabelCheck(long address, long count, long classes) {}

  /** Each label in 0 … classes − 1, or an exception that names the first that is not. */
  static void labels(String op, Tensor labels, long classes) {
    long bad = -1;
    int label = 0;
    if (labels.device() instanceof Device.Cuda d) {
      LabelCheck same = new LabelCheck(labels.address(), labels.elements(), classes);
      if (d.context()
          .checkBeforeReplay(labels.address(), same, () -> labels(op, labels, classes))) {
        return;
      }
      bad = firstBadOnCuda(d.context(), labels, classes);
      if (bad >= 0) {
        label = labels.slice(bad, bad + 1).toIntArray()[0];
      }
    } else {
      MemorySegment values = labels.memory();
      for (long r = 0; r < labels.elements() && bad < 0; r++) {
        label = i32(values, r);
        bad = label < 0 || label >= classes ? r : -1;
      }
    }
    if (bad >= 0) {
      throw new IndexException(
          op + ": labels[" + bad + "] is " + label + "; 0 to " + (classes - 1) + " are allowed");
    }
  }

  /** Position of the first label out of range, or −1. */
  private static long firstBadOnCuda(CudaContext context, Tensor labels, long classes) {
    long n = labels.elements();
    long[] first = {-1};
    MemorySegment host = MemorySegment.ofArray(first);
    long address = context.allocate(Long.BYTES);
    try {
      // All ones: the largest unsigned position, and −1 here.
      context.fill32(address, -1, 2);
      context
          .launch(LABELS)
          .grid(Math.min(1024, Math.ceilDiv(n, 256)))
          .block(256)
          .arg(labels.address())
          .arg(n)
          .arg(classes)
          .arg(address)
          .what(() -> "the range check of " + labels)
          .run();
      context.copyOut(address, host);
    } finally {
      context.free(address);
    }
    return first[0];
  }
}

package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Softmax;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.Tensor;

/**
 * Mean cross-entropy, alone and with its gradient; for the cross-check, softmax and log-softmax of
 * the same logits, too.
 */
final class CrossEntropyCases {
  private CrossEntropyCases() {}

  /** Classes around lanes and blocks; logits of a new net and of a very certain one. */
  static List<Planned> odd(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (int[] s :
        new int[][] {{64, 10}, {1, 1}, {3, 2}, {33, 31}, {5, 1023}, {7, 1025}, {2, 50_257}}) {
      for (float scale : new float[] {1, 10}) {
        cases.add(planned(s[0], s[1], scale, device));
      }
    }
    return cases;
  }

  /** LeNet's classes, and many. */
  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (int[] s : new int[][] {{4096, 1024}, {64, 10}}) {
        String name = "forward%s %dx%d".formatted(gradient ? " and gradient" : "", s[0], s[1]);
        cases.add(new Planned(name, () -> timed(name, s[0], s[1], gradient, device)));
      }
    }
    return cases;
  }

  private static BenchCase timed(String name, int rows, int n, boolean gradient, Device device) {
    var memory = new CaseMemory(device);
    long count = (long) rows * n;
    MemorySegment x = memory.normal(1, count);
    int[] targets = new SplittableRandom(2).ints(rows, 0, n).toArray();
    MemorySegment t = memory.arena().allocate(rows * 4L, 64);
    MemorySegment.copy(targets, 0, t, JAVA_INT, 0, rows);
    MemorySegment loss = memory.zeros(1);
    MemorySegment dx = memory.zeros(count);
    var ourX = memory.floats(x, rows, n);
    var ourTargets = memory.ints(t, rows);
    var ourLosses = memory.floats(memory.zeros(rows), rows);
    var ourLoss = memory.floats(loss, 1);
    var ourGradient = memory.floats(dx, rows, n);
    Tensor theirX = TorchPeer.floats(x, rows, n);
    Tensor theirTargets = TorchPeer.longs(Inputs.widened(memory.arena(), t), rows);
    if (gradient) {
      theirX.set_requires_grad(true);
    }
    Runnable ours =
        () -> {
          CrossEntropy.forward(ourX, ourTargets, ourLosses, ourLoss);
          if (gradient) {
            CrossEntropy.gradient(ourX, ourTargets, 1f, ourGradient);
          }
        };
    Runnable theirs =
        gradient
            ? () -> TorchPeer.crossEntropyBackward(theirX, theirTargets).close()
            : () -> TorchPeer.crossEntropy(theirX, theirTargets).close();
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(x);
          }
          var reference = new SoftmaxReference(rows, n, x);
          var our = reference.bound(SoftmaxReference.CORRECT);
          var their = reference.bound(SoftmaxReference.ATEN);
          List<Agreement> all = new ArrayList<>();
          try (Tensor theirLoss =
              gradient
                  ? TorchPeer.crossEntropyBackward(theirX, theirTargets)
                  : TorchPeer.crossEntropy(theirX, theirTargets)) {
            compare(
                all,
                "loss",
                loss,
                TorchPeer.memory(theirLoss),
                i -> reference.loss(targets),
                i -> our.loss(targets),
                i -> their.loss(targets));
          }
          if (gradient) {
            compare(
                all,
                "gradient",
                dx,
                TorchPeer.memory(theirX.grad()),
                i -> reference.gradient(i, targets),
                i -> our.gradient(i, targets),
                i -> their.gradient(i, targets));
          }
          return all;
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        // Read once, or twice for a gradient, which is written: its first pass must come to an end.
        Work.bytes((gradient ? 12.0 : 4.0) * count),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", theirs)),
        check,
        () -> {
          List.of(theirX, theirTargets).forEach(Tensor::close);
          memory.run();
        });
  }

  private static Planned planned(int rows, int n, float scale, Device device) {
    String name = "%dx%d, logits times %.0f".formatted(rows, n, scale);
    return new Planned(name, () -> build(name, rows, n, scale, device));
  }

  private static BenchCase build(String name, int rows, int n, float scale, Device device) {
    var memory = new CaseMemory(device);
    long count = (long) rows * n;
    MemorySegment x = memory.normal(1, count);
    for (long i = 0; i < count; i++) {
      x.setAtIndex(JAVA_FLOAT, i, x.getAtIndex(JAVA_FLOAT, i) * scale);
    }
    int[] targets = new SplittableRandom(2).ints(rows, 0, n).toArray();
    MemorySegment t = memory.arena().allocate(rows * 4L, 64);
    MemorySegment.copy(targets, 0, t, JAVA_INT, 0, rows);
    MemorySegment probabilities = memory.zeros(count);
    MemorySegment logs = memory.zeros(count);
    MemorySegment losses = memory.zeros(1);
    MemorySegment gradients = memory.zeros(count);

    var ourX = memory.floats(x, rows, n);
    var ourTargets = memory.ints(t, rows);
    var ourSoftmax = memory.floats(probabilities, rows, n);
    var ourLogs = memory.floats(logs, rows, n);
    var ourLosses = memory.floats(memory.zeros(rows), rows);
    var ourLoss = memory.floats(losses, 1);
    var ourGradient = memory.floats(gradients, rows, n);
    Runnable ours =
        () -> {
          Softmax.softmax(ourX, ourSoftmax);
          Softmax.logSoftmax(ourX, ourLogs);
          CrossEntropy.forward(ourX, ourTargets, ourLosses, ourLoss);
          CrossEntropy.gradient(ourX, ourTargets, 1f, ourGradient);
        };

    MemorySegment torchProbabilities = memory.zeros(count);
    MemorySegment torchLogs = memory.zeros(count);
    Tensor theirX = TorchPeer.floats(x, rows, n);
    Tensor theirTargets = TorchPeer.longs(Inputs.widened(memory.arena(), t), rows);
    Tensor theirSoftmax = TorchPeer.floats(torchProbabilities, rows, n);
    Tensor theirLogs = TorchPeer.floats(torchLogs, rows, n);
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(x);
          }
          var reference = new SoftmaxReference(rows, n, x);
          TorchPeer.softmax(theirX, theirSoftmax);
          TorchPeer.logSoftmax(theirX, theirLogs);
          try (Tensor theirLoss = TorchPeer.crossEntropy(theirX, theirTargets);
              Tensor theirGradient = TorchPeer.crossEntropyGradient(theirX, theirTargets)) {
            var our = reference.bound(SoftmaxReference.CORRECT);
            var their = reference.bound(SoftmaxReference.ATEN);
            List<Agreement> all = new ArrayList<>();
            compare(
                all,
                "softmax",
                probabilities,
                torchProbabilities,
                reference::softmax,
                our::softmax,
                their::softmax);
            compare(
                all,
                "log-softmax",
                logs,
                torchLogs,
                reference::logSoftmax,
                our::logSoftmax,
                their::logSoftmax);
            compare(
                all,
                "loss",
                losses,
                TorchPeer.memory(theirLoss),
                i -> reference.loss(targets),
                i -> our.loss(targets),
                i -> their.loss(targets));
            compare(
                all,
                "gradient",
                gradients,
                TorchPeer.memory(theirGradient),
                i -> reference.gradient(i, targets),
                i -> our.gradient(i, targets),
                i -> their.gradient(i, targets));
            return all;
          }
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(8.0 * count),
        new Contender("selfsame", ours),
        List.of(),
        check,
        () -> {
          List.of(theirX, theirTargets, theirSoftmax, theirLogs).forEach(Tensor::close);
          memory.run();
        });
  }

  private static void compare(
      List<Agreement> all,
      String what,
      MemorySegment ours,
      MemorySegment theirs,
      LongToDoubleFunction exact,
      LongToDoubleFunction ourBound,
      LongToDoubleFunction theirBound) {
    long n = ours.byteSize() / Float.BYTES;
    LongToDoubleFunction our = i -> ours.getAtIndex(JAVA_FLOAT, i);
    LongToDoubleFunction their = i -> theirs.getAtIndex(JAVA_FLOAT, i);
    all.add(
        Agreement.of(
            what + ": ours and libtorch",
            n,
            our,
            their,
            i -> ourBound.applyAsDouble(i) + theirBound.applyAsDouble(i)));
    all.add(Agreement.of(what + ": ours and float64", n, our, exact, ourBound));
    all.add(Agreement.of(what + ": libtorch and float64", n, their, exact, theirBound));
  }
}

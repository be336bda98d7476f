package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Softmax;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.Tensor;

/** Row softmax and its logarithm, one read and one write of the matrix. */
final class SoftmaxCases {
  private SoftmaxCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean log : new boolean[] {false, true}) {
      for (int[] s : new int[][] {{4096, 1024}, {16_384, 10}}) {
        String name = "%s %dx%d".formatted(log ? "log-softmax" : "softmax", s[0], s[1]);
        cases.add(new Planned(name, () -> build(name, s[0], s[1], log, device)));
      }
    }
    return cases;
  }

  private static BenchCase build(String name, int rows, int n, boolean log, Device device) {
    var memory = new CaseMemory(device);
    long count = (long) rows * n;
    MemorySegment x = memory.normal(1, count);
    MemorySegment ours = memory.zeros(count);
    MemorySegment theirs = memory.zeros(count);
    var ourX = memory.floats(x, rows, n);
    var ourY = memory.floats(ours, rows, n);
    Tensor theirX = TorchPeer.floats(x, rows, n);
    Tensor theirY = TorchPeer.floats(theirs, rows, n);
    Runnable our = () -> Softmax.softmax(ourX, ourY);
    Runnable their = () -> TorchPeer.softmax(theirX, theirY);
    Runnable ourLog = () -> Softmax.logSoftmax(ourX, ourY);
    Runnable theirLog = () -> TorchPeer.logSoftmax(theirX, theirY);
    BenchCase.Check check =
        control -> {
          (log ? ourLog : our).run();
          if (control) {
            Inputs.change(x);
          }
          (log ? theirLog : their).run();
          var reference = new SoftmaxReference(rows, n, x);
          var a = reference.bound(SoftmaxReference.CORRECT);
          var b = reference.bound(SoftmaxReference.ATEN);
          LongToDoubleFunction ourBound = log ? a::logSoftmax : a::softmax;
          LongToDoubleFunction theirBound = log ? b::logSoftmax : b::softmax;
          LongToDoubleFunction exact = log ? reference::logSoftmax : reference::softmax;
          LongToDoubleFunction got = i -> ours.getAtIndex(JAVA_FLOAT, i);
          LongToDoubleFunction peer = i -> theirs.getAtIndex(JAVA_FLOAT, i);
          return List.of(
              Agreement.of("ours and float64", count, got, exact, ourBound),
              Agreement.of("libtorch and float64", count, peer, exact, theirBound));
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(8.0 * count),
        new Contender("selfsame", log ? ourLog : our),
        List.of(new Contender("libtorch", log ? theirLog : their)),
        check,
        () -> {
          List.of(theirX, theirY).forEach(Tensor::close);
          memory.run();
        });
  }
}

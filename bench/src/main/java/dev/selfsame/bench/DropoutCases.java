package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchNorms;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Dropout;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Dropout and its mask. The generators differ, so the values can't be compared: of each contender
 * every element must be +0 or the correctly rounded multiple.
 */
final class DropoutCases {
  private static final float P = 0.1f;

  private DropoutCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (int n : new int[] {65_536, 4_194_304}) {
      String name = "p=%s %d".formatted(P, n);
      cases.add(new Planned(name, () -> build(name, n, device)));
    }
    return cases;
  }

  private static BenchCase build(String name, int n, Device device) {
    var memory = new CaseMemory(device);
    var x = memory.normal(1, n);
    var ours = memory.zeros(n);
    var theirs = memory.zeros(n);
    var flags = memory.arena().allocate(n, 64);
    var ourX = memory.floats(x, n);
    var ourY = memory.floats(ours, n);
    Tensor theirX = TorchPeer.floats(x, n);
    Tensor theirY = TorchPeer.floats(theirs, n);
    Tensor theirMask = TorchNorms.flags(flags, n);
    var mask = new Dropout.Mask(P, 1, 2);
    Runnable our = () -> Dropout.dropout(ourX, mask, ourY);
    Runnable their = () -> TorchNorms.dropout(theirX, P, theirY, theirMask);
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(8.0 * n),
        new Contender("selfsame", our),
        List.of(new Contender("libtorch", their)),
        control -> {
          our.run();
          their.run();
          if (control) {
            Inputs.change(x);
            Inputs.change(ours);
          }
          List<Agreement> both = new ArrayList<>();
          for (var out : List.of(ours, theirs)) {
            both.add(
                Agreement.of(
                    out == ours ? "ours and 0 or the multiple" : "libtorch and 0 or the multiple",
                    n,
                    i -> out.getAtIndex(JAVA_FLOAT, i),
                    i -> {
                      double kept = x.getAtIndex(JAVA_FLOAT, i) / (1 - (double) P);
                      return out.getAtIndex(JAVA_FLOAT, i) == 0 ? 0 : kept;
                    },
                    // The scale's rounding and the product's.
                    i -> 3 * Bounds.U * Math.abs(x.getAtIndex(JAVA_FLOAT, i)) / (1 - P)));
          }
          return both;
        },
        () -> {
          List.of(theirX, theirY, theirMask).forEach(Tensor::close);
          memory.run();
        });
  }
}

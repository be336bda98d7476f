package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.Inputs.Pattern;
import dev.selfsame.bench.peers.TorchFunctions;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Gather;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;

/** Rows of a table by index: an embedding. */
final class GatherCases {
  private static final int COUNT = 65_536;
  private static final int ROWS = 50_000;

  private GatherCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (int width : new int[] {64, 256, 1024}) {
      for (Pattern pattern : new Pattern[] {Pattern.UNIFORM, Pattern.ZIPF}) {
        cases.add(planned(pattern, COUNT, ROWS, width, device));
      }
    }
    return cases;
  }

  /** Widths around lanes. */
  static List<Planned> odd(Device device) {
    return List.of(
        planned(Pattern.UNIFORM, 31, 7, 1, device),
        planned(Pattern.ZIPF, 100, 33, 17, device),
        planned(Pattern.HOT, 5, 3, 100, device));
  }

  private static Planned planned(Pattern pattern, int n, int rows, int width, Device device) {
    String name =
        "%s %d of %dx%d".formatted(pattern.name().toLowerCase(Locale.ROOT), n, rows, width);
    return new Planned(name, () -> build(name, pattern, n, rows, width, device));
  }

  private static BenchCase build(
      String name, Pattern pattern, int n, int rows, int width, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment table = memory.normal(1, (long) rows * width);
    MemorySegment indices = Inputs.indices(memory.arena(), 2, pattern, n, rows);
    MemorySegment ours = memory.zeros((long) n * width);
    MemorySegment theirs = memory.zeros((long) n * width);
    var ourTable = memory.floats(table, rows, width);
    var ourIndices = memory.ints(indices, n);
    var ourOut = memory.floats(ours, n, width);
    Tensor theirTable = TorchPeer.floats(table, rows, width);
    Tensor theirIndices = TorchPeer.longs(Inputs.widened(memory.arena(), indices), n);
    Tensor theirOut = TorchPeer.floats(theirs, n, width);
    Runnable our = () -> Gather.gather(ourTable, ourIndices, ourOut);
    Runnable their = () -> TorchFunctions.indexSelect(theirTable, theirIndices, theirOut);
    BenchCase.Check check =
        control -> {
          our.run();
          their.run();
          if (control) {
            Inputs.change(theirs);
          }
          return List.of(
              Agreement.of(
                  "ours and libtorch",
                  (long) n * width,
                  i -> ours.getAtIndex(JAVA_FLOAT, i),
                  i -> theirs.getAtIndex(JAVA_FLOAT, i),
                  i -> 0));
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(4.0 * n * (2 * width + 1)),
        new Contender("selfsame", our),
        List.of(new Contender("index_select", their)),
        check,
        () -> {
          List.of(theirTable, theirIndices, theirOut).forEach(Tensor::close);
          memory.run();
        });
  }
}

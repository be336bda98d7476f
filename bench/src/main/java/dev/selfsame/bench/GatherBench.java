package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.Inputs.Pattern;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Gather;
import org.openjdk.jmh.annotations.Param;

/** Rows of a table by index: an embedding. */
public class GatherBench extends CaseBench {
  private static final int ROWS = 50_000;
  private static final int WIDTH = 256;
  private static final int COUNT = 65_536;

  /** How the indices are spread. */
  @Param({"UNIFORM", "ZIPF"})
  public Pattern pattern;

  @Override
  protected BenchCase build(Device device) {
    return ScalarChecked.build(
        pattern + " 65536 of 50000x256",
        Rate.GBYTES,
        4.0 * COUNT * (2 * WIDTH + 1),
        device,
        memory -> {
          var table = memory.floats(memory.normal(1, (long) ROWS * WIDTH), ROWS, WIDTH);
          var indices = memory.ints(Inputs.indices(memory.arena(), 2, pattern, COUNT, ROWS), COUNT);
          var out = memory.zeros((long) COUNT * WIDTH);
          var ourOut = memory.floats(out, COUNT, WIDTH);
          return new Prepared(() -> Gather.gather(table, indices, ourOut), out);
        });
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Sums;
import org.openjdk.jmh.annotations.Param;

/** Sums of all elements, of rows, of columns. */
public class SumsBench extends CaseBench {
  private static final int ROWS = 4096;
  private static final int COLUMNS = 1024;

  /** Along which axis. */
  public enum Axis {
    ALL,
    ROWS,
    COLUMNS
  }

  /** Along which axis. */
  @Param({"ALL", "ROWS", "COLUMNS"})
  public Axis axis;

  @Override
  protected BenchCase build(Device device) {
    return ScalarChecked.build(
        axis + " of 4096x1024",
        Rate.GBYTES,
        4.0 * ROWS * COLUMNS,
        device,
        memory -> {
          var x = memory.floats(memory.normal(1, ROWS * COLUMNS), ROWS, COLUMNS);
          int n =
              switch (axis) {
                case ALL -> 1;
                case ROWS -> ROWS;
                case COLUMNS -> COLUMNS;
              };
          var result = memory.zeros(n);
          var out = memory.floats(result, n);
          return new Prepared(
              switch (axis) {
                case ALL -> () -> Sums.sum(x, out);
                case ROWS -> () -> Sums.rows(x, out);
                case COLUMNS -> () -> Sums.columns(x, out);
              },
              result);
        });
  }
}

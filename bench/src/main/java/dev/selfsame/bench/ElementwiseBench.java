package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Unary;
import org.openjdk.jmh.annotations.Param;

/** Functions of one tensor, and their gradients. */
public class ElementwiseBench extends CaseBench {
  private static final long ROWS = 4096;
  private static final long COLUMNS = 1024;

  /** Which function. */
  @Param({"RELU", "EXP", "TANH", "SIGMOID", "GELU"})
  public Unary function;

  /** The function, or its gradient. */
  @Param({"false", "true"})
  public boolean gradient;

  @Override
  protected BenchCase build(Device device) {
    long n = ROWS * COLUMNS;
    return ScalarChecked.build(
        function + " 4096x1024",
        Rate.GBYTES,
        (gradient ? 16.0 : 8.0) * n,
        device,
        memory -> {
          var x = memory.floats(memory.normal(1, n), ROWS, COLUMNS);
          var dy = memory.floats(memory.normal(2, n), ROWS, COLUMNS);
          var y = memory.zeros(n);
          var dx = memory.zeros(n);
          var ourY = memory.floats(y, ROWS, COLUMNS);
          var ourDx = memory.floats(dx, ROWS, COLUMNS);
          if (!gradient) {
            return new Prepared(() -> Elementwise.unary(function, x, ourY), y);
          }
          Elementwise.unary(function, x, ourY);
          return new Prepared(() -> Elementwise.gradient(function, x, ourY, dy, ourDx), dx);
        });
  }
}

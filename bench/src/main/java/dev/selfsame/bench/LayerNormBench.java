package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.LayerNorm;
import org.openjdk.jmh.annotations.Param;

/** Layer normalization of rows, and all three of its gradients in one call. */
public class LayerNormBench extends CaseBench {
  /** Which direction. */
  public enum Pass {
    FORWARD,
    GRADIENT
  }

  /** Which direction. */
  @Param({"FORWARD", "GRADIENT"})
  public Pass pass;

  /** Columns of a row; there are 4 M elements. */
  @Param({"64", "1024", "8192"})
  public long columns;

  @Override
  protected BenchCase build(Device device) {
    long rows = (1L << 22) / columns;
    long n = rows * columns;
    return ScalarChecked.build(
        pass + " " + rows + "x" + columns,
        Rate.GBYTES,
        4.0 * n * (pass == Pass.GRADIENT ? 3 : 2),
        device,
        memory -> {
          var ys = memory.zeros(n);
          var x = memory.floats(memory.normal(1, n), rows, columns);
          var dy = memory.floats(memory.normal(2, n), rows, columns);
          var gamma = memory.floats(memory.normal(3, columns), columns);
          var beta = memory.floats(memory.normal(4, columns), columns);
          var mean = memory.floats(memory.zeros(rows), rows);
          var rstd = memory.floats(memory.zeros(rows), rows);
          var dgamma = memory.floats(memory.zeros(columns), columns);
          var dbeta = memory.floats(memory.zeros(columns), columns);
          var y = memory.floats(ys, rows, columns);
          LayerNorm.forward(x, gamma, beta, 1e-5f, y, mean, rstd);
          return new Prepared(
              switch (pass) {
                case FORWARD -> () -> LayerNorm.forward(x, gamma, beta, 1e-5f, y, mean, rstd);
                case GRADIENT ->
                    () -> LayerNorm.gradient(dy, x, gamma, mean, rstd, y, dgamma, dbeta);
              },
              ys);
        });
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Softmax;
import org.openjdk.jmh.annotations.Param;

/** Softmax, its logarithm and their gradients over rows. */
public class SoftmaxBench extends CaseBench {
  /** Which operation. */
  public enum Pass {
    SOFTMAX,
    LOG_SOFTMAX,
    SOFTMAX_GRADIENT,
    LOG_SOFTMAX_GRADIENT
  }

  /** Which operation. */
  @Param({"SOFTMAX", "LOG_SOFTMAX", "SOFTMAX_GRADIENT", "LOG_SOFTMAX_GRADIENT"})
  public Pass pass;

  /** Columns of a row; there are 4 M elements. */
  @Param({"16", "1024", "32768"})
  public long columns;

  @Override
  protected BenchCase build(Device device) {
    long rows = (1L << 22) / columns;
    long n = rows * columns;
    boolean gradient = pass == Pass.SOFTMAX_GRADIENT || pass == Pass.LOG_SOFTMAX_GRADIENT;
    return ScalarChecked.build(
        pass + " " + rows + "x" + columns,
        Rate.GBYTES,
        4.0 * n * (gradient ? 3 : 2),
        device,
        memory -> {
          var as = memory.normal(1, n);
          var bs = memory.normal(2, n);
          var ys = memory.normal(3, n);
          var a = memory.floats(as, rows, columns);
          var b = memory.floats(bs, rows, columns);
          var y = memory.floats(ys, rows, columns);
          return new Prepared(
              switch (pass) {
                case SOFTMAX -> () -> Softmax.softmax(a, y);
                case LOG_SOFTMAX -> () -> Softmax.logSoftmax(a, y);
                case SOFTMAX_GRADIENT -> () -> Softmax.softmaxGradient(a, b, y);
                case LOG_SOFTMAX_GRADIENT -> () -> Softmax.logSoftmaxGradient(a, b, y);
              },
              ys);
        });
  }
}

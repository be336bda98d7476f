package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.CrossEntropy;
import org.openjdk.jmh.annotations.Param;

/** Mean cross-entropy with one label a row, and its gradient. */
public class CrossEntropyBench extends CaseBench {
  /** Which operation. */
  public enum Pass {
    FORWARD,
    GRADIENT
  }

  /** Which operation. */
  @Param({"FORWARD", "GRADIENT"})
  public Pass pass;

  /** Classes; there are 4 M logits. */
  @Param({"16", "1024", "32768"})
  public long classes;

  @Override
  protected BenchCase build(Device device) {
    long rows = (1L << 22) / classes;
    long n = rows * classes;
    return ScalarChecked.build(
        pass + " " + rows + "x" + classes,
        Rate.GBYTES,
        4.0 * n * (pass == Pass.GRADIENT ? 2 : 1),
        device,
        memory -> {
          var xs = memory.normal(1, n);
          var ls = memory.zeros(rows);
          for (long r = 0; r < rows; r++) {
            ls.setAtIndex(JAVA_INT, r, (int) (r * 7919 % classes));
          }
          var rs = memory.normal(2, rows);
          var ds = memory.normal(3, n);
          var x = memory.floats(xs, rows, classes);
          var labels = memory.ints(ls, rows);
          var losses = memory.floats(rs, rows);
          var loss = memory.floats(memory.zeros(1), 1);
          var d = memory.floats(ds, rows, classes);
          return switch (pass) {
            case FORWARD -> new Prepared(() -> CrossEntropy.forward(x, labels, losses, loss), rs);
            case GRADIENT -> new Prepared(() -> CrossEntropy.gradient(x, labels, 1f, d), ds);
          };
        });
  }
}

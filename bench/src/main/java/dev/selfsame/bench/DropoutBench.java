package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Dropout;
import org.openjdk.jmh.annotations.Param;

/** Dropout: drawing the numbers, and one read and one write of the tensor. */
public class DropoutBench extends CaseBench {
  /** Elements. */
  @Param({"65536", "4194304"})
  public long n;

  @Override
  protected BenchCase build(Device device) {
    return ScalarChecked.build(
        "p=0.1, " + n,
        Rate.GBYTES,
        8.0 * n,
        device,
        memory -> {
          var ys = memory.zeros(n);
          var x = memory.floats(memory.normal(1, n), n);
          var y = memory.floats(ys, n);
          var mask = new Dropout.Mask(0.1f, 1, 2);
          return new Prepared(() -> Dropout.dropout(x, mask, y), ys);
        });
  }
}

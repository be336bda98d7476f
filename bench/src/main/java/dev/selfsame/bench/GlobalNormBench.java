package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.GlobalNorm;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** The norm over all elements of many tensors. */
public class GlobalNormBench extends CaseBench {
  /** How many tensors of how many elements. */
  @Param({"1x10000000", "1000x2000"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    String[] part = shape.split("x");
    int count = Integer.parseInt(part[0]);
    int elements = Integer.parseInt(part[1]);
    return ScalarChecked.build(
        shape,
        Rate.GBYTES,
        4.0 * count * elements,
        device,
        memory -> {
          List<Tensor> tensors = new ArrayList<>();
          for (int t = 0; t < count; t++) {
            tensors.add(memory.floats(memory.normal(t, elements), elements));
          }
          var result = memory.zeros(1);
          var norm = memory.floats(result, 1);
          return new Prepared(() -> GlobalNorm.norm(tensors, norm), result);
        });
  }
}

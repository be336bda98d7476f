package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Sgd;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** SGD with momentum: parameter, gradient and velocity read, two of them written. */
public class SgdBench extends CaseBench {
  /** How many parameters. */
  @Param({"1000000", "10000000"})
  public int parameters;

  @Override
  protected BenchCase build(Device device) {
    var hyper = new Sgd.Hyper(1e-3, 0.9, 1e-4, false);
    return ScalarChecked.build(
        parameters + " parameters",
        Rate.GBYTES,
        20.0 * parameters,
        device,
        memory -> {
          MemorySegment p = memory.normal(1, parameters);
          List<Tensor> ps = List.of(memory.floats(p, parameters));
          List<Tensor> gs = List.of(memory.floats(memory.normal(2, parameters), parameters));
          List<Tensor> vs = List.of(memory.floats(memory.zeros(parameters), parameters));
          return new Prepared(() -> Sgd.step(ps, gs, vs, hyper), p);
        });
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Lstm;
import org.openjdk.jmh.annotations.Param;

/** A layer of long short-term memory over 32 steps, as many inputs as units. */
public class LstmBench extends CaseBench {
  private static final long STEPS = 32;

  /** Which direction. */
  public enum Pass {
    FORWARD,
    GRADIENT
  }

  /** Which direction. */
  @Param({"FORWARD", "GRADIENT"})
  public Pass pass;

  /** Samples. */
  @Param({"1", "32"})
  public long batch;

  /** Units, and inputs. */
  @Param({"128", "512"})
  public long units;

  @Override
  protected BenchCase build(Device device) {
    long states = (STEPS + 1) * batch * units;
    double products = 2.0 * STEPS * batch * 4 * units * 2 * units;
    return ScalarChecked.build(
        pass + " " + STEPS + "x" + batch + "x" + units,
        Rate.GFLOPS,
        pass == Pass.FORWARD ? products : 2 * products,
        device,
        memory -> {
          var h = memory.zeros(states);
          var dwHh = memory.zeros(4 * units * units);
          var x = memory.floats(memory.normal(1, STEPS * batch * units), STEPS, batch, units);
          var dy = memory.floats(memory.normal(2, STEPS * batch * units), STEPS, batch, units);
          var wIh = memory.floats(memory.normal(3, 4 * units * units), 4 * units, units);
          var wHh = memory.floats(memory.normal(4, 4 * units * units), 4 * units, units);
          var bias = memory.floats(memory.normal(5, 4 * units), 4 * units);
          var hs = memory.floats(h, STEPS + 1, batch, units);
          var cs = memory.floats(memory.zeros(states), STEPS + 1, batch, units);
          var gates =
              memory.floats(memory.zeros(STEPS * batch * 4 * units), STEPS, batch, 4 * units);
          var dx = memory.floats(memory.zeros(STEPS * batch * units), STEPS, batch, units);
          var dwIh = memory.floats(memory.zeros(4 * units * units), 4 * units, units);
          var dw = memory.floats(dwHh, 4 * units, units);
          var dbias = memory.floats(memory.zeros(4 * units), 4 * units);
          Lstm.forward(x, wIh, wHh, bias, hs, cs, gates);
          return switch (pass) {
            case FORWARD -> new Prepared(() -> Lstm.forward(x, wIh, wHh, bias, hs, cs, gates), h);
            case GRADIENT ->
                new Prepared(
                    () ->
                        Lstm.gradient(
                            dy, x, wIh, wHh, hs, cs, gates, dx, dwIh, dw, dbias, null, null),
                    dwHh);
          };
        });
  }
}

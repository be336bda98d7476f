package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Bias;
import org.openjdk.jmh.annotations.Param;

/** A bias on each channel of an image batch, and its gradient. */
public class BiasBench extends CaseBench {
  private static final long[] SHAPE = {8, 64, 56, 56};
  private static final int CHANNELS = 64;
  private static final long ELEMENTS = 8L * CHANNELS * 56 * 56;

  /** Which direction. */
  public enum Pass {
    ADD,
    GRADIENT
  }

  /** Which direction. */
  @Param({"ADD", "GRADIENT"})
  public Pass pass;

  @Override
  protected BenchCase build(Device device) {
    return ScalarChecked.build(
        pass + " 8x64x56x56",
        Rate.GBYTES,
        (pass == Pass.ADD ? 8.0 : 4.0) * ELEMENTS,
        device,
        memory -> {
          var x = memory.floats(memory.normal(1, ELEMENTS), SHAPE);
          var bias = memory.normal(2, CHANNELS);
          var y = memory.zeros(ELEMENTS);
          var ourBias = memory.floats(bias, CHANNELS);
          var ourY = memory.floats(y, SHAPE);
          return switch (pass) {
            case ADD -> new Prepared(() -> Bias.add(x, ourBias, ourY), y);
            case GRADIENT -> new Prepared(() -> Bias.gradient(x, ourBias), bias);
          };
        });
  }
}

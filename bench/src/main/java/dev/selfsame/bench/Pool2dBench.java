package dev.selfsame.bench;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Pool2d;
import org.openjdk.jmh.annotations.Param;

/** Pooling with 3x3 windows and stride 2, as ResNet's first, and the gradients. */
public class Pool2dBench extends CaseBench {
  private static final long[] IMAGE = {4, 64, 112, 112};
  private static final long[] POOLED = {4, 64, 56, 56};
  private static final long IN = 4L * 64 * 112 * 112;
  private static final long OUT = IN / 4;

  /** Which operation. */
  public enum Pass {
    MAX,
    MAX_GRADIENT,
    AVERAGE,
    AVERAGE_GRADIENT
  }

  /** Which operation. */
  @Param({"MAX", "MAX_GRADIENT", "AVERAGE", "AVERAGE_GRADIENT"})
  public Pass pass;

  @Override
  protected BenchCase build(Device device) {
    var geometry = new Pool2d.Geometry(3, 3, 2, 2, 1, 1);
    return ScalarChecked.build(
        pass + " 4x64x112x112",
        Rate.GBYTES,
        4.0 * (IN + OUT),
        device,
        memory -> {
          var large = memory.normal(1, IN);
          var small = memory.normal(2, OUT);
          Tensor image = memory.floats(large, IMAGE);
          Tensor pooled = memory.floats(small, POOLED);
          Tensor argmax = Tensor.empty(memory.scope(), image.device(), DType.I32, pooled.shape());
          if (pass == Pass.MAX_GRADIENT) {
            Pool2d.max(image, geometry, pooled, argmax);
          }
          return switch (pass) {
            case MAX -> new Prepared(() -> Pool2d.max(image, geometry, pooled, argmax), small);
            case MAX_GRADIENT ->
                new Prepared(() -> Pool2d.maxGradient(pooled, argmax, geometry, image), large);
            case AVERAGE -> new Prepared(() -> Pool2d.average(image, geometry, pooled), small);
            case AVERAGE_GRADIENT ->
                new Prepared(() -> Pool2d.averageGradient(pooled, geometry, image), large);
          };
        });
  }
}

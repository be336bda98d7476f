package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Layers of ResNet-50, all three passes. */
public class Conv2dBench extends CaseBench {
  /** Which pass. */
  @Param({"CONV2D_FORWARD", "CONV2D_DATA_GRADIENT", "CONV2D_WEIGHT_GRADIENT"})
  public Suite pass;

  /** Filter, channels, image, batch. */
  @Param({"7x7 /2 3>64 @224 n1", "3x3 64>64 @56 n1", "1x1 64>256 @56 n1", "3x3 256>256 @14 n1"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return pass.build(shape, device);
  }
}

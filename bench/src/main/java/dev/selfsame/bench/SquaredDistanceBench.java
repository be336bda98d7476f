package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Squared distance of pairs of tensors, with its gradients. */
public class SquaredDistanceBench extends CaseBench {
  /** Which case of the suite. */
  @Param({"distance 1x4000000", "distance 50x20000"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.LOSSES.build(shape, device);
  }
}

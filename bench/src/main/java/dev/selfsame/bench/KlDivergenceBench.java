package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Divergence of softmaxes at a temperature, with its gradient. */
public class KlDivergenceBench extends CaseBench {
  /** Which case of the suite. */
  @Param({"divergence 4096x1024", "divergence 64x10"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.LOSSES.build(shape, device);
  }
}

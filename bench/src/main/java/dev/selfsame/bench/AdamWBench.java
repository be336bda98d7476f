package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** AdamW on one large tensor and on many small ones. */
public class AdamWBench extends CaseBench {
  /** How many parameters. */
  @Param({"1e6 parameters", "1e7 parameters", "1000 tensors of 16 to 4096"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.ADAMW.build(shape, device);
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Locally connected layers, all three passes. */
public class LocallyConnected2dBench extends CaseBench {
  /** Which pass. */
  @Param({"forward", "data-gradient", "weight-gradient"})
  public String pass;

  /** Filter, channels, image, batch. */
  @Param({"5x5 6>16 @14 n64", "5x5 16>16 @25 n32", "3x3 /2 32>32 @27 n16"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.LOCALLY_CONNECTED.build(pass + " " + shape, device);
  }
}

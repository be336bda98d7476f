package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Transposed convolutions, forward. */
public class ConvTranspose2dBench extends CaseBench {
  /** Filter, channels, output, batch. */
  @Param({"4x4 /2 512>256 to @8 n4", "4x4 /2 128>64 to @32 n4", "4x4 /2 64>3 to @64 n4"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.CONV_TRANSPOSE.build(shape, device);
  }
}

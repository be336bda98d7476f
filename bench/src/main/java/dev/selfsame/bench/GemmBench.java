package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Matrix products. */
public class GemmBench extends CaseBench {
  /** m, n, k and which operands are transposed. */
  @Param({
    "64x64x64 NN",
    "256x256x256 NN",
    "512x512x512 NN",
    "1024x1024x1024 NN",
    "1024x1024x1024 NT",
    "1024x1024x1024 TN"
  })
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.GEMM.build(shape, device);
  }
}

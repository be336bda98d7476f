package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Scatter-add: indices spread evenly, like words, and in one row. */
public class ScatterAddBench extends CaseBench {
  /** Pattern and sizes. */
  @Param({
    "uniform 65536x256 into 50000",
    "zipf 65536x256 into 50000",
    "half hot 65536x256 into 50000",
    "hot 65536x256 into 50000"
  })
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.SCATTER_ADD.build(shape, device);
  }
}

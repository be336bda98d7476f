package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Whole training steps of the shipped systems. */
public class StepBench extends CaseBench {
  /** System and batch. */
  @Param("lenet batch 64")
  public String system;

  @Override
  protected BenchCase build(Device device) {
    return Suite.STEP.build(system, device);
  }
}

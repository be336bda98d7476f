package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/** Contrastive loss of pairs of rows, with its gradients. */
public class ContrastiveLossBench extends CaseBench {
  /** Which case of the suite. */
  @Param({"contrastive 32768x128", "contrastive 64x32"})
  public String shape;

  @Override
  protected BenchCase build(Device device) {
    return Suite.LOSSES.build(shape, device);
  }
}

package dev.selfsame.bench;

import dev.selfsame.Device;
import org.openjdk.jmh.annotations.Param;

/**
 * Any case of the paired runner under JMH, ours or a peer: {@code -p suite=POOL -p name="max 3x3 /2
 * 64 @112 n4" -p contender=libtorch}.
 */
public class SuiteBench extends CaseBench {
  /** Which suite. */
  @Param("SOFTMAX")
  public Suite suite;

  /** The case, as {@code scripts/bench pair} names it. */
  @Param("softmax 4096x1024")
  public String name;

  @Override
  protected BenchCase build(Device device) {
    return suite.build(name, device);
  }
}

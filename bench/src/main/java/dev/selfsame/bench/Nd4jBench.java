package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.Nd4jPeer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.openjdk.jmh.annotations.Param;

/**
 * The cases of {@code scripts/bench nd4j} under JMH: {@code scripts/bench jmh Nd4j -p
 * contender=ND4J}.
 */
public class Nd4jBench extends CaseBench {
  /** The case, as {@code scripts/bench nd4j} names it, behind its suite. */
  @Param({
    "nd4j-gemm 1024x1024x1024 NN",
    "nd4j-gemm 64x120x400 NT",
    "nd4j-softmax 4096x1024",
    "nd4j-tanh 4096x1024"
  })
  public String name;

  private Nd4jPeer peer;

  @Override
  protected void peers() {
    try {
      peer = new Nd4jPeer(threads);
    } catch (LinkageError e) {
      throw new IllegalStateException(
          "ND4J is not loaded; its JMH cases run alone: scripts/bench jmh Nd4j", e);
    }
  }

  @Override
  protected BenchCase build(Device device) {
    Map<String, Supplier<BenchCase>> all = new LinkedHashMap<>();
    Nd4jCases.all(device, peer)
        .forEach((suite, cases) -> cases.forEach(c -> all.put(suite + " " + c.name(), c.build())));
    if (!all.containsKey(name)) {
      throw new IllegalArgumentException("no case '%s', but %s".formatted(name, all.keySet()));
    }
    return all.get(name).get();
  }
}

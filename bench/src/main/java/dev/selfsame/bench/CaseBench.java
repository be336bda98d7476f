package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Times one side of one case, ours unless another is asked for; results are checked before the
 * first iteration of every fork. Several forks, because alignment and inlining differ from process
 * to process.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(3)
public abstract class CaseBench {
  /** Threads of the device. */
  @Param("1")
  public int threads;

  /** Who runs: {@code selfsame}, or a peer that the case has, such as {@code libtorch}. */
  @Param("selfsame")
  public String contender;

  private BenchCase current;
  private Runnable timed;

  /** The case that the parameters name. */
  protected abstract BenchCase build(Device device);

  /** Gives the peers as many threads. */
  protected void peers() {
    TorchPeer.threads(threads);
  }

  /** Builds and checks the case. */
  @Setup
  public final void prepare() {
    peers();
    current = build(Device.vector(Lanes.preferredBits(), threads));
    current.requireAgreement();
    timed = contender(current, contender).run();
  }

  private static Contender contender(BenchCase c, String name) {
    List<Contender> all = new ArrayList<>(List.of(c.ours()));
    all.addAll(c.theirs());
    return all.stream()
        .filter(a -> a.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "%s has no contender '%s', but %s"
                    .formatted(c.name(), name, all.stream().map(Contender::name).toList())));
  }

  /** Frees the case. */
  @TearDown
  public final void finish() {
    current.close();
  }

  /** One run. */
  @Benchmark
  public void run() {
    timed.run();
  }
}

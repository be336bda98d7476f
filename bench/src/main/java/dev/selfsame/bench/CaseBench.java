package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
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
 * Times our side of one case; results are checked before the first iteration of every fork. Several
 * forks, because alignment and inlining differ from process to process.
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

  private BenchCase current;
  private Runnable ours;

  /** The case that the parameters name. */
  protected abstract BenchCase build(Device device);

  /** Builds and checks the case. */
  @Setup
  public final void prepare() {
    TorchPeer.threads(threads);
    current = build(Device.vector(Lanes.preferredBits(), threads));
    current.requireAgreement();
    ours = current.ours().run();
  }

  /** Frees the case. */
  @TearDown
  public final void finish() {
    current.close();
  }

  /** One run. */
  @Benchmark
  public void run() {
    ours.run();
  }
}

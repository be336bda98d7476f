package dev.selfsame.bench.gpu;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.bench.Work;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One thing to time on a GPU.
 *
 * @param suite what kind it is; with the parameters, all that a peer has to know
 * @param name of the case, unique
 * @param work of one run
 * @param parameters sizes by name
 * @param setup makes it ready
 */
public record GpuCase(
    String suite, String name, Work work, Map<String, Object> parameters, Setup setup) {

  /** Makes a case ready on a device. */
  @FunctionalInterface
  public interface Setup {
    Ready on(Scope scope, Device.Cuda device);
  }

  /** A case whose tensors are on the device. */
  public interface Ready {
    /** Queues one run. */
    void run();

    /** After the first run: where its bits differ from the CPU's; empty if nowhere. */
    Optional<String> difference();

    /** A matrix product's operands and result, for other libraries; else empty. */
    default List<Tensor> product() {
      return List.of();
    }
  }

  /** Compares results on a device with those of the CPU's vector kernels, bit by bit. */
  static final class Differences {
    private final List<String> found = new ArrayList<>();

    Differences add(String what, Tensor expected, Tensor actual) {
      Bits.compare(expected, actual).ifPresent(m -> found.add(what + " " + m));
      return this;
    }

    Optional<String> first() {
      return found.stream().findFirst();
    }
  }
}

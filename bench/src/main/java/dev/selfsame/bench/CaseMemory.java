package dev.selfsame.bench;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The memory of one case: segments for all contenders, and tensors of ours over them. */
final class CaseMemory implements Runnable {
  private final Device device;
  private final Arena arena = Arena.ofShared();
  private final Scope scope = Scope.open();

  CaseMemory(Device device) {
    this.device = device;
  }

  /** The threads that the case may use, and its peers. */
  int threads() {
    return device instanceof Device.Vector vector ? vector.threads() : 1;
  }

  Arena arena() {
    return arena;
  }

  MemorySegment zeros(long n) {
    return Inputs.zeros(arena, n);
  }

  MemorySegment normal(long seed, long n) {
    return Inputs.normal(arena, seed, n);
  }

  MemorySegment copy(MemorySegment from) {
    return Inputs.copy(arena, from);
  }

  Tensor floats(MemorySegment memory, long... shape) {
    return Tensor.wrap(scope, device, DType.F32, memory, shape);
  }

  Tensor ints(MemorySegment memory, long... shape) {
    return Tensor.wrap(scope, device, DType.I32, memory, shape);
  }

  Scope scope() {
    return scope;
  }

  /** Frees all. */
  @Override
  public void run() {
    scope.close();
    arena.close();
  }
}

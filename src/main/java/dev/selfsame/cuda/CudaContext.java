package dev.selfsame.cuda;

import dev.selfsame.DeviceException;
import java.lang.foreign.MemorySegment;

/** Placeholder until the driver binding lands: the calls that tensors and devices make. */
public final class CudaContext {
  private CudaContext() {}

  /** The GPU of an ordinal. */
  public static CudaContext hardware(int ordinal) {
    throw new DeviceException("cuda:" + ordinal + " is not usable: the driver binding is not built yet");
  }

  /** The software device with a schedule: ascending, descending or shuffled. */
  public static CudaContext softcuda(String schedule) {
    throw new DeviceException("softcuda is not usable: the driver binding is not built yet");
  }

  /** Whether both address the same memory. */
  public boolean sharesMemoryWith(CudaContext other) {
    return this == other;
  }

  /** Device memory. */
  public long allocate(long bytes) {
    throw new UnsupportedOperationException();
  }

  /** Gives it back. */
  public void free(long address) {}

  /** Sets 32-bit words. */
  public void fill32(long address, int bits, long count) {}

  /** Host to device. */
  public void copyIn(long target, MemorySegment source) {}

  /** Device to host. */
  public void copyOut(long source, MemorySegment target) {}

  /** Device to device. */
  public void copyDevice(long source, long target, long bytes) {}

  /** Waits for all work. */
  public void synchronize() {}
}

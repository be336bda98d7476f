package dev.selfsame.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Page-locked host memory, which a device reads and writes at the bus's full speed while the CPU
 * goes on.
 *
 * <p>After {@link #close()} each access to the segment is an exception.
 */
public final class PinnedBuffer extends CudaResource {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;
  private final AtomicInteger graphs = new AtomicInteger();

  PinnedBuffer(CudaContext context, long address, long bytes) {
    super(context, address);
    segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
  }

  /**
   * The memory.
   *
   * @return a native segment of the size that was asked for
   */
  public MemorySegment segment() {
    return segment;
  }

  /** Without the check of a closed segment. */
  long bytes() {
    return segment.byteSize();
  }

  /** One more captured graph that reads from here, or one fewer. */
  void used(int change) {
    graphs.addAndGet(change);
  }

  @Override
  void checkUnused() {
    if (graphs.get() > 0) {
      throw CudaException.refused(
          "close",
          null,
          "a captured graph copies from this pinned buffer at each replay; close the graph first");
    }
  }

  @Override
  int destroy(EntryPoints calls) {
    arena.close();
    int first = calls.cuStreamSynchronize(primary().stream);
    return DeviceMemory.first(first, calls.cuMemFreeHost(handle()));
  }
}

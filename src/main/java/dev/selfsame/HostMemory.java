package dev.selfsame;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Off-heap blocks for CPU tensors, kept for reuse: a training step allocates the same sizes again
 * and again, and fresh pages from the operating system would cost more than the kernels.
 *
 * <p>Blocks below {@link #LARGE} live until the process ends and go back to a free list by size
 * class (four classes to a power of two, at most 25 % waste). Larger ones are their own arena and
 * are returned at once.
 */
final class HostMemory {
  /** Cache line and widest vector: no vector access of an aligned tensor splits a line. */
  static final long ALIGNMENT = 64;

  private static final long LARGE = 1L << 30;

  /** Never started: stands for a worker where memory may be confined to its owner. */
  private static final Thread SOME_OTHER_THREAD = new Thread(() -> {});

  private static final ConcurrentHashMap<Long, ConcurrentLinkedDeque<MemorySegment>> FREE =
      new ConcurrentHashMap<>();

  private HostMemory() {}

  /** A block and the way to give it back. */
  record Block(MemorySegment segment, Runnable release) {}

  /** Of exactly the size, aligned, and open to all threads of the device. */
  static void requireWrappable(MemorySegment memory, Device device, DType dtype, Shape shape) {
    if (device instanceof Device.Cuda) {
      throw new DeviceException(
          "host memory can't be wrapped on " + device + "; copy it or wrap a device address");
    }
    if (memory.byteSize() != shape.elements() * dtype.bytes()) {
      throw new ShapeException(
          "memory holds "
              + memory.byteSize()
              + " bytes, but "
              + dtype
              + " "
              + shape
              + " takes "
              + shape.elements() * dtype.bytes());
    }
    if (memory.maxByteAlignment() < dtype.bytes()) {
      throw new ShapeException(
          "memory is aligned to "
              + memory.maxByteAlignment()
              + " bytes; "
              + dtype
              + " needs "
              + dtype.bytes());
    }
    if (device instanceof Device.Vector v
        && v.threads() > 1
        && !memory.isAccessibleBy(SOME_OTHER_THREAD)) {
      throw new DeviceException(
          "memory is confined to one thread, but "
              + v
              + " works with "
              + v.threads()
              + "; take it from a shared or automatic arena");
    }
  }

  /** At least {@code bytes} bytes, cut to exactly that, contents undefined. */
  static Block acquire(long bytes) {
    if (bytes >= LARGE) {
      Arena arena = Arena.ofShared();
      try {
        return new Block(fresh(arena, bytes), arena::close);
      } catch (OutOfMemoryError e) {
        arena.close();
        throw noMemory(bytes, e);
      }
    }
    long size = sizeClass(bytes);
    ConcurrentLinkedDeque<MemorySegment> free =
        FREE.computeIfAbsent(size, s -> new ConcurrentLinkedDeque<>());
    MemorySegment block = free.pollFirst();
    if (block == null) {
      try {
        block = fresh(Arena.global(), size);
      } catch (OutOfMemoryError e) {
        throw noMemory(bytes, e);
      }
    }
    MemorySegment whole = block;
    return new Block(whole.asSlice(0, bytes), () -> free.addFirst(whole));
  }

  private static MemorySegment fresh(Arena arena, long bytes) {
    if (bytes < HugePages.LEAST) {
      return arena.allocate(bytes, ALIGNMENT);
    }
    MemorySegment block = arena.allocate(bytes, HugePages.PAGE);
    HugePages.ask(block);
    return block;
  }

  private static long sizeClass(long bytes) {
    if (bytes <= 256) {
      return 256;
    }
    long step = Long.highestOneBit(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
  }

  private static DeviceException noMemory(long bytes, OutOfMemoryError cause) {
    return new DeviceException(
        "the host has no "
            + bytes
            + " bytes of off-heap memory left for a tensor ("
            + Tensor.liveBytes()
            + " bytes are live); close scopes earlier or use smaller batches",
        cause);
  }
}

package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The device memory of one context: a stream-ordered pool of its own where the device has pools
 * (memory that was freed stays in the pool until {@link #trim} or close), else plain cuMemAlloc.
 * Knows each live allocation, so that it can count bytes, refuse a second free and check ranges.
 * The caller makes the context current.
 */
final class DeviceMemory {
  private static final int PINNED = 1; // CU_MEM_ALLOCATION_TYPE_PINNED
  private static final int DEVICE = 1; // CU_MEM_LOCATION_TYPE_DEVICE
  private static final int RELEASE_THRESHOLD = 4; // CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
  private static final int POOL_PROPERTIES_BYTES = 88;

  private final Primary context;
  private final EntryPoints calls;

  /** The pool, or 0 for plain allocations. */
  private final long pool;

  private final ConcurrentSkipListMap<Long, Long> live = new ConcurrentSkipListMap<>();
  private final AtomicLong liveBytes = new AtomicLong();

  /** Blocks that captured work uses, and which capture's they are: theirs until its graph ends. */
  private final ConcurrentHashMap<Long, Capture> captured = new ConcurrentHashMap<>();

  DeviceMemory(Primary context) {
    this.context = context;
    this.calls = context.calls;
    DeviceProperties device = context.properties;
    this.pool = device.memoryPools() ? createPool(context.driver, device.ordinal()) : 0;
  }

  private static long createPool(Driver driver, int ordinal) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment properties = arena.allocate(POOL_PROPERTIES_BYTES, 8);
      properties.set(JAVA_INT, 0, PINNED);
      properties.set(JAVA_INT, 8, DEVICE);
      properties.set(JAVA_INT, 12, ordinal);
      MemorySegment out = arena.allocate(8, 8);
      driver.check(driver.calls().cuMemPoolCreate(out, properties), "cuMemPoolCreate");
      long pool = out.get(JAVA_LONG, 0);
      out.set(JAVA_LONG, 0, -1L); // keep all: an unsigned maximum
      driver.check(
          driver.calls().cuMemPoolSetAttribute(pool, RELEASE_THRESHOLD, out),
          "cuMemPoolSetAttribute");
      return pool;
    }
  }

  long allocate(long bytes, long stream) {
    Capture capture = context.capture;
    long address = capture != null ? capture.reuse(bytes) : 0;
    if (address == 0) {
      address = fresh(bytes, capture != null ? capture.sideStream : stream);
      if (capture != null) {
        captured.put(address, capture);
        capture.own(address, bytes);
      }
    }
    live.put(address, bytes);
    liveBytes.addAndGet(bytes);
    return address;
  }

  private long fresh(long bytes, long stream) {
    CallBlock block = CallBlock.local();
    int result =
        pool != 0
            ? calls.cuMemAllocFromPoolAsync(block.out, bytes, pool, stream)
            : calls.cuMemAlloc(block.out, bytes);
    if (result == Result.OUT_OF_MEMORY) {
      throw context.failed(
          result, "allocate", null, "allocating " + bytes + " bytes" + beside(block));
    }
    if (result != Result.SUCCESS) {
      throw context.failed(result, "allocate", null, "allocating " + bytes + " bytes");
    }
    return block.outLong();
  }

  private String beside(CallBlock block) {
    String text = " beside " + liveBytes() + " live bytes in " + live.size() + " allocations";
    if (calls.cuMemGetInfo(block.out, block.out2) == Result.SUCCESS) {
      text += ", " + block.outLong() + " of " + block.out2.get(JAVA_LONG, 0) + " bytes free";
    }
    return text;
  }

  /** Forgets an allocation; returns whether there was one. */
  boolean forget(long address) {
    Long bytes = live.remove(address);
    if (bytes == null) {
      return false;
    }
    liveBytes.addAndGet(-bytes);
    return true;
  }

  void free(long address, long stream) {
    if (!forget(address)) {
      throw CudaException.refused(
          "free",
          null,
          "0x" + Long.toHexString(address) + " is no live allocation of this context");
    }
    int result = release(address, stream);
    if (result != Result.SUCCESS) {
      throw context.failed(
          result, "free", null, "freeing device memory at 0x" + Long.toHexString(address));
    }
  }

  /** Frees on a lost device, where nothing can be expected of it. */
  void discard(long address, long stream) {
    if (forget(address)) {
      int unused = release(address, stream);
    }
  }

  /** A block of a capture goes back to it; one from before the capture becomes the capture's. */
  private int release(long address, long stream) {
    Capture owner = captured.get(address);
    Capture capture = context.capture;
    if (owner == null && capture != null) {
      captured.put(address, capture);
      capture.own(address, 0);
      return Result.SUCCESS;
    }
    if (owner != null) {
      owner.giveBack(address);
      return Result.SUCCESS;
    }
    return toPool(address, stream);
  }

  /** Whether an address lies in memory that a capture allocated. */
  boolean isCaptured(long address) {
    Map.Entry<Long, Long> entry = live.floorEntry(address);
    return entry != null && captured.containsKey(entry.getKey());
  }

  /** Ends a capture's ownership: what is still live is freed by its user as any other block. */
  int release(Capture capture, long stream) {
    int first = Result.SUCCESS;
    for (long address : capture.blocks()) {
      if (captured.remove(address, capture) && !live.containsKey(address)) {
        first = first(first, toPool(address, stream));
      }
    }
    return first;
  }

  private int toPool(long address, long stream) {
    return pool != 0 ? calls.cuMemFreeAsync(address, stream) : calls.cuMemFree(address);
  }

  /**
   * Refuses a range that begins in one of our allocations and ends outside it. Addresses that came
   * from elsewhere pass.
   */
  void checkRange(String operation, long address, long bytes) {
    if (bytes == 0) {
      return;
    }
    if (address == 0) {
      throw CudaException.refused(operation, null, operation + ": the device address is null");
    }
    Map.Entry<Long, Long> entry = live.floorEntry(address);
    if (entry == null) {
      return;
    }
    long offset = address - entry.getKey();
    long size = entry.getValue();
    if (offset < size && bytes > size - offset) {
      throw CudaException.refused(
          operation,
          null,
          operation
              + ": bytes "
              + offset
              + " … "
              + (offset + bytes - 1)
              + " of a device allocation of "
              + size
              + " bytes");
    }
  }

  long liveBytes() {
    return liveBytes.get();
  }

  int trim() {
    return pool != 0 ? calls.cuMemPoolTrimTo(pool, 0) : Result.SUCCESS;
  }

  /** Frees what is left and the pool; returns the first result that is not success. */
  int close(long stream) {
    int first = Result.SUCCESS;
    for (Long address : live.keySet()) {
      if (forget(address)) {
        first = first(first, release(address, stream));
      }
    }
    if (pool != 0) {
      first = first(first, calls.cuStreamSynchronize(stream));
      first = first(first, calls.cuMemPoolDestroy(pool));
    }
    return first;
  }

  static int first(int before, int result) {
    return before != Result.SUCCESS ? before : result;
  }
}

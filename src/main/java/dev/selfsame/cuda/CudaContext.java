package dev.selfsame.cuda;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * One CUDA device at work: its primary context, a memory pool, kernels, and the stream that all
 * work goes into.
 *
 * <p>The primary context is retained, never created, so this lives beside JCuda and the CUDA
 * runtime in one process. All methods may be called from any thread; the context is made current on
 * the calling thread and stays so. Work is queued in one primary.stream, in the order of the calls;
 * {@link #copyOut} and {@link #synchronize} wait for it.
 *
 * <p>After an error from which a device doesn't recover, it counts as lost: every further call
 * throws the first failure again, while {@link #free} and {@link #close} still work.
 */
public final class CudaContext implements AutoCloseable {
  /**
   * A system property: {@code true} waits after each launch, so that a failing kernel is the one
   * that is named.
   */
  public static final String SYNC_PROPERTY = "selfsame.cuda.sync";

  private static final boolean SYNC = Boolean.getBoolean(SYNC_PROPERTY);
  static final int NON_BLOCKING = 1; // CU_STREAM_NON_BLOCKING
  private static final Map<String, CudaContext> SHARED = new HashMap<>();

  private final Primary primary;
  private final EntryPoints calls;
  private final Softcuda.@Nullable Order schedule;
  private final long ownStream;
  private final DeviceMemory memory;
  private final Staging staging;
  private final Modules modules;
  private final Set<CudaResource> resources = ConcurrentHashMap.newKeySet();

  private CudaContext(Driver driver, int ordinal, Softcuda.@Nullable Order schedule) {
    this.schedule = schedule;
    primary = new Primary(driver, ordinal);
    calls = primary.calls;
    try {
      primary.check(calls.cuCtxSetCurrent(primary.context), "cuCtxSetCurrent");
      CallBlock block = CallBlock.local();
      primary.check(calls.cuStreamCreate(block.out, NON_BLOCKING), "cuStreamCreate");
      ownStream = block.outLong();
      primary.stream = ownStream;
      memory = new DeviceMemory(primary);
      staging = new Staging(primary);
      modules = new Modules(primary);
    } catch (CudaException e) {
      int unused = calls.cuDevicePrimaryCtxRelease(ordinal);
      throw e;
    }
  }

  /**
   * The context of a GPU, one for the whole process until it is closed.
   *
   * @param ordinal the device, from 0
   * @return the context
   * @throws CudaException if there is no driver, no such device, or no CUDA kernels were built
   */
  public static CudaContext hardware(int ordinal) {
    return shared("cuda:" + ordinal, Driver.hardware(), ordinal, null);
  }

  /**
   * The context of the software device, one for the whole process and each schedule until it is
   * closed.
   *
   * @param schedule the order in which blocks and threads run: {@code ascending}, {@code
   *     descending} or {@code shuffled}
   * @return the context
   * @throws CudaException if softcuda was not built, or there is no such schedule
   */
  public static CudaContext softcuda(String schedule) {
    for (Softcuda.Order order : Softcuda.Order.values()) {
      if (order.name().toLowerCase(Locale.ROOT).equals(schedule)) {
        return shared("softcuda:" + schedule, Softcuda.driver(), 0, order);
      }
    }
    throw CudaException.refused(
        "softcuda",
        null,
        "softcuda has no schedule '" + schedule + "'; there are ascending, descending, shuffled");
  }

  private static CudaContext shared(
      String name, Driver driver, int ordinal, Softcuda.@Nullable Order schedule) {
    synchronized (SHARED) {
      CudaContext known = SHARED.get(name);
      if (known != null && !known.isClosed()) {
        return known;
      }
      String missing = Modules.missing(driver);
      if (missing != null) {
        throw CudaException.refused(name, null, name + " is not usable: " + missing);
      }
      CudaContext made = new CudaContext(driver, ordinal, schedule);
      SHARED.put(name, made);
      return made;
    }
  }

  /**
   * A context of its own, with its own stream and memory pool, on a device's primary context.
   *
   * @param driver the driver
   * @param ordinal the device, from 0
   * @return the context, to be closed
   */
  public static CudaContext open(Driver driver, int ordinal) {
    return new CudaContext(driver, ordinal, null);
  }

  /**
   * The device's properties.
   *
   * @return what the device says of itself
   */
  public DeviceProperties properties() {
    return primary.properties;
  }

  /**
   * The driver that this context belongs to.
   *
   * @return the driver
   */
  public Driver driver() {
    return primary.driver;
  }

  /**
   * Whether addresses of the one are good on the other: both are the same device of the same
   * driver.
   *
   * @param other another context
   * @return true if they share a primary context
   */
  public boolean sharesMemoryWith(CudaContext other) {
    return driver() == other.driver() && primary.context == other.primary.context;
  }

  /**
   * Whether {@link #close()} was called.
   *
   * @return true if closed
   */
  public boolean isClosed() {
    return primary.isClosed();
  }

  /**
   * The failure through which the device was lost.
   *
   * @return its text, or null while the device works
   */
  public @Nullable String lostBecause() {
    CudaException cause = primary.lost();
    return cause == null ? null : cause.getMessage();
  }

  // ---- memory

  /**
   * Device memory, uninitialised, at least 256-byte aligned, in the order of the stream.
   *
   * @param bytes the size; 0 gives the address 0
   * @return the device address
   * @throws CudaException if the device has too little memory
   */
  public long allocate(long bytes) {
    if (bytes < 0) {
      throw CudaException.refused("allocate", null, "allocate: " + bytes + " bytes");
    }
    primary.enter();
    try {
      if (bytes == 0) {
        return 0;
      }
      long address = memory.allocate(bytes, primary.stream);
      CudaEvents.allocated(bytes, memory.liveBytes());
      return address;
    } finally {
      primary.exit();
    }
  }

  /**
   * Gives device memory back, once the work queued so far is done. On a lost or closed context
   * nothing is thrown.
   *
   * @param address what {@link #allocate} gave
   * @throws CudaException if it is no live allocation of this context
   */
  public void free(long address) {
    if (address == 0) {
      return;
    }
    primary.lock.readLock().lock();
    try {
      if (primary.isClosed()) {
        memory.forget(address);
        return;
      }
      int current = calls.cuCtxSetCurrent(primary.context);
      if (primary.lost() != null) {
        memory.discard(address, primary.stream);
        return;
      }
      primary.check(current, "cuCtxSetCurrent");
      memory.free(address, primary.stream);
    } finally {
      primary.exit();
    }
  }

  /**
   * Bytes that were allocated and not freed.
   *
   * @return the sum of the sizes asked for
   */
  public long liveBytes() {
    return memory.liveBytes();
  }

  /** Returns the pool's unused memory to the device, after waiting for all work. */
  public void trim() {
    primary.requireNoCapture("trim");
    primary.call("cuStreamSynchronize", c -> c.cuStreamSynchronize(primary.stream));
    primary.call("cuMemPoolTrimTo", c -> memory.trim());
  }

  /**
   * The device's memory as all processes share it.
   *
   * @return free bytes now
   */
  public long freeBytes() {
    CallBlock block = CallBlock.local();
    primary.call("cuMemGetInfo", c -> c.cuMemGetInfo(block.out, block.out2));
    return block.outLong();
  }

  /**
   * Copies from the host to the device. The source may be reused on return.
   *
   * @param target device address
   * @param source heap or native memory; its size is what is copied
   */
  public void copyIn(long target, MemorySegment source) {
    primary.enter();
    try {
      primary.requireNoCapture("copyIn");
      memory.checkRange("copyIn", target, source.byteSize());
      CudaEvents.copying(
          "to the device", source.byteSize(), () -> staging.in(target, source, primary.stream));
    } finally {
      primary.exit();
    }
  }

  /**
   * As {@link #copyIn}, but may be captured: each replay of the graph copies the same bytes again.
   * For tables that go with a launch.
   *
   * @param target device address
   * @param source heap or native memory; its size is what is copied
   */
  public void copyConstant(long target, MemorySegment source) {
    Capture capture = primary.capture;
    if (capture == null) {
      copyIn(target, source);
      return;
    }
    primary.enter();
    try {
      memory.checkRange("copyConstant", target, source.byteSize());
      MemorySegment kept = capture.keep(primary, source);
      primary.check(
          calls.cuMemcpyHtoDAsync(target, kept, kept.byteSize(), primary.stream), "copyConstant");
    } finally {
      primary.exit();
    }
  }

  /**
   * Queues a copy from page-locked memory and returns at once: the device reads the buffer when the
   * work queued before is done, so it must not be written until then ({@link #synchronize}). Once
   * captured into a graph, each replay copies what the buffer holds then; the buffer can't be
   * closed before the graph.
   *
   * @param target device address
   * @param source a buffer of this context
   * @param offset where in the buffer to begin, in bytes
   * @param bytes how many
   */
  public void copyPinned(long target, PinnedBuffer source, long offset, long bytes) {
    if (offset < 0 || bytes < 0 || offset > source.bytes() - bytes) {
      throw CudaException.refused(
          "copyPinned",
          null,
          "copyPinned: "
              + bytes
              + " bytes from "
              + offset
              + " on of a buffer of "
              + source.bytes());
    }
    primary.enter();
    try {
      if (!owns(source)) {
        throw CudaException.refused(
            "copyPinned", null, "copyPinned: the buffer is closed, or of another context");
      }
      memory.checkRange("copyPinned", target, bytes);
      Capture capture = primary.capture;
      if (capture != null) {
        capture.use(source);
      }
      if (bytes > 0) {
        MemorySegment from = source.segment().asSlice(offset, bytes);
        primary.check(calls.cuMemcpyHtoDAsync(target, from, bytes, primary.stream), "copyPinned");
      }
    } finally {
      primary.exit();
    }
  }

  /**
   * Copies from the device to the host, after all work queued so far; done on return.
   *
   * @param source device address
   * @param target heap or native memory; its size is what is copied
   */
  public void copyOut(long source, MemorySegment target) {
    if (target.isReadOnly()) {
      throw CudaException.refused("copyOut", null, "copyOut: the target is read-only");
    }
    primary.enter();
    try {
      primary.requireNoCapture("copyOut");
      memory.checkRange("copyOut", source, target.byteSize());
      CudaEvents.copying(
          "to the host", target.byteSize(), () -> staging.out(source, target, primary.stream));
    } finally {
      primary.exit();
    }
  }

  /**
   * Copies within the device, in the order of the stream.
   *
   * @param source device address
   * @param target device address; the ranges must not overlap
   * @param bytes how many
   */
  public void copyDevice(long source, long target, long bytes) {
    if (bytes < 0) {
      throw CudaException.refused("copyDevice", null, "copyDevice: " + bytes + " bytes");
    }
    if (source < target + bytes && target < source + bytes) {
      throw CudaException.refused(
          "copyDevice", null, "copyDevice: the ranges of " + bytes + " bytes overlap");
    }
    primary.enter();
    try {
      memory.checkRange("copyDevice", source, bytes);
      memory.checkRange("copyDevice", target, bytes);
      if (bytes > 0) {
        primary.check(calls.cuMemcpyDtoDAsync(target, source, bytes, primary.stream), "copyDevice");
      }
    } finally {
      primary.exit();
    }
  }

  /**
   * Sets 32-bit words, in the order of the stream.
   *
   * @param address device address, a multiple of 4
   * @param bits the word
   * @param count how many words
   */
  public void fill32(long address, int bits, long count) {
    if (count < 0 || count > Long.MAX_VALUE / 4 || (address & 3) != 0) {
      throw CudaException.refused(
          "fill32",
          null,
          "fill32: "
              + count
              + " words at 0x"
              + Long.toHexString(address)
              + ", must be >= 0 words at a multiple of 4");
    }
    primary.enter();
    try {
      memory.checkRange("fill32", address, count * 4);
      if (count > 0) {
        primary.check(calls.cuMemsetD32Async(address, bits, count, primary.stream), "fill32");
      }
    } finally {
      primary.exit();
    }
  }

  /**
   * Page-locked host memory.
   *
   * @param bytes the size, at least 1
   * @return the buffer, to be closed
   */
  public PinnedBuffer pinned(long bytes) {
    if (bytes < 1) {
      throw CudaException.refused("pinned", null, "pinned: " + bytes + " bytes, must be >= 1");
    }
    CallBlock block = CallBlock.local();
    primary.call("cuMemHostAlloc", c -> c.cuMemHostAlloc(block.out, bytes, 0));
    return adopt(new PinnedBuffer(this, block.outLong(), bytes));
  }

  // ---- work

  /**
   * Begins a launch.
   *
   * @param kernel the kernel
   * @return what grid, block and arguments are given to, in the kernel's order
   */
  public Launch launch(Kernel kernel) {
    return new Launch(this, kernel);
  }

  /** Forgets a resource that its owner closes; whether it was still there. */
  boolean disown(CudaResource resource) {
    return resources.remove(resource);
  }

  boolean owns(CudaResource resource) {
    return resources.contains(resource);
  }

  Primary primary() {
    return primary;
  }

  /** The kernel, loaded at its first use, with this context current: between enter and exit. */
  Function function(Kernel kernel) {
    return modules.function(kernel);
  }

  /** Hands a checked launch to the driver: between enter and exit. */
  int launch(Launch launch, Function function, CallBlock block) {
    useSchedule();
    primary.launched(launch.kernel());
    int result =
        calls.cuLaunchKernel(
            function.handle,
            (int) launch.gridX(),
            (int) launch.gridY(),
            (int) launch.gridZ(),
            launch.blockX(),
            launch.blockY(),
            launch.blockZ(),
            launch.sharedBytes(),
            primary.stream,
            block.pointers);
    return result == Result.SUCCESS && SYNC && primary.capture == null
        ? calls.cuStreamSynchronize(primary.stream)
        : result;
  }

  void useSchedule() {
    Softcuda soft = primary.driver.softcuda();
    if (soft != null && schedule != null) {
      soft.use(schedule);
    }
  }

  /**
   * Captures work into a graph: what it queues is not run but recorded, to be replayed by {@link
   * CudaGraph#launch} for the price of one call. Other threads wait meanwhile. The work may
   * allocate and free; it may not wait for the device (copyOut, synchronize), copy in from the host
   * (but {@link #copyPinned} may), or change the stream: each is an exception, and ends the
   * capture.
   *
   * @param work run once, on this thread
   * @return the graph, to be closed
   */
  public CudaGraph capture(Runnable work) {
    primary.lock.writeLock().lock();
    try {
      primary.enter();
      try {
        return adopt(CudaGraph.capture(this, memory, work));
      } finally {
        primary.exit();
      }
    } finally {
      primary.lock.writeLock().unlock();
    }
  }

  /**
   * Whether work is being captured just now.
   *
   * @return true between the begin and the end of {@link #capture}
   */
  public boolean isCapturing() {
    return primary.capture != null;
  }

  /**
   * Lets a check that waits for the device run before each replay instead of now, if work is being
   * captured.
   *
   * @param address device memory that is checked
   * @param same equal for checks of which one is enough
   * @param check throws if the work must not run
   * @return false if nothing is being captured: then the check is to be made now
   * @throws CudaException if the captured work itself computes what is to be checked
   */
  public boolean checkBeforeReplay(long address, Object same, Runnable check) {
    Capture capture = primary.capture;
    if (capture != null) {
      if (memory.isCaptured(address)) {
        throw CudaException.refused(
            "capture",
            null,
            "indices or labels that captured work computes can't be checked before it runs; compute"
                + " them before the replay");
      }
      capture.check(same, check);
    }
    return capture != null;
  }

  /** Waits until all work queued so far is done. */
  public void synchronize() {
    primary.requireNoCapture("synchronize");
    primary.call("synchronize", c -> c.cuStreamSynchronize(primary.stream));
  }

  /**
   * The handle ({@code CUstream}) of the stream that work goes into.
   *
   * @return the handle
   */
  public long stream() {
    return primary.stream;
  }

  /**
   * Sends all further work into a caller's primary.stream, after the work queued so far. The stream
   * must be of the device's primary context and outlive its use here.
   *
   * @param handle a {@code CUstream}, such as {@link Stream#handle()} or JCuda's
   */
  public void useStream(long handle) {
    primary.requireNoCapture("useStream");
    try (Event point = newEvent(Event.NO_TIMING)) {
      primary.lock.writeLock().lock();
      try {
        primary.enter();
        try {
          primary.check(calls.cuEventRecord(point.handle(), primary.stream), "useStream");
          primary.check(calls.cuStreamWaitEvent(handle, point.handle(), 0), "useStream");
          primary.stream = handle;
        } finally {
          primary.exit();
        }
      } finally {
        primary.lock.writeLock().unlock();
      }
    }
  }

  /** Sends all further work into this context's own stream again, after the work queued so far. */
  public void useOwnStream() {
    useStream(ownStream);
  }

  /**
   * A new stream that doesn't wait for the default stream.
   *
   * @return the primary.stream, to be closed
   */
  public Stream newStream() {
    CallBlock block = CallBlock.local();
    primary.call("cuStreamCreate", c -> c.cuStreamCreate(block.out, NON_BLOCKING));
    return adopt(new Stream(this, block.outLong()));
  }

  /**
   * A new event that takes time stamps.
   *
   * @return the event, to be closed
   */
  public Event newEvent() {
    return newEvent(Event.TIMING);
  }

  private Event newEvent(int flags) {
    CallBlock block = CallBlock.local();
    primary.call("cuEventCreate", c -> c.cuEventCreate(block.out, flags));
    return adopt(new Event(this, block.outLong()));
  }

  private <T extends CudaResource> T adopt(T resource) {
    resources.add(resource);
    return resource;
  }

  /**
   * Waits for all work and releases everything: memory that is still live, streams, events,
   * modules, the primary context. Closing twice is no error; closing a lost device throws nothing.
   */
  @Override
  public void close() {
    primary.lock.writeLock().lock();
    try {
      if (primary.isClosed()) {
        return;
      }
      int first = calls.cuCtxSetCurrent(primary.context);
      first = DeviceMemory.first(first, calls.cuStreamSynchronize(primary.stream));
      // The stream in use may be one of the resources, and buffers wait for it as they end.
      primary.stream = ownStream;
      for (CudaResource resource : resources) {
        resources.remove(resource);
        first = DeviceMemory.first(first, resource.destroy(calls));
      }
      first = DeviceMemory.first(first, staging.close());
      first = DeviceMemory.first(first, modules.unload());
      first = DeviceMemory.first(first, memory.close(ownStream));
      first = DeviceMemory.first(first, calls.cuStreamDestroy(ownStream));
      first = DeviceMemory.first(first, calls.cuDevicePrimaryCtxRelease(properties().ordinal()));
      primary.markClosed();
      if (first != Result.SUCCESS && primary.lost() == null && !Result.sticky(first)) {
        throw primary.driver.failure(
            first, "close", null, "closing the CUDA context of " + properties().name());
      }
    } finally {
      primary.lock.writeLock().unlock();
    }
  }

  @Override
  public String toString() {
    return "CudaContext[" + properties().ordinal() + ": " + properties().name() + "]";
  }
}

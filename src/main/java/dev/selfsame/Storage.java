package dev.selfsame;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The memory behind a tensor and its views: one owner, one lifetime. */
final class Storage {
  private static final AtomicLong LIVE = new AtomicLong();
  private static final MemorySegment ON_DEVICE = MemorySegment.NULL;

  /** Stands for the storage where a reference to it would keep its scope alive. */
  private final Object key = new Object();

  private final Device device;
  private final MemorySegment segment;
  private final long address;
  private final long bytes;
  private final @Nullable Runnable release;
  private Scope scope;
  private volatile boolean closed;
  private volatile boolean exported;
  private boolean released;

  private Storage(
      Scope scope,
      Device device,
      MemorySegment segment,
      long address,
      long bytes,
      @Nullable Runnable release) {
    this.scope = scope;
    this.device = device;
    this.segment = segment;
    this.address = device instanceof Device.Cuda ? address : segment.address();
    this.bytes = bytes;
    this.release = release;
  }

  /** Memory of its own, contents undefined. */
  static Storage allocate(Scope scope, Device device, long bytes) {
    Storage made;
    if (device instanceof Device.Cuda cuda) {
      long address = cuda.context().allocate(bytes);
      made =
          new Storage(scope, device, ON_DEVICE, address, bytes, () -> cuda.context().free(address));
    } else {
      HostMemory.Block block = HostMemory.acquire(bytes);
      made = new Storage(scope, device, block.segment(), 0, bytes, block.release());
    }
    LIVE.addAndGet(bytes);
    return made.addTo(scope);
  }

  /** Somebody else's host memory; never freed here. */
  static Storage wrap(Scope scope, Device device, MemorySegment segment) {
    return new Storage(scope, device, segment, 0, segment.byteSize(), null).addTo(scope);
  }

  /** Somebody else's device memory; never freed here. */
  static Storage wrap(Scope scope, Device device, long address, long bytes) {
    return new Storage(scope, device, ON_DEVICE, address, bytes, null).addTo(scope);
  }

  private Storage addTo(Scope owner) {
    try {
      owner.add(this);
      return this;
    } catch (ClosedException e) {
      release();
      throw e;
    }
  }

  static long liveBytes() {
    return LIVE.get();
  }

  Device device() {
    return device;
  }

  Object key() {
    return key;
  }

  synchronized Scope scope() {
    return scope;
  }

  synchronized void moved(Scope to) {
    scope = to;
  }

  boolean isClosed() {
    return closed;
  }

  boolean exported() {
    return exported;
  }

  long ownedBytes() {
    return release == null || closed ? 0 : bytes;
  }

  long bytes() {
    return bytes;
  }

  /** Host memory for kernels: no lifetime of its own, so callers check {@link #isClosed} first. */
  MemorySegment segment() {
    return segment;
  }

  /** Of the first byte: on the device, in native memory, or in an array. */
  long address() {
    return address;
  }

  /** Whether addresses tell what memory it shares: not so for arrays. */
  boolean hasAddresses() {
    return device instanceof Device.Cuda || segment.isNative();
  }

  /** Host memory for users: access after the scope's end is an exception, not a stray read. */
  MemorySegment export() {
    if (!segment.isNative() || release == null) {
      return segment;
    }
    exported = true;
    return segment.reinterpret(scope().arena(), null);
  }

  /**
   * Ends use. Memory that was handed out stays until its scope ends, so that no stray reader meets
   * a new owner.
   */
  void close() {
    closed = true;
    if (!exported) {
      scope().remove(this);
      release();
    }
  }

  /** Frees the memory; a second call does nothing. */
  void release() {
    synchronized (this) {
      closed = true;
      if (released) {
        return;
      }
      released = true;
    }
    if (release != null) {
      LIVE.addAndGet(-bytes);
      release.run();
    }
  }
}

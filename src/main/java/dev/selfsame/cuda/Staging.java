package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Copies between the host and a device by way of two pinned buffers in turn: one fills while the
 * other is in flight.
 *
 * <p>So heap and native segments take the same path, a source may be reused as soon as a copy
 * returns, and transfers run at the bus's speed. Where pinned memory can't be had, plain native
 * memory serves. The caller makes the context current.
 */
final class Staging {
  private static final long CHUNK = 4L << 20;

  private static final class Slot {
    final MemorySegment memory;
    final long pinned;
    final long event;
    boolean inFlight;

    Slot(MemorySegment memory, long pinned, long event) {
      this.memory = memory;
      this.pinned = pinned;
      this.event = event;
    }
  }

  private final Primary context;
  private final EntryPoints calls;
  private final ReentrantLock lock = new ReentrantLock();
  private final @Nullable Slot[] slots = new Slot[2];
  private int next;

  Staging(Primary context) {
    this.context = context;
    this.calls = context.calls;
  }

  /** Queues a copy to the device; the source may be reused on return. */
  void in(long dst, MemorySegment src, long stream) {
    long bytes = src.byteSize();
    lock();
    try {
      for (long at = 0; at < bytes; at += CHUNK) {
        long n = Math.min(CHUNK, bytes - at);
        Slot slot = idle(next);
        next ^= 1;
        MemorySegment.copy(src, at, slot.memory, 0, n);
        check(calls.cuMemcpyHtoDAsync(dst + at, slot.memory, n, stream), "copyIn", n);
        check(calls.cuEventRecord(slot.event, stream), "copyIn", n);
        slot.inFlight = true;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Copies from the device; done on return. */
  void out(long src, MemorySegment dst, long stream) {
    long bytes = dst.byteSize();
    lock();
    try {
      long drained = 0;
      for (long at = 0; at < bytes; at += CHUNK) {
        long n = Math.min(CHUNK, bytes - at);
        Slot slot = idle(next);
        check(calls.cuMemcpyDtoHAsync(slot.memory, src + at, n, stream), "copyOut", n);
        check(calls.cuEventRecord(slot.event, stream), "copyOut", n);
        slot.inFlight = true;
        if (at > 0) {
          MemorySegment.copy(idle(next ^ 1).memory, 0, dst, drained, CHUNK);
          drained += CHUNK;
        }
        next ^= 1;
      }
      MemorySegment.copy(idle(next ^ 1).memory, 0, dst, drained, bytes - drained);
    } finally {
      lock.unlock();
    }
  }

  private void lock() {
    if (lock.tryLock()) {
      return;
    }
    lock.lock();
    try {
      context.resume();
    } catch (RuntimeException e) {
      lock.unlock();
      throw e;
    }
  }

  /** A buffer that no transfer uses. */
  private Slot idle(int i) {
    Slot slot = slots[i];
    if (slot == null) {
      slot = create();
      slots[i] = slot;
    }
    if (slot.inFlight) {
      check(calls.cuEventSynchronize(slot.event), "copy", 0);
      slot.inFlight = false;
    }
    return slot;
  }

  private Slot create() {
    CallBlock block = CallBlock.local();
    check(calls.cuEventCreate(block.out, Event.NO_TIMING), "cuEventCreate", 0);
    long event = block.outLong();
    if (calls.cuMemHostAlloc(block.out, CHUNK, 0) == Result.SUCCESS) {
      long pinned = block.out.get(JAVA_LONG, 0);
      return new Slot(MemorySegment.ofAddress(pinned).reinterpret(CHUNK), pinned, event);
    }
    return new Slot(Arena.ofAuto().allocate(CHUNK, 64), 0, event);
  }

  private void check(int result, String operation, long bytes) {
    if (result != Result.SUCCESS) {
      throw context.failed(
          result, operation, null, operation + (bytes > 0 ? " of " + bytes + " bytes" : ""));
    }
  }

  /**
   * Frees the buffers, after the stream has been drained; returns the first result that is not
   * success.
   */
  int close() {
    int first = Result.SUCCESS;
    for (int i = 0; i < slots.length; i++) {
      Slot slot = slots[i];
      if (slot != null) {
        first = DeviceMemory.first(first, calls.cuEventDestroy(slot.event));
        if (slot.pinned != 0) {
          first = DeviceMemory.first(first, calls.cuMemFreeHost(slot.pinned));
        }
        slots[i] = null;
      }
    }
    return first;
  }
}

package dev.selfsame.cuda;

import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A device's retained primary context and the frame of each call into it: kept open, made current,
 * results checked, the loss of the device noted. Calls share a read lock; closing and changing the
 * stream take the write lock.
 */
final class Primary {
  final Driver driver;
  final EntryPoints calls;
  final DeviceProperties properties;

  /** The CUcontext. */
  final long context;

  final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  /** The CUstream that work goes into. */
  volatile long stream;

  /** What the stream is being captured into; written under the write lock. */
  volatile @Nullable Capture capture;

  private final @Nullable Kernel[] recent = new Kernel[4];
  private int launches; // a racy count: it only words a message
  private volatile @Nullable CudaException lost;
  private volatile boolean closed;

  Primary(Driver driver, int ordinal) {
    this.driver = driver;
    this.calls = driver.calls();
    properties = driver.properties(ordinal);
    CallBlock block = CallBlock.local();
    driver.check(calls.cuDevicePrimaryCtxRetain(block.out, ordinal), "cuDevicePrimaryCtxRetain");
    context = block.outLong();
  }

  /** Keeps the context open and makes it current; {@link #exit} must follow. */
  void enter() {
    lock.readLock().lock();
    try {
      if (closed) {
        throw CudaException.refused(
            "use", null, "the CUDA context of " + properties.name() + " is closed");
      }
      CudaException cause = lost;
      if (cause != null) {
        throw new CudaException(
            cause.result(),
            cause.resultName(),
            cause.operation(),
            cause.kernel(),
            "the CUDA device " + properties.name() + " was lost: " + cause.getMessage());
      }
      check(calls.cuCtxSetCurrent(context), "cuCtxSetCurrent");
    } catch (RuntimeException e) {
      lock.readLock().unlock();
      throw e;
    }
  }

  /**
   * Makes the context current again after a wait between enter and exit: a virtual thread may go on
   * in another thread than it waited in.
   */
  void resume() {
    check(calls.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /** As {@link #enter}, but says false instead of throwing when closed or lost. */
  boolean enterIfUsable() {
    if (closed || lost != null) {
      return false;
    }
    try {
      enter();
      return true;
    } catch (CudaException e) {
      if (closed || lost != null) {
        return false;
      }
      throw e;
    }
  }

  void exit() {
    lock.readLock().unlock();
  }

  /** Refuses, during a capture, what needs the result of work that has not run yet. */
  void requireNoCapture(String operation) {
    if (capture != null) {
      throw CudaException.refused(
          operation,
          null,
          operation
              + " can't be captured: captured work has not run yet, and the host can't wait for it;"
              + " do it before the capture, or after a launch of the graph");
    }
  }

  /** One driver call, checked. */
  void call(String operation, ToIntFunction<EntryPoints> call) {
    enter();
    try {
      check(call.applyAsInt(calls), operation);
    } finally {
      exit();
    }
  }

  void check(int result, String operation) {
    if (result != Result.SUCCESS) {
      throw failed(result, operation, null, operation);
    }
  }

  /** The exception for a failure; notes the loss of the device. */
  CudaException failed(int result, String operation, @Nullable String kernel, String doing) {
    boolean sticky = Result.sticky(result);
    String late = sticky && kernel == null ? lastLaunches() : "";
    CudaException failure = driver.failure(result, operation, kernel, doing + late);
    if (sticky && lost == null) {
      lost = failure;
    }
    return failure;
  }

  void launched(Kernel kernel) {
    recent[launches++ & 3] = kernel;
  }

  /** A failure that shows late is that of an earlier launch. */
  private String lastLaunches() {
    int n = launches;
    if (n == 0) {
      return "";
    }
    StringBuilder text = new StringBuilder(" after launches of");
    for (int i = Math.max(0, n - recent.length); i < n; i++) {
      text.append(' ').append(recent[i & 3]);
    }
    return text.append(" (-D")
        .append(CudaContext.SYNC_PROPERTY)
        .append("=true finds the one)")
        .toString();
  }

  @Nullable CudaException lost() {
    return lost;
  }

  boolean isClosed() {
    return closed;
  }

  void markClosed() {
    closed = true;
  }
}

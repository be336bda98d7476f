package dev.selfsame.cuda;

import org.jspecify.annotations.Nullable;

/** A kernel as one context has loaded it. */
final class Function {
  final long handle;

  /** The largest block that the compiled kernel can run with. */
  final int maxThreads;

  final int staticShared;

  /** The sizes of the parameters in bytes, or null where the driver doesn't tell. */
  final int @Nullable [] parameterSizes;

  /** Dynamic shared memory that may be asked for now; raised on demand. */
  private volatile int dynamicShared;

  Function(
      long handle, int maxThreads, int staticShared, int dynamicShared, int @Nullable [] sizes) {
    this.handle = handle;
    this.maxThreads = maxThreads;
    this.staticShared = staticShared;
    this.dynamicShared = dynamicShared;
    this.parameterSizes = sizes;
  }

  /** Makes room for {@code bytes} of dynamic shared memory; returns a CUresult. */
  int reserveShared(Primary context, int bytes) {
    return bytes <= dynamicShared ? Result.SUCCESS : raiseShared(context, bytes);
  }

  private synchronized int raiseShared(Primary context, int bytes) {
    context.resume();
    if (bytes <= dynamicShared) {
      return Result.SUCCESS;
    }
    int result = context.calls.cuFuncSetAttribute(handle, 8, bytes);
    if (result == Result.SUCCESS) {
      dynamicShared = bytes;
    }
    return result;
  }
}

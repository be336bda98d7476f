package dev.selfsame.cuda;

import dev.selfsame.DeviceException;
import org.jspecify.annotations.Nullable;

/** A driver call did not return {@code CUDA_SUCCESS}, or a device can't be used. */
public final class CudaException extends DeviceException {
  private static final long serialVersionUID = 1L;

  /** The result code when no driver call failed: a check of this library refused the operation. */
  public static final int REFUSED = -1;

  private final int result;
  private final String resultName;
  private final String operation;
  private final @Nullable String kernel;

  CudaException(
      int result, String resultName, String operation, @Nullable String kernel, String message) {
    super(message);
    this.result = result;
    this.resultName = resultName;
    this.operation = operation;
    this.kernel = kernel;
  }

  /** A check before the driver refused {@code operation}. */
  static CudaException refused(String operation, @Nullable String kernel, String message) {
    return new CudaException(REFUSED, "REFUSED", operation, kernel, message);
  }

  /**
   * The driver's {@code CUresult}, or {@link #REFUSED}.
   *
   * @return the result code
   */
  public int result() {
    return result;
  }

  /**
   * The result's name, such as {@code CUDA_ERROR_OUT_OF_MEMORY}.
   *
   * @return the name
   */
  public String resultName() {
    return resultName;
  }

  /**
   * The driver call or operation that failed, such as {@code cuLaunchKernel}.
   *
   * @return the operation
   */
  public String operation() {
    return operation;
  }

  /**
   * The kernel that was being launched, or null where no launch was involved.
   *
   * @return the kernel's symbol, or null
   */
  public @Nullable String kernel() {
    return kernel;
  }
}

package dev.selfsame.jcuda;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Stream;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.util.function.IntSupplier;
import jcuda.CudaException;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.runtime.cudaStream_t;

/**
 * Memory and streams shared with JCuda, without copies.
 *
 * <p>Both libraries work on the device's primary context. Call {@link #attach} first, on each
 * thread that calls JCuda. Who allocated something frees it, after the other is done with it; work
 * of both on the same memory must be in one stream ({@link #useStream}, {@link #stream}) or be
 * separated by {@code synchronize}.
 */
public final class JCudaInterop {
  private JCudaInterop() {}

  /**
   * Makes the device's primary context current on this thread, for JCuda as well.
   *
   * @param device a GPU, or softcuda where JCuda was started with it as its libcuda.so.1
   * @return the context, as JCuda's type
   * @throws DeviceException if JCuda can't be loaded, or works on another driver or device
   */
  public static CUcontext attach(Device.Cuda device) {
    device.context().synchronize(); // makes it current
    CUcontext current = new CUcontext();
    byte[] name = new byte[256];
    String failure;
    try {
      failure = failure(() -> JCudaDriver.cuInit(0));
      if (failure.isEmpty()) {
        failure = failure(() -> JCudaDriver.cuCtxGetCurrent(current));
      }
      CUdevice ordinal = new CUdevice();
      if (failure.isEmpty()) {
        failure = failure(() -> JCudaDriver.cuCtxGetDevice(ordinal));
      }
      if (failure.isEmpty()) {
        failure = failure(() -> JCudaDriver.cuDeviceGetName(name, name.length, ordinal));
      }
    } catch (LinkageError e) {
      throw new DeviceException("JCuda is not usable: " + reason(e));
    }
    if (!failure.isEmpty() || address(current) == 0) {
      throw new DeviceException(
          "JCuda does not see the context of "
              + device
              + " ("
              + (failure.isEmpty() ? "none is current" : failure)
              + "); does it work on another CUDA driver than "
              + device.context().driver().library()
              + "?");
    }
    String theirs = new String(name, StandardCharsets.UTF_8).split("\0", 2)[0];
    String ours = device.context().properties().name();
    if (!theirs.equals(ours)) {
      throw new DeviceException("JCuda works on " + theirs + ", " + device + " is " + ours);
    }
    return current;
  }

  /**
   * A tensor's memory as JCuda's pointer. Good as long as the tensor's scope is open; not to be
   * freed by JCuda.
   *
   * @param tensor a contiguous tensor of a CUDA device
   * @throws DeviceException if it is of another device
   */
  public static CUdeviceptr pointer(Tensor tensor) {
    return new CUdeviceptr().withByteOffset(tensor.address());
  }

  /**
   * JCuda's memory as a tensor, without a copy; never freed here, and must outlive the scope.
   *
   * @param scope after whose end the tensor can't be used
   * @param device where the memory is; attached on this thread
   * @param dtype type of the elements
   * @param pointer to the first element, aligned to four bytes
   * @param sizes of the axes
   * @throws DeviceException if it is no memory of the device, or an allocation ends before the last
   *     element
   */
  public static Tensor tensor(
      Scope scope, Device.Cuda device, DType dtype, CUdeviceptr pointer, long... sizes) {
    attach(device);
    long address = address(pointer);
    long bytes = Shape.of(sizes).elements() * dtype.bytes();
    if (bytes > 0) {
      CUdeviceptr base = new CUdeviceptr();
      long[] size = new long[1];
      String failure = failure(() -> JCudaDriver.cuMemGetAddressRange(base, size, pointer));
      if (!failure.isEmpty()) {
        throw new DeviceException(
            "pointer 0x"
                + Long.toHexString(address)
                + " is no memory of "
                + device
                + " ("
                + failure
                + ")");
      }
      long left = address(base) + size[0] - address;
      if (bytes > left) {
        throw new DeviceException(
            "pointer 0x"
                + Long.toHexString(address)
                + ": the allocation has "
                + left
                + " bytes from there on, shape "
                + Shape.of(sizes)
                + " takes "
                + bytes);
      }
    }
    return Tensor.wrapAddress(scope, device, dtype, address, sizes);
  }

  /**
   * The device address that a pointer of JCuda's holds, its offset added.
   *
   * @param pointer to device memory
   */
  public static long address(CUdeviceptr pointer) {
    return new Address(pointer).value();
  }

  /** The stream that our work goes into, as JCuda's type; not to be destroyed by JCuda. */
  public static CUstream stream(CudaContext context) {
    return stream(context.stream());
  }

  /** A stream of ours as JCuda's type; not to be destroyed by JCuda. */
  public static CUstream stream(Stream stream) {
    return stream(stream.handle());
  }

  private static CUstream stream(long handle) {
    try {
      // JCuda offers no public way to make a stream of a handle.
      Constructor<cudaStream_t> make = cudaStream_t.class.getDeclaredConstructor(long.class);
      make.setAccessible(true);
      return new CUstream(make.newInstance(handle));
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw new DeviceException("this JCuda can't take a stream's handle: " + e);
    }
  }

  /**
   * Sends our work into a stream of JCuda's, after all our work queued so far; {@link
   * CudaContext#useOwnStream} ends it, before the stream is destroyed.
   *
   * @param context attached on this thread
   * @param stream of the device's primary context
   */
  public static void useStream(CudaContext context, CUstream stream) {
    context.useStream(address(stream));
  }

  static long address(NativePointerObject object) {
    return new Handle(object).value();
  }

  static String reason(Throwable e) {
    String message = String.valueOf(e.getMessage());
    String first =
        message.lines().map(String::strip).filter(s -> !s.isEmpty()).findFirst().orElse("");
    return e.getClass().getSimpleName() + ": " + first;
  }

  /** A result's name, or empty; JCuda throws it or returns it, as its user has set. */
  private static String failure(IntSupplier call) {
    try {
      int result = call.getAsInt();
      return result == CUresult.CUDA_SUCCESS ? "" : CUresult.stringFor(result);
    } catch (CudaException e) {
      return reason(e);
    }
  }

  /** Reads what is protected in JCuda's classes by way of their copy constructors. */
  private static final class Handle extends NativePointerObject {
    Handle(NativePointerObject of) {
      super(of);
    }

    long value() {
      return getNativePointer();
    }
  }

  private static final class Address extends Pointer {
    Address(Pointer of) {
      super(of);
    }

    long value() {
      return getNativePointer() + getByteOffset();
    }
  }
}

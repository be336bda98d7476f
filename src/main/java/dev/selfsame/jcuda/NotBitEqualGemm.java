package dev.selfsame.jcuda;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/**
 * Matrix products by cuBLAS, through JCublas 12: for speed where equal bits are not wanted.
 *
 * <p><b>Outside the numerics contract.</b> cuBLAS chooses the order of its sums by shape, card and
 * version: results are close to {@code op.Gemm}'s, not equal in bits, and not the same on another
 * card. Nothing in the library calls this; a caller who names it gets it. FP32 with
 * CUBLAS_PEDANTIC_MATH: no TF32.
 */
public final class NotBitEqualGemm implements AutoCloseable {
  private final Device.Cuda device;
  private final cublasHandle handle = new cublasHandle();
  private final int version;
  private boolean closed;

  private NotBitEqualGemm(Device.Cuda device) {
    this.device = device;
    JCudaInterop.attach(device);
    try {
      JCublas2.setExceptionsEnabled(false);
      check(JCublas2.cublasCreate(handle), "cublasCreate");
      check(
          JCublas2.cublasSetMathMode(handle, cublasMath.CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
      int[] v = new int[1];
      check(JCublas2.cublasGetVersion(handle, v), "cublasGetVersion");
      version = v[0];
    } catch (LinkageError | CudaException e) {
      throw new DeviceException(
          "cuBLAS is not usable through JCublas 12.6, which needs libcublas.so.12 of CUDA 12 where"
              + " the loader finds it (LD_LIBRARY_PATH); libraries of CUDA 13 don't do. op.Gemm"
              + " needs none of them. ("
              + JCudaInterop.reason(e)
              + ")");
    }
  }

  /**
   * Opens cuBLAS on a device.
   *
   * @param device attached to JCuda's driver, see {@link JCudaInterop#attach}
   * @throws DeviceException if JCublas or libcublas.so.12 can't be loaded, or cuBLAS doesn't start
   */
  public static NotBitEqualGemm open(Device.Cuda device) {
    return new NotBitEqualGemm(device);
  }

  /**
   * cuBLAS's version.
   *
   * @return 10000 × major + 100 × minor + patch
   */
  public int version() {
    return version;
  }

  /**
   * out = a·b in FP32, by cuBLAS's own order of rounding, in the stream that the device's work goes
   * into.
   *
   * @param a [M, K], may be a transposed view
   * @param b [K, N], may be a transposed view
   * @param out [M, N]; shares no memory with a or b
   * @throws ShapeException if shapes don't fit, an axis is 0 or above 2³¹ − 1, or memory is shared
   * @throws DeviceException if a tensor is of another device, or cuBLAS fails
   * @throws DTypeException if a tensor is not FP32
   */
  public void gemmNotBitEqual(Tensor a, Tensor b, Tensor out) {
    if (closed) {
      throw new DeviceException("this cuBLAS handle is closed");
    }
    matrix("a", a);
    matrix("b", b);
    matrix("out", out);
    long m = a.size(0);
    long k = a.size(1);
    long n = b.size(1);
    if (b.size(0) != k || out.size(0) != m || out.size(1) != n || out.isTransposed()) {
      throw new ShapeException(
          "a is "
              + a.shape()
              + ", b is "
              + b.shape()
              + ", out is "
              + out.shape()
              + (out.isTransposed() ? " transposed" : "")
              + "; allowed are [M, K], [K, N] and a plain [M, N]");
    }
    if (out.overlaps(plain(a)) || out.overlaps(plain(b))) {
      throw new ShapeException("out shares memory with a or b; it must be apart");
    }
    JCudaInterop.attach(device);
    check(
        JCublas2.cublasSetStream(handle, new cudaStream_t(JCudaInterop.stream(device.context()))),
        "cublasSetStream");
    // cuBLAS counts by columns: out, read so, is bᵀ·aᵀ.
    int result =
        JCublas2.cublasSgemm(
            handle,
            operation(b),
            operation(a),
            (int) n,
            (int) m,
            (int) k,
            Pointer.to(new float[] {1}),
            JCudaInterop.pointer(plain(b)),
            (int) (b.isTransposed() ? k : n),
            JCudaInterop.pointer(plain(a)),
            (int) (a.isTransposed() ? m : k),
            Pointer.to(new float[] {0}),
            JCudaInterop.pointer(out),
            (int) n);
    check(result, "cublasSgemm of " + a.shape() + " and " + b.shape());
  }

  private static Tensor plain(Tensor t) {
    return t.isTransposed() ? t.transpose() : t;
  }

  private static int operation(Tensor t) {
    return t.isTransposed() ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
  }

  private void matrix(String name, Tensor t) {
    if (t.dtype() != DType.F32) {
      throw new DTypeException(name + " is " + t + "; F32 is needed");
    }
    if (!device.equals(t.device())) {
      throw new DeviceException(name + " is " + t + "; it must be of " + device);
    }
    if (t.shape().rank() != 2
        || t.size(0) < 1
        || t.size(1) < 1
        || Math.max(t.size(0), t.size(1)) > Integer.MAX_VALUE) {
      throw new ShapeException(
          name + " is " + t.shape() + "; allowed are two axes of 1 to 2^31 - 1");
    }
  }

  private static void check(int status, String call) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new DeviceException(call + " failed: " + cublasStatus.stringFor(status));
    }
  }

  /** Ends cuBLAS; a second call does nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      JCudaInterop.attach(device);
      int unused = JCublas2.cublasDestroy(handle);
    }
  }
}

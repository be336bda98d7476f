package dev.selfsame.jcuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Stream;
import dev.selfsame.op.Gemm;
import java.nio.file.Path;
import java.util.Arrays;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JCuda and this library in one process, on one device. */
class JCudaInteropTest {
  /** Rows times columns of a plain product, by columns as cuBLAS counts; one rounding a step. */
  private static final String CUBLAS =
      """
      static void* stream;
      static int mode;
      extern "C" int cublasCreate_v2(void** handle) { *handle = &mode; return 0; }
      extern "C" int cublasDestroy_v2(void*) { return 0; }
      extern "C" int cublasGetVersion_v2(void*, int* version) { *version = 120600; return 0; }
      extern "C" int cublasSetMathMode(void*, int m) { mode = m; return 0; }
      extern "C" int cublasSetStream_v2(void*, void* s) { stream = s; return 0; }
      extern "C" int cublasSgemm_v2(void*, int ta, int tb, int m, int n, int k, const float* alpha, const float* a,
                                    int lda, const float* b, int ldb, const float* beta, float* c, int ldc) {
        if (mode != 2 || *alpha != 1 || *beta != 0 || stream == nullptr) return 7;
        for (int i = 0; i < m; i++)
          for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++)
              sum += (ta ? a[l + (long)i * lda] : a[i + (long)l * lda]) * (tb ? b[j + (long)l * ldb] : b[l + (long)j * ldb]);
            c[i + (long)j * ldc] = sum;
          }
        return 0;
      }
      """;

  @TempDir Path folder;

  @Test
  void sharesContextMemoryAndStreams() throws Exception {
    String text = new JCudaProcess(folder).run(Sharing.class);
    assertTrue(text.contains("good"), text);
  }

  @Test
  void trainsOnMemoryThatJCudaAllocated() throws Exception {
    String text = new JCudaProcess(folder).run(TrainOnJCudaMemory.class, "softcuda");
    assertTrue(text.contains("the selfsame weights on softcuda and on the CPU"), text);
  }

  @Test
  void multipliesByCublasWhenAskedByName() throws Exception {
    JCudaProcess process = new JCudaProcess(folder);
    process.library("libcublas.so.12", CUBLAS);
    String text = process.run(Multiplying.class);
    assertTrue(text.contains("good, cuBLAS 120600"), text);
  }

  @Test
  void withoutCublasTheMessageSaysWhatIsMissing() throws Exception {
    String text = new JCudaProcess(folder).run(Missing.class);
    assertTrue(text.contains("needs libcublas.so.12 of CUDA 12"), text);
    assertTrue(text.contains("libraries of CUDA 13 don't do"), text);
  }

  private static void check(boolean holds, Object what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void refused(Runnable call, String part) {
    try {
      call.run();
    } catch (SelfsameException e) {
      check(e.getMessage().contains(part), e);
      return;
    }
    throw new AssertionError("nothing was thrown; expected: " + part);
  }

  /** Memory and streams, both ways. */
  static final class Sharing {
    public static void main(String[] args) {
      JCudaDriver.setExceptionsEnabled(true);
      Device.Cuda device = Device.softcuda();
      CudaContext context = device.context();
      JCudaInterop.attach(device);
      try (Scope scope = Scope.open();
          Stream ours = context.newStream()) {
        theirMemory(scope, device);
        ourMemory(scope, device);
        // Our stream is theirs, too.
        CUstream same = JCudaInterop.stream(ours);
        check(JCudaInterop.address(same) == ours.handle(), same);
        JCudaDriver.cuStreamSynchronize(same);
        CUevent event = new CUevent();
        JCudaDriver.cuEventCreate(event, 0);
        JCudaDriver.cuEventRecord(event, JCudaInterop.stream(context));
        JCudaDriver.cuEventSynchronize(event);
        JCudaDriver.cuEventDestroy(event);
        // A stream that JCuda made.
        CUstream theirs = new CUstream();
        JCudaDriver.cuStreamCreate(theirs, 1);
        JCudaInterop.useStream(context, theirs);
        check(context.stream() == JCudaInterop.address(theirs), "stream in use");
        context.useOwnStream();
        JCudaDriver.cuStreamDestroy(theirs);
      }
      System.out.println("good");
    }

    private static void theirMemory(Scope scope, Device.Cuda device) {
      CUdeviceptr theirs = new CUdeviceptr();
      JCudaDriver.cuMemAlloc(theirs, 40);
      Tensor ten = JCudaInterop.tensor(scope, device, DType.F32, theirs, 10).fill(2.5f);
      device.synchronize();
      float[] values = new float[10];
      JCudaDriver.cuMemcpyDtoH(Pointer.to(values), theirs, 40);
      for (float v : values) {
        check(v == 2.5f, Arrays.toString(values));
      }
      // Its last three elements, by an offset pointer.
      CUdeviceptr last = theirs.withByteOffset(28);
      check(JCudaInterop.address(last) == ten.address() + 28, "offset");
      JCudaInterop.tensor(scope, device, DType.F32, last, 3).fill(1f);
      check(ten.toFloatArray()[6] == 2.5f && ten.toFloatArray()[7] == 1f, "offset tensor");
      refused(
          () -> JCudaInterop.tensor(scope, device, DType.F32, last, 2, 2),
          "the allocation has 12 bytes from there on, shape [2, 2] takes 16");
      refused(
          () -> JCudaInterop.tensor(scope, device, DType.F32, new CUdeviceptr(), 1),
          "is no memory of softcuda");
      JCudaDriver.cuMemFree(theirs);
    }

    private static void ourMemory(Scope scope, Device.Cuda device) {
      Tensor ours = Tensor.zeros(scope, device, 4, 5);
      device.synchronize();
      CUdeviceptr row = JCudaInterop.pointer(ours.slice(2, 3));
      check(JCudaInterop.address(row) == ours.address() + 40, "pointer to a slice");
      JCudaDriver.cuMemcpyHtoD(row, Pointer.to(new float[] {1, 2, 3, 4, 5}), 20);
      float[] back = ours.toFloatArray();
      check(back[9] == 0 && back[10] == 1 && back[14] == 5 && back[15] == 0, Arrays.toString(back));
      Tensor onCpu = Tensor.zeros(scope, Device.scalar(), 4);
      refused(() -> JCudaInterop.pointer(onCpu), "has no device address");
    }
  }

  /** cuBLAS, from a stand-in: all layouts give what the definition gives on whole numbers. */
  static final class Multiplying {
    public static void main(String[] args) {
      Device.Cuda device = Device.softcuda();
      try (Scope scope = Scope.open();
          NotBitEqualGemm cublas = NotBitEqualGemm.open(device)) {
        for (int layout = 0; layout < 4; layout++) {
          Tensor a = numbers(scope, device, layout % 2 == 1, 7, 5);
          Tensor b = numbers(scope, device, layout / 2 == 1, 5, 11);
          Tensor out = Tensor.empty(scope, device, 7, 11);
          Tensor expected = Tensor.empty(scope, device, 7, 11);
          cublas.gemmNotBitEqual(a, b, out);
          Gemm.gemm(a, b, expected);
          check(Arrays.equals(expected.toFloatArray(), out.toFloatArray()), "layout " + layout);
        }
        Tensor a = numbers(scope, device, false, 7, 5);
        Tensor square = numbers(scope, device, false, 5, 5);
        Tensor onCpu = Tensor.zeros(scope, Device.scalar(), 7, 5);
        refused(() -> cublas.gemmNotBitEqual(a, a, a), "allowed are [M, K], [K, N]");
        refused(() -> cublas.gemmNotBitEqual(square, square, square), "out shares memory");
        refused(() -> cublas.gemmNotBitEqual(onCpu, square, a), "it must be of softcuda");
        System.out.println("good, cuBLAS " + cublas.version());
      }
    }

    private static Tensor numbers(
        Scope scope, Device device, boolean transposed, int rows, int columns) {
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = i * 7 % 11 - 5;
      }
      return transposed
          ? Tensor.of(scope, device, values, columns, rows).transpose()
          : Tensor.of(scope, device, values, rows, columns);
    }
  }

  /** No libcublas.so.12. */
  static final class Missing {
    public static void main(String[] args) {
      try (NotBitEqualGemm unexpected = NotBitEqualGemm.open(Device.softcuda())) {
        throw new ShapeException("cuBLAS was found: " + unexpected.version());
      } catch (DeviceException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}

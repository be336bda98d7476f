package dev.selfsame.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** cuBLAS called by its own functions, where JCublas's CUDA 12 is not there. */
final class CublasFunctions implements Cublas {
  static final List<String> LIBRARIES = List.of("libcublas.so.13", "libcublas.so.12");

  private static final int PEDANTIC = 2; // CUBLAS_PEDANTIC_MATH
  private static final int NO_TRANSPOSE = 0; // CUBLAS_OP_N

  private final Arena arena = Arena.ofShared();
  private final Device.Cuda device;
  private final SymbolLookup library;
  private final String name;
  private final int version;
  private final MemorySegment handle;
  private final MemorySegment one;
  private final MemorySegment zero;
  private final MethodHandle sgemm;

  CublasFunctions(Device.Cuda device, String name) {
    this.device = device;
    this.name = name;
    try {
      library = SymbolLookup.libraryLookup(name, arena);
    } catch (IllegalArgumentException e) {
      arena.close();
      throw new DeviceException("the library can't be loaded");
    }
    device.context().synchronize(); // its context is now current
    MemorySegment out = arena.allocate(8, 8);
    call("cublasCreate_v2", out);
    handle = MemorySegment.ofAddress(out.get(JAVA_LONG, 0));
    call("cublasSetMathMode", handle, PEDANTIC);
    call("cublasGetVersion_v2", handle, out);
    version = out.get(JAVA_INT, 0);
    one = arena.allocateFrom(JAVA_FLOAT, 1f);
    zero = arena.allocateFrom(JAVA_FLOAT, 0f);
    sgemm =
        Linker.nativeLinker()
            .downcallHandle(
                find("cublasSgemm_v2"),
                FunctionDescriptor.of(
                    JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS,
                    JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  }

  @Override
  public String description() {
    return "cuBLAS " + version + ", " + name + ", by its own functions";
  }

  /** Plain matrices only. cuBLAS counts by columns: out, read so, is bᵀ·aᵀ. */
  @Override
  public void gemm(Tensor a, Tensor b, Tensor out) {
    int m = (int) a.size(0);
    int k = (int) a.size(1);
    int n = (int) b.size(1);
    call("cublasSetStream_v2", handle, MemorySegment.ofAddress(device.context().stream()));
    int status;
    try {
      status =
          (int)
              sgemm.invokeExact(
                  handle,
                  NO_TRANSPOSE,
                  NO_TRANSPOSE,
                  n,
                  m,
                  k,
                  one,
                  b.address(),
                  n,
                  a.address(),
                  k,
                  zero,
                  out.address(),
                  n);
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
    check("cublasSgemm_v2", status);
  }

  private MemorySegment find(String symbol) {
    return library.find(symbol).orElseThrow(() -> new DeviceException(name + " lacks " + symbol));
  }

  private void call(String symbol, Object... arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] = arguments[i] instanceof Integer ? JAVA_INT : ADDRESS;
    }
    MethodHandle f =
        Linker.nativeLinker()
            .downcallHandle(find(symbol), FunctionDescriptor.of(JAVA_INT, layouts));
    try {
      check(symbol, (int) f.invokeWithArguments(arguments));
    } catch (DeviceException e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  private static void check(String call, int status) {
    if (status != 0) {
      throw new DeviceException(call + " gave cublasStatus " + status);
    }
  }

  @Override
  public void close() {
    call("cublasDestroy_v2", handle);
    arena.close();
  }
}

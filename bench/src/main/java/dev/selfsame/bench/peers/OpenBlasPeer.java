package dev.selfsame.bench.peers;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * OpenBLAS' {@code cblas_sgemm}, row-major.
 *
 * <p>A binary built for many processors may pick kernels that are too old for a recent one; set
 * {@code OPENBLAS_CORETYPE} (scripts/bench does) and see {@link #describe()} for what is used.
 */
public final class OpenBlasPeer {
  private static final int ROW_MAJOR = 101;
  private static final int NO_TRANSPOSE = 111;
  private static final int TRANSPOSE = 112;

  private static final SymbolLookup LIBRARY;
  private static final MethodHandle SGEMM;
  private static final List<MethodHandle> SET_THREADS;

  static {
    Loader.load(torch.class);
    // JavaCPP loads the library under several names; libtorch calls one of them.
    List<SymbolLookup> copies = NativeLibraries.loaded("libopenblas.*\\.so.*");
    LIBRARY = copies.getFirst();
    SET_THREADS =
        copies.stream()
            .map(copy ->
                NativeLibraries.function(
                    copy, "openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT)))
            .toList();
    SGEMM =
        NativeLibraries.function(
            LIBRARY,
            "cblas_sgemm",
            FunctionDescriptor.ofVoid(
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_FLOAT,
                ADDRESS,
                JAVA_INT,
                ADDRESS,
                JAVA_INT,
                JAVA_FLOAT,
                ADDRESS,
                JAVA_INT));
  }

  private OpenBlasPeer() {}

  /** Sets the number of threads of all later calls, libtorch's among them. */
  public static void threads(int n) {
    try {
      for (MethodHandle set : SET_THREADS) {
        set.invokeExact(n);
      }
    } catch (Throwable t) {
      throw NativeLibraries.wrap(t);
    }
  }

  /** Version, build options and the kernels chosen for this processor. */
  public static String describe() {
    return string("openblas_get_config").strip() + ", kernels: " + string("openblas_get_corename");
  }

  /**
   * c ← op(a)·op(b), where op(a) is [m, k], op(b) is [k, n] and c is [m, n], all dense; a
   * transposed operand is stored as [k, m] or [n, k].
   */
  public static void sgemm(
      boolean transposeA,
      boolean transposeB,
      int m,
      int n,
      int k,
      MemorySegment a,
      MemorySegment b,
      MemorySegment c) {
    try {
      SGEMM.invokeExact(
          ROW_MAJOR,
          transposeA ? TRANSPOSE : NO_TRANSPOSE,
          transposeB ? TRANSPOSE : NO_TRANSPOSE,
          m,
          n,
          k,
          1f,
          a,
          transposeA ? m : k,
          b,
          transposeB ? k : n,
          0f,
          c,
          n);
    } catch (Throwable t) {
      throw NativeLibraries.wrap(t);
    }
  }

  private static String string(String function) {
    try {
      var address =
          (MemorySegment)
              NativeLibraries.function(LIBRARY, function, FunctionDescriptor.of(ADDRESS))
                  .invokeExact();
      return address.reinterpret(1024).getString(0);
    } catch (Throwable t) {
      throw NativeLibraries.wrap(t);
    }
  }
}

package dev.selfsame.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.cuda.CudaContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The C program of {@code bench/gpu/launch_baseline.cpp}, in this process. */
final class LaunchBaseline implements AutoCloseable {
  /** A system property: the path of the program, compiled as a shared object. */
  static final String PROPERTY = "bench.launch.baseline";

  private final Arena arena = Arena.ofConfined();
  private final MethodHandle run;
  private final MethodHandle record;
  private final MethodHandle capture;
  private final MethodHandle replay;
  private final MethodHandle synchronize;
  private final MethodHandle close;

  LaunchBaseline(Device.Cuda device, String symbol) {
    String path = System.getProperty(PROPERTY, "");
    if (path.isEmpty() || !Files.isRegularFile(Path.of(path))) {
      arena.close();
      throw new DeviceException(
          "the C program to compare with is missing ("
              + (path.isEmpty() ? "-D" + PROPERTY + " is not set" : path)
              + "): g++ compiles it from bench/gpu/launch_baseline.cpp");
    }
    SymbolLookup library = SymbolLookup.libraryLookup(Path.of(path), arena);
    run = find(library, "run", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    record = find(library, "record", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    capture = find(library, "capture", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    replay = find(library, "replay", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    synchronize = find(library, "synchronize", FunctionDescriptor.of(JAVA_INT));
    close = find(library, "close", FunctionDescriptor.of(JAVA_INT));
    MethodHandle open =
        find(library, "open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
    try {
      CudaContext context = device.context();
      check(
          "opening",
          (int)
              open.invokeExact(
                  arena.allocateFrom(context.driver().library()),
                  context.properties().ordinal(),
                  image(context.driver().isSoftcuda()),
                  arena.allocateFrom(symbol)));
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  private static MethodHandle find(SymbolLookup library, String name, FunctionDescriptor type) {
    return Linker.nativeLinker()
        .downcallHandle(library.find("launch_baseline_" + name).orElseThrow(), type);
  }

  /** What {@code cuModuleLoadData} is to load: the files that the library itself loads. */
  private MemorySegment image(boolean soft) {
    String name = soft ? "linux-x86_64/kernels.softcuda.so" : "kernels/probe.fatbin";
    try (InputStream in = CudaContext.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new DeviceException("the resource dev/selfsame/cuda/" + name + " was not built");
      }
      byte[] bytes = in.readAllBytes();
      return arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long check(String doing, long result) {
    if (result < 0 && doing.equals("opening")) {
      throw new DeviceException("the driver library lacks an entry point that the C program calls");
    }
    if (result < 0 || result > 0 && !doing.equals("timing")) {
      throw new DeviceException("the C program failed " + doing + ": CUresult " + Math.abs(result));
    }
    return result;
  }

  /** Nanoseconds of some launches; {@code current}: the context is made current before each. */
  long run(long launches, boolean current, long values) {
    try {
      return check("timing", (long) run.invokeExact(launches, current ? 1 : 0, values));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** Nanoseconds of some launches that a capture takes and nobody runs. */
  long record(long launches, long values) {
    try {
      return check("timing", (long) record.invokeExact(launches, values));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** Captures a graph of so many launches. */
  void capture(int launches, long values) {
    try {
      check("capturing", (int) capture.invokeExact(launches, values));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** Nanoseconds of some replays of the graph. */
  long replay(long times) {
    try {
      return check("timing", (long) replay.invokeExact(times));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  void synchronize() {
    try {
      check("waiting", (int) synchronize.invokeExact());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  @Override
  public void close() {
    try {
      check("closing", (int) close.invokeExact());
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    } finally {
      arena.close();
    }
  }
}

package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The modules and kernels of one context, loaded when a kernel is first launched.
 *
 * <p>Hardware: one fatbin a stem, found through an index of lines {@code symbol stem}. Softcuda:
 * one image with all kernels. The caller makes the context current.
 */
final class Modules {
  private static final String FOLDER = "kernels/";
  private static final String INDEX = FOLDER + "index.txt";
  private static final String ALL = "kernels.softcuda.so";
  private static @Nullable Map<String, String> index;

  private final Primary context;
  private final Driver driver;
  private final Map<String, Long> modules = new HashMap<>();
  private final Map<String, Function> functions = new ConcurrentHashMap<>();

  Modules(Primary context) {
    this.context = context;
    this.driver = context.driver;
  }

  /** Why there are no kernels for this driver, or null if there are. */
  static @Nullable String missing(Driver driver) {
    try {
      if (driver.isSoftcuda()) {
        SoftcudaLibrary.kernels();
      } else {
        for (String stem : new TreeSet<>(stems(INDEX).values())) {
          String name = FOLDER + stem + ".fatbin";
          if (Modules.class.getResource(name) == null) {
            throw notBuilt("the resource dev/selfsame/cuda/" + name + " is not there");
          }
        }
      }
      return null;
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  /** Where the CUDA kernels lie that hardware gets, and how many; or why there are none. */
  static String location() {
    try {
      Map<String, String> stems = stems(INDEX);
      var folders = new TreeSet<String>();
      for (String stem : new TreeSet<>(stems.values())) {
        String name = FOLDER + stem + ".fatbin";
        URL url = Modules.class.getResource(name);
        if (url == null) {
          throw notBuilt("the resource dev/selfsame/cuda/" + name + " is not there");
        }
        String text = url.toString();
        folders.add(text.substring(0, text.length() - name.length()));
      }
      return stems.size() + " from " + String.join(" and ", folders);
    } catch (CudaException e) {
      return String.valueOf(e.getMessage());
    }
  }

  Function function(Kernel kernel) {
    Function known = functions.get(kernel.symbol());
    return known != null ? known : load(kernel);
  }

  private synchronized Function load(Kernel kernel) {
    context.resume();
    String symbol = kernel.symbol();
    Function known = functions.get(symbol);
    if (known != null) {
      return known;
    }
    String stem = ALL;
    if (!driver.isSoftcuda()) {
      Map<String, String> stems = stems(INDEX);
      stem = stems.getOrDefault(symbol, "");
      if (stem.isEmpty()) {
        throw unknown(symbol, "it is not in the index of " + stems.size() + " kernels");
      }
    }
    Long module = modules.get(stem);
    if (module == null) {
      module = loadModule(stem);
      modules.put(stem, module);
    }
    Function function = lookUp(symbol, module);
    functions.put(symbol, function);
    return function;
  }

  private static CudaException unknown(String symbol, String why) {
    return CudaException.refused(
        "load kernel", symbol, "there is no CUDA kernel " + symbol + ": " + why);
  }

  private Function lookUp(String symbol, long module) {
    EntryPoints calls = driver.calls();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(16, 8);
      int result = calls.cuModuleGetFunction(out, module, arena.allocateFrom(symbol));
      if (result == Result.NOT_FOUND) {
        throw unknown(symbol, "the module lacks it; run native/build.sh again");
      }
      if (result != Result.SUCCESS) {
        throw driver.failure(
            result, "cuModuleGetFunction", symbol, "looking up the kernel " + symbol);
      }
      long handle = out.get(JAVA_LONG, 0);
      return new Function(
          handle,
          attribute(out, handle, 0, 1024),
          attribute(out, handle, 1, 0),
          attribute(out, handle, 8, 0),
          parameterSizes(out, handle));
    }
  }

  private int attribute(MemorySegment out, long function, int attribute, int otherwise) {
    int result = driver.calls().cuFuncGetAttribute(out, attribute, function);
    return result == Result.SUCCESS ? out.get(JAVA_INT, 0) : otherwise;
  }

  private int @Nullable [] parameterSizes(MemorySegment out, long function) {
    if (!driver.calls().hasParamInfo()) {
      return null;
    }
    int[] sizes = new int[CallBlock.MAX_ARGS];
    for (int n = 0; n < sizes.length; n++) {
      int result =
          driver.calls().cuFuncGetParamInfo(function, n, out.asSlice(0, 8), out.asSlice(8, 8));
      if (result == Result.INVALID_VALUE) { // past the last parameter
        return java.util.Arrays.copyOf(sizes, n);
      }
      if (result != Result.SUCCESS) {
        return null;
      }
      sizes[n] = (int) out.get(JAVA_LONG, 8);
    }
    return null;
  }

  private long loadModule(String stem) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = driver.isSoftcuda() ? softImage(arena) : fatbin(stem, arena);
      MemorySegment out = arena.allocate(8, 8);
      int result = driver.calls().cuModuleLoadData(out, image);
      if (result != Result.SUCCESS) {
        String doing = "loading the CUDA kernels of " + stem;
        if (result == Result.NO_BINARY_FOR_GPU
            || result == Result.UNSUPPORTED_PTX_VERSION
            || result == Result.INVALID_PTX
            || result == Result.INVALID_IMAGE) {
          doing +=
              " (the driver is for CUDA "
                  + Driver.versionText(driver.version())
                  + "; kernels built by CUDA 13 need a driver for 13.0, that is 580 or newer)";
        }
        throw driver.failure(result, "cuModuleLoadData", null, doing);
      }
      return out.get(JAVA_LONG, 0);
    }
  }

  private static MemorySegment softImage(Arena arena) {
    Path path = SoftcudaLibrary.kernels();
    try (FileChannel channel = FileChannel.open(path)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MemorySegment fatbin(String stem, Arena arena) {
    String name = FOLDER + stem + ".fatbin";
    try (InputStream in = Modules.class.getResourceAsStream(name)) {
      if (in == null) {
        throw notBuilt("the resource dev/selfsame/cuda/" + name + " is not there");
      }
      byte[] bytes = in.readAllBytes();
      MemorySegment image = arena.allocate(bytes.length, 64);
      return image.copyFrom(MemorySegment.ofArray(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CudaException notBuilt(String what) {
    return CudaException.refused(
        "load kernels",
        null,
        "CUDA kernels were not built: nvcc missing at build time, see native/README.md ("
            + what
            + ")");
  }

  /** Kernel symbol to stem, as the index says. */
  static synchronized Map<String, String> stems(String resource) {
    Map<String, String> known = index;
    if (known != null && resource.equals(INDEX)) {
      return known;
    }
    try (InputStream in = Modules.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw notBuilt("the resource dev/selfsame/cuda/" + resource + " is not there");
      }
      Map<String, String> stems = new HashMap<>();
      BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] words = line.strip().split("\\s+", -1);
        if (words.length == 2 && !words[0].startsWith("#")) {
          stems.put(words[0], words[1]);
        }
      }
      if (resource.equals(INDEX)) {
        index = Map.copyOf(stems);
      }
      return stems;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Unloads all modules; returns the first result that is not success. */
  synchronized int unload() {
    int first = Result.SUCCESS;
    for (long module : modules.values()) {
      int result = driver.calls().cuModuleUnload(module);
      if (first == Result.SUCCESS) {
        first = result;
      }
    }
    modules.clear();
    functions.clear();
    return first;
  }
}

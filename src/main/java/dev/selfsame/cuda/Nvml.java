package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A GPU's temperature, clocks and power, read through NVIDIA's management library ({@code
 * libnvidia-ml.so.1}, part of the driver). Only reads; changes no setting.
 *
 * <p>Nothing depends on it: where the library or a value is missing, a reading says "not readable"
 * with the reason.
 */
public final class Nvml {
  /** A system property: another path of the library. */
  public static final String LIBRARY_PROPERTY = "selfsame.nvml.library";

  private static final String LIBRARY = "libnvidia-ml.so.1";
  private static final int CLOCK_SM = 1; // NVML_CLOCK_SM
  private static final int CLOCK_MEMORY = 2; // NVML_CLOCK_MEM
  private static final int UNCORRECTED = 1; // NVML_MEMORY_ERROR_TYPE_UNCORRECTED
  private static final int VOLATILE = 0; // NVML_VOLATILE_ECC: since the driver was loaded

  private final @Nullable SymbolLookup library;
  private final MemorySegment device;
  private final String reason;

  private Nvml(@Nullable SymbolLookup library, MemorySegment device, String reason) {
    this.library = library;
    this.device = device;
    this.reason = reason;
  }

  /**
   * What was read at one moment; a value that this GPU or driver doesn't tell is empty.
   *
   * @param celsius temperature of the GPU
   * @param smMegahertz clock of the multiprocessors
   * @param memoryMegahertz clock of the memory
   * @param milliwatts power
   * @param throttle bits of nvmlClocksThrottleReasons: why clocks are held down
   * @param eccErrors uncorrected memory errors since the driver was loaded
   * @param reason why nothing is readable, or empty
   */
  public record Reading(
      OptionalInt celsius,
      OptionalInt smMegahertz,
      OptionalInt memoryMegahertz,
      OptionalInt milliwatts,
      OptionalLong throttle,
      OptionalLong eccErrors,
      Optional<String> reason) {
    @Override
    public String toString() {
      if (reason.isPresent()) {
        return "temperature and clocks not readable (" + reason.get() + ")";
      }
      List<String> parts = new ArrayList<>();
      parts.add(celsius.isPresent() ? celsius.getAsInt() + " °C" : "temperature not readable");
      parts.add(clock("SM", smMegahertz));
      parts.add(clock("memory", memoryMegahertz));
      milliwatts.ifPresent(mw -> parts.add(String.format(Locale.ROOT, "%.0f W", mw / 1e3)));
      throttle.ifPresent(bits -> parts.add("throttle reasons 0x" + Long.toHexString(bits)));
      eccErrors.ifPresent(n -> parts.add(n + " uncorrected ECC errors"));
      return String.join(", ", parts);
    }

    private static String clock(String name, OptionalInt megahertz) {
      return megahertz.isPresent()
          ? name + " " + megahertz.getAsInt() + " MHz"
          : name + " clock not readable";
    }
  }

  /**
   * The readings of a device.
   *
   * @param context the device; softcuda has nothing to read
   * @return never null: an unreadable one says why
   */
  public static Nvml of(CudaContext context) {
    if (context.driver().isSoftcuda() && System.getProperty(LIBRARY_PROPERTY) == null) {
      return unreadable("softcuda is no hardware");
    }
    String name = System.getProperty(LIBRARY_PROPERTY, LIBRARY);
    try {
      SymbolLookup library = SymbolLookup.libraryLookup(name, Arena.global());
      return open(name, library, context.properties().uuid());
    } catch (IllegalArgumentException e) {
      return unreadable("the library " + name + " can't be loaded");
    }
  }

  private static Nvml open(String name, SymbolLookup library, String uuid) {
    try (Arena arena = Arena.ofConfined()) {
      int init = call(library, "nvmlInit_v2");
      if (init != 0) {
        return unreadable("nvmlInit_v2 of " + name + " gave " + init);
      }
      MemorySegment handle = arena.allocate(8, 8);
      int found = call(library, "nvmlDeviceGetHandleByUUID", arena.allocateFrom(uuid), handle);
      if (found != 0) {
        return unreadable("nvmlDeviceGetHandleByUUID gave " + found + " for " + uuid);
      }
      return new Nvml(library, MemorySegment.ofAddress(handle.get(JAVA_LONG, 0)), "");
    }
  }

  private static Nvml unreadable(String why) {
    return new Nvml(null, MemorySegment.NULL, why);
  }

  /**
   * Reads all values now.
   *
   * @return the reading
   */
  public Reading read() {
    SymbolLookup nvml = library;
    if (nvml == null) {
      return new Reading(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalLong.empty(),
          OptionalLong.empty(),
          Optional.of(reason));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(8, 8);
      return new Reading(
          integer(call(nvml, "nvmlDeviceGetTemperature", device, 0, out), out),
          integer(call(nvml, "nvmlDeviceGetClockInfo", device, CLOCK_SM, out), out),
          integer(call(nvml, "nvmlDeviceGetClockInfo", device, CLOCK_MEMORY, out), out),
          integer(call(nvml, "nvmlDeviceGetPowerUsage", device, out), out),
          whole(call(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", device, out), out),
          whole(call(nvml, "nvmlDeviceGetTotalEccErrors", device, UNCORRECTED, VOLATILE, out), out),
          Optional.empty());
    }
  }

  private static OptionalInt integer(int result, MemorySegment out) {
    return result == 0 ? OptionalInt.of(out.get(JAVA_INT, 0)) : OptionalInt.empty();
  }

  private static OptionalLong whole(int result, MemorySegment out) {
    return result == 0 ? OptionalLong.of(out.get(JAVA_LONG, 0)) : OptionalLong.empty();
  }

  /** Calls a function by name; a missing one gives NVML_ERROR_FUNCTION_NOT_FOUND. */
  private static int call(SymbolLookup library, String symbol, Object... arguments) {
    Optional<MemorySegment> function = library.find(symbol);
    if (function.isEmpty()) {
      return 13;
    }
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] = arguments[i] instanceof Integer ? JAVA_INT : ADDRESS;
    }
    MethodHandle handle =
        Linker.nativeLinker()
            .downcallHandle(function.get(), FunctionDescriptor.of(JAVA_INT, layouts));
    try {
      return (int) handle.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }
}

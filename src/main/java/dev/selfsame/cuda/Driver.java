package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * One CUDA driver library: the machine's {@code libcuda.so.1}, or softcuda.
 *
 * <p>Nothing is opened before it is asked for, and nothing falls back: {@link #hardware()} gives a
 * driver with at least one device, or throws what was looked for, what was found and what to do.
 * {@link #probe()} gives the same text without throwing.
 */
public final class Driver {
  /** The oldest driver interface that works, as cuDriverGetVersion says it: CUDA 12.0. */
  public static final int NEEDED_VERSION = 12000;

  /**
   * A system property with the path of another {@code libcuda.so.1} than the one the loader finds.
   */
  public static final String LIBRARY_PROPERTY = "selfsame.cuda.library";

  private static final String LIBRARY = "libcuda.so.1";
  private static @Nullable Driver hardware;

  private final String library;
  private final EntryPoints calls;
  private final int version;
  private final int deviceCount;
  private final @Nullable Softcuda softcuda;

  private Driver(
      String library, EntryPoints calls, int version, int deviceCount, @Nullable Softcuda soft) {
    this.library = library;
    this.calls = calls;
    this.version = version;
    this.deviceCount = deviceCount;
    this.softcuda = soft;
  }

  /**
   * The machine's CUDA driver, opened once.
   *
   * @return the driver, with at least one device
   * @throws CudaException if there is no usable driver or no device; the message says which
   */
  public static synchronized Driver hardware() {
    Driver open = hardware;
    if (open == null) {
      open = open(System.getProperty(LIBRARY_PROPERTY, LIBRARY), false);
      hardware = open;
    }
    return open;
  }

  /**
   * Why {@link #hardware()} would fail.
   *
   * @return the reason, or null if CUDA hardware can be used
   */
  public static @Nullable String probe() {
    try {
      hardware();
      return null;
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  /** Opens a driver library by name (the loader's search) or by path. */
  static Driver open(String library, boolean soft) {
    SymbolLookup lookup;
    try {
      lookup = SymbolLookup.libraryLookup(library, Arena.global());
    } catch (IllegalArgumentException e) {
      throw unusable(
          soft
              ? "softcuda can't be loaded from " + library
              : "no CUDA driver: the library "
                  + library
                  + " can't be loaded. It comes with NVIDIA's driver; check that nvidia-smi works,"
                  + " or name another path by -D"
                  + LIBRARY_PROPERTY);
    }
    boolean isSoft = lookup.find("softcudaLastFault").isPresent();
    if (isSoft != soft) {
      throw unusable(
          soft
              ? library + " is not softcuda: it lacks softcudaLastFault"
              : "no CUDA hardware: "
                  + library
                  + " is softcuda, which must be asked for by its own name");
    }
    EntryPoints calls = new EntryPoints(lookup);
    int version = version(library, calls);
    checkVersion(library, version);
    if (!calls.missing().isEmpty()) {
      throw unusable(library + " lacks these entry points: " + calls.missing());
    }
    int init = calls.cuInit(0);
    if (init != Result.SUCCESS) {
      String name = name(calls, init);
      String text =
          init == Result.NO_DEVICE
              ? "no CUDA device: " + library + " is there, but sees no GPU"
              : "the CUDA driver " + library + " did not start";
      throw new CudaException(
          init, name, "cuInit", null, text + " (cuInit: " + name + ", " + init + ")");
    }
    int count = deviceCount(library, calls);
    Driver driver =
        new Driver(library, calls, version, count, soft ? new Softcuda(lookup, library) : null);
    if (count == 0) {
      throw unusable("no CUDA device: " + library + " is there, but sees no GPU");
    }
    return driver;
  }

  private static int version(String library, EntryPoints calls) {
    if (!calls.hasVersion()) {
      throw unusable(library + " is no CUDA driver: it lacks cuDriverGetVersion");
    }
    CallBlock block = CallBlock.local();
    int result = calls.cuDriverGetVersion(block.out);
    if (result != Result.SUCCESS) {
      throw unusable(library + " does not say its version (result " + result + ")");
    }
    return block.outInt();
  }

  /** Refuses a driver that is older than what this package calls. */
  static void checkVersion(String library, int version) {
    if (version < NEEDED_VERSION) {
      throw unusable(
          "the CUDA driver is too old: "
              + library
              + " is for CUDA "
              + versionText(version)
              + ", needed is "
              + versionText(NEEDED_VERSION)
              + " (driver 525.60.13 or newer); update NVIDIA's driver");
    }
  }

  private static int deviceCount(String library, EntryPoints calls) {
    CallBlock block = CallBlock.local();
    int result = calls.cuDeviceGetCount(block.out);
    if (result != Result.SUCCESS) {
      throw unusable(library + " does not count its devices (" + name(calls, result) + ")");
    }
    return block.outInt();
  }

  private static CudaException unusable(String message) {
    return CudaException.refused("open the driver", null, message);
  }

  /** {@code 12080} as {@code 12.8}. */
  static String versionText(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /**
   * The library's name or path.
   *
   * @return what was opened
   */
  public String library() {
    return library;
  }

  /**
   * The newest CUDA version that the driver knows.
   *
   * @return 1000 × major + 10 × minor
   */
  public int version() {
    return version;
  }

  /**
   * The number of devices.
   *
   * @return at least 1
   */
  public int deviceCount() {
    return deviceCount;
  }

  /**
   * Whether this is softcuda, the software device.
   *
   * @return true for softcuda
   */
  public boolean isSoftcuda() {
    return softcuda != null;
  }

  /**
   * Why there are no kernels for this driver: they were not built, or not all of them.
   *
   * @return the reason, or null if each kernel is there
   */
  public @Nullable String missingKernels() {
    return Modules.missing(this);
  }

  /**
   * Where the kernels lie that hardware would get: in the library's jar, or in a folder that comes
   * before it on the class path, as after a build for one chip.
   *
   * @return how many, and from where; or why there are none
   */
  public static String kernels() {
    return Modules.location();
  }

  /** Softcuda's controls, or null for hardware. */
  @Nullable Softcuda softcuda() {
    return softcuda;
  }

  EntryPoints calls() {
    return calls;
  }

  /**
   * What a device says of itself. Needs no context.
   *
   * @param ordinal the device, 0 … {@link #deviceCount()} − 1
   * @return its properties
   * @throws CudaException if there is no such device
   */
  public DeviceProperties properties(int ordinal) {
    if (ordinal < 0 || ordinal >= deviceCount) {
      throw CudaException.refused(
          "properties",
          null,
          "there is no CUDA device " + ordinal + ": " + library + " has 0 … " + (deviceCount - 1));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(256, 8);
      check(calls.cuDeviceGet(out, ordinal), "cuDeviceGet");
      int device = out.get(java.lang.foreign.ValueLayout.JAVA_INT, 0);
      out.fill((byte) 0);
      check(calls.cuDeviceGetName(out, 255, device), "cuDeviceGetName");
      String name = out.getString(0);
      check(calls.cuDeviceGetUuid(out, device), "cuDeviceGetUuid");
      String hex = HexFormat.of().formatHex(out.asSlice(0, 16).toArray(JAVA_BYTE));
      String uuid =
          "GPU-%s-%s-%s-%s-%s"
              .formatted(
                  hex.substring(0, 8),
                  hex.substring(8, 12),
                  hex.substring(12, 16),
                  hex.substring(16, 20),
                  hex.substring(20));
      check(calls.cuDeviceTotalMem(out, device), "cuDeviceTotalMem");
      long total = out.get(java.lang.foreign.ValueLayout.JAVA_LONG, 0);
      return new DeviceProperties(
          ordinal,
          name,
          uuid,
          attribute(device, 75),
          attribute(device, 76),
          attribute(device, 16),
          total,
          attribute(device, 38),
          attribute(device, 13),
          attribute(device, 1),
          attribute(device, 8),
          attribute(device, 97),
          attribute(device, 115) != 0 && calls.hasPools(),
          version);
    }
  }

  /** A CU_DEVICE_ATTRIBUTE_*; 0 where the driver doesn't know it. */
  private int attribute(int device, int attribute) {
    CallBlock block = CallBlock.local();
    int result = calls.cuDeviceGetAttribute(block.out, attribute, device);
    return result == Result.SUCCESS ? block.outInt() : 0;
  }

  /** Throws unless {@code result} is success. */
  void check(int result, String operation) {
    if (result != Result.SUCCESS) {
      throw failure(result, operation, null, operation);
    }
  }

  /** The exception for a result code; {@code doing} says what was tried, with its values. */
  CudaException failure(int result, String operation, @Nullable String kernel, String doing) {
    String name = name(calls, result);
    StringBuilder text = new StringBuilder(doing).append(": ").append(name);
    text.append(" (").append(result).append(", ").append(describe(result)).append(")");
    Softcuda soft = softcuda;
    if (soft != null && (Result.sticky(result) || result == Result.INVALID_IMAGE)) {
      String fault = soft.lastFault();
      if (!fault.isEmpty()) {
        text.append("; softcuda says: ").append(fault);
      }
    }
    return new CudaException(result, name, operation, kernel, text.toString());
  }

  private static String name(EntryPoints calls, int result) {
    CallBlock block = CallBlock.local();
    return calls.cuGetErrorName(result, block.out2) == Result.SUCCESS
        ? text(block.out2)
        : "CUresult " + result;
  }

  private String describe(int result) {
    CallBlock block = CallBlock.local();
    return calls.cuGetErrorString(result, block.out2) == Result.SUCCESS
        ? text(block.out2)
        : "no description";
  }

  private static String text(MemorySegment pointer) {
    MemorySegment text = pointer.get(ADDRESS, 0);
    return text.equals(MemorySegment.NULL) ? "" : text.reinterpret(1024).getString(0);
  }

  @Override
  public String toString() {
    return "Driver[" + library + ", CUDA " + versionText(version) + "]";
  }
}

package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Softcuda's controls: the order in which threads and blocks run, checking, and faults on demand.
 *
 * <p>Softcuda is a software device that runs the same CUDA sources on the CPU, through the same
 * driver calls. It is for tests and for machines without a GPU; it says nothing of speed. All
 * settings hold for the whole process.
 */
public final class Softcuda {
  /** The order in which the threads of a block, and the blocks of a grid, run. */
  public enum Order {
    /** Thread 0 first. */
    ASCENDING,
    /** The last thread first. */
    DESCENDING,
    /** A permutation drawn from the seed, another one at each turn. */
    SHUFFLED
  }

  /**
   * A system property: the seed of the devices {@code softcuda:shuffled}; 1 where it is not set.
   */
  public static final String SEED_PROPERTY = "selfsame.softcuda.seed";

  private static final MethodHandle LONG =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_LONG));
  private static @Nullable Driver opened;

  private final String library;
  private volatile @Nullable Order current;
  private final MemorySegment setSchedule;
  private final MemorySegment setHostThreads;
  private final MemorySegment setChecking;
  private final MemorySegment injectAllocFailure;
  private final MemorySegment injectLaunchFailure;
  private final MemorySegment injectBitFlip;
  private final MemorySegment loseDevice;
  private final MemorySegment reset;
  private final MemorySegment lastFault;
  private final MemorySegment liveBytes;
  private final MemorySegment launches;
  private final MemorySegment setMemory;
  private final MemorySegment setSparse;

  Softcuda(SymbolLookup lookup, String library) {
    this.library = library;
    setSchedule = find(lookup, "softcudaSetSchedule");
    setHostThreads = find(lookup, "softcudaSetHostThreads");
    setChecking = find(lookup, "softcudaSetChecking");
    injectAllocFailure = find(lookup, "softcudaInjectAllocFailure");
    injectLaunchFailure = find(lookup, "softcudaInjectLaunchFailure");
    injectBitFlip = find(lookup, "softcudaInjectBitFlip");
    loseDevice = find(lookup, "softcudaLoseDevice");
    reset = find(lookup, "softcudaReset");
    lastFault = find(lookup, "softcudaLastFault");
    liveBytes = find(lookup, "softcudaLiveBytes");
    launches = find(lookup, "softcudaLaunches");
    setMemory = find(lookup, "softcudaSetMemory");
    setSparse = find(lookup, "softcudaSetSparse");
  }

  private MemorySegment find(SymbolLookup lookup, String symbol) {
    return lookup
        .find(symbol)
        .orElseThrow(() ->
            CudaException.refused(
                "open softcuda", null, library + " lacks " + symbol + "; build it anew"));
  }

  /**
   * Softcuda as a driver, opened once.
   *
   * @return the driver
   * @throws CudaException if softcuda was not built, or not for this system
   */
  public static synchronized Driver driver() {
    Driver open = opened;
    if (open == null) {
      open = Driver.open(SoftcudaLibrary.driver().toString(), true);
      opened = open;
    }
    return open;
  }

  /**
   * Why {@link #driver()} would fail.
   *
   * @return the reason, or null if softcuda can be used
   */
  public static @Nullable String probe() {
    try {
      driver();
      return null;
    } catch (CudaException e) {
      return e.getMessage();
    }
  }

  /**
   * The controls.
   *
   * @return softcuda's controls
   * @throws CudaException if softcuda was not built, or not for this system
   */
  public static Softcuda controls() {
    Softcuda controls = driver().softcuda();
    if (controls == null) {
      throw new IllegalStateException("softcuda's driver has no controls");
    }
    return controls;
  }

  /**
   * Sets the order in which threads and blocks run. No result may depend on it.
   *
   * @param order the order
   * @param seed the seed of {@link Order#SHUFFLED}
   */
  public void schedule(Order order, long seed) {
    current = order;
    Abi.call(setSchedule, order.ordinal(), seed);
  }

  /** Sets an order before a launch, unless it is the one in force. */
  void use(Order order) {
    if (current != order) {
      schedule(order, Long.getLong(SEED_PROPERTY, 1));
    }
  }

  /**
   * Sets how many host threads run blocks.
   *
   * @param threads at least 1
   */
  public void hostThreads(int threads) {
    if (threads < 1) {
      throw CudaException.refused(
          "hostThreads", null, "threads is " + threads + ", must be at least 1");
    }
    Abi.call(setHostThreads, threads);
  }

  /**
   * Turns checking on or off: allocations that end at a guard page, so that a kernel that goes out
   * of bounds is stopped and named.
   *
   * @param on whether to check
   */
  public void checking(boolean on) {
    Abi.call(setChecking, on ? 1 : 0);
  }

  /**
   * Sets how much device memory there is.
   *
   * @param bytes at least 0
   */
  public void memory(long bytes) {
    Abi.call(setMemory, bytes);
  }

  /**
   * Lets large allocations to come take memory only where they are touched; they hold zeros. For
   * kernels that touch little of tensors with more than 2^31 elements.
   *
   * @param leastBytes for allocations of at least so many bytes; 0 for none
   */
  public void sparse(long leastBytes) {
    Abi.call(setSparse, leastBytes);
  }

  /**
   * Lets an allocation to come fail with {@code CUDA_ERROR_OUT_OF_MEMORY}.
   *
   * @param nth 1 for the next one; 0 for none
   */
  public void failAllocation(long nth) {
    Abi.call(injectAllocFailure, nth);
  }

  /**
   * Lets a launch to come fail.
   *
   * @param nth 1 for the next one; 0 for none
   */
  public void failLaunch(long nth) {
    Abi.call(injectLaunchFailure, nth);
  }

  /**
   * Inverts one bit of device memory after a launch to come, as faulty hardware would.
   *
   * @param nth 1 for the next launch; 0 for none
   * @param rank in which live allocation: 0 for the largest, 1 for the next
   * @param word which 32-bit word of it, modulo its size
   * @param bit which bit of the word, 0 … 31
   */
  public void flipBit(long nth, int rank, long word, int bit) {
    if (nth < 0 || rank < 0 || bit < 0 || bit > 31) {
      throw CudaException.refused(
          "flipBit",
          null,
          "flipBit: launch " + nth + ", rank " + rank + ", bit " + bit + "; bits are 0 … 31");
    }
    Abi.call(injectBitFlip, nth, rank, word, bit);
  }

  /** Loses the device: all calls fail until {@link #reset()}. */
  public void loseDevice() {
    Abi.call(loseDevice);
  }

  /** Back to the initial state: no injected faults, ascending order, device present. */
  public void reset() {
    current = null;
    Abi.call(reset);
  }

  /**
   * What softcuda has to say of the last fault: the kernel, the thread, the address.
   *
   * @return the text; empty if there was no fault
   */
  public String lastFault() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(1024);
      Abi.call(lastFault, text, 1024);
      return text.getString(0);
    }
  }

  /**
   * Device memory that is allocated now, over all contexts.
   *
   * @return bytes
   */
  public long liveBytes() {
    return callLong(liveBytes);
  }

  /**
   * Launches so far, those that failed included.
   *
   * @return the count since the process began
   */
  public long launches() {
    return callLong(launches);
  }

  private static long callLong(MemorySegment function) {
    try {
      return (long) LONG.invokeExact(function);
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }
}

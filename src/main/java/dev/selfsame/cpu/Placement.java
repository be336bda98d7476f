package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a team's helpers off the processor that its caller runs on.
 *
 * <p>Linux wakes a thread where it ran last or where its waker runs, and looks for an idle
 * processor only among those that share a cache; where these are few and were busy a moment ago, it
 * does not look at all. On two processors a helper so lands behind its caller in about every second
 * call and stays there for milliseconds, longer than most calls last. A helper whose mask lacks the
 * caller's processor can't.
 *
 * <p>Results do not depend on it. It works on Linux with at most {@value #MOST} processors if
 * native access is enabled; elsewhere the scheduler decides alone.
 */
final class Placement {
  private static final int MOST = 8;
  private static final int MASK_BYTES = 128;

  private final byte[] allowed;
  private final AtomicIntegerArray helpers;
  private int caller = -1;

  private Placement(byte[] allowed, int helpers) {
    this.allowed = allowed;
    this.helpers = new AtomicIntegerArray(helpers);
  }

  /** For a team of the calling thread, or null where there is nothing to keep apart, or no way. */
  static @Nullable Placement ofTeam(int threads) {
    int processors = Runtime.getRuntime().availableProcessors();
    if (threads < 2
        || threads > processors
        || processors > MOST
        || !System.getProperty("os.name", "").equals("Linux")
        || !Placement.class.getModule().isNativeAccessEnabled()
        // The youngest of the functions: glibc 2.30, musl 1.2.2.
        || Linker.nativeLinker().defaultLookup().find("gettid").isEmpty()) {
      return null;
    }
    byte[] allowed = mask(0);
    return allowed == null ? null : new Placement(allowed, threads - 1);
  }

  /** Called by each helper, once, before it works. */
  void helper(int i) {
    try {
      helpers.set(i, (int) Linux.GET_TID.invokeExact());
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** Called by the caller before it wakes helpers; not by two threads at once. */
  void apart() {
    int here = processor();
    if (here == caller || here < 0 || here >= MASK_BYTES * 8) {
      return;
    }
    caller = here;
    byte[] others = allowed.clone();
    others[here >> 3] &= (byte) ~(1 << (here & 7));
    for (int i = 0; i < helpers.length(); i++) {
      int thread = helpers.get(i);
      if (thread == 0) {
        caller = -1; // not started yet: the next call's matter
      } else {
        setMask(thread, others);
      }
    }
  }

  /** The processor that the calling thread runs on. */
  static int processor() {
    try {
      return (int) Linux.GET_CPU.invokeExact();
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** The processors that helper i may run on, a bit each; null if the kernel does not say. */
  byte @Nullable [] maskOf(int i) {
    return mask(helpers.get(i));
  }

  /** Where the helpers are kept off, or −1. */
  int caller() {
    return caller;
  }

  private static byte @Nullable [] mask(int thread) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(MASK_BYTES, 8);
      int rc = (int) Linux.GET_MASK.invokeExact(thread, (long) MASK_BYTES, mask);
      return rc == 0 ? mask.toArray(JAVA_BYTE) : null;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** A mask that the kernel refuses, say because a container's processors changed, is left. */
  private static void setMask(int thread, byte[] mask) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bits = arena.allocateFrom(JAVA_BYTE, mask);
      int ignored = (int) Linux.SET_MASK.invokeExact(thread, (long) MASK_BYTES, bits);
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** The C library's functions; loaded on Linux only. */
  private static final class Linux {
    private static final FunctionDescriptor NUMBER = FunctionDescriptor.of(JAVA_INT);
    private static final FunctionDescriptor MASK =
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);

    static final MethodHandle GET_CPU = function("sched_getcpu", NUMBER);
    static final MethodHandle GET_TID = function("gettid", NUMBER);
    static final MethodHandle GET_MASK = function("sched_getaffinity", MASK);
    static final MethodHandle SET_MASK = function("sched_setaffinity", MASK);

    private static MethodHandle function(String name, FunctionDescriptor type) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }
  }
}

package dev.selfsame;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Asks Linux for pages of 2 MiB behind large blocks.
 *
 * <p>A processor keeps the addresses of some 2,000 pages at hand, 8 MiB in pages of 4 KiB; a kernel
 * that streams through more, or jumps about in it, waits for page tables. Where the system gives
 * such pages only to those who ask ({@code madvise}, the setting of most distributions), the C
 * library's memory has none.
 *
 * <p>Results do not depend on it. A system without such pages, or a program that was not given
 * native access, keeps its small ones.
 */
final class HugePages {
  /** Where a block's first byte lies, so that it begins with a page. */
  static final long PAGE = 2L << 20;

  /** Smaller blocks gain little, and lose up to a page by where they begin. */
  static final long LEAST = 8L << 20;

  private HugePages() {}

  /**
   * Asks for them behind the whole pages of a block that begins with one, and drops what it holds:
   * its bytes are undefined from here on.
   */
  static void ask(MemorySegment block) {
    MethodHandle advise = Linux.ADVISE;
    if (advise == null) {
      return;
    }
    long bytes = block.byteSize() & -PAGE;
    // The allocator's zeroing has made small pages: given back, the next touch brings large ones.
    if (taken(advise, block, bytes, Linux.HUGE_PAGE)) {
      taken(advise, block, bytes, Linux.DONT_NEED);
    }
  }

  /** The C library's function, where there is Linux and native access. */
  private static final class Linux {
    static final int DONT_NEED = 4;
    static final int HUGE_PAGE = 14;

    static final @Nullable MethodHandle ADVISE = function();

    private static @Nullable MethodHandle function() {
      if (!System.getProperty("os.name", "").equals("Linux")
          || !HugePages.class.getModule().isNativeAccessEnabled()) {
        return null;
      }
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(
          linker.defaultLookup().findOrThrow("madvise"),
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    }
  }

  /** Whether the kernel took the advice; one built without such pages does not. */
  private static boolean taken(MethodHandle advise, MemorySegment block, long bytes, int advice) {
    try {
      return (int) advise.invokeExact(block, bytes, advice) == 0;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }
}

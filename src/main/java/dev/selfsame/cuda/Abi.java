package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One static downcall handle per C signature; the function's address is the first argument, so that
 * handles are constants to the JIT compiler whichever library an address comes from.
 *
 * <p>All functions return {@code int} ({@code CUresult}). Handles and device addresses are {@code
 * long}, host pointers are {@link MemorySegment} (the linker keeps them alive for the call). A
 * handle's name spells its parameters: A a host pointer, I an int, L a long. None is {@code
 * critical}: any driver call may block.
 */
final class Abi {
  private static final Linker LINKER = Linker.nativeLinker();

  private static final MethodHandle V = of("");
  private static final MethodHandle I = of("I");
  private static final MethodHandle A = of("A");
  private static final MethodHandle L = of("L");
  private static final MethodHandle IL = of("IL");
  private static final MethodHandle IA = of("IA");
  private static final MethodHandle AI = of("AI");
  private static final MethodHandle AA = of("AA");
  private static final MethodHandle AL = of("AL");
  private static final MethodHandle LL = of("LL");
  private static final MethodHandle LI = of("LI");
  private static final MethodHandle LA = of("LA");
  private static final MethodHandle AII = of("AII");
  private static final MethodHandle AIL = of("AIL");
  private static final MethodHandle ALI = of("ALI");
  private static final MethodHandle ALL = of("ALL");
  private static final MethodHandle ALA = of("ALA");
  private static final MethodHandle LIA = of("LIA");
  private static final MethodHandle LAA = of("LAA");
  private static final MethodHandle LII = of("LII");
  private static final MethodHandle LLI = of("LLI");
  private static final MethodHandle ALLL = of("ALLL");
  private static final MethodHandle LALL = of("LALL");
  private static final MethodHandle LLLL = of("LLLL");
  private static final MethodHandle LILL = of("LILL");
  private static final MethodHandle LILI = of("LILI");
  private static final MethodHandle LLAA = of("LLAA");
  private static final MethodHandle LAUNCH = of("LIIIIIIILAA");

  private static MethodHandle of(String parameters) {
    MemoryLayout[] layouts =
        parameters
            .chars()
            .mapToObj(c -> c == 'A' ? ADDRESS : c == 'I' ? JAVA_INT : JAVA_LONG)
            .toArray(MemoryLayout[]::new);
    return LINKER.downcallHandle(FunctionDescriptor.of(JAVA_INT, layouts));
  }

  static int call(MemorySegment f) {
    try {
      return (int) V.invokeExact(f);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, int a) {
    try {
      return (int) I.invokeExact(f, a);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a) {
    try {
      return (int) A.invokeExact(f, a);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a) {
    try {
      return (int) L.invokeExact(f, a);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, int a, long b) {
    try {
      return (int) IL.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, int a, MemorySegment b) {
    try {
      return (int) IA.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, int b) {
    try {
      return (int) AI.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, MemorySegment b) {
    try {
      return (int) AA.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, long b) {
    try {
      return (int) AL.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, long b) {
    try {
      return (int) LL.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, int b) {
    try {
      return (int) LI.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, MemorySegment b) {
    try {
      return (int) LA.invokeExact(f, a, b);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, MemorySegment b, MemorySegment c) {
    try {
      return (int) LAA.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, int b, int c) {
    try {
      return (int) AII.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, int b, long c) {
    try {
      return (int) AIL.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, long b, int c) {
    try {
      return (int) ALI.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, long b, long c) {
    try {
      return (int) ALL.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, long b, MemorySegment c) {
    try {
      return (int) ALA.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, int b, MemorySegment c) {
    try {
      return (int) LIA.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, int b, int c) {
    try {
      return (int) LII.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, long b, int c) {
    try {
      return (int) LLI.invokeExact(f, a, b, c);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, MemorySegment a, long b, long c, long d) {
    try {
      return (int) ALLL.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, MemorySegment b, long c, long d) {
    try {
      return (int) LALL.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, long b, long c, long d) {
    try {
      return (int) LLLL.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, int b, long c, long d) {
    try {
      return (int) LILL.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, int b, long c, int d) {
    try {
      return (int) LILI.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(MemorySegment f, long a, long b, MemorySegment c, MemorySegment d) {
    try {
      return (int) LLAA.invokeExact(f, a, b, c, d);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  static int call(
      MemorySegment f,
      long function,
      int gx,
      int gy,
      int gz,
      int bx,
      int by,
      int bz,
      int shared,
      long stream,
      MemorySegment args,
      MemorySegment extra) {
    try {
      return (int)
          LAUNCH.invokeExact(f, function, gx, gy, gz, bx, by, bz, shared, stream, args, extra);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  /**
   * Only a bug in the caller (a closed segment, a wrong type) ends here: C functions throw nothing.
   */
  private static RuntimeException failed(Throwable t) {
    if (t instanceof RuntimeException e) {
      return e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    return new IllegalStateException(t);
  }

  private Abi() {}
}

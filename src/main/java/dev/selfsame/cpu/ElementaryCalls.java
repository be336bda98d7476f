package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The elementary functions of a kernel, called so that the compiler can't inline them. Their loops
 * are thousands of nodes; inlined, they use up what C2 allows one method, and the vectors of the
 * loop beside them become objects. Whether C2 inlines a call depends on which of both it compiled
 * first, so a caller would be fast in one run and slow in the next.
 *
 * <p>A method handle that C2 doesn't know as a constant is never inlined; hence the fields, which
 * are neither static nor final. A call costs some nanoseconds more, for a block of up to 1,024.
 */
final class ElementaryCalls implements ElementaryKernel {
  private static final MethodType MAP =
      MethodType.methodType(
          void.class, MemorySegment.class, long.class, MemorySegment.class, long.class, long.class);
  private static final MethodType SUM =
      MethodType.methodType(
          float.class,
          MemorySegment.class,
          long.class,
          float.class,
          MemorySegment.class,
          long.class,
          int.class,
          float[].class);

  private static final MethodType ROWS =
      MethodType.methodType(
          void.class,
          MemorySegment.class,
          long.class,
          int.class,
          int.class,
          long.class,
          float[].class,
          MemorySegment.class,
          long.class);

  /** By the binary logarithm of the width. */
  private static final AtomicReferenceArray<ElementaryKernel> CALLS =
      new AtomicReferenceArray<>(Integer.SIZE);

  private MethodHandle exp;
  private MethodHandle expSum;
  private MethodHandle expRows;
  private MethodHandle expm1;
  private MethodHandle tanh;
  private MethodHandle sigmoid;
  private MethodHandle erf;
  private MethodHandle rsqrt;
  private MethodHandle log;
  private MethodHandle log1p;
  private MethodHandle sin;
  private MethodHandle cos;

  private ElementaryCalls(ElementaryKernel kernel) {
    exp = bound(kernel, "exp", MAP);
    expSum = bound(kernel, "expSum", SUM);
    expRows = bound(kernel, "expRows", ROWS);
    expm1 = bound(kernel, "expm1", MAP);
    tanh = bound(kernel, "tanh", MAP);
    sigmoid = bound(kernel, "sigmoid", MAP);
    erf = bound(kernel, "erf", MAP);
    rsqrt = bound(kernel, "rsqrt", MAP);
    log = bound(kernel, "log", MAP);
    log1p = bound(kernel, "log1p", MAP);
    sin = bound(kernel, "sin", MAP);
    cos = bound(kernel, "cos", MAP);
  }

  /** Calls of a kernel class of a width. */
  static ElementaryKernel of(Class<? extends ElementaryKernel> kernel, int bits) {
    int width = Integer.numberOfTrailingZeros(bits);
    ElementaryKernel calls = CALLS.get(width);
    if (calls == null) {
      // Two threads may both make it; both are good.
      calls = new ElementaryCalls(Lanes.kernel(kernel, ElementaryKernel.class, bits));
      CALLS.set(width, calls);
    }
    return calls;
  }

  /** Calls of a kernel's functions from other elementary functions. */
  static ElementaryKernel around(ElementaryKernel kernel) {
    return new ElementaryCalls(kernel);
  }

  private static MethodHandle bound(ElementaryKernel kernel, String name, MethodType type) {
    try {
      return MethodHandles.lookup().bind(kernel, name, type);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static void map(
      MethodHandle function, MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    try {
      function.invokeExact(x, xAt, y, yAt, n);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // no function declares one
    }
  }

  @Override
  public void exp(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(exp, x, xAt, y, yAt, n);
  }

  @Override
  public float expSum(
      MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n, float[] lanes) {
    try {
      return (float) expSum.invokeExact(x, xAt, m, y, yAt, n, lanes);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void expRows(
      MemorySegment x,
      long xAt,
      int rows,
      int columns,
      long next,
      float[] maxima,
      MemorySegment y,
      long yAt) {
    try {
      expRows.invokeExact(x, xAt, rows, columns, next, maxima, y, yAt);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void expm1(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(expm1, x, xAt, y, yAt, n);
  }

  @Override
  public void tanh(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(tanh, x, xAt, y, yAt, n);
  }

  @Override
  public void sigmoid(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(sigmoid, x, xAt, y, yAt, n);
  }

  @Override
  public void erf(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(erf, x, xAt, y, yAt, n);
  }

  @Override
  public void rsqrt(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(rsqrt, x, xAt, y, yAt, n);
  }

  @Override
  public void log(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(log, x, xAt, y, yAt, n);
  }

  @Override
  public void log1p(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(log1p, x, xAt, y, yAt, n);
  }

  @Override
  public void sin(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(sin, x, xAt, y, yAt, n);
  }

  @Override
  public void cos(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    map(cos, x, xAt, y, yAt, n);
  }
}

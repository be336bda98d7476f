package dev.selfsame.bench.peers;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.Map;

/**
 * ND4J's native backend, by method handles: it needs an older JavaCPP than libtorch, so that it
 * runs in a process of its own, and is no dependency of this project. See bench/nd4j-pom.xml.
 */
public final class Nd4jPeer {
  private static final String FACTORY = "org.nd4j.linalg.factory.Nd4j";
  private static final String OPS = "org.nd4j.linalg.api.ops.";

  private final Class<?> array = type("org.nd4j.linalg.api.ndarray.INDArray");
  private final MethodHandle create = factory("create", float[].class, long[].class, char.class);
  private final MethodHandle transpose = method("transpose");
  private final MethodHandle multiply = method("mmuli", array, array).asType(untyped(3));
  private final MethodHandle dup = method("dup", char.class);
  private final MethodHandle data = method("data");
  private final MethodHandle custom = factory("exec", type(OPS + "CustomOp")).asType(untyped(1));
  private final MethodHandle plain = factory("exec", type(OPS + "Op")).asType(untyped(1));

  /**
   * Loads it.
   *
   * @throws LinkageError if it is not on the class path, or its native library does not load
   */
  public Nd4jPeer(int threads) {
    Object environment =
        invoke(
            handle(() -> {
              Class<?> holder = type("org.nd4j.nativeblas.NativeOpsHolder");
              Object instance = holder.getMethod("getInstance").invoke(null);
              Object ops = holder.getMethod("getDeviceNativeOps").invoke(instance);
              Method set =
                  type("org.nd4j.nativeblas.NativeOps").getMethod("setOmpNumThreads", int.class);
              set.invoke(ops, threads);
              return MethodHandles.constant(Object.class, ops);
            }));
    if (environment == null) {
      throw new NoClassDefFoundError("ND4J's native operations");
    }
  }

  /** Version, backend and BLAS. */
  public String describe() {
    Object found =
        invoke(
            handle(() -> {
              Object executioner = type(FACTORY).getMethod("getExecutioner").invoke(null);
              Object all =
                  type(OPS + "executioner.OpExecutioner")
                      .getMethod("getEnvironmentInformation")
                      .invoke(executioner);
              return MethodHandles.constant(Object.class, all);
            }));
    var information = (Map<?, ?>) found;
    String jar = type(FACTORY).getProtectionDomain().getCodeSource().getLocation().getPath();
    return "%s, %s, %s"
        .formatted(
            jar.replaceAll(".*/nd4j-api-(.*)\\.jar", "$1"),
            information.get("backend"),
            information.get("blas.vendor"));
  }

  /** A matrix with these values, row by row in memory. */
  public Object matrix(float[] values, long rows, long columns) {
    return invoke(create, values, new long[] {rows, columns}, 'c');
  }

  /** An empty matrix for products: column by column, as its BLAS calls want it. */
  public Object product(long rows, long columns) {
    return invoke(create, new float[(int) (rows * columns)], new long[] {rows, columns}, 'f');
  }

  /** A view. */
  public Object transpose(Object a) {
    return invoke(transpose, a);
  }

  /** out ← a·b. */
  public void multiply(Object a, Object b, Object out) {
    try {
      Object unused = (Object) multiply.invokeExact(a, b, out);
    } catch (Throwable t) {
      throw NativeLibraries.wrap(t);
    }
  }

  /** y ← softmax of x's rows. */
  public Runnable softmax(Object x, Object y) {
    return operation(custom, "impl.transforms.custom.SoftMax", x, y, 1);
  }

  /** y ← tanh x. */
  public Runnable tanh(Object x, Object y) {
    return operation(plain, "impl.transforms.strict.Tanh", x, y);
  }

  /** A copy of the values, row by row. */
  public float[] values(Object a) {
    Object buffer = invoke(data, invoke(dup, a, 'c'));
    return (float[])
        invoke(
            handle(() ->
                MethodHandles.publicLookup()
                    .unreflect(type("org.nd4j.linalg.api.buffer.DataBuffer").getMethod("asFloat"))),
            buffer);
  }

  private Runnable operation(MethodHandle execute, String name, Object x, Object y, int... axes) {
    Object op =
        axes.length == 0
            ? invoke(constructor(name, array, array), x, y)
            : invoke(constructor(name, array, array, int.class), x, y, axes[0]);
    return () -> {
      try {
        Object unused = (Object) execute.invokeExact(op);
      } catch (Throwable t) {
        throw NativeLibraries.wrap(t);
      }
    };
  }

  private interface Reflective {
    MethodHandle get() throws ReflectiveOperationException;
  }

  private static MethodHandle handle(Reflective reflective) {
    try {
      return reflective.get();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("ND4J: " + (e.getCause() == null ? e : e.getCause()), e);
    }
  }

  private static MethodHandle factory(String name, Class<?>... types) {
    return handle(
        () -> MethodHandles.publicLookup().unreflect(type(FACTORY).getMethod(name, types)));
  }

  private MethodHandle method(String name, Class<?>... types) {
    return handle(() -> MethodHandles.publicLookup().unreflect(array.getMethod(name, types)));
  }

  private static MethodHandle constructor(String name, Class<?>... types) {
    return handle(() ->
        MethodHandles.publicLookup().unreflectConstructor(type(OPS + name).getConstructor(types)));
  }

  private static Class<?> type(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new NoClassDefFoundError(name);
    }
  }

  private static MethodType untyped(int arguments) {
    return MethodType.genericMethodType(arguments);
  }

  private static Object invoke(MethodHandle handle, Object... arguments) {
    try {
      return handle.invokeWithArguments(arguments);
    } catch (Throwable t) {
      throw NativeLibraries.wrap(t);
    }
  }
}

package dev.selfsame.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.atomic.AtomicReferenceArray;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector widths. The compiler makes good code of Vector API kernels only when the species is a
 * constant, yet one process must be able to run every width. So a kernel class asks {@link #floats}
 * for its species in a static initializer, and {@link #kernel} defines a hidden copy of that class
 * for each width other than the machine's preferred one: same source, same bytecode, another
 * constant.
 *
 * <p>A kernel class is therefore self-contained: it holds no state, names no private nested class,
 * and calls no helper that has a species of its own.
 */
public final class Lanes {
  /** The widths that the contract is tested at, in bits. */
  public static final int[] WIDTHS = {128, 256, 512};

  private static final Class<? extends MemorySegment> NATIVE_MEMORY = MemorySegment.NULL.getClass();

  /** By kernel class: what is made of it for each width. */
  private static final ClassValue<AtomicReferenceArray<Object>> KERNELS =
      new ClassValue<>() {
        @Override
        protected AtomicReferenceArray<Object> computeValue(Class<?> kernel) {
          return new AtomicReferenceArray<>(WIDTHS.length);
        }
      };

  /**
   * Calls after which C2 believes the profile of a branch: 40 would do, but the first are not
   * counted, until C1 has compiled the method.
   */
  private static final int OFTEN = 50_000;

  static {
    for (int i = 0; i < OFTEN; i++) {
      expectNative(MemorySegment.NULL);
    }
  }

  private Lanes() {}

  /** Width of the machine's preferred float species in bits, at most 512. */
  public static int preferredBits() {
    return Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
  }

  /**
   * Whether the machine's vectors hold that many bits; wider ones would be emulated, thousands of
   * times slower.
   */
  public static boolean supports(int bits) {
    return bits <= preferredBits();
  }

  /**
   * The widest vectors, of at most {@code bits}, that a few columns fill without a rest; 128 bits
   * if none do. Many columns take the widest at once: there a rest costs little.
   */
  static int filled(int bits, long columns) {
    int fitting = bits;
    while (fitting > 128 && columns < fitting / 4 && columns % (fitting / Float.SIZE) != 0) {
      fitting /= 2;
    }
    return fitting;
  }

  /**
   * The species of the calling kernel class: the one it was copied for, or the preferred one.
   *
   * @param lookup {@code MethodHandles.lookup()} of the kernel class
   */
  static VectorSpecies<Float> floats(MethodHandles.Lookup lookup) {
    try {
      Integer bits = MethodHandles.classData(lookup, "_", Integer.class);
      return species(bits == null ? preferredBits() : bits);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException("a kernel class passes its own lookup", e);
    }
  }

  /**
   * The class of a vector. What a kernel loads, it casts to this class, a constant of the kernel:
   * then C2 knows which methods are called on it. Otherwise it would guess from profiles that all
   * code in the process shares, and a guess that may fail makes objects of vectors.
   */
  @SuppressWarnings("unchecked")
  static <V extends Vector<?>> Class<? extends V> type(V vector) {
    return (Class<? extends V>) vector.getClass();
  }

  /**
   * The memory itself, which C2 then takes for native memory as long as no array's was seen here.
   *
   * <p>For memory that vectors are stored to; a slice made in the method needs none. Which kinds of
   * memory vectors went to is told by one profile for the whole process, and until its methods are
   * compiled the Vector API itself stores to arrays ({@code reinterpretAsInts}). C2 then expects an
   * array at every store: a tile becomes six times as long, and loops keep the order of loads and
   * stores.
   */
  public static MemorySegment expectNative(MemorySegment memory) {
    return NATIVE_MEMORY.isInstance(memory) ? NATIVE_MEMORY.cast(memory) : memory;
  }

  /** The float species of a width. */
  static VectorSpecies<Float> species(int bits) {
    return switch (bits) {
      case 64, 128, 256, 512 -> VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
      default -> throw new IllegalArgumentException(bits + " bits; widths are 128, 256 and 512");
    };
  }

  /**
   * The kernel of a width.
   *
   * @param kernel the kernel class, in this package, with a no-argument constructor
   * @param api the interface that it implements
   */
  static <T> T kernel(Class<? extends T> kernel, Class<T> api, int bits) {
    AtomicReferenceArray<Object> widths = KERNELS.get(kernel);
    int width = bits >> 8;
    Object made = widths.get(width);
    if (made == null) {
      // Of two threads that both define it, one wins.
      Object defined = define(kernel, bits);
      made = widths.compareAndSet(width, null, defined) ? defined : widths.get(width);
    }
    return api.cast(made);
  }

  private static Object define(Class<?> kernel, int bits) {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?> specialised = kernel;
      if (bits != preferredBits()) {
        specialised =
            lookup
                .defineHiddenClassWithClassData(bytecode(kernel), (Integer) bits, true)
                .lookupClass();
      }
      var constructor = specialised.getDeclaredConstructor();
      constructor.setAccessible(true);
      return constructor.newInstance();
    } catch (ReflectiveOperationException | IOException e) {
      throw new IllegalStateException("kernel " + kernel.getName() + " for " + bits + " bits", e);
    }
  }

  private static byte[] bytecode(Class<?> kernel) throws IOException {
    String file = kernel.getName().substring(kernel.getPackageName().length() + 1) + ".class";
    try (InputStream in = kernel.getResourceAsStream(file)) {
      if (in == null) {
        throw new IOException("no class file " + file);
      }
      return in.readAllBytes();
    }
  }
}

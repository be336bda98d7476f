package dev.selfsame;

import dev.selfsame.cpu.Lanes;
import dev.selfsame.cpu.Workers;
import dev.selfsame.cuda.CudaContext;

/**
 * Where tensors live and kernels run: a closed set, chosen by the caller. Nothing falls back to
 * another device.
 *
 * <p>The CPU devices share memory but are devices of their own: an operation takes tensors of one
 * device, and its kernel is that device's.
 */
public sealed interface Device {

  /** Plain Java loops: the definition of every operation, on one thread. */
  static Scalar scalar() {
    return new Scalar();
  }

  /** Vector API kernels at the machine's preferred width on all processors. */
  static Vector vector() {
    return vector(Lanes.preferredBits(), Runtime.getRuntime().availableProcessors());
  }

  /**
   * Vector API kernels.
   *
   * @param bits vector width: 128, 256 or 512, at most the machine's
   * @param threads threads that share the work, at least 1
   * @throws DeviceException if the machine's vectors are narrower
   */
  static Vector vector(int bits, int threads) {
    return new Vector(bits, threads);
  }

  /**
   * An NVIDIA GPU by ordinal.
   *
   * @throws DeviceException if there is no driver or no such device; the message says what was
   *     looked for and what to do
   */
  static Cuda cuda(int ordinal) {
    return new Cuda(CudaContext.hardware(ordinal), "cuda:" + ordinal);
  }

  /** The software CUDA device with ascending order of blocks and threads. */
  static Cuda softcuda() {
    return softcuda("ascending");
  }

  /**
   * The software CUDA device: the CUDA kernels' own sources, run on the CPU.
   *
   * @param schedule order in which blocks and threads run: {@code ascending}, {@code descending} or
   *     {@code shuffled}
   */
  static Cuda softcuda(String schedule) {
    CudaContext context = CudaContext.softcuda(schedule);
    return new Cuda(context, schedule.equals("ascending") ? "softcuda" : "softcuda:" + schedule);
  }

  /**
   * A device by name: {@code scalar}, {@code vector}, {@code vector:128|256|512}, {@code cuda:N},
   * {@code softcuda}, {@code softcuda:ascending|descending|shuffled}.
   *
   * @param threads for vector devices
   * @throws DeviceException if the name is unknown or the device is not usable
   */
  static Device parse(String name, int threads) {
    String[] part = name.split(":", 2);
    String detail = part.length == 2 ? part[1] : "";
    try {
      return switch (part[0]) {
        case "scalar" -> {
          if (part.length == 2) {
            throw unknown(name);
          }
          yield scalar();
        }
        case "vector" ->
            vector(part.length == 1 ? Lanes.preferredBits() : Integer.parseInt(detail), threads);
        case "cuda" -> cuda(part.length == 1 ? 0 : Integer.parseInt(detail));
        case "softcuda" -> softcuda(part.length == 1 ? "ascending" : detail);
        default -> throw unknown(name);
      };
    } catch (NumberFormatException e) {
      throw unknown(name);
    }
  }

  private static DeviceException unknown(String name) {
    return new DeviceException(
        "device '"
            + name
            + "' is unknown; devices are scalar, vector, vector:128|256|512, cuda:N, softcuda,"
            + " softcuda:ascending|descending|shuffled");
  }

  /** Whether the kernels of both can address the same memory. */
  default boolean sharesMemoryWith(Device other) {
    return switch (this) {
      case Scalar s -> !(other instanceof Cuda);
      case Vector v -> !(other instanceof Cuda);
      case Cuda c -> other instanceof Cuda d && c.context().sharesMemoryWith(d.context());
    };
  }

  /** Whether work is being captured for a {@link Replay}: then nothing runs before its replay. */
  default boolean isCapturing() {
    return this instanceof Cuda cuda && cuda.context().isCapturing();
  }

  /** Waits until all work handed to the device is done. CPU devices work synchronously. */
  default void synchronize() {
    if (this instanceof Cuda c) {
      c.context().synchronize();
    }
  }

  /** Plain Java loops. */
  record Scalar() implements Device {
    @Override
    public String toString() {
      return "scalar";
    }
  }

  /**
   * Vector API kernels.
   *
   * @param bits vector width in bits
   * @param threads threads that share the work
   */
  record Vector(int bits, int threads) implements Device {
    /** Checks width and thread count. */
    public Vector {
      if (bits != 128 && bits != 256 && bits != 512) {
        throw new DeviceException("vector width " + bits + "; widths are 128, 256 and 512 bits");
      }
      if (!Lanes.supports(bits)) {
        throw new DeviceException(
            "vector width "
                + bits
                + " is wider than this machine's "
                + Lanes.preferredBits()
                + " bits; it would be emulated, thousands of times slower");
      }
      if (threads < 1 || threads > 1024) {
        throw new DeviceException(threads + " threads; allowed are 1 to 1024");
      }
    }

    /** The team that runs this device's tasks. */
    public Workers workers() {
      return Workers.of(threads);
    }

    @Override
    public String toString() {
      return "vector:" + bits;
    }
  }

  /**
   * An NVIDIA GPU or the software CUDA device.
   *
   * @param context the driver's side of the device
   * @param name as {@link #parse} takes it
   */
  record Cuda(CudaContext context, String name) implements Device {
    @Override
    public String toString() {
      return name;
    }
  }
}

package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One launch of a kernel: grid, block, shared memory, then the arguments in the kernel's order,
 * then {@link #run}.
 *
 * <p>Sizes are checked before the driver sees them. Arguments must have the kernel's exact types:
 * {@code long} for pointers and {@code long long}, {@code int} for {@code int}; where the driver
 * knows the kernel's parameters, their number and sizes are checked. Arguments lie in memory of the
 * calling thread: a launch is put together and run on one thread, before the next one begins.
 */
public final class Launch {
  private static final long MAX_GRID_X = Integer.MAX_VALUE;
  private static final long MAX_GRID_YZ = 65_535;
  private static final int MAX_BLOCK_Z = 64;

  private final CudaContext context;
  private final Kernel kernel;
  private final CallBlock block;
  private long gridX = 1;
  private long gridY = 1;
  private long gridZ = 1;
  private int blockX = 1;
  private int blockY = 1;
  private int blockZ = 1;
  private int sharedBytes;
  private int args;
  private int structBytes;
  private @Nullable Supplier<String> what;

  Launch(CudaContext context, Kernel kernel) {
    this.context = context;
    this.kernel = kernel;
    block = CallBlock.local();
    block.owner = this;
    block.reset();
  }

  /**
   * The number of blocks.
   *
   * @param x 1 … 2^31 − 1
   * @return this
   */
  public Launch grid(long x) {
    return grid(x, 1, 1);
  }

  /**
   * The number of blocks in two dimensions.
   *
   * @param x 1 … 2^31 − 1
   * @param y 1 … 65,535
   * @return this
   */
  public Launch grid(long x, long y) {
    return grid(x, y, 1);
  }

  /**
   * The number of blocks in three dimensions.
   *
   * @param x 1 … 2^31 − 1
   * @param y 1 … 65,535
   * @param z 1 … 65,535
   * @return this
   */
  public Launch grid(long x, long y, long z) {
    gridX = x;
    gridY = y;
    gridZ = z;
    return this;
  }

  /**
   * The number of threads of a block.
   *
   * @param x 1 … 1,024
   * @return this
   */
  public Launch block(int x) {
    return block(x, 1, 1);
  }

  /**
   * The number of threads of a block in two dimensions; the product is at most 1,024.
   *
   * @param x at least 1
   * @param y at least 1
   * @return this
   */
  public Launch block(int x, int y) {
    return block(x, y, 1);
  }

  /**
   * The number of threads of a block in three dimensions; the product is at most 1,024.
   *
   * @param x at least 1
   * @param y at least 1
   * @param z 1 … 64
   * @return this
   */
  public Launch block(int x, int y, int z) {
    blockX = x;
    blockY = y;
    blockZ = z;
    return this;
  }

  /**
   * Dynamic shared memory of a block; above 48 KiB the kernel is opted in.
   *
   * @param bytes at least 0
   * @return this
   */
  public Launch shared(int bytes) {
    sharedBytes = bytes;
    return this;
  }

  /**
   * A pointer or 64-bit integer.
   *
   * @param value the argument
   * @return this
   */
  public Launch arg(long value) {
    block.slots.setAtIndex(JAVA_LONG, slot(8), value);
    return this;
  }

  /**
   * A 32-bit integer.
   *
   * @param value the argument
   * @return this
   */
  public Launch arg(int value) {
    block.slots.set(JAVA_INT, slot(4) * 8L, value);
    return this;
  }

  /**
   * A float.
   *
   * @param value the argument
   * @return this
   */
  public Launch arg(float value) {
    block.slots.set(JAVA_FLOAT, slot(4) * 8L, value);
    return this;
  }

  /**
   * A double.
   *
   * @param value the argument
   * @return this
   */
  public Launch arg(double value) {
    block.slots.set(JAVA_DOUBLE, slot(8) * 8L, value);
    return this;
  }

  /**
   * A structure by value.
   *
   * @param value its bytes, in C's layout; together at most 4,096 bytes
   * @return this
   */
  public Launch arg(MemorySegment value) {
    int bytes = (int) Math.min(value.byteSize(), Integer.MAX_VALUE);
    if (bytes > CallBlock.STRUCT_BYTES - structBytes) {
      throw refused(
          "structures of "
              + (structBytes + (long) bytes)
              + " bytes; at most "
              + CallBlock.STRUCT_BYTES);
    }
    int slot = slot(bytes);
    MemorySegment.copy(value, 0, block.structs, structBytes, bytes);
    block.pointers.setAtIndex(JAVA_LONG, slot, block.structs.address() + structBytes);
    block.structs(slot);
    structBytes += (bytes + 15) & -16;
    return this;
  }

  private int slot(int bytes) {
    if (block.owner != this) {
      throw refused("another launch was begun on this thread, or this one has run");
    }
    if (args == CallBlock.MAX_ARGS) {
      throw refused("more than " + CallBlock.MAX_ARGS + " arguments");
    }
    block.sizes[args] = bytes;
    return args++;
  }

  /**
   * What the launch is for, in the words of a failure's message, such as {@code gemm [64, 32]×[32,
   * 10]}.
   *
   * @param text asked for only when the launch fails
   * @return this
   */
  public Launch what(Supplier<String> text) {
    what = text;
    return this;
  }

  /**
   * Queues the launch in the context's stream.
   *
   * @throws CudaException if a size is not allowed, the kernel can't be loaded, or the driver
   *     refuses; the message names the kernel, its grid and block, and {@link #what}
   */
  public void run() {
    if (block.owner != this) {
      throw refused("another launch was begun on this thread, or this one has run");
    }
    try {
      checkSizes();
      context.primary().enter();
      try {
        Function function = context.function(kernel);
        checkFunction(function);
        int result = function.reserveShared(context.primary(), sharedBytes);
        String operation = "cuFuncSetAttribute";
        if (result == Result.SUCCESS) {
          operation = "cuLaunchKernel";
          result = context.launch(this, function, block);
        }
        if (result != Result.SUCCESS) {
          throw context.primary().failed(result, operation, kernel.symbol(), "launching " + this);
        }
        CudaEvents.launched(this);
      } finally {
        context.primary().exit();
      }
    } finally {
      block.owner = null;
      block.reset();
    }
  }

  private void checkSizes() {
    if (gridX < 1 || gridY < 1 || gridZ < 1 || blockX < 1 || blockY < 1 || blockZ < 1) {
      throw refused("grid and block must be at least 1 in each dimension");
    }
    if (gridX > MAX_GRID_X || gridY > MAX_GRID_YZ || gridZ > MAX_GRID_YZ) {
      throw refused("a grid is at most (2147483647, 65535, 65535)");
    }
    int most = context.properties().maxThreadsPerBlock();
    if (threads() > most || blockZ > MAX_BLOCK_Z) {
      throw refused("a block of " + threads() + " threads; at most " + most + ", and 64 in z");
    }
    if (sharedBytes < 0) {
      throw refused("shared memory can't be negative");
    }
  }

  private void checkFunction(Function function) {
    if (threads() > function.maxThreads) {
      throw refused(
          "the compiled kernel runs with at most " + function.maxThreads + " threads a block");
    }
    DeviceProperties device = context.properties();
    int most = Math.max(device.maxSharedBytes(), device.maxSharedOptInBytes());
    if ((long) sharedBytes + function.staticShared > most) {
      throw refused(
          "shared memory of "
              + sharedBytes
              + " bytes beside "
              + function.staticShared
              + " static ones; the device has "
              + most
              + " a block");
    }
    int[] sizes = function.parameterSizes;
    if (sizes == null) {
      return;
    }
    if (sizes.length != args) {
      throw refused(args + " arguments; the kernel takes " + sizes.length);
    }
    for (int i = 0; i < sizes.length; i++) {
      if (sizes[i] != block.sizes[i]) {
        throw refused(
            "argument " + i + " has " + block.sizes[i] + " bytes; the kernel takes " + sizes[i]);
      }
    }
  }

  private long threads() {
    return (long) blockX * blockY * blockZ;
  }

  private CudaException refused(String why) {
    return CudaException.refused("launch", kernel.symbol(), "launching " + this + ": " + why);
  }

  Kernel kernel() {
    return kernel;
  }

  long gridX() {
    return gridX;
  }

  long gridY() {
    return gridY;
  }

  long gridZ() {
    return gridZ;
  }

  int blockX() {
    return blockX;
  }

  int blockY() {
    return blockY;
  }

  int blockZ() {
    return blockZ;
  }

  int sharedBytes() {
    return sharedBytes;
  }

  /** The kernel, grid, block, shared memory and purpose. */
  @Override
  public String toString() {
    String text =
        kernel.symbol()
            + " <<<("
            + gridX
            + ", "
            + gridY
            + ", "
            + gridZ
            + "), ("
            + blockX
            + ", "
            + blockY
            + ", "
            + blockZ
            + "), "
            + sharedBytes
            + " B>>>";
    Supplier<String> purpose = what;
    return purpose == null ? text : text + " for " + purpose.get();
  }
}

package dev.selfsame;

import dev.selfsame.cpu.Fill;
import dev.selfsame.cpu.Workers;
import dev.selfsame.cuda.PinnedBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A dense array of FP32 or INT32 elements on one device, row-major, alive as long as its {@link
 * Scope}.
 *
 * <p>Views share memory with the tensor that they were made from: {@link #reshape}, {@link #slice}
 * of the outermost axis, and {@link #transpose} of the last two axes. A transposed view has no
 * memory of its own order; only operations that say so (GEMM) take one. All other tensors are
 * contiguous.
 *
 * <p>Errors: {@link ClosedException} for use after close, {@link ShapeException}, {@link
 * DTypeException} and {@link DeviceException} for a tensor of the wrong kind.
 */
public final class Tensor implements AutoCloseable {
  private final Storage storage;
  private final DType dtype;
  private final Shape shape;
  private final long offset;
  private final boolean transposed;

  private Tensor(Storage storage, DType dtype, Shape shape, long offset, boolean transposed) {
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.offset = offset;
    this.transposed = transposed;
  }

  // ---- making
  // -------------------------------------------------------------------------------------------------

  /** A new tensor with undefined contents. */
  public static Tensor empty(Scope scope, Device device, DType dtype, Shape shape) {
    return new Tensor(
        Storage.allocate(scope, device, shape.elements() * dtype.bytes()), dtype, shape, 0, false);
  }

  /** A new FP32 tensor with undefined contents. */
  public static Tensor empty(Scope scope, Device device, long... sizes) {
    return empty(scope, device, DType.F32, Shape.of(sizes));
  }

  /** A new FP32 tensor of +0. */
  public static Tensor zeros(Scope scope, Device device, long... sizes) {
    return empty(scope, device, DType.F32, Shape.of(sizes)).fill(0f);
  }

  /** A new FP32 tensor holding a copy of {@code values}. */
  public static Tensor of(Scope scope, Device device, float[] values, long... sizes) {
    Shape shape = Shape.of(sizes);
    requireCount("values", values.length, shape);
    return empty(scope, device, DType.F32, shape).copyFrom(MemorySegment.ofArray(values));
  }

  /** A new INT32 tensor holding a copy of {@code values}. */
  public static Tensor of(Scope scope, Device device, int[] values, long... sizes) {
    Shape shape = Shape.of(sizes);
    requireCount("values", values.length, shape);
    return empty(scope, device, DType.I32, shape).copyFrom(MemorySegment.ofArray(values));
  }

  /** The caller's array as a CPU tensor, without a copy: both see each other's writes. */
  public static Tensor wrap(Scope scope, Device device, float[] values, long... sizes) {
    return wrap(scope, device, DType.F32, MemorySegment.ofArray(values), sizes);
  }

  /**
   * The caller's memory as a CPU tensor, without a copy. It must be aligned to four bytes, hold
   * exactly the elements of the shape, and outlive the scope.
   */
  public static Tensor wrap(
      Scope scope, Device device, DType dtype, MemorySegment memory, long... sizes) {
    Shape shape = Shape.of(sizes);
    HostMemory.requireWrappable(memory, device, dtype, shape);
    return new Tensor(Storage.wrap(scope, device, memory), dtype, shape, 0, false);
  }

  /**
   * The caller's direct buffer, from its position to its limit, as a CPU tensor, without a copy.
   * Native byte order.
   */
  public static Tensor wrap(Scope scope, Device device, FloatBuffer buffer, long... sizes) {
    if (buffer.order() != ByteOrder.nativeOrder()) {
      throw new DTypeException(
          "buffer has byte order " + buffer.order() + "; tensors take " + ByteOrder.nativeOrder());
    }
    return wrap(scope, device, DType.F32, MemorySegment.ofBuffer(buffer), sizes);
  }

  /**
   * Device memory that the caller owns (a JCuda {@code CUdeviceptr}, a DLPack pointer) as a tensor,
   * without a copy. The address must be of the device's primary context and outlive the scope.
   */
  public static Tensor wrapAddress(
      Scope scope, Device.Cuda device, DType dtype, long address, long... sizes) {
    Shape shape = Shape.of(sizes);
    if (address == 0 && shape.elements() > 0 || address % dtype.bytes() != 0) {
      throw new DeviceException(
          "device address 0x"
              + Long.toHexString(address)
              + "; allowed is a non-null multiple of "
              + dtype.bytes());
    }
    return new Tensor(
        Storage.wrap(scope, device, address, shape.elements() * dtype.bytes()),
        dtype,
        shape,
        0,
        false);
  }

  private static void requireCount(String name, long given, Shape shape) {
    if (given != shape.elements()) {
      throw new ShapeException(
          name + " has " + given + " elements, but shape " + shape + " takes " + shape.elements());
    }
  }

  // ---- what it is
  // ---------------------------------------------------------------------------------------------

  /** Sizes of the axes. */
  public Shape shape() {
    return shape;
  }

  /** Size of one axis; negative axes count from the last one. */
  public long size(int axis) {
    return shape.size(axis);
  }

  /** Number of elements. */
  public long elements() {
    return shape.elements();
  }

  /** Element type. */
  public DType dtype() {
    return dtype;
  }

  /** The device whose memory holds the elements. */
  public Device device() {
    return storage.device();
  }

  /** The scope that closes it. */
  public Scope scope() {
    return storage.scope();
  }

  /** Whether this is a transposed view. */
  public boolean isTransposed() {
    return transposed;
  }

  /** Whether it or its scope was closed. */
  public boolean isClosed() {
    return storage.isClosed();
  }

  /**
   * Bytes of all open tensors of the process, on all devices; views and wrapped memory count
   * nothing.
   */
  public static long liveBytes() {
    return Storage.liveBytes();
  }

  /** Whether the two share at least one byte. */
  public boolean overlaps(Tensor other) {
    if (elements() == 0 || other.elements() == 0 || !device().sharesMemoryWith(other.device())) {
      return false;
    }
    if (storage.hasAddresses() && other.storage.hasAddresses()) {
      return rawAddress() < other.rawAddress() + other.bytes()
          && other.rawAddress() < rawAddress() + bytes();
    }
    return rawMemory().asOverlappingSlice(other.rawMemory()).isPresent();
  }

  /** Whether the first elements of the two are the same memory. */
  public boolean startsWith(Tensor other) {
    return storage == other.storage && offset == other.offset;
  }

  // ---- views
  // --------------------------------------------------------------------------------------------------

  /** The same elements in another shape of the same count. */
  public Tensor reshape(long... sizes) {
    Shape to = Shape.of(sizes);
    requireContiguous("reshape");
    if (to.elements() != elements()) {
      throw new ShapeException(
          "reshape of "
              + shape
              + " to "
              + to
              + ": "
              + elements()
              + " elements can't be "
              + to.elements());
    }
    return new Tensor(storage, dtype, to, offset, false);
  }

  /** Rows {@code from} (included) to {@code to} (excluded) of the outermost axis. */
  public Tensor slice(long from, long to) {
    requireContiguous("slice");
    if (shape.rank() == 0 || from < 0 || to < from || to > shape.size(0)) {
      throw new ShapeException(
          "slice [" + from + ", " + to + ") of the outermost axis of " + shape);
    }
    long[] sizes = shape.sizes();
    sizes[0] = to - from;
    return new Tensor(storage, dtype, Shape.of(sizes), offset + from * shape.rowElements(), false);
  }

  /**
   * The last two axes swapped: the view through which a tied weight is used both ways. Twice gives
   * the plain tensor again.
   */
  public Tensor transpose() {
    int rank = shape.rank();
    if (rank < 2) {
      throw new ShapeException("transpose of " + shape + "; at least two axes are needed");
    }
    long[] sizes = shape.sizes();
    long last = sizes[rank - 1];
    sizes[rank - 1] = sizes[rank - 2];
    sizes[rank - 2] = last;
    return new Tensor(storage, dtype, Shape.of(sizes), offset, !transposed);
  }

  // ---- contents
  // -----------------------------------------------------------------------------------------------

  /** Sets every FP32 element; returns this tensor. */
  public Tensor fill(float value) {
    requireType(DType.F32);
    return fillBits(Float.floatToRawIntBits(value));
  }

  /** Sets every INT32 element; returns this tensor. */
  public Tensor fill(int value) {
    requireType(DType.I32);
    return fillBits(value);
  }

  private Tensor fillBits(int bits) {
    requireContiguous("fill");
    if (device() instanceof Device.Cuda cuda) {
      cuda.context().fill32(address(), bits, elements());
    } else {
      Workers workers = device() instanceof Device.Vector d ? d.workers() : Workers.of(1);
      Fill.words(memory(), bits, workers);
    }
    return this;
  }

  /** Copies host memory of exactly this tensor's byte size into it; returns this tensor. */
  public Tensor copyFrom(MemorySegment source) {
    requireContiguous("copyFrom");
    requireBytes("source", source);
    if (device() instanceof Device.Cuda cuda) {
      cuda.context().copyIn(address(), source);
    } else {
      memory().copyFrom(source);
    }
    return this;
  }

  /**
   * Copies this tensor into host memory of exactly its byte size, waiting for pending work on it.
   */
  public void copyTo(MemorySegment target) {
    requireContiguous("copyTo");
    requireBytes("target", target);
    if (device() instanceof Device.Cuda cuda) {
      cuda.context().copyOut(address(), target);
    } else {
      target.copyFrom(memory());
    }
  }

  /** Queues a copy to a CUDA tensor from a buffer of its context and size (copyPinned there). */
  public Tensor copyFrom(PinnedBuffer source) {
    requireContiguous("copyFrom");
    if (!(device() instanceof Device.Cuda cuda)) {
      throw new DeviceException("copyFrom: a pinned buffer is for a CUDA tensor, this is " + this);
    }
    requireBytes("source", source.segment());
    cuda.context().copyPinned(address(), source, 0, bytes());
    return this;
  }

  /**
   * Copies another tensor of the same type and shape, from any device, into this one; returns this
   * tensor.
   */
  public Tensor copyFrom(Tensor source) {
    requireType(source.dtype);
    requireContiguous("copyFrom");
    source.requireContiguous("copyFrom");
    if (!shape.equals(source.shape)) {
      throw new ShapeException(
          "copy of " + source.shape + " into " + shape + "; the shapes must be equal");
    }
    if (overlaps(source)) {
      if (startsWith(source)) {
        return this;
      }
      throw new ShapeException(
          "copy of " + source + " into " + this + ": they share memory; they must be apart");
    }
    if (device() instanceof Device.Cuda to && source.device() instanceof Device.Cuda from) {
      if (to.sharesMemoryWith(from)) {
        boolean apart = to.context() != from.context();
        if (apart) {
          from.context().synchronize(); // the copy goes into the other context's stream
        }
        to.context().copyDevice(source.address(), address(), bytes());
        if (apart) {
          to.context().synchronize(); // the source may be freed in its own stream's order
        }
      } else {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment staged = arena.allocate(bytes(), 64);
          source.copyTo(staged);
          copyFrom(staged);
        }
      }
    } else if (device() instanceof Device.Cuda) {
      copyFrom(source.memory());
    } else {
      source.copyTo(memory());
    }
    return this;
  }

  /** A copy on another (or the same) device, in the given scope. */
  public Tensor to(Scope target, Device device) {
    return empty(target, device, dtype, shape).copyFrom(this);
  }

  /** The FP32 elements as a new array. */
  public float[] toFloatArray() {
    requireType(DType.F32);
    float[] values = new float[arrayLength()];
    copyTo(MemorySegment.ofArray(values));
    return values;
  }

  /** The INT32 elements as a new array. */
  public int[] toIntArray() {
    requireType(DType.I32);
    int[] values = new int[arrayLength()];
    copyTo(MemorySegment.ofArray(values));
    return values;
  }

  /** The single element of an FP32 tensor of one element. */
  public float item() {
    if (elements() != 1) {
      throw new ShapeException("item() of " + shape + "; exactly one element is needed");
    }
    return toFloatArray()[0];
  }

  private int arrayLength() {
    if (elements() > Integer.MAX_VALUE - 8) {
      throw new ShapeException(
          "shape " + shape + " is too large for a Java array; use copyTo(MemorySegment)");
    }
    return (int) elements();
  }

  // ---- memory
  // -------------------------------------------------------------------------------------------------

  /**
   * The elements of a CPU tensor, shared; access after the scope is closed throws. Wrapped memory
   * keeps its owner's lifetime.
   */
  public MemorySegment segment() {
    memory();
    return storage.export().asSlice(offset * dtype.bytes(), bytes());
  }

  /**
   * The FP32 elements of a CPU tensor as an NIO buffer, shared.
   *
   * @throws ShapeException if they are more than a buffer holds, 2^31 − 1 bytes
   */
  public FloatBuffer floatBuffer() {
    requireType(DType.F32);
    MemorySegment segment = segment();
    if (segment.heapBase().orElse(null) instanceof float[] array) {
      return FloatBuffer.wrap(array, (int) (segment.address() / Float.BYTES), (int) elements())
          .slice();
    }
    if (bytes() > Integer.MAX_VALUE) {
      throw new ShapeException(
          "tensor " + this + " has " + bytes() + " bytes; a buffer holds at most 2^31 - 1");
    }
    return segment.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  /**
   * For kernels: the elements of a CPU tensor, exactly their bytes. Checked to be open now; don't
   * keep it, use {@link #segment} for that.
   */
  public MemorySegment memory() {
    requireOpen();
    requireContiguous("memory");
    if (device() instanceof Device.Cuda) {
      throw new DeviceException(
          "tensor " + this + " has no host memory; copy it to a CPU device first");
    }
    return rawMemory();
  }

  /** Device address of a CUDA tensor's first element. */
  public long address() {
    requireOpen();
    requireContiguous("address");
    if (!(device() instanceof Device.Cuda)) {
      throw new DeviceException(
          "tensor " + this + " has no device address; copy it to a CUDA device first");
    }
    return rawAddress();
  }

  private MemorySegment rawMemory() {
    MemorySegment all = storage.segment();
    // A slice is an object, and an optimizer asks for the memory of thousands of tensors.
    return bytes() == all.byteSize() ? all : all.asSlice(offset * dtype.bytes(), bytes());
  }

  private long rawAddress() {
    return storage.address() + offset * dtype.bytes();
  }

  private long bytes() {
    return elements() * dtype.bytes();
  }

  Storage storage() {
    return storage;
  }

  private void requireOpen() {
    if (storage.isClosed()) {
      throw new ClosedException("tensor " + this + " was closed");
    }
  }

  private void requireContiguous(String use) {
    requireOpen();
    if (transposed) {
      throw new ShapeException(
          use + " of the transposed view " + shape + "; only GEMM takes transposed views");
    }
  }

  private void requireType(DType needed) {
    if (dtype != needed) {
      throw new DTypeException("tensor " + this + " is " + dtype + "; " + needed + " is needed");
    }
  }

  private void requireBytes(String name, MemorySegment memory) {
    if (memory.byteSize() != bytes()) {
      throw new ShapeException(
          name + " has " + memory.byteSize() + " bytes, but " + this + " has " + bytes());
    }
  }

  /** Closes this tensor and all views of the same memory before their scope ends. */
  @Override
  public void close() {
    storage.close();
  }

  /** Type, shape and device, such as {@code F32[64, 784]@vector:512}. */
  @Override
  public String toString() {
    return dtype + shape.toString() + (transposed ? "ᵀ" : "") + "@" + device();
  }
}

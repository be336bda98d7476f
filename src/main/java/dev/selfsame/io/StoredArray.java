package dev.selfsame.io;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * An array as a file holds it: row-major, little-endian.
 *
 * @param type the element type
 * @param shape the sizes
 * @param data exactly the elements; read-only and part of the mapped file where it was read from
 *     one
 */
public record StoredArray(ElementType type, Shape shape, MemorySegment data) {
  public StoredArray {
    long bytes = Math.multiplyExact(shape.elements(), (long) type.bytes());
    if (data.byteSize() != bytes) {
      throw new ShapeException(
          "data has %d bytes, but %s %s takes %d".formatted(data.byteSize(), type, shape, bytes));
    }
  }

  /** An FP32 array; {@code values} is not copied. */
  public static StoredArray of(float[] values, long... sizes) {
    return new StoredArray(ElementType.F32, Shape.of(sizes), MemorySegment.ofArray(values));
  }

  /** An INT32 array; {@code values} is not copied. */
  public static StoredArray of(int[] values, long... sizes) {
    return new StoredArray(ElementType.I32, Shape.of(sizes), MemorySegment.ofArray(values));
  }

  /**
   * A copy as a tensor.
   *
   * @throws dev.selfsame.DTypeException if the elements are neither F32 nor I32
   */
  public Tensor toTensor(Scope scope, Device device) {
    return Tensor.empty(scope, device, type.dtype(), shape).copyFrom(data);
  }
}

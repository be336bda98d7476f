package dev.selfsame.io;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import org.jspecify.annotations.Nullable;

/**
 * Element types that files may hold, in the order in which safetensors lays them out (reversed).
 * Elements are little-endian. Tensors take {@link #F32} and {@link #I32}; the others can be read
 * and written as bytes.
 */
public enum ElementType {
  /** One byte, 0 or 1. */
  BOOL(1, "|b1"),
  /** Unsigned byte. */
  U8(1, "|u1"),
  /** Signed byte. */
  I8(1, "|i1"),
  /** Signed 16-bit integer. */
  I16(2, "<i2"),
  /** Unsigned 16-bit integer. */
  U16(2, "<u2"),
  /** IEEE 754 binary16. */
  F16(2, "<f2"),
  /** The upper half of a binary32; npy has no name for it. */
  BF16(2, null),
  /** Signed 32-bit integer. */
  I32(4, "<i4"),
  /** Unsigned 32-bit integer. */
  U32(4, "<u4"),
  /** IEEE 754 binary32. */
  F32(4, "<f4"),
  /** IEEE 754 binary64. */
  F64(8, "<f8"),
  /** Signed 64-bit integer. */
  I64(8, "<i8"),
  /** Unsigned 64-bit integer. */
  U64(8, "<u8");

  private final int bytes;
  private final @Nullable String npy;

  ElementType(int bytes, @Nullable String npy) {
    this.bytes = bytes;
    this.npy = npy;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** The type string of npy, or null where there is none. */
  @Nullable String npy() {
    return npy;
  }

  /** The type of a tensor's elements. */
  static ElementType of(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case I32 -> I32;
    };
  }

  /** The tensor type of these elements. */
  DType dtype() {
    return switch (this) {
      case F32 -> DType.F32;
      case I32 -> DType.I32;
      default -> throw new DTypeException("elements are " + this + "; tensors take F32 and I32");
    };
  }
}

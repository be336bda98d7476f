package dev.selfsame;

/** Element type of a tensor. */
public enum DType {
  /** IEEE 754 binary32. */
  F32(4),
  /** Two's complement 32-bit integer: indices, labels, counts. */
  I32(4);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }
}

package dev.selfsame.contract;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Elements of a memory segment by index, in native byte order, at any alignment. */
public final class Mem {
  private Mem() {}

  /** The float at element {@code i}. */
  public static float f32(MemorySegment s, long i) {
    return s.get(JAVA_FLOAT_UNALIGNED, i << 2);
  }

  /** Sets the float at element {@code i}. */
  public static void f32(MemorySegment s, long i, float value) {
    s.set(JAVA_FLOAT_UNALIGNED, i << 2, value);
  }

  /** The int at element {@code i}. */
  public static int i32(MemorySegment s, long i) {
    return s.get(JAVA_INT_UNALIGNED, i << 2);
  }

  /** Sets the int at element {@code i}. */
  public static void i32(MemorySegment s, long i, int value) {
    s.set(JAVA_INT_UNALIGNED, i << 2, value);
  }
}

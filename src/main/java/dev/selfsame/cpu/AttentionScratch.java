package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Floats of a thread that {@link AttentionHead} keeps between calls. Any values. */
final class AttentionScratch {
  private MemorySegment memory = MemorySegment.NULL;
  private float[] array = {};

  /** At least {@code floats} floats of native memory that begin on a cache line. */
  MemorySegment memory(long floats) {
    if (memory.byteSize() < floats * Float.BYTES) {
      memory = Arena.ofAuto().allocate(floats * JAVA_FLOAT.byteSize(), 64);
    }
    return memory;
  }

  /** At least {@code floats} floats on the heap. */
  float[] array(long floats) {
    if (array.length < floats) {
      array = new float[Math.toIntExact(floats)];
    }
    return array;
  }
}

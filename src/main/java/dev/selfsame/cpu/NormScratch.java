package dev.selfsame.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A thread's off-heap working memory of the normalizations, kept between calls: the loops allocate
 * nothing. Any values.
 */
final class NormScratch {
  private static final ThreadLocal<NormScratch> MINE = ThreadLocal.withInitial(NormScratch::new);

  /** Two sums, of a task. */
  private final float[] sums = new float[NormSums.ROOM];

  /** Of a task. */
  private MemorySegment task = MemorySegment.NULL;

  /** Of a task, beside the other. */
  private MemorySegment second = MemorySegment.NULL;

  /** What the tasks of a call leave for the calling thread. */
  private MemorySegment call = MemorySegment.NULL;

  private NormScratch() {}

  /** The calling thread's. */
  static NormScratch mine() {
    return MINE.get();
  }

  /** Room for two sums, of a task. */
  float[] sums() {
    return sums;
  }

  /** At least {@code floats} floats of a task. */
  MemorySegment task(long floats) {
    return task = atLeast(task, floats);
  }

  /** At least {@code floats} floats of a task, beside those of {@link #task}. */
  MemorySegment second(long floats) {
    return second = atLeast(second, floats);
  }

  /** At least {@code floats} floats of a call. */
  MemorySegment call(long floats) {
    return call = atLeast(call, floats);
  }

  private static MemorySegment atLeast(MemorySegment memory, long floats) {
    long bytes = Math.multiplyExact(floats, Float.BYTES);
    return memory.byteSize() >= bytes ? memory : Arena.ofAuto().allocate(bytes, 64);
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread's working memory for {@link LstmSteps}, kept between calls. */
final class LstmScratch {
  /** Units, over all samples and blocks, that are taken together at most. */
  static final int UNITS = 2048;

  private static final ThreadLocal<LstmScratch> MINE = ThreadLocal.withInitial(LstmScratch::new);

  /** Products of a block's gates that can't lie where the gates will: see {@link LstmSteps}. */
  final MemorySegment products = floats(6 * UNITS);

  /** Arguments of the functions: i, f, o of each row, then g of each; later the cells. */
  final MemorySegment arguments = floats(4 * UNITS);

  /** Gates in the same order. */
  final MemorySegment values = floats(4 * UNITS);

  /** What few inputs add to a block's gates: i, f, g, o of each row. */
  final MemorySegment inputs = floats(4 * UNITS);

  private MemorySegment chains = MemorySegment.NULL;
  private float[] rows = {};

  private LstmScratch() {}

  static LstmScratch mine() {
    return MINE.get();
  }

  /** Packed rows of states or inputs. */
  float[] rows(int length) {
    if (rows.length < length) {
      rows = new float[length];
    }
    return rows;
  }

  /** Chains of a chunk that is not the first. */
  MemorySegment chains(long length) {
    if (chains.byteSize() < length * Float.BYTES) {
      chains = floats(length);
    }
    return chains;
  }

  private static MemorySegment floats(long length) {
    return Arena.ofAuto().allocate(length * Float.BYTES, 64);
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.cpu.BlockScratch.TAIL;

import java.lang.foreign.MemorySegment;

/**
 * Runs a loop of {@link PairMath} over any number of elements, block by block, and what it leaves
 * undecided by a slower way.
 */
final class PairBlocks {
  /** Most vectors of a block: a bit for each tells which have an undecided lane. */
  private static final int VECTORS = Long.SIZE;

  private static final int LINE = 64;

  /** With more vectors open than this, a block is done by the slower kernel as a whole. */
  static final int MOST_OPEN = 16;

  private PairBlocks() {}

  /** A function of x − m over whole vectors of a block, into other memory: see {@link PairExp}. */
  interface Loop {
    long run(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int count, long[] open);
  }

  /** Elements of a block. */
  static int block(int lanes) {
    return Math.min(BlockScratch.FLOATS, VECTORS * lanes);
  }

  /**
   * y = f(x − m).
   *
   * @param m 0 unless {@code loop} subtracts it
   * @param lanes of a vector of {@code loop}
   */
  static void run(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      long n,
      int lanes,
      Loop loop,
      UndecidedLanes.Slow slow) {
    UndecidedLanes open = UndecidedLanes.mine();
    add(x, xAt, m, y, yAt, n, lanes, loop, loop, slow, open);
    open.finish(y, slow);
  }

  /**
   * As {@link #run}, but leaves lanes undecided; more elements may follow before they are finished.
   *
   * @param tail what does less than a vector, from other memory
   */
  static void add(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      long n,
      int lanes,
      Loop loop,
      Loop tail,
      UndecidedLanes.Slow slow,
      UndecidedLanes open) {
    int block = block(lanes);
    // Arguments are read again where a result is undecided, so none may be written over.
    boolean inPlace = x.address() + (xAt << 2) == y.address() + (yAt << 2);
    long whole = n & -lanes;
    int count = whole > block ? first(x.address() + (xAt << 2), block, lanes) : block;
    for (long i = 0; i < whole; i += count, count = block) {
      count = (int) Math.min(count, whole - i);
      if (inPlace) {
        block(x, xAt + i, m, open.results, 0, yAt + i, count, lanes, loop, slow, open);
        MemorySegment.copy(open.results, 0, y, (yAt + i) << 2, (long) count << 2);
      } else {
        block(x, xAt + i, m, y, yAt + i, yAt + i, count, lanes, loop, slow, open);
      }
      if (open.isDue()) {
        open.finish(y, slow);
      }
    }
    if (whole < n) {
      MemorySegment t = fill(x, xAt + whole, n - whole, lanes);
      tail.run(t, TAIL, m, open.results, 0, lanes, open.lanes);
      open.lanes[0] &= (1L << (n - whole)) - 1; // the others have no element
      open.keep(t, TAIL, m, yAt + whole, 1, lanes);
      MemorySegment.copy(open.results, 0, y, (yAt + whole) << 2, (n - whole) << 2);
    }
  }

  /**
   * Elements of the first block, so that all others begin one line of the cache behind the
   * beginning of a page (of half a page where vectors are shorter): AMD's Zen 5 fetches nothing
   * ahead for blocks that begin with it, and a loop over much memory then takes half as long again.
   */
  private static int first(long address, int block, int lanes) {
    int bytes = block * Float.BYTES;
    int left = (int) (LINE - address & bytes - 1) / Float.BYTES & -lanes;
    return left == 0 ? block : left;
  }

  /**
   * @param place in the final memory of the results
   */
  private static void block(
      MemorySegment x,
      long xAt,
      float m,
      MemorySegment y,
      long yAt,
      long place,
      int count,
      int lanes,
      Loop loop,
      UndecidedLanes.Slow slow,
      UndecidedLanes undecided) {
    long open = loop.run(x, xAt, m, y, yAt, count, undecided.lanes);
    if (Long.bitCount(open) <= MOST_OPEN) {
      undecided.keep(x, xAt, m, place, open, lanes);
    } else {
      undecided.slowly(x, xAt, m, y, yAt, count, slow);
    }
  }

  /** Scratch with fewer elements than lanes, the rest 0. */
  private static MemorySegment fill(MemorySegment x, long from, long n, int lanes) {
    MemorySegment t = BlockScratch.mine();
    // Not one loop with a choice: C2 checks the range of x before the loop, for all of its rounds,
    // and where that fails it leaves its code, call after call.
    for (long j = 0; j < n; j++) {
      f32(t, TAIL + j, f32(x, from + j));
    }
    for (long j = n; j < lanes; j++) {
      f32(t, TAIL + j, 0f);
    }
    return t;
  }
}

package dev.selfsame.bench;

import dev.selfsame.cpu.Workers;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * AdamW's reads and writes without its arithmetic, over the memory that ours has and by the same
 * threads, as a further contender: far beyond the caches a limit that was taken minutes earlier,
 * over other memory, is off by a tenth and more on a machine that others use, too.
 */
final class BareUpdate {
  /** Less than this may stay in caches, where handing out to threads would count. */
  private static final long LEAST_BYTES = 256L << 20;

  /** Elements of a call: less, and reading ahead comes to rest too often. */
  private static final long PIECE = 65_536;

  private BareUpdate() {}

  /** The loop over p, g, m and v, each of one size, if that is large; it leaves all values. */
  static List<Contender> of(
      MemorySegment p, MemorySegment g, MemorySegment m, MemorySegment v, int threads) {
    long n = p.byteSize() / Float.BYTES;
    if (7 * p.byteSize() < LEAST_BYTES || n % LimitLoops.LANES != 0) {
      return List.of();
    }
    Workers workers = Workers.of(threads);
    return List.of(
        new Contender(
            "bare loop",
            () ->
                workers.run(
                    Math.ceilDiv(n, PIECE),
                    piece ->
                        LimitLoops.update(
                            p, g, m, v, 0f, piece * PIECE, Math.min(n, (piece + 1) * PIECE)))));
  }
}

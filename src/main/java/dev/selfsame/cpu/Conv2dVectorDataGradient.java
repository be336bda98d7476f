package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;

/**
 * dx[n, c, pixel] = Σ over (k, r, s) of dy[n, k, output]·w[k, c, r, s] as a matrix product for each
 * stride phase, lanes across input channels: rows of a tile are pixels, columns are channels.
 *
 * <p>Weights are most of what a deep layer reads, and they are read once for all phases, as they
 * lie: a filter's channels and taps are neighbours. Pixels of the whole batch are one sequence, so
 * that small images fill their tiles; it is cut into {@link Conv2dVectorGradientBlock blocks}.
 */
final class Conv2dVectorDataGradient {
  /** Pixels of an image up to which weights are many beside them. */
  private static final long MOST_PIXELS = 256;

  /** Pixels of an image that leave lanes empty where lanes lie across them. */
  private static final long SMALL = 64;

  /** Pixels of a batch from which on packing them costs more than what they leave empty. */
  private static final long MANY_PIXELS = 1024;

  private static final long MOST_TAPS = 128;
  private static final long MOST_REACH = 64;

  /** Pixels of a block, as floats that are packed for a step: half of a second-level cache. */
  private static final long PIXELS = 1 << 18;

  /** Terms, of the phase with most taps, of a step where there are several phases. */
  private static final int SHARED_DEPTH = 256;

  /** Blocks from which on they are tasks. */
  private static final long MANY = 4;

  final ChainTile tile;
  final PanelPack pack;
  final GemmEnds ends;
  final Conv2dVectorGradientKernel packer;
  final Conv2dVectorRowKernel rowKernel;
  final Conv2dSizes z;
  final MemorySegment dy;
  final MemorySegment w;
  final MemorySegment dx;
  final Conv2dVectorPhases phases;
  final Conv2dVectorGradientWindow window;
  final Conv2dVectorGradientBlocks blocks;
  final Conv2dVectorGradientResults results;

  /** Channels of a panel, and pixels of a tile. */
  final int width;

  final int tileRows;

  /** Whether one phase has all taps: then steps are of terms, else of filters. */
  final boolean single;

  /** Most filters of a step. */
  final int stepFilters;

  /** Whether a step can end inside of a chunk, so that its chains wait for the next one. */
  final boolean chained;

  Conv2dVectorDataGradient(
      ChainTile tile,
      GemmVector on,
      Conv2dVectorGradientKernel packer,
      Conv2dVectorPanelKernel mover,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z,
      MemorySegment dy,
      MemorySegment w,
      MemorySegment dx) {
    this.tile = tile;
    pack = on.pack;
    ends = on.ends;
    this.packer = packer;
    this.rowKernel = rowKernel;
    this.z = z;
    this.dy = dy;
    this.w = w;
    this.dx = dx;
    width = tile.columns();
    tileRows = tile.rows();
    phases = new Conv2dVectorPhases(z);
    window = new Conv2dVectorGradientWindow(rowKernel, z, phases);
    results = new Conv2dVectorGradientResults(packer, mover, rowKernel, z, phases, width);
    // No tap may meet any pixel: then there are no steps, and all results are +0.
    int most = Math.max(1, phases.mostTaps());
    single = phases.mostTaps() == phases.taps();
    int depth = single ? OutputTile.DEPTH : SHARED_DEPTH;
    stepFilters = (int) Math.min(z.groupK(), filters(depth, most));
    chained = !single || Contract.chunk(z.groupK() * most) > OutputTile.DEPTH;
    long fitting = PIXELS / ((long) stepFilters * Math.max(1, phases.taps()));
    blocks = new Conv2dVectorGradientBlocks(z, phases, tileRows, fitting);
  }

  /** Filters that have so many terms of a phase; steps of terms may begin and end inside of one. */
  private int filters(int depth, int taps) {
    return single
        ? Math.ceilDiv(depth, taps) + (depth % taps == 0 ? 0 : 1)
        : Math.max(1, depth / taps);
  }

  /**
   * Whether this way is the faster one: for strides, and where weights are many beside the pixels
   * that they meet. Channels have to fill more than half of a panel.
   */
  static boolean takes(Conv2dSizes z, int lanes) {
    // Filters of one weight are packed as they lie in either way, and many positions fill lanes.
    boolean plain = z.r() * z.s() * z.strideH() * z.strideW() == 1;
    return z.groupC() > lanes
        && !(plain && z.h() * z.w() > SMALL && z.n() * z.h() * z.w() >= MANY_PIXELS)
        && (z.strideH() * z.strideW() > 1 || z.h() * z.w() <= Math.min(MOST_PIXELS, 2 * z.groupC()))
        && z.r() * z.s() <= MOST_TAPS
        && (z.r() - 1) * z.dilationH() <= MOST_REACH * z.strideH()
        && (z.s() - 1) * z.dilationW() <= MOST_REACH * z.strideW();
  }

  /** Many blocks are tasks; the work of few is shared out within each. */
  void run(Workers workers) {
    long count = blocks.count();
    if (count >= MANY) {
      workers.run(count, id -> Conv2dVectorGradientScratch.mine().block.run(this, id, workers));
    } else {
      for (long id = 0; id < count; id++) {
        Conv2dVectorGradientScratch.mine().block.run(this, id, workers);
      }
    }
  }
}

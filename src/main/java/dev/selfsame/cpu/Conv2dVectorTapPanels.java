package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The pixels of a weight gradient whose filters have several taps, turned once for all of them:
 * [block of channels][position in their padded planes][channel]. A panel is what one tap of a block
 * meets, runs of positions copied from there; its sums are [filter][channel], and those of a
 * block's taps are turned to get dw's order.
 *
 * <p>That pays where there are more terms than filters: without it pixels are turned for each tap.
 */
final class Conv2dVectorTapPanels {
  private final Conv2dVectorOperands operands;
  private final Conv2dVectorRuns runs;
  private final Conv2dSizes z;
  private final MemorySegment x;
  private final int lanes;
  private final int depth;
  private final int width;
  private final int taps;

  // Of the prepared terms.
  private long begin;
  private int channelFloats;
  private MemorySegment turned = MemorySegment.NULL;

  /**
   * @param depth terms of a panel
   * @param width channels of a block
   */
  Conv2dVectorTapPanels(
      Conv2dVectorOperands operands,
      Conv2dSizes z,
      MemorySegment x,
      int lanes,
      int depth,
      int width) {
    this.operands = operands;
    this.z = z;
    this.x = x;
    this.lanes = lanes;
    this.depth = depth;
    this.width = width;
    runs = operands.runs();
    taps = taps(z);
  }

  private static int taps(Conv2dSizes z) {
    return Math.toIntExact(z.r() * z.s());
  }

  /** Whether this way is the faster one, with {@code span} terms prepared at once. */
  boolean takes(long span) {
    if (taps == 1 || z.groupC() % width > 0 || !runs.fits(span)) {
      return false;
    }
    // With a stride, most positions are met by few taps.
    boolean shared = 4 * runs.floats(span) <= taps * z.c() * span;
    return shared && 2 * z.groupK() <= z.n() * z.p() * z.q();
  }

  /** Blocks of all groups' channels. Each has a panel for every tap. */
  long blocks() {
    return z.c() / width;
  }

  /** Prepares for terms t … t+n−1, with a task of {@link #prepare} for each block. */
  void plan(long t, long n) {
    begin = t;
    runs.plan(t, n);
    channelFloats = runs.channelFloats();
    turned =
        Conv2dVectorScratch.mine()
            .natives(Conv2dVectorScratch.PREPARED, (long) channelFloats * z.c());
  }

  /** Turns a block's planes. */
  void prepare(long block) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] planes =
        mine.floats(Conv2dVectorScratch.PIXELS, (long) channelFloats * width + 3L * lanes);
    int[] place = mine.ints(width + lanes);
    for (int i = 0; i < width + lanes; i++) {
      place[i] = Math.min(i, width - 1) * channelFloats;
    }
    for (int i = 0; i < width; i++) {
      runs.fill(x, block * width + i, planes, lanes + i * channelFloats);
    }
    // Turning writes up to half a vector more positions, for which the planes' slack leaves room.
    operands.turnArray(planes, lanes, place, channelFloats - lanes, turned, place(block), width);
  }

  private long place(long block) {
    return block * width * channelFloats;
  }

  /** Copies the pixels that a panel's tap meets from term t on. */
  void pixels(long panel, long t, MemorySegment to) {
    int tap = (int) (panel % taps);
    long from = place(panel / taps) + (long) runs.offset(tap / z.s(), tap % z.s()) * width;
    int block = (int) ((t - begin) / depth);
    int end = runs.firstRun(block + 1);
    long term = 0;
    for (int run = runs.firstRun(block); run < end; run++) {
      long at = from + (long) runs.place(run) * width;
      int n = runs.length(run);
      MemorySegment.copy(turned, at << 2, to, term * width << 2, (long) n * width << 2);
      term += n;
    }
  }

  /**
   * Writes filters {@code first} … {@code first} + {@code count} − 1 of a block to dw.
   *
   * @param sums all panels'; a vector after them may be read
   * @param panelFloats distance of two panels' sums
   */
  void store(long block, int first, int count, float[] sums, int panelFloats, MemorySegment dw) {
    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    int weights = width * taps;
    MemorySegment row =
        mine.natives(Conv2dVectorScratch.PANELS, (long) (width + lanes) * taps + lanes);
    int[] place = mine.ints(taps + lanes);
    for (int i = 0; i < taps + lanes; i++) {
      place[i] = Math.min(i, taps - 1) * panelFloats;
    }
    long groupBlocks = z.groupC() / width;
    long k = block / groupBlocks * z.groupK() + first;
    for (int i = 0; i < count; i++) {
      int at = (int) (block * taps) * panelFloats + (first + i) * width;
      operands.turnArray(sums, at, place, width, row, 0, taps);
      long to = ((k + i) * groupBlocks + block % groupBlocks) * weights;
      MemorySegment.copy(row, 0, dw, to << 2, (long) weights << 2);
    }
  }
}

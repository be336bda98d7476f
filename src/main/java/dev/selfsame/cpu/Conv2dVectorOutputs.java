package dev.selfsame.cpu;

import dev.selfsame.cpu.Conv2dVectorCorrelation.Grid;
import dev.selfsame.cpu.Conv2dVectorCorrelation.Image;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Where the outputs of {@link Conv2dVectorProduct} go. A block of positions falls into pieces that
 * lie together in memory: of an image, or of a row where the grid's columns are apart. Whole panels
 * inside of a piece may be written by their tile.
 */
final class Conv2dVectorOutputs {
  private final Conv2dVectorRowKernel kernel;
  private final Image in;
  private final Grid out;
  private final int panel;
  private final boolean dense;

  /** Positions that are neighbours in memory. */
  private final long run;

  /** A block's pieces, kept in the thread's scratch. */
  static final class Pieces {
    private long first;
    private int count;
    private boolean straight;
    private int pieces;
    private int[] from = {};
    private int[] length = {};
    private long[] target = {};
  }

  Conv2dVectorOutputs(Conv2dVectorRowKernel kernel, Image in, Grid out, int panel) {
    this.kernel = kernel;
    this.in = in;
    this.out = out;
    this.panel = panel;
    dense = out.stepH() == 1 && out.stepW() == 1;
    run = dense ? out.u() * out.v() : out.v();
  }

  /**
   * Starts a block of positions.
   *
   * @param straight whether tiles may write whole panels
   */
  void begin(Pieces block, long first, int count, boolean straight) {
    block.first = first;
    block.count = count;
    block.straight = straight && dense;
    int most = Math.toIntExact(count / run + 2 + (straight ? Math.ceilDiv(count, panel) : 0));
    if (block.from.length < most) {
      block.from = new int[most];
      block.length = new int[most];
      block.target = new long[most];
    }
    int pieces = 0;
    for (int done = 0; done < count; ) {
      if (done % panel == 0 && straight(block, done / panel)) {
        done += panel;
        continue;
      }
      long left = run - (first + done) % run;
      int length = (int) Math.min(count - done, left);
      if (block.straight) {
        length = Math.min(length, panel - done % panel);
      }
      block.from[pieces] = done;
      block.length[pieces] = length;
      block.target[pieces++] = place(first + done);
      done += length;
    }
    block.pieces = pieces;
  }

  /** Whether the tile of a panel writes its outputs itself. */
  boolean straight(Pieces block, int j) {
    return block.straight
        && (j + 1) * panel <= block.count
        && (block.first + (long) j * panel) % run + panel <= run;
  }

  /** Place of a panel's first output. */
  long target(Pieces block, int j, long channel) {
    return place(block.first + (long) j * panel) + channel * plane();
  }

  /** Floats from one channel to the next. */
  long plane() {
    return out.h() * out.w();
  }

  /** Place of a position in the first channel. */
  private long place(long position) {
    long line = position / run;
    long image = (dense ? line : line / out.u()) * in.groups() * out.rows() * plane();
    return dense
        ? image + position % run
        : image
            + (line % out.u() * out.stepH() + out.atH()) * out.w()
            + position % run * out.stepW()
            + out.atW();
  }

  /** Takes a tile's totals to memory, row by row, those aside that its tile wrote. */
  void write(
      Pieces block,
      MemorySegment totals,
      long at,
      long step,
      int rows,
      long channel,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to) {
    for (int i = 0; i < rows; i++) {
      float add = bias == null ? 0f : bias.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (channel + i) * 4);
      long plane = (channel + i) * plane();
      for (int piece = 0; piece < block.pieces; piece++) {
        long from = at + i * step + block.from[piece];
        long target = block.target[piece] + plane;
        int length = block.length[piece];
        if (out.stepW() == 1) {
          kernel.finish(totals, from, to, target, length, bias != null, add, relu);
        } else {
          for (int x = 0; x < length; x++, target += out.stepW()) {
            float v = totals.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + x) * 4);
            to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, target * 4, v);
          }
        }
      }
    }
  }
}

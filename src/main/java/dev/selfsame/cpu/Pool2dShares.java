package dev.selfsame.cpu;

import java.util.Arrays;

/**
 * What the windows of a row of outputs give to the pixels of a row of the image, for the gradient
 * of average pooling: for each pixel the shares of the windows that reach it, from left to right,
 * as many rows of shares as windows can reach a pixel. With stride 1 those rows are one row, read
 * from places one apart, unless the row of windows is short.
 *
 * <p>A thread keeps the rows of outputs whose windows reach the image's row in its room, by turns.
 */
final class Pool2dShares {
  /** A thread's working memory, kept between calls. */
  static final class Room {
    float[] row = {};
    float[] shares = {};
    int[] places = {};

    /** Of the shares that the thread made last; helpers read it, too. */
    int[] outputs = {};
  }

  private static final ThreadLocal<Room> ROOM = ThreadLocal.withInitial(Room::new);

  private final int[] g;

  /** Windows that can reach a pixel, across and down. */
  private final int across;

  private final int down;

  /** From one window's row of shares to the next. */
  private final int step;

  /** Which output each of a row's shares comes from; the one after the last is none. */
  private final int[] outputs;

  /** Shares of a row of outputs. */
  private final int length;

  /**
   * The geometry's numbers as in {@link Pool2dVector}.
   *
   * @param lanes how much more than a row is read
   */
  Pool2dShares(int[] g, int lanes) {
    this.g = g;
    int w = g[1];
    int q = g[3];
    int kernel = g[5];
    int stride = g[7];
    int padding = g[9];
    down = Math.min(g[2], Math.ceilDiv(g[4], g[6]));
    int most = 0;
    for (int s = 0; s < w; s++) {
      most = Math.max(most, end(s) - first(s));
    }
    across = most;
    boolean shifted = stride == 1 && across == kernel;
    step = shifted ? 1 : w + lanes;
    length = shifted ? w + kernel + lanes : across * step;
    Room mine = ROOM.get();
    if (mine.outputs.length < length) {
      mine.outputs = new int[length];
    }
    outputs = mine.outputs;
    Arrays.fill(outputs, 0, length, q);
    for (int s = 0; s < w; s++) {
      int from = shifted ? s + padding - kernel + 1 : first(s);
      for (int j = Math.max(0, from); j < end(s); j++) {
        outputs[(j - from) * step + s] = j;
      }
    }
  }

  /** The first window of a row that reaches column s. */
  private int first(int s) {
    int left = s + g[9] - g[5] + 1;
    return left <= 0 ? 0 : Math.ceilDiv(left, g[7]);
  }

  /** The one after the last. */
  private int end(int s) {
    return Math.min(g[3], (s + g[9]) / g[7] + 1);
  }

  /** Whether a pixel may have more than one window. */
  boolean overlap() {
    return across > 1 || down > 1;
  }

  /** The calling thread's room, for rows of these shares. */
  Room room() {
    Room room = ROOM.get();
    if (room.row.length <= g[3]) {
      room.row = new float[g[3] + 1];
    }
    if (room.shares.length < down * length) {
      room.shares = new float[down * length];
    }
    if (room.places.length < down * across) {
      room.places = new int[down * across];
    }
    room.row[g[3]] = 0f;
    return room;
  }

  /** The last row of outputs whose windows begin at or above row r of the image. */
  int lastRow(int r) {
    return Math.min(g[2] - 1, (r + g[8]) / g[6]);
  }

  /** Spreads the shares in the room's row, those of row i of outputs. */
  void spread(Room room, int i) {
    float[] row = room.row;
    float[] to = room.shares;
    int at = i % down * length;
    for (int e = 0; e < length; e++) {
      to[at + e] = row[outputs[e]];
    }
  }

  /** Where the shares of row r of the image are in the room, in order; returns how many. */
  int places(Room room, int r, int last) {
    int above = r + g[8] - g[4] + 1;
    int first = above <= 0 ? 0 : Math.ceilDiv(above, g[6]);
    int count = 0;
    for (int i = first; i <= last; i++) {
      for (int t = 0; t < across; t++) {
        room.places[count++] = i % down * length + t * step;
      }
    }
    return count;
  }
}

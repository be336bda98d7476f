package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** What {@link Conv2dVectorDataGradient} packs, for one vector width. */
interface Conv2dVectorGradientKernel {
  /** Taps that {@link #weights} takes. */
  int NINE = 9;

  /**
   * Packs one filter of {@value #NINE} taps with channels side by side, in panels of two vectors.
   *
   * @param at its first weight; each channel has its taps together
   * @param to native; tap t of channel c of a panel goes to {@code place[t] + c}
   * @param panel distance of panels
   */
  void weights(MemorySegment w, long at, int channels, MemorySegment to, long[] place, long panel);

  /** Takes taps that lie one after the other, each a panel wide, to {@code place[t] + panel}. */
  void spread(float[] turned, int taps, MemorySegment to, long[] place, long panel);

  /**
   * Packs what a tile of pixels reads: to[at + t * width + i] ← from[base[t] + places[first + i]]
   * for t = 0 … n−1 and all i &lt; count. Places ascend. Reads up to two vectors after them, writes
   * nothing beyond the last term.
   *
   * @param near scratch, at least a vector
   * @param pattern scratch, at least a vector
   * @param width {@code count} or more; what is beyond it is of any value
   */
  void pixels(
      float[] from,
      int[] base,
      int n,
      int[] places,
      int first,
      int count,
      int[] near,
      float[] pattern,
      float[] to,
      int at,
      int width);

  /**
   * Writes from[a], from[b], from[a + 1], from[b + 1] … of {@code count} floats of each. Reads up
   * to a vector after them.
   *
   * @param room how many floats after them may be overwritten
   */
  void zip(float[] from, int a, int b, int count, MemorySegment to, long at, long room);
}

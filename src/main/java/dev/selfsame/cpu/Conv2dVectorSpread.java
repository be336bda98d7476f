package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Packs the positions of a convolution's window into panels, without the gaps between rows. */
interface Conv2dVectorSpread {
  /**
   * Packs a vector of lanes of a panel of two vectors: to[at + t * 2 * lanes + j] ← from[base[t] +
   * places[first + j]] for t = 0 … n−1 and all lanes j. Places ascend. Reads up to two vectors
   * after the first place, and two before the last.
   *
   * @param pattern scratch, at least two vectors
   */
  void spread(
      float[] from,
      int[] base,
      int n,
      int[] places,
      int first,
      float[] pattern,
      MemorySegment to,
      long at);

  /**
   * As {@link #spread} for both vectors of a panel, where each reads from two vectors only;
   * otherwise false, and nothing is written.
   *
   * @param pattern scratch, at least two vectors
   */
  boolean spreadPair(
      float[] from,
      int[] base,
      int n,
      int[] places,
      int first,
      float[] pattern,
      MemorySegment to,
      long at);

  /** The kernel for a vector width. */
  static Conv2dVectorSpread on(int bits) {
    return Lanes.kernel(Kernel.class, Conv2dVectorSpread.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements Conv2dVectorSpread {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int L = F.length();
    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void spread(
        float[] from,
        int[] base,
        int n,
        int[] places,
        int first,
        float[] pattern,
        MemorySegment to,
        long at) {
      int place = places[first];
      int span = places[first + L - 1] - place;
      if (span < 2 * L) {
        distances(places, first, L, place, pattern, 0);
        select(from, base, n, place, pattern, to, at);
        return;
      }
      int cut = 0;
      while (places[first + cut] - place < 2 * L) {
        cut++;
      }
      int later = places[first + L - 1] - (2 * L - 1);
      if (places[first + cut] < later) {
        scattered(from, base, n, places, first, to, at);
        return;
      }
      Arrays.fill(pattern, 0, 2 * L, 0f);
      distances(places, first, cut, place, pattern, 0);
      distances(places, first + cut, L - cut, later, pattern, L + cut);
      selectTwice(from, base, n, place, later, cut, pattern, to, at);
    }

    @Override
    public boolean spreadPair(
        float[] from,
        int[] base,
        int n,
        int[] places,
        int first,
        float[] pattern,
        MemorySegment to,
        long at) {
      int a = places[first];
      int b = places[first + L];
      if (places[first + L - 1] - a >= 2 * L || places[first + 2 * L - 1] - b >= 2 * L) {
        return false;
      }
      if (places[first + 2 * L - 1] - a == 2 * L - 1) {
        pairOfNeighbours(from, base, n, a, to, at);
        return true;
      }
      distances(places, first, L, a, pattern, 0);
      distances(places, first + L, L, b, pattern, L);
      selectPair(from, base, n, a, b, pattern, to, at);
      return true;
    }

    /** What {@code n} lanes select, counted from {@code place}. */
    private static void distances(
        int[] places, int first, int n, int place, float[] pattern, int at) {
      for (int j = 0; j < n; j++) {
        pattern[at + j] = places[first + j] - place;
      }
    }

    // Each loop has its own slice and selections, though they are alike. A slice never leaves its
    // method and is no object then; its bounds stay in registers, where those of a parameter would
    // be read again after each store. A vector that a helper took or gave would be an object where
    // C2 leaves the helper a call. A pair is no two passes: each would touch all of the panel's
    // lines.

    private static void pairOfNeighbours(
        float[] from, int[] base, int n, int a, MemorySegment panel, long at) {
      MemorySegment to = panel.asSlice(at * 4, n * 8L * L);
      for (int t = 0; t < n; t++) {
        int i = base[t] + a;
        FloatVector x = FLOATS.cast(FloatVector.fromArray(F, from, i));
        FloatVector y = FLOATS.cast(FloatVector.fromArray(F, from, i + L));
        x.intoMemorySegment(to, t * 8L * L, NATIVE);
        y.intoMemorySegment(to, t * 8L * L + 4 * L, NATIVE);
      }
    }

    private static void selectPair(
        float[] from,
        int[] base,
        int n,
        int a,
        int b,
        float[] pattern,
        MemorySegment panel,
        long at) {
      MemorySegment to = panel.asSlice(at * 4, n * 8L * L);
      FloatVector p = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
      FloatVector q = FLOATS.cast(FloatVector.fromArray(F, pattern, L));
      for (int t = 0; t < n; t++) {
        int i = base[t] + a;
        int j = base[t] + b;
        FloatVector x =
            p.selectFrom(
                FLOATS.cast(FloatVector.fromArray(F, from, i)),
                FLOATS.cast(FloatVector.fromArray(F, from, i + L)));
        FloatVector y =
            q.selectFrom(
                FLOATS.cast(FloatVector.fromArray(F, from, j)),
                FLOATS.cast(FloatVector.fromArray(F, from, j + L)));
        FLOATS.cast(x).intoMemorySegment(to, t * 8L * L, NATIVE);
        FLOATS.cast(y).intoMemorySegment(to, t * 8L * L + 4 * L, NATIVE);
      }
    }

    private static void select(
        float[] from, int[] base, int n, int place, float[] pattern, MemorySegment panel, long at) {
      MemorySegment to = panel.asSlice(at * 4, n * 8L * L - 4 * L);
      FloatVector p = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
      for (int t = 0; t < n; t++) {
        int i = base[t] + place;
        FloatVector x =
            p.selectFrom(
                FLOATS.cast(FloatVector.fromArray(F, from, i)),
                FLOATS.cast(FloatVector.fromArray(F, from, i + L)));
        FLOATS.cast(x).intoMemorySegment(to, t * 8L * L, NATIVE);
      }
    }

    /**
     * Positions of two images, or two far rows: each part from two vectors, the later from cut on.
     */
    private static void selectTwice(
        float[] from,
        int[] base,
        int n,
        int place,
        int later,
        int cut,
        float[] pattern,
        MemorySegment panel,
        long at) {
      MemorySegment to = panel.asSlice(at * 4, n * 8L * L - 4 * L);
      FloatVector p = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
      FloatVector q = FLOATS.cast(FloatVector.fromArray(F, pattern, L));
      for (int j = 0; j < L; j++) {
        pattern[j] = j < cut ? j : L + j;
      }
      FloatVector both = FLOATS.cast(FloatVector.fromArray(F, pattern, 0));
      for (int t = 0; t < n; t++) {
        int i = base[t] + place;
        int k = base[t] + later;
        FloatVector x =
            p.selectFrom(
                FLOATS.cast(FloatVector.fromArray(F, from, i)),
                FLOATS.cast(FloatVector.fromArray(F, from, i + L)));
        FloatVector y =
            q.selectFrom(
                FLOATS.cast(FloatVector.fromArray(F, from, k)),
                FLOATS.cast(FloatVector.fromArray(F, from, k + L)));
        FloatVector z = both.selectFrom(FLOATS.cast(x), FLOATS.cast(y));
        FLOATS.cast(z).intoMemorySegment(to, t * 8L * L, NATIVE);
      }
    }

    // Not by a gathering load: that calls methods of index vectors, in code of the Vector API's own
    // that no cast reaches, and boxes where vectors of another width went through it.
    private static void scattered(
        float[] from, int[] base, int n, int[] places, int first, MemorySegment panel, long at) {
      for (int t = 0; t < n; t++) {
        int i = base[t];
        for (int j = 0; j < L; j++) {
          f32(panel, at + t * 2L * L + j, from[i + places[first + j]]);
        }
      }
    }
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of a scatter-add's runs (op/ScatterAdd) over sixteen vectors of columns, which stay in
 * registers. Nothing is stored between two terms and there is one check for each, so the rows of
 * many terms are on their way from memory at once.
 */
interface ScatterAddRuns {
  /**
   * Sums up to 32 rows of x from left to right.
   *
   * @param order the rows' numbers, from {@code place} on
   * @param column where the columns begin in a row, in bytes, as all offsets
   * @param pitch from row to row
   * @param to where the sums go in y
   */
  void sixteen(
      MemorySegment x,
      int[] order,
      int place,
      int count,
      long column,
      long pitch,
      MemorySegment y,
      long to);

  /** The sums on vectors of a width. */
  static ScatterAddRuns on(int bits) {
    return Lanes.kernel(Kernel.class, ScatterAddRuns.class, bits);
  }

  /** A copy of this class runs each vector width (Lanes). */
  final class Kernel implements ScatterAddRuns {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));

    /** Bytes of a vector. */
    private static final int V = F.vectorByteSize();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void sixteen(
        MemorySegment x,
        int[] order,
        int place,
        int count,
        long column,
        long pitch,
        MemorySegment y,
        long to) {
      // −0 is what an addition leaves alone: a sum begins with its first term's own bits.
      FloatVector s0 = FloatVector.broadcast(F, -0f);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      FloatVector s4 = s0;
      FloatVector s5 = s0;
      FloatVector s6 = s0;
      FloatVector s7 = s0;
      FloatVector s8 = s0;
      FloatVector s9 = s0;
      FloatVector s10 = s0;
      FloatVector s11 = s0;
      FloatVector s12 = s0;
      FloatVector s13 = s0;
      FloatVector s14 = s0;
      FloatVector s15 = s0;
      for (int k = place; k < place + count; k++) {
        MemorySegment q = x.asSlice(order[k] * pitch + column, 16L * V);
        s0 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 0, ORDER)).add(s0);
        s1 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, V, ORDER)).add(s1);
        s2 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 2 * V, ORDER)).add(s2);
        s3 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 3 * V, ORDER)).add(s3);
        s4 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 4 * V, ORDER)).add(s4);
        s5 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 5 * V, ORDER)).add(s5);
        s6 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 6 * V, ORDER)).add(s6);
        s7 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 7 * V, ORDER)).add(s7);
        s8 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 8 * V, ORDER)).add(s8);
        s9 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 9 * V, ORDER)).add(s9);
        s10 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 10 * V, ORDER)).add(s10);
        s11 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 11 * V, ORDER)).add(s11);
        s12 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 12 * V, ORDER)).add(s12);
        s13 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 13 * V, ORDER)).add(s13);
        s14 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 14 * V, ORDER)).add(s14);
        s15 = FLOATS.cast(FloatVector.fromMemorySegment(F, q, 15 * V, ORDER)).add(s15);
      }
      MemorySegment sum = y.asSlice(to, 16L * V);
      FLOATS.cast(s0).intoMemorySegment(sum, 0, ORDER);
      FLOATS.cast(s1).intoMemorySegment(sum, V, ORDER);
      FLOATS.cast(s2).intoMemorySegment(sum, 2 * V, ORDER);
      FLOATS.cast(s3).intoMemorySegment(sum, 3 * V, ORDER);
      FLOATS.cast(s4).intoMemorySegment(sum, 4 * V, ORDER);
      FLOATS.cast(s5).intoMemorySegment(sum, 5 * V, ORDER);
      FLOATS.cast(s6).intoMemorySegment(sum, 6 * V, ORDER);
      FLOATS.cast(s7).intoMemorySegment(sum, 7 * V, ORDER);
      FLOATS.cast(s8).intoMemorySegment(sum, 8 * V, ORDER);
      FLOATS.cast(s9).intoMemorySegment(sum, 9 * V, ORDER);
      FLOATS.cast(s10).intoMemorySegment(sum, 10 * V, ORDER);
      FLOATS.cast(s11).intoMemorySegment(sum, 11 * V, ORDER);
      FLOATS.cast(s12).intoMemorySegment(sum, 12 * V, ORDER);
      FLOATS.cast(s13).intoMemorySegment(sum, 13 * V, ORDER);
      FLOATS.cast(s14).intoMemorySegment(sum, 14 * V, ORDER);
      FLOATS.cast(s15).intoMemorySegment(sum, 15 * V, ORDER);
    }
  }
}

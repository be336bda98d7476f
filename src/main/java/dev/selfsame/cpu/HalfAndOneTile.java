package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * A tile as {@link OutputTile}'s that has 12 rows and 17 columns, for 512 bits only: one vector of
 * each row, and one more column, whose chains have the rows as their lanes, for packed rows lie
 * side by side. Seven by seven outputs are three vectors and one; a fourth vector would compute 15
 * outputs that nobody wants.
 */
final class HalfAndOneTile {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = 16;

  /** Columns of the tile. */
  static final int COLUMNS = 17;

  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  /** The first lane in all. */
  private static final VectorShuffle<Float> FIRST = VectorShuffle.fromOp(F, i -> 0);

  private HalfAndOneTile() {}

  /**
   * Takes {@code depth} terms into chains that start at +0. Positions and steps are in elements.
   * Reads a vector of a from the last term on, of which the tile has 12 lanes.
   *
   * @param last scratch of a vector
   */
  static void tile(
      float[] a,
      int ao,
      MemorySegment b,
      long bAt,
      long bStep,
      int depth,
      float[] last,
      MemorySegment out,
      long outAt,
      long outStep) {
    b = Lanes.expectNative(b);
    out = Lanes.expectNative(out);
    long at = outAt << 2;
    long step = outStep << 2;
    FloatVector zero = FloatVector.zero(F);
    FloatVector c0 = zero;
    FloatVector c1 = zero;
    FloatVector c2 = zero;
    FloatVector c3 = zero;
    FloatVector c4 = zero;
    FloatVector c5 = zero;
    FloatVector c6 = zero;
    FloatVector c7 = zero;
    FloatVector c8 = zero;
    FloatVector c9 = zero;
    FloatVector c10 = zero;
    FloatVector c11 = zero;
    FloatVector cx = zero;
    long bk = bAt << 2;
    for (int k = ao; k < ao + 12 * depth; k += 12) {
      FloatVector v = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk, NATIVE));
      c0 = v.fma(FloatVector.broadcast(F, a[k]), c0);
      c1 = v.fma(FloatVector.broadcast(F, a[k + 1]), c1);
      c2 = v.fma(FloatVector.broadcast(F, a[k + 2]), c2);
      c3 = v.fma(FloatVector.broadcast(F, a[k + 3]), c3);
      c4 = v.fma(FloatVector.broadcast(F, a[k + 4]), c4);
      c5 = v.fma(FloatVector.broadcast(F, a[k + 5]), c5);
      c6 = v.fma(FloatVector.broadcast(F, a[k + 6]), c6);
      c7 = v.fma(FloatVector.broadcast(F, a[k + 7]), c7);
      c8 = v.fma(FloatVector.broadcast(F, a[k + 8]), c8);
      c9 = v.fma(FloatVector.broadcast(F, a[k + 9]), c9);
      c10 = v.fma(FloatVector.broadcast(F, a[k + 10]), c10);
      c11 = v.fma(FloatVector.broadcast(F, a[k + 11]), c11);
      FloatVector w = FLOATS.cast(FloatVector.fromMemorySegment(F, b, bk + 4 * N, NATIVE));
      cx = FLOATS.cast(FloatVector.fromArray(F, a, k)).fma(w.rearrange(FIRST), cx);
      bk += bStep << 2;
    }
    FLOATS.cast(c0).intoMemorySegment(out, at, NATIVE);
    FLOATS.cast(c1).intoMemorySegment(out, at + step, NATIVE);
    FLOATS.cast(c2).intoMemorySegment(out, at + 2 * step, NATIVE);
    FLOATS.cast(c3).intoMemorySegment(out, at + 3 * step, NATIVE);
    FLOATS.cast(c4).intoMemorySegment(out, at + 4 * step, NATIVE);
    FLOATS.cast(c5).intoMemorySegment(out, at + 5 * step, NATIVE);
    FLOATS.cast(c6).intoMemorySegment(out, at + 6 * step, NATIVE);
    FLOATS.cast(c7).intoMemorySegment(out, at + 7 * step, NATIVE);
    FLOATS.cast(c8).intoMemorySegment(out, at + 8 * step, NATIVE);
    FLOATS.cast(c9).intoMemorySegment(out, at + 9 * step, NATIVE);
    FLOATS.cast(c10).intoMemorySegment(out, at + 10 * step, NATIVE);
    FLOATS.cast(c11).intoMemorySegment(out, at + 11 * step, NATIVE);
    FLOATS.cast(cx).intoArray(last, 0);
    for (int i = 0; i < 12; i++) {
      out.set(JAVA_FLOAT_UNALIGNED, at + i * step + 4 * N, last[i]);
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What {@link VectorMath} does to rows around its exponentials, on vectors of 128 bits: wider ones
 * have {@link PairMath}.
 */
final class NarrowRows {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_128;
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private NarrowRows() {}

  /** y = x − m. */
  static void subtract(MemorySegment x, long xAt, float m, MemorySegment y, long yAt, int n) {
    y = Lanes.expectNative(y);
    int i = 0;
    for (; i <= n - W; i += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, x, xAt + i << 2, ORDER))
          .sub(m)
          .intoMemorySegment(y, yAt + i << 2, ORDER);
    }
    for (; i < n; i++) {
      f32(y, yAt + i, f32(x, xAt + i) - m);
    }
  }

  static float maximum(MemorySegment x, long at, int n) {
    FloatVector greatest = FLOATS.cast(FloatVector.broadcast(F, Float.NEGATIVE_INFINITY));
    int i = 0;
    for (; i <= n - W; i += W) {
      greatest = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + i << 2, ORDER)).max(greatest);
    }
    float m = FLOATS.cast(greatest).reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      m = Math.max(m, f32(x, at + i));
    }
    return m;
  }

  /** The contract's sum of one block. */
  static float sum(MemorySegment y, long at, int n, float[] lanes) {
    Arrays.fill(lanes, -0f); // adding a term to it leaves the term's bits
    int whole = n & -LANES;
    for (int j = 0; j < LANES && whole > 0; j += W) {
      FloatVector sum = FloatVector.broadcast(F, -0f);
      for (int k = j; k < whole; k += LANES) {
        sum = FLOATS.cast(FloatVector.fromMemorySegment(F, y, at + k << 2, ORDER)).add(sum);
      }
      FLOATS.cast(sum).intoArray(lanes, j);
    }
    for (int j = whole; j < n; j++) {
      lanes[j - whole] += f32(y, at + j);
    }
    return OrderedSum.combineLanes(lanes, Math.min(n, LANES));
  }
}

package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Eight rows of {@link OutputTile} where b is a packed panel and chains begin at +0: b is then a
 * slice in steps that the compiler knows, whose range it checks before the loop. 10 % faster than
 * the tile for any step, whose multiply-adds are written out here again: accumulators are locals,
 * and no helper can take or give so many vectors.
 */
interface LstmTile {
  /** Rows of the tile. */
  int ROWS = 8;

  /** The tile of a vector width with at least 32 registers. */
  static LstmTile on(int bits) {
    return Lanes.kernel(Kernel.class, LstmTile.class, bits);
  }

  /**
   * Chains of {@code depth} terms.
   *
   * @param a term k of row i at {@code aAt + k * ROWS + i}
   * @param panel native memory, two vectors for each term
   * @param out native memory; takes row i at {@code at + i * step}
   */
  void tile(
      float[] a,
      int aAt,
      MemorySegment panel,
      long bAt,
      int depth,
      MemorySegment out,
      long at,
      long step);

  /**
   * The same chains, each added to a sum: out = (add + bias) + chain. The operands of a sum are too
   * many for C1 if anything else is written beside it.
   *
   * @param add native memory; row i at {@code addAt + i * addStep}
   * @param bias two vectors
   */
  void sums(
      float[] a,
      int aAt,
      MemorySegment panel,
      long bAt,
      int depth,
      MemorySegment add,
      long addAt,
      long addStep,
      MemorySegment bias,
      long biasAt,
      MemorySegment out,
      long at,
      long step);

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements LstmTile {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void tile(
        float[] a,
        int aAt,
        MemorySegment panel,
        long bAt,
        int depth,
        MemorySegment out,
        long at,
        long step) {
      out = Lanes.expectNative(out);
      MemorySegment b = panel.asSlice(bAt << 2, 8L * W * depth);
      FloatVector zero = FloatVector.zero(F);
      FloatVector c0a = zero;
      FloatVector c0b = zero;
      FloatVector c1a = zero;
      FloatVector c1b = zero;
      FloatVector c2a = zero;
      FloatVector c2b = zero;
      FloatVector c3a = zero;
      FloatVector c3b = zero;
      FloatVector c4a = zero;
      FloatVector c4b = zero;
      FloatVector c5a = zero;
      FloatVector c5b = zero;
      FloatVector c6a = zero;
      FloatVector c6b = zero;
      FloatVector c7a = zero;
      FloatVector c7b = zero;
      for (int k = 0; k < depth; k++) {
        FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, 8L * W * k, ORDER));
        FloatVector bb =
            FLOATS.cast(FloatVector.fromMemorySegment(F, b, 8L * W * k + 4 * W, ORDER));
        int i = aAt + ROWS * k;
        FloatVector a0 = FloatVector.broadcast(F, a[i]);
        c0a = ba.fma(a0, c0a);
        c0b = bb.fma(a0, c0b);
        FloatVector a1 = FloatVector.broadcast(F, a[i + 1]);
        c1a = ba.fma(a1, c1a);
        c1b = bb.fma(a1, c1b);
        FloatVector a2 = FloatVector.broadcast(F, a[i + 2]);
        c2a = ba.fma(a2, c2a);
        c2b = bb.fma(a2, c2b);
        FloatVector a3 = FloatVector.broadcast(F, a[i + 3]);
        c3a = ba.fma(a3, c3a);
        c3b = bb.fma(a3, c3b);
        FloatVector a4 = FloatVector.broadcast(F, a[i + 4]);
        c4a = ba.fma(a4, c4a);
        c4b = bb.fma(a4, c4b);
        FloatVector a5 = FloatVector.broadcast(F, a[i + 5]);
        c5a = ba.fma(a5, c5a);
        c5b = bb.fma(a5, c5b);
        FloatVector a6 = FloatVector.broadcast(F, a[i + 6]);
        c6a = ba.fma(a6, c6a);
        c6b = bb.fma(a6, c6b);
        FloatVector a7 = FloatVector.broadcast(F, a[i + 7]);
        c7a = ba.fma(a7, c7a);
        c7b = bb.fma(a7, c7b);
      }
      long first = at << 2;
      long row = step << 2;
      FLOATS.cast(c0a).intoMemorySegment(out, first, ORDER);
      FLOATS.cast(c0b).intoMemorySegment(out, first + 4 * W, ORDER);
      FLOATS.cast(c1a).intoMemorySegment(out, first + row, ORDER);
      FLOATS.cast(c1b).intoMemorySegment(out, first + row + 4 * W, ORDER);
      FLOATS.cast(c2a).intoMemorySegment(out, first + 2 * row, ORDER);
      FLOATS.cast(c2b).intoMemorySegment(out, first + 2 * row + 4 * W, ORDER);
      FLOATS.cast(c3a).intoMemorySegment(out, first + 3 * row, ORDER);
      FLOATS.cast(c3b).intoMemorySegment(out, first + 3 * row + 4 * W, ORDER);
      FLOATS.cast(c4a).intoMemorySegment(out, first + 4 * row, ORDER);
      FLOATS.cast(c4b).intoMemorySegment(out, first + 4 * row + 4 * W, ORDER);
      FLOATS.cast(c5a).intoMemorySegment(out, first + 5 * row, ORDER);
      FLOATS.cast(c5b).intoMemorySegment(out, first + 5 * row + 4 * W, ORDER);
      FLOATS.cast(c6a).intoMemorySegment(out, first + 6 * row, ORDER);
      FLOATS.cast(c6b).intoMemorySegment(out, first + 6 * row + 4 * W, ORDER);
      FLOATS.cast(c7a).intoMemorySegment(out, first + 7 * row, ORDER);
      FLOATS.cast(c7b).intoMemorySegment(out, first + 7 * row + 4 * W, ORDER);
    }

    @Override
    public void sums(
        float[] a,
        int aAt,
        MemorySegment panel,
        long bAt,
        int depth,
        MemorySegment adds,
        long addAt,
        long addStep,
        MemorySegment bias,
        long biasAt,
        MemorySegment out,
        long at,
        long step) {
      out = Lanes.expectNative(out);
      MemorySegment b = panel.asSlice(bAt << 2, 8L * W * depth);
      FloatVector zero = FloatVector.zero(F);
      FloatVector c0a = zero;
      FloatVector c0b = zero;
      FloatVector c1a = zero;
      FloatVector c1b = zero;
      FloatVector c2a = zero;
      FloatVector c2b = zero;
      FloatVector c3a = zero;
      FloatVector c3b = zero;
      FloatVector c4a = zero;
      FloatVector c4b = zero;
      FloatVector c5a = zero;
      FloatVector c5b = zero;
      FloatVector c6a = zero;
      FloatVector c6b = zero;
      FloatVector c7a = zero;
      FloatVector c7b = zero;
      for (int k = 0; k < depth; k++) {
        FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, b, 8L * W * k, ORDER));
        FloatVector bb =
            FLOATS.cast(FloatVector.fromMemorySegment(F, b, 8L * W * k + 4 * W, ORDER));
        int i = aAt + ROWS * k;
        FloatVector a0 = FloatVector.broadcast(F, a[i]);
        c0a = ba.fma(a0, c0a);
        c0b = bb.fma(a0, c0b);
        FloatVector a1 = FloatVector.broadcast(F, a[i + 1]);
        c1a = ba.fma(a1, c1a);
        c1b = bb.fma(a1, c1b);
        FloatVector a2 = FloatVector.broadcast(F, a[i + 2]);
        c2a = ba.fma(a2, c2a);
        c2b = bb.fma(a2, c2b);
        FloatVector a3 = FloatVector.broadcast(F, a[i + 3]);
        c3a = ba.fma(a3, c3a);
        c3b = bb.fma(a3, c3b);
        FloatVector a4 = FloatVector.broadcast(F, a[i + 4]);
        c4a = ba.fma(a4, c4a);
        c4b = bb.fma(a4, c4b);
        FloatVector a5 = FloatVector.broadcast(F, a[i + 5]);
        c5a = ba.fma(a5, c5a);
        c5b = bb.fma(a5, c5b);
        FloatVector a6 = FloatVector.broadcast(F, a[i + 6]);
        c6a = ba.fma(a6, c6a);
        c6b = bb.fma(a6, c6b);
        FloatVector a7 = FloatVector.broadcast(F, a[i + 7]);
        c7a = ba.fma(a7, c7a);
        c7b = bb.fma(a7, c7b);
      }
      FloatVector ba = FLOATS.cast(FloatVector.fromMemorySegment(F, bias, biasAt << 2, ORDER));
      FloatVector bb =
          FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (biasAt + W) << 2, ORDER));
      MemorySegment add = adds.asSlice(addAt << 2, (7 * addStep + 2 * W) << 2);
      long first = at << 2;
      long row = step << 2;
      long from = addStep << 2;
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 0, ORDER))
          .add(ba)
          .add(c0a)
          .intoMemorySegment(out, first, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 4 * W, ORDER))
          .add(bb)
          .add(c0b)
          .intoMemorySegment(out, first + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, from, ORDER))
          .add(ba)
          .add(c1a)
          .intoMemorySegment(out, first + row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, from + 4 * W, ORDER))
          .add(bb)
          .add(c1b)
          .intoMemorySegment(out, first + row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 2 * from, ORDER))
          .add(ba)
          .add(c2a)
          .intoMemorySegment(out, first + 2 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 2 * from + 4 * W, ORDER))
          .add(bb)
          .add(c2b)
          .intoMemorySegment(out, first + 2 * row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 3 * from, ORDER))
          .add(ba)
          .add(c3a)
          .intoMemorySegment(out, first + 3 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 3 * from + 4 * W, ORDER))
          .add(bb)
          .add(c3b)
          .intoMemorySegment(out, first + 3 * row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 4 * from, ORDER))
          .add(ba)
          .add(c4a)
          .intoMemorySegment(out, first + 4 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 4 * from + 4 * W, ORDER))
          .add(bb)
          .add(c4b)
          .intoMemorySegment(out, first + 4 * row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 5 * from, ORDER))
          .add(ba)
          .add(c5a)
          .intoMemorySegment(out, first + 5 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 5 * from + 4 * W, ORDER))
          .add(bb)
          .add(c5b)
          .intoMemorySegment(out, first + 5 * row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 6 * from, ORDER))
          .add(ba)
          .add(c6a)
          .intoMemorySegment(out, first + 6 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 6 * from + 4 * W, ORDER))
          .add(bb)
          .add(c6b)
          .intoMemorySegment(out, first + 6 * row + 4 * W, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 7 * from, ORDER))
          .add(ba)
          .add(c7a)
          .intoMemorySegment(out, first + 7 * row, ORDER);
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, add, 7 * from + 4 * W, ORDER))
          .add(bb)
          .add(c7b)
          .intoMemorySegment(out, first + 7 * row + 4 * W, ORDER);
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.Philox;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dropout on vectors (op/Dropout). A lane of longs computes a block of Philox, four numbers; a
 * product of 32-bit words is then one product of longs. Any partition gives the same bits.
 */
public interface DropoutVector {
  /** y = x·scale where the upper 24 bits at firstIndex + i reach the threshold, else +0. */
  void apply(
      MemorySegment x,
      long seed,
      long stream,
      long firstIndex,
      int threshold,
      float scale,
      MemorySegment y,
      long n,
      Workers workers);

  /** The kernel for a vector width. */
  static DropoutVector on(int bits) {
    return Lanes.kernel(Kernel.class, DropoutVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements DropoutVector {
    // At least four longs where the machine has them: shuffles of two are not compiled on x86.
    private static final int BITS =
        Math.max(
            Lanes.floats(MethodHandles.lookup()).vectorBitSize(),
            Math.min(256, Lanes.preferredBits()));

    private static final VectorSpecies<Float> F = Lanes.species(BITS);
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final VectorSpecies<Long> L =
        VectorSpecies.of(long.class, VectorShape.forBitSize(BITS));
    private static final Class<? extends LongVector> LONGS = Lanes.type(LongVector.zero(L));
    private static final Class<? extends IntVector> INTS =
        Lanes.type(FloatVector.zero(F).reinterpretAsInts());
    private static final int BLOCKS = L.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final long LOW = 0xFFFF_FFFFL;

    /** Pairs of numbers of the first and of the second half of the blocks, in their order. */
    private static final VectorShuffle<Long> FIRST = VectorShuffle.fromOp(L, i -> i / 2);

    private static final VectorShuffle<Long> SECOND =
        VectorShuffle.fromOp(L, i -> i / 2 + BLOCKS / 2);

    /** Ones in lanes 0, 2, 4 … */
    private static final LongVector EVEN = LongVector.zero(L).addIndex(1).and(1L).sub(1L);

    /** Elements of a task: a multiple of what a step takes. */
    private static final long TASK = 16_384;

    Kernel() {}

    @Override
    public void apply(
        MemorySegment x,
        long seed,
        long stream,
        long firstIndex,
        int threshold,
        float scale,
        MemorySegment y,
        long n,
        Workers workers) {
      workers.run(
          Math.ceilDiv(n, TASK),
          task -> {
            long from = task * TASK;
            long end = Math.min(n, from + TASK);
            // Blocks begin where the index is a multiple of four.
            long start = Math.min(end, from + (-(firstIndex + from) & 3));
            some(x, seed, stream, firstIndex, threshold, scale, y, from, start);
            long steps = (end - start) / (4L * BLOCKS);
            long next = start + steps * 4 * BLOCKS;
            blocks(x, seed, stream, firstIndex + start, threshold, scale, y, start, next);
            some(x, seed, stream, firstIndex, threshold, scale, y, next, end);
          });
    }

    private static void some(
        MemorySegment x,
        long seed,
        long stream,
        long firstIndex,
        int threshold,
        float scale,
        MemorySegment y,
        long from,
        long end) {
      for (long i = from; i < end; i++) {
        boolean keep = Philox.bits(seed, stream, firstIndex + i) >>> 8 >= threshold;
        f32(y, i, keep ? f32(x, i) * scale : 0f);
      }
    }

    /** Elements from … end − 1, a multiple of 4·BLOCKS, of which the first has the index. */
    private static void blocks(
        MemorySegment x,
        long seed,
        long stream,
        long index,
        int threshold,
        float scale,
        MemorySegment y,
        long from,
        long end) {
      y = Lanes.expectNative(y);
      LongVector m0 = LONGS.cast(LongVector.broadcast(L, Philox.MULTIPLIER_0 & LOW));
      LongVector m1 = LONGS.cast(LongVector.broadcast(L, Philox.MULTIPLIER_1 & LOW));
      LongVector counter = LONGS.cast(LongVector.broadcast(L, index >>> 2)).addIndex(1);
      for (long i = from; i < end; i += 4L * BLOCKS) {
        LongVector c0 = LONGS.cast(counter);
        LongVector c1 = c0.lanewise(VectorOperators.LSHR, 32);
        LongVector c2 = LongVector.broadcast(L, stream & LOW);
        LongVector c3 = LongVector.broadcast(L, stream >>> 32);
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        // Upper halves of words hold anything; they are cut off where it counts. With both factors
        // cut off in the loop, the compiler sees a product of 32-bit words and takes the cheap one.
        for (int round = 0; round < Philox.ROUNDS; round++) {
          LongVector p0 = LONGS.cast(c0).and(LOW).mul(m0.and(LOW));
          LongVector p1 = LONGS.cast(c2).and(LOW).mul(m1.and(LOW));
          c0 =
              p1.lanewise(VectorOperators.LSHR, 32)
                  .lanewise(VectorOperators.XOR, c1)
                  .lanewise(VectorOperators.XOR, k0 & LOW);
          c1 = p1;
          c2 =
              p0.lanewise(VectorOperators.LSHR, 32)
                  .lanewise(VectorOperators.XOR, c3)
                  .lanewise(VectorOperators.XOR, k1 & LOW);
          c3 = p0;
          k0 += Philox.WEYL_0;
          k1 += Philox.WEYL_1;
        }
        LongVector low =
            LONGS.cast(c0).and(LOW).or(LONGS.cast(c1).lanewise(VectorOperators.LSHL, 32));
        LongVector high =
            LONGS.cast(c2).and(LOW).or(LONGS.cast(c3).lanewise(VectorOperators.LSHL, 32));
        // Each half of the numbers is brought into order and applied to as many elements; written
        // out, since a helper that is not inlined boxes. All ones where a number reaches the
        // threshold: threshold − 1 − number is negative.
        IntVector first =
            INTS.cast(
                    low.rearrange(FIRST)
                        .and(EVEN)
                        .or(high.rearrange(FIRST).and(EVEN.not()))
                        .reinterpretAsInts())
                .lanewise(VectorOperators.LSHR, 8);
        INTS.cast(
                FLOATS
                    .cast(FloatVector.fromMemorySegment(F, x, i << 2, ORDER))
                    .mul(scale)
                    .reinterpretAsInts())
            .and(first.neg().add(threshold - 1).lanewise(VectorOperators.ASHR, 31))
            .intoMemorySegment(y, i << 2, ORDER);
        IntVector second =
            INTS.cast(
                    low.rearrange(SECOND)
                        .and(EVEN)
                        .or(high.rearrange(SECOND).and(EVEN.not()))
                        .reinterpretAsInts())
                .lanewise(VectorOperators.LSHR, 8);
        INTS.cast(
                FLOATS
                    .cast(FloatVector.fromMemorySegment(F, x, (i + 2L * BLOCKS) << 2, ORDER))
                    .mul(scale)
                    .reinterpretAsInts())
            .and(second.neg().add(threshold - 1).lanewise(VectorOperators.ASHR, 31))
            .intoMemorySegment(y, (i + 2L * BLOCKS) << 2, ORDER);
        counter = LONGS.cast(counter).add(BLOCKS);
      }
    }
  }
}

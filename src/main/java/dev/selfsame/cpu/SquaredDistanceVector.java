package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.OrderedSum;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Squared distances on vectors, of many pairs (op/SquaredDistance) and of rows
 * (op/ContrastiveLoss): pieces of some of the contract's blocks over the threads, the 32 lanes of a
 * block across vector lanes.
 */
public interface SquaredDistanceVector {
  /** distances[t] = Σ (aₜ − bₜ)². */
  void distances(
      long[] firstPiece, int piece, Column a, Column b, MemorySegment distances, Workers workers);

  /** out[r] = Σ (a − b)² of row r of matrices. */
  void rows(
      MemorySegment a,
      MemorySegment b,
      long rows,
      long columns,
      MemorySegment out,
      Workers workers);

  /** da = (a − b)·c, and db = −da unless it is null. */
  void gradient(
      long[] firstPiece,
      int piece,
      Column a,
      Column b,
      float c,
      Column da,
      @Nullable Column db,
      Workers workers);

  /** The kernel for a vector width. */
  static SquaredDistanceVector on(int bits) {
    return Lanes.kernel(Kernel.class, SquaredDistanceVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements SquaredDistanceVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** The calling thread's sums of blocks, kept between calls. */
    private static final ThreadLocal<float[]> PARTIALS =
        ThreadLocal.withInitial(() -> new float[0]);

    Kernel() {}

    @Override
    public void distances(
        long[] firstPiece,
        int piece,
        Column a,
        Column b,
        MemorySegment distances,
        Workers workers) {
      int blocks = piece / BLOCK;
      int tensors = firstPiece.length - 1;
      // Those of a tensor lie side by side; only its last piece may leave some unused.
      float[] partials = partials(Math.toIntExact(firstPiece[tensors] * blocks));
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from, most) -> {
            MemorySegment as = a.of(t);
            MemorySegment bs = b.of(t);
            long end = Math.min(from + most, as.byteSize() / Float.BYTES);
            float[] lanes = LongRow.lanes();
            int to = (int) (firstPiece[t] * blocks + from / BLOCK);
            for (long at = from; at < end; at += BLOCK) {
              partials[to++] = block(as, bs, at, (int) Math.min(BLOCK, end - at), lanes);
            }
          });
      float[] lanes = LongRow.lanes();
      for (int t = 0; t < tensors; t++) {
        int count = (int) Math.ceilDiv(a.of(t).byteSize() / Float.BYTES, (long) BLOCK);
        f32(distances, t, LongRow.total(partials, (int) firstPiece[t] * blocks, count, lanes));
      }
    }

    private static float[] partials(int count) {
      float[] kept = PARTIALS.get();
      if (kept.length < count) {
        kept = new float[count];
        PARTIALS.set(kept);
      }
      return kept;
    }

    @Override
    public void rows(
        MemorySegment a,
        MemorySegment b,
        long rows,
        long columns,
        MemorySegment out,
        Workers workers) {
      if (columns <= BLOCK) {
        RowBlocks.groups(
            rows,
            columns,
            workers,
            (first, count, lanes) -> {
              for (long r = first; r < first + count; r++) {
                f32(out, r, block(a, b, r * columns, (int) columns, lanes));
              }
            });
        return;
      }
      LongRow.Pass sums = (row, from, n, lanes) -> block(a, b, from, n, lanes);
      RowBlocks.rows(rows, columns, workers, (r, row) -> f32(out, r, row.sum(sums)));
    }

    /** The contract's sum of one block of 1 … 1,024 terms from element {@code from} on. */
    private static float block(
        MemorySegment a, MemorySegment b, long from, int count, float[] lanes) {
      int rows = count / LANES;
      for (int j = 0; j < LANES && rows > 0; j += 2 * W) {
        // Loads are written out: a helper that is not inlined would make objects of the vectors.
        long at = (from + j) << 2;
        FloatVector d =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, a, at, ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at, ORDER)));
        FloatVector sum = d.mul(d);
        d =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, a, at + (W << 2), ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at + (W << 2), ORDER)));
        FloatVector other = d.mul(d);
        for (int r = 1; r < rows; r++) {
          at += LANES << 2;
          d =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, a, at, ORDER))
                  .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at, ORDER)));
          // The new term is the receiver: C2 knows its class, not that of what a loop carries.
          sum = d.mul(d).add(sum);
          d =
              FLOATS
                  .cast(FloatVector.fromMemorySegment(F, a, at + (W << 2), ORDER))
                  .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at + (W << 2), ORDER)));
          other = d.mul(d).add(other);
        }
        FLOATS.cast(sum).intoArray(lanes, j);
        FLOATS.cast(other).intoArray(lanes, j + W);
      }
      int first = rows * LANES;
      for (int i = first; i < count; i++) {
        float difference = f32(a, from + i) - f32(b, from + i);
        float term = difference * difference;
        lanes[i - first] = rows == 0 ? term : lanes[i - first] + term;
      }
      return OrderedSum.combineLanes(lanes, Math.min(count, LANES));
    }

    @Override
    public void gradient(
        long[] firstPiece,
        int piece,
        Column a,
        Column b,
        float c,
        Column da,
        @Nullable Column db,
        Workers workers) {
      Pieces.run(
          firstPiece,
          piece,
          workers,
          (t, from, most) -> {
            MemorySegment as = a.of(t);
            int count = (int) Math.min(most, as.byteSize() / Float.BYTES - from);
            if (db == null) {
              slope(as, b.of(t), c, da.of(t), from, count);
            } else {
              slopes(as, b.of(t), c, da.of(t), db.of(t), from, count);
            }
          });
    }

    private static void slope(
        MemorySegment a, MemorySegment b, float c, MemorySegment da, long from, int count) {
      da = Lanes.expectNative(da);
      int i = 0;
      for (; i <= count - W; i += W) {
        long at = (from + i) << 2;
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, a, at, ORDER))
            .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at, ORDER)))
            .mul(c)
            .intoMemorySegment(da, at, ORDER);
      }
      for (; i < count; i++) {
        f32(da, from + i, (f32(a, from + i) - f32(b, from + i)) * c);
      }
    }

    private static void slopes(
        MemorySegment a,
        MemorySegment b,
        float c,
        MemorySegment da,
        MemorySegment db,
        long from,
        int count) {
      da = Lanes.expectNative(da);
      db = Lanes.expectNative(db);
      int i = 0;
      for (; i <= count - W; i += W) {
        long at = (from + i) << 2;
        FloatVector slope =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, a, at, ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, b, at, ORDER)))
                .mul(c);
        slope.intoMemorySegment(da, at, ORDER);
        slope.neg().intoMemorySegment(db, at, ORDER);
      }
      for (; i < count; i++) {
        float slope = (f32(a, from + i) - f32(b, from + i)) * c;
        f32(da, from + i, slope);
        f32(db, from + i, -slope);
      }
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.RUN;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalization on vectors (op/LayerNorm). The 32 lanes of a block sum lie across vector
 * lanes; a row alone would leave two chains of dependent additions, so two rows, or two blocks of a
 * long row, are summed at a time. A row stays in the first-level cache between its passes. Tasks
 * are groups of rows: for the gradient the runs of 32 rows that the gradients of gamma and beta are
 * summed by.
 */
public interface LayerNormVector {
  /** y, mean and rstd of each row. */
  void forward(
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment beta,
      float eps,
      MemorySegment y,
      MemorySegment mean,
      MemorySegment rstd,
      long rows,
      long columns,
      Workers workers);

  /** The gradients that are wanted. */
  void gradient(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment mean,
      MemorySegment rstd,
      @Nullable MemorySegment dx,
      @Nullable MemorySegment dgamma,
      @Nullable MemorySegment dbeta,
      long rows,
      long columns,
      Workers workers);

  /** The kernel for a vector width. */
  static LayerNormVector on(int bits) {
    return Lanes.kernel(Kernel.class, LayerNormVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements LayerNormVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final NormSums NORM = NormSums.on(F.vectorBitSize());
    private static final SumsVector SUMS = SumsVector.on(F.vectorBitSize());

    /** Elements of a task, about. */
    private static final long TASK = 16_384;

    /** Columns of rows so short that all of a run stay near while one strip is summed. */
    private static final long NARROW = 1024;

    Kernel() {}

    // ---- forward

    @Override
    public void forward(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        float eps,
        MemorySegment y,
        MemorySegment mean,
        MemorySegment rstd,
        long rows,
        long columns,
        Workers workers) {
      if (columns > BLOCK) {
        workers.run(rows, r -> longRow(x, gamma, beta, eps, y, mean, rstd, r, columns));
        return;
      }
      long size = Math.max(2, TASK / columns & -2);
      workers.run(
          Math.ceilDiv(rows, size),
          task -> {
            long end = Math.min(rows, (task + 1) * size);
            shortRows(x, gamma, beta, eps, y, mean, rstd, task * size, end, (int) columns);
          });
    }

    private static void shortRows(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        float eps,
        MemorySegment y,
        MemorySegment mean,
        MemorySegment rstd,
        long first,
        long end,
        int columns) {
      float[] sums = NormScratch.mine().sums();
      float count = columns;
      for (long r = first; r < end; r += 2) {
        // The last row may be summed twice.
        long a = r * columns;
        long b = Math.min(r + 1, end - 1) * columns;
        NORM.sums(x, a, b, columns, sums);
        float ma = sums[0] / count;
        float mb = sums[1] / count;
        NORM.squares(x, a, b, ma, mb, columns, sums);
        float sa = ExactMath.rsqrt(sums[0] / count + eps);
        float sb = ExactMath.rsqrt(sums[1] / count + eps);
        finish(x, gamma, beta, y, mean, rstd, r, a, ma, sa, columns);
        if (r + 1 < end) {
          finish(x, gamma, beta, y, mean, rstd, r + 1, b, mb, sb, columns);
        }
      }
    }

    private static void longRow(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        float eps,
        MemorySegment y,
        MemorySegment mean,
        MemorySegment rstd,
        long r,
        long columns) {
      float[] sums = NormScratch.mine().sums();
      long blocks = Math.ceilDiv(columns, (long) BLOCK);
      MemorySegment partials = NormScratch.mine().task(blocks);
      long row = r * columns;
      long whole = columns / BLOCK;
      int rest = (int) (columns % BLOCK);
      long tail = row + whole * BLOCK;
      for (long b = 0; b < whole; b += 2) {
        NORM.sums(x, at(row, b, whole), at(row, b + 1, whole), BLOCK, sums);
        keep(sums, partials, b, whole);
      }
      if (rest > 0) {
        NORM.sums(x, tail, tail, rest, sums);
        f32(partials, whole, sums[0]);
      }
      float m = NORM.total(partials, 0, blocks, sums) / (float) columns;
      for (long b = 0; b < whole; b += 2) {
        NORM.squares(x, at(row, b, whole), at(row, b + 1, whole), m, m, BLOCK, sums);
        keep(sums, partials, b, whole);
      }
      if (rest > 0) {
        NORM.squares(x, tail, tail, m, m, rest, sums);
        f32(partials, whole, sums[0]);
      }
      float s = ExactMath.rsqrt(NORM.total(partials, 0, blocks, sums) / (float) columns + eps);
      finish(x, gamma, beta, y, mean, rstd, r, row, m, s, columns);
    }

    /** Where block b, or the last whole one, begins. */
    private static long at(long row, long b, long whole) {
      return row + Math.min(b, whole - 1) * BLOCK;
    }

    /** Keeps the sums of one or two blocks from b on. */
    private static void keep(float[] sums, MemorySegment partials, long b, long whole) {
      for (int k = 0; k < 2 && b + k < whole; k++) {
        f32(partials, b + k, sums[k]);
      }
    }

    private static void finish(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        MemorySegment y,
        MemorySegment mean,
        MemorySegment rstd,
        long r,
        long row,
        float m,
        float s,
        long columns) {
      y = Lanes.expectNative(y);
      long i = 0;
      for (; i <= columns - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, (row + i) << 2, ORDER))
            .sub(m)
            .mul(s)
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, gamma, i << 2, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, beta, i << 2, ORDER)))
            .intoMemorySegment(y, (row + i) << 2, ORDER);
      }
      for (; i < columns; i++) {
        f32(y, row + i, Math.fma((f32(x, row + i) - m) * s, f32(gamma, i), f32(beta, i)));
      }
      f32(mean, r, m);
      f32(rstd, r, s);
    }

    // ---- gradient

    @Override
    public void gradient(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment mean,
        MemorySegment rstd,
        @Nullable MemorySegment dx,
        @Nullable MemorySegment dgamma,
        @Nullable MemorySegment dbeta,
        long rows,
        long columns,
        Workers workers) {
      long runs = Math.ceilDiv(rows, (long) RUN);
      boolean parameters = dgamma != null || dbeta != null;
      // After the rows, which takes them from a cache, unless their gradients overwrite them.
      boolean apart =
          dx == null || (dx.asOverlappingSlice(dy).isEmpty() && dx.asOverlappingSlice(x).isEmpty());
      long size = parameters ? runs * columns : 0;
      MemorySegment partials = NormScratch.mine().call(2 * size);
      workers.run(
          runs,
          run -> {
            long end = Math.min(rows, (run + 1) * RUN);
            if (parameters && !apart) {
              parameters(dy, x, mean, rstd, run, end, columns, partials, size);
            }
            if (dx != null) {
              float[] sums = NormScratch.mine().sums();
              for (long r = run * RUN; r < end; r++) {
                slopes(dy, x, gamma, mean, rstd, dx, r, columns, sums);
              }
            }
            if (parameters && apart) {
              parameters(dy, x, mean, rstd, run, end, columns, partials, size);
            }
          });
      if (dgamma != null) {
        SUMS.runSums(partials.asSlice(0, size * Float.BYTES), runs, columns, 1, dgamma, workers);
      }
      if (dbeta != null) {
        SUMS.runSums(
            partials.asSlice(size * Float.BYTES, size * Float.BYTES),
            runs,
            columns,
            1,
            dbeta,
            workers);
      }
    }

    /** A run's sums of dy·h and of dy, column by column, a strip of columns at a time. */
    private static void parameters(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment mean,
        MemorySegment rstd,
        long run,
        long end,
        long columns,
        MemorySegment partials,
        long size) {
      long to = run * columns;
      long first = run * RUN;
      long c = 0;
      if (columns <= NARROW) {
        for (; c <= columns - 2 * W; c += 2 * W) {
          strip(dy, x, mean, rstd, first, end, columns, c, partials, to + c, size + to + c);
        }
      }
      // −0 is what a sum starts from without a trace: −0 + t is t, for t = −0 too.
      for (long i = c; i < columns; i++) {
        f32(partials, to + i, -0f);
        f32(partials, size + to + i, -0f);
      }
      for (long r = first; r < end && c < columns; r++) {
        float m = f32(mean, r);
        float s = f32(rstd, r);
        addTerms(dy, x, r * columns, m, s, partials, to, size + to, c, columns);
      }
    }

    /** Two vectors of columns, their sums in registers. */
    private static void strip(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment mean,
        MemorySegment rstd,
        long first,
        long end,
        long columns,
        long c,
        MemorySegment partials,
        long scale,
        long shift) {
      partials = Lanes.expectNative(partials);
      FloatVector scale0 = FloatVector.broadcast(F, -0f);
      FloatVector scale1 = scale0;
      FloatVector shift0 = scale0;
      FloatVector shift1 = scale0;
      for (long r = first; r < end; r++) {
        float m = f32(mean, r);
        float s = f32(rstd, r);
        long at = (r * columns + c) << 2;
        FloatVector d0 = FLOATS.cast(FloatVector.fromMemorySegment(F, dy, at, ORDER));
        FloatVector d1 = FLOATS.cast(FloatVector.fromMemorySegment(F, dy, at + 4 * W, ORDER));
        FloatVector h0 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at, ORDER));
        FloatVector h1 = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at + 4 * W, ORDER));
        scale0 = h0.sub(m).mul(s).mul(d0).add(scale0);
        scale1 = h1.sub(m).mul(s).mul(d1).add(scale1);
        shift0 = d0.add(shift0);
        shift1 = d1.add(shift1);
      }
      FLOATS.cast(scale0).intoMemorySegment(partials, scale << 2, ORDER);
      FLOATS.cast(scale1).intoMemorySegment(partials, (scale + W) << 2, ORDER);
      FLOATS.cast(shift0).intoMemorySegment(partials, shift << 2, ORDER);
      FLOATS.cast(shift1).intoMemorySegment(partials, (shift + W) << 2, ORDER);
    }

    private static void addTerms(
        MemorySegment dy,
        MemorySegment x,
        long row,
        float m,
        float s,
        MemorySegment partials,
        long scale,
        long shift,
        long first,
        long columns) {
      partials = Lanes.expectNative(partials);
      long i = first;
      for (; i <= columns - W; i += W) {
        FloatVector d = FLOATS.cast(FloatVector.fromMemorySegment(F, dy, (row + i) << 2, ORDER));
        FloatVector h =
            FLOATS.cast(FloatVector.fromMemorySegment(F, x, (row + i) << 2, ORDER)).sub(m).mul(s);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, partials, (scale + i) << 2, ORDER))
            .add(d.mul(h))
            .intoMemorySegment(partials, (scale + i) << 2, ORDER);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, partials, (shift + i) << 2, ORDER))
            .add(d)
            .intoMemorySegment(partials, (shift + i) << 2, ORDER);
      }
      for (; i < columns; i++) {
        float d = f32(dy, row + i);
        float h = (f32(x, row + i) - m) * s;
        f32(partials, scale + i, f32(partials, scale + i) + d * h);
        f32(partials, shift + i, f32(partials, shift + i) + d);
      }
    }

    /** dx of a row. */
    private static void slopes(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment mean,
        MemorySegment rstd,
        MemorySegment dx,
        long r,
        long columns,
        float[] sums) {
      long row = r * columns;
      float m = f32(mean, r);
      float s = f32(rstd, r);
      if (columns <= BLOCK) {
        NORM.products(dy, x, gamma, row, 0, m, s, (int) columns, sums);
        float count = columns;
        slope(dy, x, gamma, dx, row, m, s, sums[0] / count, sums[1] / count, columns);
        return;
      }
      long blocks = Math.ceilDiv(columns, (long) BLOCK);
      MemorySegment partials = NormScratch.mine().task(2 * blocks);
      for (long b = 0; b < blocks; b++) {
        long from = b * BLOCK;
        int part = (int) Math.min(BLOCK, columns - from);
        NORM.products(dy, x, gamma, row + from, from, m, s, part, sums);
        f32(partials, b, sums[0]);
        f32(partials, blocks + b, sums[1]);
      }
      float count = columns;
      float a = NORM.total(partials, 0, blocks, sums) / count;
      float b = NORM.total(partials, blocks, blocks, sums) / count;
      slope(dy, x, gamma, dx, row, m, s, a, b, columns);
    }

    private static void slope(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment dx,
        long row,
        float m,
        float s,
        float a,
        float b,
        long columns) {
      FloatVector bs = FloatVector.broadcast(F, b);
      MemorySegment ds = dy.asSlice(row << 2, columns << 2);
      MemorySegment xs = x.asSlice(row << 2, columns << 2);
      MemorySegment to = dx.asSlice(row << 2, columns << 2);
      long i = 0;
      for (; i <= columns - W; i += W) {
        FloatVector g =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, ds, i << 2, ORDER))
                .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, gamma, i << 2, ORDER)));
        FloatVector h =
            FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER)).sub(m).mul(s);
        h.neg().fma(bs, g.sub(a)).mul(s).intoMemorySegment(to, i << 2, ORDER);
      }
      for (; i < columns; i++) {
        float g = f32(dy, row + i) * f32(gamma, i);
        float h = (f32(x, row + i) - m) * s;
        f32(dx, row + i, s * Math.fma(-h, b, g - a));
      }
    }
  }
}

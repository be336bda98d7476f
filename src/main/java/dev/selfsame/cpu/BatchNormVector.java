package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalization on vectors (op/BatchNorm). A channel's planes are brought together block by
 * block, in the first-level cache, so that a block's 32 lanes lie across vector lanes wherever its
 * planes begin. Tasks are channels for the sums, groups of planes or rows for the rest.
 */
public interface BatchNormVector {
  /** y, mean and rstd from the batch, and the running statistics if there are any. */
  void forward(
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment beta,
      float eps,
      float momentum,
      @Nullable MemorySegment runningMean,
      @Nullable MemorySegment runningVariance,
      MemorySegment y,
      MemorySegment mean,
      MemorySegment rstd,
      long n,
      long channels,
      long space,
      Workers workers);

  /** y from given statistics. */
  void evaluate(
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment beta,
      float eps,
      MemorySegment mean,
      MemorySegment variance,
      MemorySegment y,
      long n,
      long channels,
      long space,
      Workers workers);

  /** dgamma, dbeta, and dx if it is wanted. */
  void gradient(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment mean,
      MemorySegment rstd,
      @Nullable MemorySegment dx,
      MemorySegment dgamma,
      MemorySegment dbeta,
      long n,
      long channels,
      long space,
      Workers workers);

  /** The kernel for a vector width. */
  static BatchNormVector on(int bits) {
    return Lanes.kernel(Kernel.class, BatchNormVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements BatchNormVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final NormSums NORM = NormSums.on(F.vectorBitSize());

    /** dy·1 is dy: the sums of layer normalization serve here. */
    private static final MemorySegment ONES = ones();

    /** Elements of a task, about. */
    private static final long TASK = 16_384;

    /** Pieces from here on are copied in bulk. */
    private static final int BULK = 24;

    Kernel() {}

    private static MemorySegment ones() {
      MemorySegment ones = Arena.global().allocate((long) BLOCK * Float.BYTES, 64);
      for (int i = 0; i < BLOCK; i++) {
        f32(ones, i, 1f);
      }
      return ones;
    }

    // ---- forward

    @Override
    public void forward(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        float eps,
        float momentum,
        @Nullable MemorySegment runningMean,
        @Nullable MemorySegment runningVariance,
        MemorySegment y,
        MemorySegment mean,
        MemorySegment rstd,
        long n,
        long channels,
        long space,
        Workers workers) {
      float count = n * space;
      float lessOne = n * space - 1;
      workers.run(
          channels,
          c -> {
            float m = total(x, c, n, channels, space, false, 0f) / count;
            float q = total(x, c, n, channels, space, true, m);
            f32(mean, c, m);
            f32(rstd, c, ExactMath.rsqrt(q / count + eps));
            if (runningMean != null && runningVariance != null) {
              float old = f32(runningMean, c);
              f32(runningMean, c, Math.fma(momentum, m - old, old));
              old = f32(runningVariance, c);
              f32(runningVariance, c, Math.fma(momentum, q / lessOne - old, old));
            }
          });
      apply(x, gamma, beta, mean, rstd, y, n, channels, space, workers);
    }

    /** The block sum of a channel's elements, or of their squared distances from m. */
    private static float total(
        MemorySegment x,
        long channel,
        long n,
        long channels,
        long space,
        boolean squares,
        float m) {
      long count = n * space;
      long blocks = Math.ceilDiv(count, (long) BLOCK);
      NormScratch scratch = NormScratch.mine();
      long partials = 2L * BLOCK;
      MemorySegment work = scratch.task(partials + blocks);
      float[] sums = scratch.sums();
      for (long block = 0; block < blocks; block += 2) {
        long from = block * BLOCK;
        int elements = (int) Math.min(2L * BLOCK, count - from);
        gather(x, channel, from, elements, channels, space, work, 0);
        int whole = elements / BLOCK;
        if (whole > 0) {
          // One block: twice the same.
          int second = (whole - 1) * BLOCK;
          if (squares) {
            NORM.squares(work, 0, second, m, m, BLOCK, sums);
          } else {
            NORM.sums(work, 0, second, BLOCK, sums);
          }
          for (int k = 0; k < whole; k++) {
            f32(work, partials + block + k, sums[k]);
          }
        }
        int rest = elements % BLOCK;
        if (rest > 0) {
          int last = whole * BLOCK;
          if (squares) {
            NORM.squares(work, last, last, m, m, rest, sums);
          } else {
            NORM.sums(work, last, last, rest, sums);
          }
          f32(work, partials + block + whole, sums[0]);
        }
      }
      return NORM.total(work, partials, blocks, sums);
    }

    /** Brings elements from … from + count − 1 of a channel together. */
    private static void gather(
        MemorySegment x,
        long channel,
        long from,
        int count,
        long channels,
        long space,
        MemorySegment to,
        long at) {
      if (space == 1) {
        for (int i = 0; i < count; i++) {
          f32(to, at + i, f32(x, (from + i) * channels + channel));
        }
        return;
      }
      long image = from / space;
      long inside = from % space;
      int done = 0;
      while (done < count) {
        int piece = (int) Math.min(count - done, space - inside);
        long source = (image * channels + channel) * space + inside;
        if (piece >= BULK) {
          MemorySegment.copy(x, source << 2, to, at + done << 2, (long) piece << 2);
        } else {
          for (int i = 0; i < piece; i++) {
            f32(to, at + done + i, f32(x, source + i));
          }
        }
        done += piece;
        image++;
        inside = 0;
      }
    }

    @Override
    public void evaluate(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        float eps,
        MemorySegment mean,
        MemorySegment variance,
        MemorySegment y,
        long n,
        long channels,
        long space,
        Workers workers) {
      MemorySegment rstd = NormScratch.mine().call(channels);
      for (long c = 0; c < channels; c++) {
        f32(rstd, c, ExactMath.rsqrt(f32(variance, c) + eps));
      }
      apply(x, gamma, beta, mean, rstd, y, n, channels, space, workers);
    }

    private static void apply(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        MemorySegment mean,
        MemorySegment rstd,
        MemorySegment y,
        long n,
        long channels,
        long space,
        Workers workers) {
      // Rows share one pattern: a row of all channels, or one channel's plane.
      boolean flat = space == 1;
      long rows = flat ? n : n * channels;
      long length = flat ? channels : space;
      long size = Math.max(1, TASK / length);
      workers.run(
          Math.ceilDiv(rows, size),
          task -> {
            long end = Math.min(rows, (task + 1) * size);
            for (long row = task * size; row < end; row++) {
              if (flat) {
                row(x, gamma, beta, mean, rstd, y, row * length, length);
              } else {
                long c = row % channels;
                plane(
                    x,
                    f32(gamma, c),
                    f32(beta, c),
                    f32(mean, c),
                    f32(rstd, c),
                    y,
                    row * length,
                    length);
              }
            }
          });
    }

    private static void row(
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment beta,
        MemorySegment mean,
        MemorySegment rstd,
        MemorySegment y,
        long at,
        long length) {
      y = Lanes.expectNative(y);
      long i = 0;
      for (; i <= length - W; i += W) {
        FloatVector h =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, x, (at + i) << 2, ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, mean, i << 2, ORDER)))
                .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, rstd, i << 2, ORDER)));
        h.fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, gamma, i << 2, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, beta, i << 2, ORDER)))
            .intoMemorySegment(y, (at + i) << 2, ORDER);
      }
      for (; i < length; i++) {
        float h = (f32(x, at + i) - f32(mean, i)) * f32(rstd, i);
        f32(y, at + i, Math.fma(h, f32(gamma, i), f32(beta, i)));
      }
    }

    private static void plane(
        MemorySegment x,
        float gamma,
        float beta,
        float m,
        float s,
        MemorySegment y,
        long at,
        long length) {
      y = Lanes.expectNative(y);
      FloatVector scale = FloatVector.broadcast(F, gamma);
      FloatVector shift = FloatVector.broadcast(F, beta);
      long i = 0;
      for (; i <= length - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, (at + i) << 2, ORDER))
            .sub(m)
            .mul(s)
            .fma(scale, shift)
            .intoMemorySegment(y, (at + i) << 2, ORDER);
      }
      for (; i < length; i++) {
        f32(y, at + i, Math.fma((f32(x, at + i) - m) * s, gamma, beta));
      }
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
        MemorySegment dgamma,
        MemorySegment dbeta,
        long n,
        long channels,
        long space,
        Workers workers) {
      workers.run(
          channels,
          c -> totals(dy, x, f32(mean, c), f32(rstd, c), dgamma, dbeta, c, n, channels, space));
      if (dx == null) {
        return;
      }
      float count = n * space;
      boolean flat = space == 1;
      long rows = flat ? n : n * channels;
      long length = flat ? channels : space;
      long size = Math.max(1, TASK / length);
      workers.run(
          Math.ceilDiv(rows, size),
          task -> {
            long end = Math.min(rows, (task + 1) * size);
            for (long r = task * size; r < end; r++) {
              if (flat) {
                slopeRow(dy, x, gamma, mean, rstd, dgamma, dbeta, count, dx, r * length, length);
              } else {
                long c = r % channels;
                float s = f32(rstd, c);
                float a = f32(dbeta, c) / count;
                float b = f32(dgamma, c) / count;
                slope(dy, x, f32(mean, c), s, f32(gamma, c) * s, a, b, dx, r * length, length);
              }
            }
          });
    }

    private static void totals(
        MemorySegment dy,
        MemorySegment x,
        float m,
        float s,
        MemorySegment dgamma,
        MemorySegment dbeta,
        long channel,
        long n,
        long channels,
        long space) {
      long count = n * space;
      long blocks = Math.ceilDiv(count, (long) BLOCK);
      NormScratch scratch = NormScratch.mine();
      MemorySegment work = scratch.task(BLOCK + 2 * blocks);
      MemorySegment xs = scratch.second(BLOCK);
      long shifts = BLOCK;
      long scales = shifts + blocks;
      float[] sums = scratch.sums();
      for (long block = 0; block < blocks; block++) {
        long from = block * BLOCK;
        int elements = (int) Math.min(BLOCK, count - from);
        gather(dy, channel, from, elements, channels, space, work, 0);
        gather(x, channel, from, elements, channels, space, xs, 0);
        NORM.products(work, xs, ONES, 0, 0, m, s, elements, sums);
        f32(work, shifts + block, sums[0]);
        f32(work, scales + block, sums[1]);
      }
      f32(dbeta, channel, NORM.total(work, shifts, blocks, sums));
      f32(dgamma, channel, NORM.total(work, scales, blocks, sums));
    }

    private static void slopeRow(
        MemorySegment dy,
        MemorySegment x,
        MemorySegment gamma,
        MemorySegment mean,
        MemorySegment rstd,
        MemorySegment dgamma,
        MemorySegment dbeta,
        float count,
        MemorySegment dx,
        long at,
        long length) {
      dx = Lanes.expectNative(dx);
      long i = 0;
      for (; i <= length - W; i += W) {
        FloatVector s = FLOATS.cast(FloatVector.fromMemorySegment(F, rstd, i << 2, ORDER));
        FloatVector h =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, x, (at + i) << 2, ORDER))
                .sub(FLOATS.cast(FloatVector.fromMemorySegment(F, mean, i << 2, ORDER)))
                .mul(s);
        FloatVector inner =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, dy, (at + i) << 2, ORDER))
                .sub(
                    FLOATS.cast(FloatVector.fromMemorySegment(F, dbeta, i << 2, ORDER)).div(count));
        inner =
            h.neg()
                .fma(
                    FLOATS.cast(FloatVector.fromMemorySegment(F, dgamma, i << 2, ORDER)).div(count),
                    inner);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, gamma, i << 2, ORDER))
            .mul(s)
            .mul(inner)
            .intoMemorySegment(dx, (at + i) << 2, ORDER);
      }
      for (; i < length; i++) {
        float s = f32(rstd, i);
        float h = (f32(x, at + i) - f32(mean, i)) * s;
        float inner = f32(dy, at + i) - f32(dbeta, i) / count;
        inner = Math.fma(-h, f32(dgamma, i) / count, inner);
        f32(dx, at + i, f32(gamma, i) * s * inner);
      }
    }

    private static void slope(
        MemorySegment dy,
        MemorySegment x,
        float m,
        float s,
        float scale,
        float a,
        float b,
        MemorySegment dx,
        long at,
        long length) {
      dx = Lanes.expectNative(dx);
      FloatVector bs = FloatVector.broadcast(F, b);
      long i = 0;
      for (; i <= length - W; i += W) {
        FloatVector h =
            FLOATS.cast(FloatVector.fromMemorySegment(F, x, (at + i) << 2, ORDER)).sub(m).mul(s);
        h.neg()
            .fma(bs, FLOATS.cast(FloatVector.fromMemorySegment(F, dy, (at + i) << 2, ORDER)).sub(a))
            .mul(scale)
            .intoMemorySegment(dx, (at + i) << 2, ORDER);
      }
      for (; i < length; i++) {
        float h = (f32(x, at + i) - m) * s;
        f32(dx, at + i, scale * Math.fma(-h, b, f32(dy, at + i) - a));
      }
    }
  }
}

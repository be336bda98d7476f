package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Pooling on vectors (op/Pool2d): lanes across neighbouring outputs of a row, for strides 1 and 2
 * and windows inside the image from left to right, or across pixels of a row for the gradient of a
 * mean; the rest, and the scattered writes of a maximum's gradient, one output at a time. Planes
 * are spread over the threads.
 *
 * <p>The geometry's numbers are h, w, p, q, kernelH, kernelW, strideH, strideW, paddingH, paddingW.
 */
public interface Pool2dVector {
  /** Largest element of each window and its place. */
  void max(
      MemorySegment x,
      MemorySegment y,
      MemorySegment argmax,
      long planes,
      int[] g,
      Workers workers);

  /** The first of {@code count} places outside 0 … {@code limit} − 1, or −1. */
  long firstOutside(MemorySegment argmax, long count, int limit);

  /** Adds each dy to the place that its window chose. */
  void maxGradient(
      MemorySegment dy,
      MemorySegment argmax,
      MemorySegment dx,
      long planes,
      int[] g,
      Workers workers);

  /** Mean of each window. */
  void average(MemorySegment x, MemorySegment y, long planes, int[] g, Workers workers);

  /** Adds each dy's share to all places of its window. */
  void averageGradient(MemorySegment dy, MemorySegment dx, long planes, int[] g, Workers workers);

  /** The kernel for a vector width. */
  static Pool2dVector on(int bits) {
    return Lanes.kernel(Kernel.class, Pool2dVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements Pool2dVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
    private static final VectorShuffle<Float> EVEN = VectorShuffle.makeUnzip(F, 0);
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    Kernel() {}

    @Override
    public void max(
        MemorySegment x,
        MemorySegment y,
        MemorySegment argmax,
        long planes,
        int[] g,
        Workers workers) {
      workers.run(
          planes,
          plane -> {
            long image = plane * g[0] * g[1];
            long outputs = plane * g[2] * g[3];
            for (int i = 0; i < g[2]; i++) {
              int j = 0;
              while (j < g[3]) {
                int lanes = lanes(x, image, i, j, g);
                if (lanes > 0) {
                  maxVector(x, image, i, j, lanes, g, y, argmax, outputs);
                  j += lanes;
                } else {
                  maxElement(x, image, i, j, g, y, argmax, outputs);
                  j++;
                }
              }
            }
          });
    }

    /** A plane of the output. */
    private static MemorySegment outputs(MemorySegment y, long plane, int[] g) {
      long size = (long) g[2] * g[3] << 2;
      return y.asSlice(plane * size, size);
    }

    /**
     * How many windows from output (i, j) on a vector can do: up to W of a row, inside the image
     * from left to right. 0 if the next is not, or the vector's loads leave memory. Lanes beyond
     * the windows hold anything.
     */
    private static int lanes(MemorySegment x, long image, int i, int j, int[] g) {
      int stride = g[7];
      int w0 = j * stride - g[9];
      int inside = g[1] - g[5] + g[9];
      if (stride > 2 || w0 < 0 || inside < 0) {
        return 0;
      }
      int lanes = Math.min(W, Math.min(g[3], inside / stride + 1) - j);
      int lastRow = Math.min(g[0], i * g[6] - g[8] + g[4]) - 1;
      long loaded = (long) lastRow * g[1] + w0 + g[5] - 1 + (long) stride * W;
      return (image + loaded) * Float.BYTES <= x.byteSize() ? Math.max(0, lanes) : 0;
    }

    private static void maxVector(
        MemorySegment x,
        long image,
        int i,
        int j,
        int lanes,
        int[] g,
        MemorySegment y,
        MemorySegment argmax,
        long outputs) {
      y = Lanes.expectNative(y);
      argmax = Lanes.expectNative(argmax);
      int w = g[1];
      int stride = g[7];
      int h0 = i * g[6] - g[8];
      int w0 = j * stride - g[9];
      int first = Math.max(0, h0);
      int start = first * w + w0;
      IntVector steps = INTS.cast(IntVector.zero(I)).addIndex(stride);
      // Loads are written out: a helper that is compiled apart is no longer inlined, and boxes.
      FloatVector best =
          FLOATS.cast(FloatVector.fromMemorySegment(F, x, (image + start) << 2, ORDER));
      if (stride == 2) {
        long odd = (image + start + W) << 2;
        best = best.rearrange(EVEN, FLOATS.cast(FloatVector.fromMemorySegment(F, x, odd, ORDER)));
      }
      IntVector at = steps.add(start);
      for (int r = first; r < Math.min(g[0], h0 + g[4]); r++) {
        for (int s = r == first ? 1 : 0; s < g[5]; s++) {
          int place = r * w + w0 + s;
          FloatVector next =
              FLOATS.cast(FloatVector.fromMemorySegment(F, x, (image + place) << 2, ORDER));
          if (stride == 2) {
            long odd = (image + place + W) << 2;
            next =
                next.rearrange(EVEN, FLOATS.cast(FloatVector.fromMemorySegment(F, x, odd, ORDER)));
          }
          FloatVector held = FLOATS.cast(best);
          FloatVector higher = next.max(held);
          VectorMask<Float> beats =
              held.test(VectorOperators.IS_NAN)
                  .not()
                  .and(
                      INTS.cast(higher.reinterpretAsInts())
                          .compare(VectorOperators.NE, held.reinterpretAsInts())
                          .cast(F));
          best = held.blend(higher, beats);
          at = INTS.cast(at).blend(steps.add(place), beats.cast(I));
        }
      }
      int out = i * g[3] + j;
      long to = (outputs + out) << 2;
      if (out + W <= g[2] * g[3]) {
        // Lanes beyond the windows spill over outputs that are written later.
        FLOATS.cast(best).intoMemorySegment(y, to, ORDER);
        INTS.cast(at).intoMemorySegment(argmax, to, ORDER);
      } else {
        MemorySegment t = BlockScratch.mine();
        FLOATS.cast(best).intoMemorySegment(t, 0, ORDER);
        INTS.cast(at).intoMemorySegment(t, (long) W << 2, ORDER);
        MemorySegment.copy(t, 0, y, to, (long) lanes << 2);
        MemorySegment.copy(t, (long) W << 2, argmax, to, (long) lanes << 2);
      }
    }

    private static void maxElement(
        MemorySegment x,
        long image,
        int i,
        int j,
        int[] g,
        MemorySegment y,
        MemorySegment argmax,
        long outputs) {
      int h0 = i * g[6] - g[8];
      int w0 = j * g[7] - g[9];
      float best = 0f;
      int at = -1;
      for (int r = Math.max(0, h0); r < Math.min(g[0], h0 + g[4]); r++) {
        for (int s = Math.max(0, w0); s < Math.min(g[1], w0 + g[5]); s++) {
          float value = Mem.f32(x, image + r * g[1] + s);
          boolean beats =
              !Float.isNaN(best)
                  && Float.floatToIntBits(Math.max(best, value)) != Float.floatToIntBits(best);
          if (at < 0 || beats) {
            best = value;
            at = r * g[1] + s;
          }
        }
      }
      long out = outputs + i * g[3] + j;
      Mem.f32(y, out, best);
      Mem.i32(argmax, out, at);
    }

    @Override
    public void maxGradient(
        MemorySegment dy,
        MemorySegment argmax,
        MemorySegment dx,
        long planes,
        int[] g,
        Workers workers) {
      long image = (long) g[0] * g[1] << 2;
      int outputs = g[2] * g[3];
      workers.run(
          planes,
          plane -> {
            MemorySegment to = dx.asSlice(plane * image, image).fill((byte) 0);
            MemorySegment from = outputs(dy, plane, g);
            MemorySegment places = outputs(argmax, plane, g);
            for (long i = 0; i < outputs; i++) {
              int at = Mem.i32(places, i);
              Mem.f32(to, at, Mem.f32(to, at) + Mem.f32(from, i));
            }
          });
    }

    @Override
    public long firstOutside(MemorySegment argmax, long count, int limit) {
      long i = 0;
      for (; i <= count - W; i += W) {
        IntVector at = INTS.cast(IntVector.fromMemorySegment(I, argmax, i << 2, ORDER));
        if (at.compare(VectorOperators.UGE, limit).anyTrue()) {
          break;
        }
      }
      for (; i < count; i++) {
        int at = Mem.i32(argmax, i);
        if (at < 0 || at >= limit) {
          return i;
        }
      }
      return -1;
    }

    @Override
    public void average(MemorySegment x, MemorySegment y, long planes, int[] g, Workers workers) {
      workers.run(
          planes,
          plane -> {
            long image = plane * g[0] * g[1];
            long outputs = plane * g[2] * g[3];
            for (int i = 0; i < g[2]; i++) {
              int j = 0;
              while (j < g[3]) {
                int lanes = lanes(x, image, i, j, g);
                if (lanes > 1) {
                  averageVector(x, image, i, j, lanes, g, y, outputs);
                  j += lanes;
                } else {
                  Mem.f32(y, outputs + i * g[3] + j, averageElement(x, image, i, j, g));
                  j++;
                }
              }
            }
          });
    }

    // A position outside the image is +0, which leaves a sum alone that began with +0.
    private static void averageVector(
        MemorySegment x,
        long image,
        int i,
        int j,
        int lanes,
        int[] g,
        MemorySegment y,
        long outputs) {
      y = Lanes.expectNative(y);
      int h0 = i * g[6] - g[8];
      int w0 = j * g[7] - g[9];
      long first = image << 2;
      FloatVector sum = FloatVector.zero(F);
      for (int r = Math.max(0, h0); r < Math.min(g[0], h0 + g[4]); r++) {
        for (int s = 0; s < g[5]; s++) {
          int place = r * g[1] + w0 + s;
          long at = first + ((long) place << 2);
          FloatVector next = FLOATS.cast(FloatVector.fromMemorySegment(F, x, at, ORDER));
          if (g[7] == 2) {
            long odd = at + 4 * W;
            next =
                next.rearrange(EVEN, FLOATS.cast(FloatVector.fromMemorySegment(F, x, odd, ORDER)));
          }
          sum = next.add(sum);
        }
      }
      FloatVector mean = FLOATS.cast(sum).div((float) (g[4] * g[5]));
      int out = i * g[3] + j;
      long to = (outputs + out) << 2;
      if (out + W <= g[2] * g[3]) {
        // Lanes beyond the windows spill over outputs that are written later.
        mean.intoMemorySegment(y, to, ORDER);
      } else {
        MemorySegment t = BlockScratch.mine();
        mean.intoMemorySegment(t, 0, ORDER);
        MemorySegment.copy(t, 0, y, to, (long) lanes << 2);
      }
    }

    private static float averageElement(MemorySegment x, long image, int i, int j, int[] g) {
      int h0 = i * g[6] - g[8];
      int w0 = j * g[7] - g[9];
      float sum = 0f;
      for (int r = Math.max(0, h0); r < Math.min(g[0], h0 + g[4]); r++) {
        for (int s = Math.max(0, w0); s < Math.min(g[1], w0 + g[5]); s++) {
          sum += Mem.f32(x, image + r * g[1] + s);
        }
      }
      return sum / (float) (g[4] * g[5]);
    }

    @Override
    public void averageGradient(
        MemorySegment dy, MemorySegment dx, long planes, int[] g, Workers workers) {
      Pool2dShares shares = new Pool2dShares(g, W);
      // Of narrow rows, more is lost by whole vectors than what lanes save.
      boolean narrow = g[1] < W && !shares.overlap();
      workers.run(
          planes,
          plane -> {
            if (narrow) {
              shareEach(dy, dx, plane, g);
            } else {
              averageGradient(dy, dx, plane, g, shares);
            }
          });
    }

    /** One plane, window by window. */
    private static void shareEach(MemorySegment dy, MemorySegment dx, long plane, int[] g) {
      long image = (long) g[0] * g[1] << 2;
      MemorySegment to = dx.asSlice(plane * image, image).fill((byte) 0);
      MemorySegment from = outputs(dy, plane, g);
      for (int i = 0; i < g[2]; i++) {
        for (int j = 0; j < g[3]; j++) {
          share(Mem.f32(from, i * g[3] + j) / (float) (g[4] * g[5]), to, i, j, g);
        }
      }
    }

    private static void share(float share, MemorySegment to, int i, int j, int[] g) {
      int h0 = i * g[6] - g[8];
      int w0 = j * g[7] - g[9];
      for (int r = Math.max(0, h0); r < Math.min(g[0], h0 + g[4]); r++) {
        for (int s = Math.max(0, w0); s < Math.min(g[1], w0 + g[5]); s++) {
          long at = (long) r * g[1] + s;
          Mem.f32(to, at, Mem.f32(to, at) + share);
        }
      }
    }

    /**
     * One plane. Each pixel adds the shares of its windows in their order, lanes across pixels of a
     * row; where a pixel has fewer windows than its neighbours, the others count as +0, which
     * leaves a sum alone that began with +0.
     */
    private static void averageGradient(
        MemorySegment dy, MemorySegment dx, long plane, int[] g, Pool2dShares shares) {
      long image = plane * g[0] * g[1];
      long imageEnd = image + (long) g[0] * g[1];
      long outputs = plane * g[2] * g[3];
      Pool2dShares.Room room = shares.room();
      int next = 0;
      for (int r = 0; r < g[0]; r++) {
        int last = shares.lastRow(r);
        for (; next <= last; next++) {
          divide(dy, outputs + (long) next * g[3], g[3], g[4] * g[5], room.row);
          shares.spread(room, next);
        }
        int count = shares.places(room, r, last);
        for (int s = 0; s < g[1]; s += W) {
          long at = image + (long) r * g[1] + s;
          addShares(room.shares, room.places, count, s, dx, at, imageEnd, g[1] - s);
        }
      }
    }

    private static void divide(MemorySegment dy, long from, int count, float size, float[] to) {
      int j = 0;
      for (; j <= count - W; j += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, dy, (from + j) << 2, ORDER))
            .div(size)
            .intoArray(to, j);
      }
      for (; j < count; j++) {
        to[j] = Mem.f32(dy, from + j) / size;
      }
    }

    /**
     * Pixels s … of a row, {@code left} of them, to element {@code at} of a plane up to {@code
     * end}.
     */
    private static void addShares(
        float[] shares,
        int[] places,
        int count,
        int s,
        MemorySegment to,
        long at,
        long end,
        int left) {
      to = Lanes.expectNative(to);
      FloatVector sum = FloatVector.zero(F);
      for (int i = 0; i < count; i++) {
        sum = FLOATS.cast(FloatVector.fromArray(F, shares, places[i] + s)).add(sum);
      }
      if (at + W <= end) {
        // Lanes beyond the row spill over pixels that are written later.
        FLOATS.cast(sum).intoMemorySegment(to, at << 2, ORDER);
      } else {
        MemorySegment t = BlockScratch.mine();
        FLOATS.cast(sum).intoMemorySegment(t, 0, ORDER);
        MemorySegment.copy(t, 0, to, at << 2, (long) Math.min(W, left) << 2);
      }
    }
  }
}

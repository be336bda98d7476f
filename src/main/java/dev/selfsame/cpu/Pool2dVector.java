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
 * and windows inside the image; the rest, and the gradients' scattered writes, one output at a
 * time. Planes are spread over the threads.
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
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
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
      int p = g[2];
      int q = g[3];
      workers.run(
          planes,
          plane -> {
            long image = plane * g[0] * g[1];
            for (int i = 0; i < p; i++) {
              long out = (plane * p + i) * q;
              int j = 0;
              while (j < q) {
                if (fits(x, image, i, j, g)) {
                  maxVector(x, image, i, j, g, y, argmax, out + j);
                  j += W;
                } else {
                  maxElement(x, image, i, j, g, y, argmax, out + j);
                  j++;
                }
              }
            }
          });
    }

    /**
     * Whether W windows from output (i, j) on lie inside the image and their vector loads inside
     * memory.
     */
    private static boolean fits(MemorySegment x, long image, int i, int j, int[] g) {
      int stride = g[7];
      int h0 = i * g[6] - g[8];
      int w0 = j * stride - g[9];
      if (stride > 2 || j + W > g[3] || h0 < 0 || h0 + g[4] > g[0]) {
        return false;
      }
      int last = w0 + (W - 1) * stride + g[5] - 1;
      long loaded = image + (long) (h0 + g[4] - 1) * g[1] + w0 + g[5] - 1 + (long) stride * W;
      return w0 >= 0 && last < g[1] && loaded * Float.BYTES <= x.byteSize();
    }

    /** Elements at, at + stride, … of W windows. */
    private static FloatVector load(MemorySegment x, long at, int stride) {
      FloatVector a = FloatVector.fromMemorySegment(F, x, at * Float.BYTES, ORDER);
      if (stride == 1) {
        return a;
      }
      return a.rearrange(EVEN, FloatVector.fromMemorySegment(F, x, (at + W) * Float.BYTES, ORDER));
    }

    private static void maxVector(
        MemorySegment x,
        long image,
        int i,
        int j,
        int[] g,
        MemorySegment y,
        MemorySegment argmax,
        long out) {
      int w = g[1];
      int stride = g[7];
      int start = (i * g[6] - g[8]) * w + j * stride - g[9];
      IntVector steps = IntVector.zero(I).addIndex(stride);
      FloatVector best = load(x, image + start, stride);
      IntVector at = steps.add(start);
      for (int r = 0; r < g[4]; r++) {
        for (int s = r == 0 ? 1 : 0; s < g[5]; s++) {
          int place = start + r * w + s;
          FloatVector higher = best.max(load(x, image + place, stride));
          VectorMask<Float> beats =
              higher
                  .reinterpretAsInts()
                  .compare(VectorOperators.NE, best.reinterpretAsInts())
                  .cast(F)
                  .andNot(best.test(VectorOperators.IS_NAN));
          best = best.blend(higher, beats);
          at = at.blend(steps.add(place), beats.cast(I));
        }
      }
      best.intoMemorySegment(y, out * Float.BYTES, ORDER);
      at.intoMemorySegment(argmax, out * Integer.BYTES, ORDER);
    }

    private static void maxElement(
        MemorySegment x,
        long image,
        int i,
        int j,
        int[] g,
        MemorySegment y,
        MemorySegment argmax,
        long out) {
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
      long image = (long) g[0] * g[1];
      long outputs = (long) g[2] * g[3];
      workers.run(
          planes,
          plane -> {
            MemorySegment to =
                dx.asSlice(plane * image * Float.BYTES, image * Float.BYTES).fill((byte) 0);
            for (long i = plane * outputs; i < (plane + 1) * outputs; i++) {
              int at = Mem.i32(argmax, i);
              Mem.f32(to, at, Mem.f32(to, at) + Mem.f32(dy, i));
            }
          });
    }

    @Override
    public void average(MemorySegment x, MemorySegment y, long planes, int[] g, Workers workers) {
      int p = g[2];
      int q = g[3];
      workers.run(
          planes,
          plane -> {
            long image = plane * g[0] * g[1];
            for (int i = 0; i < p; i++) {
              long out = (plane * p + i) * q;
              int j = 0;
              while (j < q) {
                if (fits(x, image, i, j, g)) {
                  averageVector(x, image, i, j, g, y, out + j);
                  j += W;
                } else {
                  Mem.f32(y, out + j, averageElement(x, image, i, j, g));
                  j++;
                }
              }
            }
          });
    }

    private static void averageVector(
        MemorySegment x, long image, int i, int j, int[] g, MemorySegment y, long out) {
      long start = image + (long) (i * g[6] - g[8]) * g[1] + j * g[7] - g[9];
      FloatVector sum = FloatVector.zero(F);
      for (int r = 0; r < g[4]; r++) {
        for (int s = 0; s < g[5]; s++) {
          sum = sum.add(load(x, start + (long) r * g[1] + s, g[7]));
        }
      }
      sum.div((float) (g[4] * g[5])).intoMemorySegment(y, out * Float.BYTES, ORDER);
    }

    private static float averageElement(MemorySegment x, long image, int i, int j, int[] g) {
      int h0 = i * g[6] - g[8];
      int w0 = j * g[7] - g[9];
      float sum = 0f;
      for (int r = h0; r < h0 + g[4]; r++) {
        for (int s = w0; s < w0 + g[5]; s++) {
          boolean inside = r >= 0 && r < g[0] && s >= 0 && s < g[1];
          sum += inside ? Mem.f32(x, image + r * g[1] + s) : 0f;
        }
      }
      return sum / (float) (g[4] * g[5]);
    }

    @Override
    public void averageGradient(
        MemorySegment dy, MemorySegment dx, long planes, int[] g, Workers workers) {
      long image = (long) g[0] * g[1];
      workers.run(
          planes,
          plane -> {
            MemorySegment to =
                dx.asSlice(plane * image * Float.BYTES, image * Float.BYTES).fill((byte) 0);
            for (int i = 0; i < g[2]; i++) {
              for (int j = 0; j < g[3]; j++) {
                long out = (plane * g[2] + i) * g[3] + j;
                share(Mem.f32(dy, out) / (float) (g[4] * g[5]), to, i, j, g);
              }
            }
          });
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
  }
}

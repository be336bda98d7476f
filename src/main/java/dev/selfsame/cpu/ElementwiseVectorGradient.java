package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Gradients of elementwise functions on vectors (op/Elementwise, op/Unary): each method does one of
 * them to {@code count} elements from element {@code from} on. The destination may be an input
 * itself. Correctly rounded functions come from {@link VectorMath}, a block at a time, by way of
 * scratch.
 */
public interface ElementwiseVectorGradient {
  /** dx = dy where y &gt; 0, else +0. */
  void reluGradient(MemorySegment y, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · fma(−y, y, 1). */
  void tanhGradient(MemorySegment y, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · (y · (1 − y)). */
  void sigmoidGradient(MemorySegment y, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy / (1 + x). */
  void log1pGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy / (2·y). */
  void sqrtGradient(MemorySegment y, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · ((−0.5·y) / x). */
  void rsqrtGradient(
      MemorySegment x, MemorySegment y, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy where x &gt; 0, −dy where x &lt; 0, else +0. */
  void absGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · (2·x). */
  void squareGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · fma(x, exp((−0.5·x)·x) · 0.3989423f, 0.5 · (1 + erf(x·0.70710678f))). */
  void geluGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · eˣ. */
  void expm1Gradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · (1.1283792f · exp(−(x·x))). */
  void erfGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · cos x. */
  void sinGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** dx = dy · (−sin x). */
  void cosGradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long count);

  /** The kernel for a vector width. */
  static ElementwiseVectorGradient on(int bits) {
    return Lanes.kernel(Kernel.class, ElementwiseVectorGradient.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ElementwiseVectorGradient {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());
    private static final int BLOCK = BlockScratch.FLOATS;
    private static final GeluKernel GELU = GeluKernel.on(F.vectorBitSize());
    private static final float TWO_OVER_ROOT_PI = 1.1283792f;

    Kernel() {}

    // Loads and stores are written out: once an exact function is inlined beside them, the compiler
    // may leave a call of a helper, and its vectors become objects.

    @Override
    public void reluGradient(
        MemorySegment ys, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      FloatVector zero = FLOATS.cast(FloatVector.zero(F));
      for (; i <= end - W; i += W) {
        FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        zero.blend(dy, y.compare(VectorOperators.GT, 0f)).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float y = f32(ys, i);
        float dy = f32(dys, i);
        f32(dxs, i, y > 0f ? dy : 0f);
      }
    }

    @Override
    public void tanhGradient(
        MemorySegment ys, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.mul(y.neg().fma(y, FloatVector.broadcast(F, 1f))).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float y = f32(ys, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy * Math.fma(-y, y, 1f));
      }
    }

    @Override
    public void sigmoidGradient(
        MemorySegment ys, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      FloatVector one = FLOATS.cast(FloatVector.broadcast(F, 1f));
      for (; i <= end - W; i += W) {
        FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.mul(y.mul(one.sub(y))).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float y = f32(ys, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy * (y * (1f - y)));
      }
    }

    @Override
    public void log1pGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.div(x.add(1f)).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy / (1f + x));
      }
    }

    @Override
    public void sqrtGradient(
        MemorySegment ys, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.div(y.mul(2f)).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float y = f32(ys, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy / (2f * y));
      }
    }

    @Override
    public void rsqrtGradient(
        MemorySegment xs,
        MemorySegment ys,
        MemorySegment dys,
        MemorySegment dxs,
        long from,
        long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        FloatVector y = FLOATS.cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.mul(y.mul(-0.5f).div(x)).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        float y = f32(ys, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy * ((-0.5f * y) / x));
      }
    }

    @Override
    public void absGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      FloatVector zero = FLOATS.cast(FloatVector.zero(F));
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        zero.blend(dy, x.compare(VectorOperators.GT, 0f))
            .blend(dy.neg(), x.compare(VectorOperators.LT, 0f))
            .intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        float dy = f32(dys, i);
        f32(dxs, i, x > 0f ? dy : x < 0f ? -dy : 0f);
      }
    }

    @Override
    public void squareGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, i << 2, ORDER));
        dy.mul(x.mul(2f)).intoMemorySegment(dxs, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        float dy = f32(dys, i);
        f32(dxs, i, dy * (2f * x));
      }
    }

    @Override
    public void geluGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      GELU.gradient(xs, dys, dxs, from, count);
    }

    @Override
    public void expm1Gradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      MemorySegment t = BlockScratch.mine();
      long end = from + count;
      for (long at = from; at < end; at += BLOCK) {
        int n = (int) Math.min(BLOCK, end - at);
        int i;
        EXACT.exp(xs, at, t, 0, n);
        i = 0;
        for (; i <= n - W; i += W) {
          FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, (at + i) << 2, ORDER));
          FloatVector f = FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER));
          dy.mul(f).intoMemorySegment(dxs, (at + i) << 2, ORDER);
        }
        for (; i < n; i++) {
          f32(dxs, at + i, f32(dys, at + i) * f32(t, i));
        }
      }
    }

    @Override
    public void erfGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      MemorySegment t = BlockScratch.mine();
      long end = from + count;
      for (long at = from; at < end; at += BLOCK) {
        int n = (int) Math.min(BLOCK, end - at);
        int i = 0;
        for (; i <= n - W; i += W) {
          FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (at + i) << 2, ORDER));
          x.mul(x).neg().intoMemorySegment(t, i << 2, ORDER);
        }
        for (; i < n; i++) {
          float x = f32(xs, at + i);
          f32(t, i, -(x * x));
        }
        EXACT.exp(t, 0, t, 0, n);
        i = 0;
        for (; i <= n - W; i += W) {
          FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, (at + i) << 2, ORDER));
          FloatVector f = FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER));
          dy.mul(f.mul(TWO_OVER_ROOT_PI)).intoMemorySegment(dxs, (at + i) << 2, ORDER);
        }
        for (; i < n; i++) {
          f32(dxs, at + i, f32(dys, at + i) * (TWO_OVER_ROOT_PI * f32(t, i)));
        }
      }
    }

    @Override
    public void sinGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      MemorySegment t = BlockScratch.mine();
      long end = from + count;
      for (long at = from; at < end; at += BLOCK) {
        int n = (int) Math.min(BLOCK, end - at);
        int i;
        EXACT.cos(xs, at, t, 0, n);
        i = 0;
        for (; i <= n - W; i += W) {
          FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, (at + i) << 2, ORDER));
          FloatVector f = FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER));
          dy.mul(f).intoMemorySegment(dxs, (at + i) << 2, ORDER);
        }
        for (; i < n; i++) {
          f32(dxs, at + i, f32(dys, at + i) * f32(t, i));
        }
      }
    }

    @Override
    public void cosGradient(
        MemorySegment xs, MemorySegment dys, MemorySegment dxs, long from, long count) {
      dxs = Lanes.expectNative(dxs);
      MemorySegment t = BlockScratch.mine();
      long end = from + count;
      for (long at = from; at < end; at += BLOCK) {
        int n = (int) Math.min(BLOCK, end - at);
        int i;
        EXACT.sin(xs, at, t, 0, n);
        i = 0;
        for (; i <= n - W; i += W) {
          FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, (at + i) << 2, ORDER));
          FloatVector f = FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER));
          dy.mul(f.neg()).intoMemorySegment(dxs, (at + i) << 2, ORDER);
        }
        for (; i < n; i++) {
          f32(dxs, at + i, f32(dys, at + i) * -f32(t, i));
        }
      }
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link GeluKernel} in passes over blocks that stay in the first-level cache, one of them erf. */
final class GeluByErf implements GeluKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int W = F.length();
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final ElementaryKernel EXACT =
      ElementaryCalls.around(
          Lanes.kernel(VectorMath.class, ElementaryKernel.class, F.vectorBitSize()));
  private static final int BLOCK = BlockScratch.FLOATS;
  private static final float ROOT_HALF = 0.70710678f;
  private static final float INV_ROOT_TWO_PI = 0.3989423f;

  GeluByErf() {}

  @Override
  public void gelu(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment t = BlockScratch.mine();
    for (long at = 0; at < n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, n - at);
      scale(x, xAt + at, t, 0, count);
      EXACT.erf(t, 0, t, 0, count);
      finish(t, 0, count);
      multiply(x, xAt + at, t, y, yAt + at, count);
    }
  }

  @Override
  public void normal(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    scale(x, xAt, y, yAt, n);
    EXACT.erf(y, yAt, y, yAt, n);
    finish(y, yAt, n);
  }

  @Override
  public void gradient(MemorySegment x, MemorySegment dy, MemorySegment dx, long from, long n) {
    MemorySegment t = BlockScratch.mine();
    long end = from + n;
    for (long at = from; at < end; at += BLOCK) {
      int count = (int) Math.min(BLOCK, end - at);
      normal(x, at, t, 0, count);
      exponents(x, at, t, count);
      EXACT.exp(t, BLOCK, t, BLOCK, count);
      slopes(x, t, dy, dx, at, count);
    }
  }

  /** The second block of t = (−0.5·x)·x. */
  private static void exponents(MemorySegment xs, long at, MemorySegment t, int n) {
    t = Lanes.expectNative(t);
    int i = 0;
    for (; i <= n - W; i += W) {
      FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (at + i) << 2, ORDER));
      x.mul(-0.5f).mul(x).intoMemorySegment(t, (BLOCK + i) << 2, ORDER);
    }
    for (; i < n; i++) {
      float x = f32(xs, at + i);
      f32(t, BLOCK + i, (-0.5f * x) * x);
    }
  }

  /** From the distribution function in the first block of t and the power in the second. */
  private static void slopes(
      MemorySegment xs, MemorySegment t, MemorySegment dys, MemorySegment dxs, long at, int n) {
    dxs = Lanes.expectNative(dxs);
    int i = 0;
    for (; i <= n - W; i += W) {
      FloatVector cdf = FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER));
      FloatVector power = FLOATS.cast(FloatVector.fromMemorySegment(F, t, (BLOCK + i) << 2, ORDER));
      FloatVector pdf = power.mul(INV_ROOT_TWO_PI);
      FloatVector dy = FLOATS.cast(FloatVector.fromMemorySegment(F, dys, (at + i) << 2, ORDER));
      FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, (at + i) << 2, ORDER));
      dy.mul(x.fma(pdf, cdf)).intoMemorySegment(dxs, (at + i) << 2, ORDER);
    }
    for (; i < n; i++) {
      float pdf = f32(t, BLOCK + i) * INV_ROOT_TWO_PI;
      f32(dxs, at + i, f32(dys, at + i) * Math.fma(f32(xs, at + i), pdf, f32(t, i)));
    }
  }

  /** y = x·0.70710678f. */
  private static void scale(MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
    MemorySegment xs = x.asSlice(xAt << 2, n << 2);
    MemorySegment ys = y.asSlice(yAt << 2, n << 2);
    long i = 0;
    for (; i <= n - W; i += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER))
          .mul(ROOT_HALF)
          .intoMemorySegment(ys, i << 2, ORDER);
    }
    for (; i < n; i++) {
      f32(ys, i, f32(xs, i) * ROOT_HALF);
    }
  }

  /** y = 0.5·(1 + y). */
  private static void finish(MemorySegment y, long at, long n) {
    MemorySegment ys = y.asSlice(at << 2, n << 2);
    long i = 0;
    for (; i <= n - W; i += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, ys, i << 2, ORDER))
          .add(1f)
          .mul(0.5f)
          .intoMemorySegment(ys, i << 2, ORDER);
    }
    for (; i < n; i++) {
      f32(ys, i, 0.5f * (1f + f32(ys, i)));
    }
  }

  /**
   * y = x·t, which has the bits of (0.5·x)·(2·t): halving is exact but for subnormal results, and
   * where x is as small as that, 2·t is 1.
   */
  private static void multiply(
      MemorySegment x, long xAt, MemorySegment t, MemorySegment y, long yAt, long n) {
    MemorySegment xs = x.asSlice(xAt << 2, n << 2);
    MemorySegment ys = y.asSlice(yAt << 2, n << 2);
    long i = 0;
    for (; i <= n - W; i += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER))
          .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, t, i << 2, ORDER)))
          .intoMemorySegment(ys, i << 2, ORDER);
    }
    for (; i < n; i++) {
      f32(ys, i, f32(xs, i) * f32(t, i));
    }
  }
}

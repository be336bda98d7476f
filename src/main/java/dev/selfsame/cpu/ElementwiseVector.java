package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementwise functions on vectors (op/Elementwise, op/Unary, op/Binary): each method does one
 * function to {@code count} elements from element {@code from} on, in a loop of its own. The
 * destination may be an input itself. The correctly rounded functions that stand alone are {@link
 * VectorMath}'s.
 */
public interface ElementwiseVector {
  /** y = maximum(x, +0). */
  void relu(MemorySegment x, MemorySegment y, long from, long count);

  /** y = √x. */
  void sqrt(MemorySegment x, MemorySegment y, long from, long count);

  /** y = −x. */
  void neg(MemorySegment x, MemorySegment y, long from, long count);

  /** y = |x|. */
  void abs(MemorySegment x, MemorySegment y, long from, long count);

  /** y = a + b. */
  void add(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = a − b. */
  void sub(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = a · b. */
  void mul(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = a / b. */
  void div(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = maximum(a, b). */
  void max(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = minimum(a, b). */
  void min(MemorySegment a, MemorySegment b, MemorySegment y, long from, long count);

  /** y = x · c. */
  void scale(MemorySegment x, float c, MemorySegment y, long from, long count);

  /** y = fma(a, c, b). */
  void fma(MemorySegment a, float c, MemorySegment b, MemorySegment y, long from, long count);

  /** y = (0.5·x) · (1 + erf(x·0.70710678f)). */
  void gelu(MemorySegment x, MemorySegment y, long from, long count);

  /** The kernel for a vector width. */
  static ElementwiseVector on(int bits) {
    return Lanes.kernel(Kernel.class, ElementwiseVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements ElementwiseVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final GeluKernel GELU = GeluKernel.on(F.vectorBitSize());

    Kernel() {}

    // Loads and stores are written out: once an exact function is inlined beside them, the compiler
    // may leave a call of a helper, and its vectors become objects.

    @Override
    public void relu(MemorySegment xs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        x.blend(0f, x.compare(VectorOperators.LE, 0f)).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        f32(ys, i, Math.max(x, 0f));
      }
    }

    @Override
    public void sqrt(MemorySegment xs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        x.lanewise(VectorOperators.SQRT).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        f32(ys, i, (float) Math.sqrt(x));
      }
    }

    @Override
    public void neg(MemorySegment xs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        x.neg().intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        f32(ys, i, -x);
      }
    }

    @Override
    public void abs(MemorySegment xs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        x.abs().intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        f32(ys, i, Math.abs(x));
      }
    }

    @Override
    public void add(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.add(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, a + b);
      }
    }

    @Override
    public void sub(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.sub(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, a - b);
      }
    }

    @Override
    public void mul(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.mul(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, a * b);
      }
    }

    @Override
    public void div(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.div(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, a / b);
      }
    }

    @Override
    public void max(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.max(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, Math.max(a, b));
      }
    }

    @Override
    public void min(MemorySegment as, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.min(b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, Math.min(a, b));
      }
    }

    @Override
    public void scale(MemorySegment xs, float c, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector x = FLOATS.cast(FloatVector.fromMemorySegment(F, xs, i << 2, ORDER));
        x.mul(c).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float x = f32(xs, i);
        f32(ys, i, x * c);
      }
    }

    @Override
    public void fma(
        MemorySegment as, float c, MemorySegment bs, MemorySegment ys, long from, long count) {
      ys = Lanes.expectNative(ys);
      long end = from + count;
      long i = from;
      for (; i <= end - W; i += W) {
        FloatVector a = FLOATS.cast(FloatVector.fromMemorySegment(F, as, i << 2, ORDER));
        FloatVector b = FLOATS.cast(FloatVector.fromMemorySegment(F, bs, i << 2, ORDER));
        a.fma(FloatVector.broadcast(F, c), b).intoMemorySegment(ys, i << 2, ORDER);
      }
      for (; i < end; i++) {
        float a = f32(as, i);
        float b = f32(bs, i);
        f32(ys, i, Math.fma(a, c, b));
      }
    }

    @Override
    public void gelu(MemorySegment xs, MemorySegment ys, long from, long count) {
      GELU.gelu(xs, from, ys, from, count);
    }
  }
}

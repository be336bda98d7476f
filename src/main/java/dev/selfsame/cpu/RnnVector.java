package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of a simple recurrent layer on vectors (op/Rnn). {@code h} is [T +
 * 1, B, H], {@code dy} and {@code d} [T, B, H].
 */
public interface RnnVector {
  /**
   * States {@code after} … of h, {@code samples} of {@code units} each, which on entry hold what
   * the states before add.
   *
   * @param input what the inputs add, without the bias, from {@code inputAt} on
   */
  void cell(
      MemorySegment input,
      long inputAt,
      MemorySegment bias,
      MemorySegment h,
      long after,
      long samples,
      long units);

  /**
   * d from element {@code before} on: {@code count} of the step's.
   *
   * @param at where dr begins for them
   * @param state elements of a step's states
   */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      long at,
      MemorySegment h,
      MemorySegment d,
      long before,
      long count,
      long state);

  /** The kernel for a vector width. */
  static RnnVector on(int bits) {
    return Lanes.kernel(Kernel.class, RnnVector.class, bits);
  }

  /** All steps forward: see op/Rnn. */
  static void forward(
      int bits,
      RecurrentSizes z,
      MemorySegment x,
      MemorySegment wIh,
      MemorySegment wHh,
      MemorySegment bias,
      MemorySegment h,
      MemorySegment scratch,
      Workers workers) {
    RnnVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .forward(
            x,
            wIh,
            wHh,
            null,
            h,
            h.asSlice(z.state() << 2),
            (t, first, count, input, inputAt) ->
                kernel.cell(
                    input,
                    inputAt,
                    bias,
                    h,
                    (t + 1) * z.state() + first * z.hidden(),
                    count,
                    z.hidden()));
  }

  /** All steps back: d, and dr, zeros on entry, as of the first step. */
  static void gradient(
      int bits,
      RecurrentSizes z,
      MemorySegment dy,
      MemorySegment wHh,
      MemorySegment h,
      MemorySegment d,
      MemorySegment dr,
      boolean drOfFirst,
      MemorySegment scratch,
      Workers workers) {
    RnnVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .back(
            d,
            wHh,
            dr,
            drOfFirst,
            (t, first, count, input, inputAt) ->
                kernel.cellGradient(
                    dy,
                    dr,
                    first * z.hidden(),
                    h,
                    d,
                    t * z.state() + first * z.hidden(),
                    count * z.hidden(),
                    z.state()));
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements RnnVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** Units that stay in the first-level cache between their sum and tanh, about. */
    private static final long BLOCK = 2048;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment input,
        long inputAt,
        MemorySegment bias,
        MemorySegment h,
        long after,
        long samples,
        long units) {
      long together = Math.max(1, BLOCK / units);
      for (long n = 0; n < samples; n += together) {
        long end = Math.min(samples, n + together);
        for (long k = n; k < end; k++) {
          sum(input, inputAt + k * units, bias, h, after + k * units, units);
        }
        long at = after + n * units;
        EXACT.tanh(h, at, h, at, (end - n) * units);
      }
    }

    /** h = (input + bias) + h. */
    private static void sum(
        MemorySegment input, long in, MemorySegment bias, MemorySegment h, long at, long units) {
      h = Lanes.expectNative(h);
      long j = 0;
      for (; j <= units - W; j += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, input, (in + j) << 2, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, j << 2, ORDER)))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, h, (at + j) << 2, ORDER)))
            .intoMemorySegment(h, (at + j) << 2, ORDER);
      }
      for (; j < units; j++) {
        f32(h, at + j, (f32(input, in + j) + f32(bias, j)) + f32(h, at + j));
      }
    }

    @Override
    public void cellGradient(
        MemorySegment dys,
        MemorySegment drs,
        long at,
        MemorySegment hs,
        MemorySegment ds,
        long before,
        long count,
        long state) {
      ds = Lanes.expectNative(ds);
      FloatVector one = FloatVector.broadcast(F, 1f);
      long after = before + state;
      long s = 0;
      for (; s <= count - W; s += W) {
        FloatVector u = FLOATS.cast(FloatVector.fromMemorySegment(F, hs, (after + s) << 2, ORDER));
        FloatVector dh =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, dys, (before + s) << 2, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, drs, (at + s) << 2, ORDER)));
        dh.mul(u.neg().fma(u, one)).intoMemorySegment(ds, (before + s) << 2, ORDER);
      }
      for (; s < count; s++) {
        float u = f32(hs, after + s);
        f32(ds, before + s, (f32(dys, before + s) + f32(drs, at + s)) * Math.fma(-u, u, 1f));
      }
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of long short-term memory on vectors (op/Lstm), lanes across the
 * units of one sample. Layouts are the op's: gates [T, B, 4·units], c and h [T + 1, B, units], dy
 * [T, B, units], dr and dq one step's. Samples are numbered through all steps: {@code first} is t·B
 * for the first one of step t.
 *
 * <p>The elementary functions run over many samples at once, in scratch that stays in the
 * first-level cache: a call of one costs as much as some vectors.
 */
public interface LstmVector {
  /**
   * Gradients of the gates of {@code count} samples of a step, and dq for the step before.
   *
   * @param at where dr and dq begin for them
   * @param state elements of a step's states
   */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dq,
      long at,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment dgates,
      long first,
      long count,
      long units,
      long state);

  /** The kernel for a vector width. */
  static LstmVector on(int bits) {
    return Lanes.kernel(Kernel.class, LstmVector.class, bits);
  }

  /** Floats of scratch for all steps forward. */
  static long scratch(int bits, RecurrentSizes z) {
    return RecurrentSteps.lstmScratch(bits, z);
  }

  /** All steps forward: see op/Lstm. */
  static void forward(
      int bits,
      RecurrentSizes z,
      MemorySegment x,
      MemorySegment wIh,
      MemorySegment wHh,
      MemorySegment bias,
      MemorySegment h,
      MemorySegment c,
      MemorySegment gates,
      MemorySegment scratch,
      Workers workers) {
    new RecurrentSteps(bits, z, scratch, workers).lstm(x, wIh, wHh, bias, h, c, gates);
  }

  /** All steps back: dgates, and dr and dq, which are zeros on entry, as of the first step. */
  static void gradient(
      int bits,
      RecurrentSizes z,
      MemorySegment dy,
      MemorySegment wHh,
      MemorySegment c,
      MemorySegment gates,
      MemorySegment dgates,
      MemorySegment dr,
      MemorySegment dq,
      boolean drOfFirst,
      MemorySegment scratch,
      Workers workers) {
    LstmVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .back(
            dgates,
            wHh,
            dr,
            drOfFirst,
            (t, first, count, input, inputAt) ->
                kernel.cellGradient(
                    dy,
                    dr,
                    dq,
                    first * z.hidden(),
                    gates,
                    c,
                    dgates,
                    t * z.batch() + first,
                    count,
                    z.hidden(),
                    z.state()));
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements LstmVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());
    private static final int BLOCK = BlockScratch.FLOATS;

    Kernel() {}

    @Override
    public void cellGradient(
        MemorySegment dy,
        MemorySegment dr,
        MemorySegment dq,
        long at,
        MemorySegment gates,
        MemorySegment c,
        MemorySegment dgates,
        long first,
        long count,
        long units,
        long state) {
      MemorySegment u = BlockScratch.mine();
      long together = Math.max(1, BLOCK / units);
      for (long n = 0; n < count; n += together) {
        int samples = (int) Math.min(together, count - n);
        for (long j = 0; j < units; j += BLOCK) {
          int width = (int) Math.min(BLOCK, units - j);
          long before = (first + n) * units + j;
          EXACT.tanh(c, before + state, u, 0, width * samples);
          for (int k = 0; k < samples; k++) {
            long s = at + (n + k) * units + j;
            long a = 4 * (first + n + k) * units + j;
            long b = before + k * units;
            slopes(dy, b, dr, dq, s, gates, dgates, a, c, u, k * width, units, width);
          }
        }
      }
    }

    private static void slopes(
        MemorySegment dys,
        long before,
        MemorySegment drs,
        MemorySegment dqs,
        long s,
        MemorySegment gates,
        MemorySegment dgates,
        long a,
        MemorySegment cs,
        MemorySegment us,
        int uAt,
        long units,
        int count) {
      dqs = Lanes.expectNative(dqs);
      dgates = Lanes.expectNative(dgates);
      FloatVector one = FLOATS.cast(FloatVector.broadcast(F, 1f));
      int k = 0;
      for (; k <= count - W; k += W) {
        FloatVector i = FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + k) << 2, ORDER));
        FloatVector f =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + units + k) << 2, ORDER));
        FloatVector g =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + 2 * units + k) << 2, ORDER));
        FloatVector o =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + 3 * units + k) << 2, ORDER));
        FloatVector u =
            FLOATS.cast(FloatVector.fromMemorySegment(F, us, (long) (uAt + k) << 2, ORDER));
        FloatVector dh =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, dys, (before + k) << 2, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, drs, (s + k) << 2, ORDER)));
        FloatVector dc =
            dh.mul(o)
                .fma(
                    u.neg().fma(u, one),
                    FLOATS.cast(FloatVector.fromMemorySegment(F, dqs, (s + k) << 2, ORDER)));
        dc.mul(g).mul(i.mul(one.sub(i))).intoMemorySegment(dgates, (a + k) << 2, ORDER);
        dc.mul(FLOATS.cast(FloatVector.fromMemorySegment(F, cs, (before + k) << 2, ORDER)))
            .mul(f.mul(one.sub(f)))
            .intoMemorySegment(dgates, (a + units + k) << 2, ORDER);
        dc.mul(i)
            .mul(g.neg().fma(g, one))
            .intoMemorySegment(dgates, (a + 2 * units + k) << 2, ORDER);
        dh.mul(u).mul(o.mul(one.sub(o))).intoMemorySegment(dgates, (a + 3 * units + k) << 2, ORDER);
        dc.mul(f).intoMemorySegment(dqs, (s + k) << 2, ORDER);
      }
      for (; k < count; k++) {
        float i = f32(gates, a + k);
        float f = f32(gates, a + units + k);
        float g = f32(gates, a + 2 * units + k);
        float o = f32(gates, a + 3 * units + k);
        float u = f32(us, uAt + k);
        float dh = f32(dys, before + k) + f32(drs, s + k);
        float dc = Math.fma(dh * o, Math.fma(-u, u, 1f), f32(dqs, s + k));
        f32(dgates, a + k, (dc * g) * (i * (1f - i)));
        f32(dgates, a + units + k, (dc * f32(cs, before + k)) * (f * (1f - f)));
        f32(dgates, a + 2 * units + k, (dc * i) * Math.fma(-g, g, 1f));
        f32(dgates, a + 3 * units + k, (dh * u) * (o * (1f - o)));
        f32(dqs, s + k, dc * f);
      }
    }
  }
}

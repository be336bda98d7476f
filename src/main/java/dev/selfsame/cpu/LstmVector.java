package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of long short-term memory on vectors (op/Lstm), lanes across the
 * units of one sample; a task is some samples. Layouts are the op's: gates [T, B, 4·units], c and h
 * [T + 1, B, units], all others one step's.
 */
public interface LstmVector {
  /** Gates, cells and states of step {@code t}; gates hold the input's part on entry. */
  void cell(
      MemorySegment recurrent,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment h,
      long t,
      long batch,
      long units,
      Workers workers);

  /** Gradients of step {@code t}'s gates, and dq for the step before. */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dq,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment dgates,
      long t,
      long batch,
      long units,
      Workers workers);

  /** The kernel for a vector width. */
  static LstmVector on(int bits) {
    return Lanes.kernel(Kernel.class, LstmVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements LstmVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementwiseVector PLAIN = ElementwiseVector.on(F.vectorBitSize());
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());
    private static final int BLOCK = BlockScratch.FLOATS;

    /** Units of a task, about. */
    private static final long TASK = 2048;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment recurrent,
        MemorySegment gates,
        MemorySegment c,
        MemorySegment h,
        long t,
        long batch,
        long units,
        Workers workers) {
      long samples = Math.max(1, TASK / units);
      workers.run(
          Math.ceilDiv(batch, samples),
          task -> {
            long end = Math.min(batch, (task + 1) * samples);
            for (long n = task * samples; n < end; n++) {
              long a = (t * batch + n) * 4 * units;
              long before = (t * batch + n) * units;
              long after = before + batch * units;
              PLAIN.accumulate(gates, a, recurrent, n * 4 * units, 4 * units);
              EXACT.sigmoid(gates, a, gates, a, 2 * units);
              EXACT.tanh(gates, a + 2 * units, gates, a + 2 * units, units);
              EXACT.sigmoid(gates, a + 3 * units, gates, a + 3 * units, units);
              cells(gates, a, c, before, after, units);
              EXACT.tanh(c, after, h, after, units);
              multiply(h, after, gates, a + 3 * units, units);
            }
          });
    }

    private static void cells(
        MemorySegment gates, long a, MemorySegment c, long before, long after, long units) {
      long j = 0;
      for (; j <= units - W; j += W) {
        FloatVector in =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, gates, (a + j) << 2, ORDER))
                .mul(
                    FLOATS.cast(
                        FloatVector.fromMemorySegment(F, gates, (a + 2 * units + j) << 2, ORDER)));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, gates, (a + units + j) << 2, ORDER))
            .fma(FLOATS.cast(FloatVector.fromMemorySegment(F, c, (before + j) << 2, ORDER)), in)
            .intoMemorySegment(c, (after + j) << 2, ORDER);
      }
      for (; j < units; j++) {
        float in = f32(gates, a + j) * f32(gates, a + 2 * units + j);
        f32(c, after + j, Math.fma(f32(gates, a + units + j), f32(c, before + j), in));
      }
    }

    private static void multiply(
        MemorySegment to, long at, MemorySegment from, long fromAt, long count) {
      long i = 0;
      for (; i <= count - W; i += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, to, (at + i) << 2, ORDER))
            .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, from, (fromAt + i) << 2, ORDER)))
            .intoMemorySegment(to, (at + i) << 2, ORDER);
      }
      for (; i < count; i++) {
        f32(to, at + i, f32(to, at + i) * f32(from, fromAt + i));
      }
    }

    @Override
    public void cellGradient(
        MemorySegment dy,
        MemorySegment dr,
        MemorySegment dq,
        MemorySegment gates,
        MemorySegment c,
        MemorySegment dgates,
        long t,
        long batch,
        long units,
        Workers workers) {
      long samples = Math.max(1, TASK / units);
      workers.run(
          Math.ceilDiv(batch, samples),
          task -> {
            MemorySegment u = BlockScratch.mine();
            long end = Math.min(batch, (task + 1) * samples);
            for (long n = task * samples; n < end; n++) {
              long before = (t * batch + n) * units;
              for (long j = 0; j < units; j += BLOCK) {
                int count = (int) Math.min(BLOCK, units - j);
                EXACT.tanh(c, before + batch * units + j, u, 0, count);
                slopes(
                    dy,
                    before + j,
                    dr,
                    dq,
                    n * units + j,
                    gates,
                    dgates,
                    4 * before + j,
                    c,
                    u,
                    units,
                    count);
              }
            }
          });
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
        long units,
        int count) {
      FloatVector one = FloatVector.broadcast(F, 1f);
      int k = 0;
      for (; k <= count - W; k += W) {
        FloatVector i = FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + k) << 2, ORDER));
        FloatVector f =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + units + k) << 2, ORDER));
        FloatVector g =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + 2 * units + k) << 2, ORDER));
        FloatVector o =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + 3 * units + k) << 2, ORDER));
        FloatVector u = FLOATS.cast(FloatVector.fromMemorySegment(F, us, k << 2, ORDER));
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
        float u = f32(us, k);
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

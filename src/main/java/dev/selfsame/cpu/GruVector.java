package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of gated recurrent units on vectors (op/Gru), lanes across the
 * units of one sample; a task is some samples. Layouts are the op's: gates, recurrent and their
 * gradients [T, B, 3·units], h [T + 1, B, units], dy [T, B, units], dr and dk one step's.
 */
public interface GruVector {
  /** Gates and states of step {@code t}; gates hold the input's part on entry. */
  void cell(
      MemorySegment recurrent,
      MemorySegment gates,
      MemorySegment h,
      long t,
      long batch,
      long units,
      Workers workers);

  /** Gradients of step {@code t}'s gates and products, and dk for the step before. */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dk,
      MemorySegment gates,
      MemorySegment recurrent,
      MemorySegment h,
      MemorySegment dgates,
      MemorySegment drecurrent,
      long t,
      long batch,
      long units,
      Workers workers);

  /** The kernel for a vector width. */
  static GruVector on(int bits) {
    return Lanes.kernel(Kernel.class, GruVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements GruVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementwiseVector PLAIN = ElementwiseVector.on(F.vectorBitSize());
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** Units of a task, about. */
    private static final long TASK = 2048;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment recurrent,
        MemorySegment gates,
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
            for (long k = task * samples; k < end; k++) {
              long before = (t * batch + k) * units;
              long a = 3 * before;
              PLAIN.accumulate(gates, a, recurrent, a, 2 * units);
              EXACT.sigmoid(gates, a, gates, a, 2 * units);
              candidates(gates, recurrent, a, units);
              EXACT.tanh(gates, a + 2 * units, gates, a + 2 * units, units);
              states(gates, a, h, before, before + batch * units, units);
            }
          });
    }

    private static void candidates(
        MemorySegment gates, MemorySegment recurrent, long a, long units) {
      long n = a + 2 * units;
      long j = 0;
      for (; j <= units - W; j += W) {
        FloatVector r = FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + j) << 2, ORDER));
        r.fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, recurrent, (n + j) << 2, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (n + j) << 2, ORDER)))
            .intoMemorySegment(gates, (n + j) << 2, ORDER);
      }
      for (; j < units; j++) {
        float r = f32(gates, a + j);
        f32(gates, n + j, Math.fma(r, f32(recurrent, n + j), f32(gates, n + j)));
      }
    }

    private static void states(
        MemorySegment gates, long a, MemorySegment h, long before, long after, long units) {
      FloatVector one = FloatVector.broadcast(F, 1f);
      long j = 0;
      for (; j <= units - W; j += W) {
        FloatVector z =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + units + j) << 2, ORDER));
        FloatVector in =
            one.sub(z)
                .mul(
                    FLOATS.cast(
                        FloatVector.fromMemorySegment(F, gates, (a + 2 * units + j) << 2, ORDER)));
        z.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, h, (before + j) << 2, ORDER)), in)
            .intoMemorySegment(h, (after + j) << 2, ORDER);
      }
      for (; j < units; j++) {
        float z = f32(gates, a + units + j);
        float in = (1f - z) * f32(gates, a + 2 * units + j);
        f32(h, after + j, Math.fma(z, f32(h, before + j), in));
      }
    }

    @Override
    public void cellGradient(
        MemorySegment dy,
        MemorySegment dr,
        MemorySegment dk,
        MemorySegment gates,
        MemorySegment recurrent,
        MemorySegment h,
        MemorySegment dgates,
        MemorySegment drecurrent,
        long t,
        long batch,
        long units,
        Workers workers) {
      long samples = Math.max(1, TASK / units);
      workers.run(
          Math.ceilDiv(batch, samples),
          task -> {
            long end = Math.min(batch, (task + 1) * samples);
            for (long k = task * samples; k < end; k++) {
              long before = (t * batch + k) * units;
              slopes(dy, before, dr, dk, k * units, gates, recurrent, h, dgates, drecurrent, units);
            }
          });
    }

    private static void slopes(
        MemorySegment dys,
        long before,
        MemorySegment drs,
        MemorySegment dks,
        long c,
        MemorySegment gates,
        MemorySegment recurrent,
        MemorySegment hs,
        MemorySegment dgates,
        MemorySegment drecurrent,
        long units) {
      FloatVector one = FloatVector.broadcast(F, 1f);
      long a = 3 * before;
      long j = 0;
      for (; j <= units - W; j += W) {
        FloatVector r = FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + j) << 2, ORDER));
        FloatVector z =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + units + j) << 2, ORDER));
        FloatVector n =
            FLOATS.cast(FloatVector.fromMemorySegment(F, gates, (a + 2 * units + j) << 2, ORDER));
        FloatVector dh =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, dys, (before + j) << 2, ORDER))
                .add(
                    FLOATS
                        .cast(FloatVector.fromMemorySegment(F, drs, (c + j) << 2, ORDER))
                        .add(
                            FLOATS.cast(
                                FloatVector.fromMemorySegment(F, dks, (c + j) << 2, ORDER))));
        FloatVector dn = dh.mul(one.sub(z)).mul(n.neg().fma(n, one));
        FloatVector reset =
            dn.mul(
                    FLOATS.cast(
                        FloatVector.fromMemorySegment(
                            F, recurrent, (a + 2 * units + j) << 2, ORDER)))
                .mul(r.mul(one.sub(r)));
        FloatVector update =
            dh.mul(
                    FLOATS
                        .cast(FloatVector.fromMemorySegment(F, hs, (before + j) << 2, ORDER))
                        .sub(n))
                .mul(z.mul(one.sub(z)));
        reset.intoMemorySegment(dgates, (a + j) << 2, ORDER);
        update.intoMemorySegment(dgates, (a + units + j) << 2, ORDER);
        dn.intoMemorySegment(dgates, (a + 2 * units + j) << 2, ORDER);
        reset.intoMemorySegment(drecurrent, (a + j) << 2, ORDER);
        update.intoMemorySegment(drecurrent, (a + units + j) << 2, ORDER);
        dn.mul(r).intoMemorySegment(drecurrent, (a + 2 * units + j) << 2, ORDER);
        dh.mul(z).intoMemorySegment(dks, (c + j) << 2, ORDER);
      }
      for (; j < units; j++) {
        float r = f32(gates, a + j);
        float z = f32(gates, a + units + j);
        float n = f32(gates, a + 2 * units + j);
        float dh = f32(dys, before + j) + (f32(drs, c + j) + f32(dks, c + j));
        float dn = (dh * (1f - z)) * Math.fma(-n, n, 1f);
        float reset = (dn * f32(recurrent, a + 2 * units + j)) * (r * (1f - r));
        float update = (dh * (f32(hs, before + j) - n)) * (z * (1f - z));
        f32(dgates, a + j, reset);
        f32(dgates, a + units + j, update);
        f32(dgates, a + 2 * units + j, dn);
        f32(drecurrent, a + j, reset);
        f32(drecurrent, a + units + j, update);
        f32(drecurrent, a + 2 * units + j, dn * r);
        f32(dks, c + j, dh * z);
      }
    }
  }
}

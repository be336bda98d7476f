package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of gated recurrent units on vectors (op/Gru), lanes across the
 * units of one sample. Layouts are the op's: gates, recurrent and their gradients [T, B, 3·units],
 * h [T + 1, B, units], dy [T, B, units], dr and dk one step's. Samples are numbered through all
 * steps: {@code first} is t·B for the first one of step t.
 *
 * <p>The elementary functions run over many samples at once, as in {@link LstmVector}.
 */
public interface GruVector {
  /**
   * Gates and states of {@code count} samples of a step.
   *
   * @param input what the inputs add to the gates, without the bias, from {@code inputAt} on
   * @param state elements of a step's states
   */
  void cell(
      MemorySegment input,
      long inputAt,
      MemorySegment bias,
      MemorySegment recurrent,
      MemorySegment gates,
      MemorySegment h,
      long first,
      long count,
      long units,
      long state);

  /**
   * Gradients of the gates and products of {@code count} samples of a step, and dk for the step
   * before.
   *
   * @param at where dr and dk begin for them
   */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dk,
      long at,
      MemorySegment gates,
      MemorySegment recurrent,
      MemorySegment h,
      MemorySegment dgates,
      MemorySegment drecurrent,
      long first,
      long count,
      long units);

  /** The kernel for a vector width. */
  static GruVector on(int bits) {
    return Lanes.kernel(Kernel.class, GruVector.class, bits);
  }

  /** All steps forward: see op/Gru. */
  static void forward(
      int bits,
      RecurrentSizes z,
      MemorySegment x,
      MemorySegment wIh,
      MemorySegment wHh,
      MemorySegment bias,
      MemorySegment recurrentBias,
      MemorySegment h,
      MemorySegment gates,
      MemorySegment recurrent,
      MemorySegment scratch,
      Workers workers) {
    GruVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .forward(
            x,
            wIh,
            wHh,
            recurrentBias,
            h,
            recurrent,
            (t, first, count, input, inputAt) ->
                kernel.cell(
                    input,
                    inputAt,
                    bias,
                    recurrent,
                    gates,
                    h,
                    t * z.batch() + first,
                    count,
                    z.hidden(),
                    z.state()));
  }

  /** All steps back: dgates, drecurrent, and dr and dk, zeros on entry, as of the first step. */
  static void gradient(
      int bits,
      RecurrentSizes z,
      MemorySegment dy,
      MemorySegment wHh,
      MemorySegment h,
      MemorySegment gates,
      MemorySegment recurrent,
      MemorySegment dgates,
      MemorySegment drecurrent,
      MemorySegment dr,
      MemorySegment dk,
      boolean drOfFirst,
      MemorySegment scratch,
      Workers workers) {
    GruVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .back(
            drecurrent,
            wHh,
            dr,
            drOfFirst,
            (t, first, count, input, inputAt) ->
                kernel.cellGradient(
                    dy,
                    dr,
                    dk,
                    first * z.hidden(),
                    gates,
                    recurrent,
                    h,
                    dgates,
                    drecurrent,
                    t * z.batch() + first,
                    count,
                    z.hidden()));
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements GruVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** Units whose gates fit into scratch. */
    private static final int UNITS = 512;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment input,
        long inputAt,
        MemorySegment bias,
        MemorySegment recurrent,
        MemorySegment gates,
        MemorySegment h,
        long first,
        long count,
        long units,
        long state) {
      long together = Math.max(1, UNITS / units);
      for (long n = 0; n < count; n += together) {
        int samples = (int) Math.min(together, count - n);
        for (long j = 0; j < units; j += UNITS) {
          int width = (int) Math.min(UNITS, units - j);
          long in = inputAt + n * 3 * units + j;
          long before = (first + n) * units + j;
          gates(input, in, bias, recurrent, gates, h, j, before, state, samples, width, units);
        }
      }
    }

    /** Of {@code width} units, from unit {@code j} on. */
    private static void gates(
        MemorySegment input,
        long in,
        MemorySegment bias,
        MemorySegment recurrent,
        MemorySegment gates,
        MemorySegment h,
        long j,
        long before,
        long state,
        int samples,
        int width,
        long units) {
      MemorySegment s = BlockScratch.mine();
      // r and z of each sample, then n of each.
      int candidates = 2 * width * samples;
      long a = 3 * before - 2 * j;
      for (int k = 0; k < samples; k++) {
        long row = 3 * units * k;
        int to = 2 * width * k;
        sums(input, in + row, bias, j, recurrent, a + row, s, to, width);
        sums(
            input,
            in + row + units,
            bias,
            j + units,
            recurrent,
            a + row + units,
            s,
            to + width,
            width);
      }
      EXACT.sigmoid(s, 0, s, 0, candidates);
      for (int k = 0; k < samples; k++) {
        long row = 3 * units * k + 2 * units;
        int to = candidates + width * k;
        long b = j + 2 * units;
        candidates(input, in + row, bias, b, recurrent, a + row, s, 2 * width * k, to, width);
      }
      EXACT.tanh(s, candidates, s, candidates, width * samples);
      for (int k = 0; k < samples; k++) {
        long at = before + k * units;
        int n = candidates + width * k;
        states(s, 2 * width * k, n, gates, a + 3 * units * k, h, at, at + state, width, units);
      }
    }

    /** Arguments of r or z: (input + bias) + product. */
    private static void sums(
        MemorySegment input,
        long in,
        MemorySegment bias,
        long b,
        MemorySegment recurrent,
        long a,
        MemorySegment s,
        int to,
        int width) {
      s = Lanes.expectNative(s);
      int k = 0;
      for (; k <= width - W; k += W) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, input, (in + k) << 2, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (b + k) << 2, ORDER)))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, recurrent, (a + k) << 2, ORDER)))
            .intoMemorySegment(s, (long) (to + k) << 2, ORDER);
      }
      for (; k < width; k++) {
        f32(s, to + k, (f32(input, in + k) + f32(bias, b + k)) + f32(recurrent, a + k));
      }
    }

    /** Arguments of n: fma(r, m, input + bias). */
    private static void candidates(
        MemorySegment input,
        long in,
        MemorySegment bias,
        long b,
        MemorySegment recurrent,
        long a,
        MemorySegment s,
        int r,
        int to,
        int width) {
      s = Lanes.expectNative(s);
      int k = 0;
      for (; k <= width - W; k += W) {
        FloatVector e =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, input, (in + k) << 2, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (b + k) << 2, ORDER)));
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, s, (long) (r + k) << 2, ORDER))
            .fma(FLOATS.cast(FloatVector.fromMemorySegment(F, recurrent, (a + k) << 2, ORDER)), e)
            .intoMemorySegment(s, (long) (to + k) << 2, ORDER);
      }
      for (; k < width; k++) {
        float e = f32(input, in + k) + f32(bias, b + k);
        f32(s, to + k, Math.fma(f32(s, r + k), f32(recurrent, a + k), e));
      }
    }

    /** Gates from scratch to their place, and the states after the step. */
    private static void states(
        MemorySegment s,
        int from,
        int nAt,
        MemorySegment gates,
        long a,
        MemorySegment h,
        long before,
        long after,
        int width,
        long units) {
      gates = Lanes.expectNative(gates);
      h = Lanes.expectNative(h);
      FloatVector one = FLOATS.cast(FloatVector.broadcast(F, 1f));
      int k = 0;
      for (; k <= width - W; k += W) {
        FloatVector z =
            FLOATS.cast(FloatVector.fromMemorySegment(F, s, (long) (from + width + k) << 2, ORDER));
        FloatVector n =
            FLOATS.cast(FloatVector.fromMemorySegment(F, s, (long) (nAt + k) << 2, ORDER));
        z.fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, h, (before + k) << 2, ORDER)),
                one.sub(z).mul(n))
            .intoMemorySegment(h, (after + k) << 2, ORDER);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, s, (long) (from + k) << 2, ORDER))
            .intoMemorySegment(gates, (a + k) << 2, ORDER);
        z.intoMemorySegment(gates, (a + units + k) << 2, ORDER);
        n.intoMemorySegment(gates, (a + 2 * units + k) << 2, ORDER);
      }
      for (; k < width; k++) {
        float z = f32(s, from + width + k);
        float n = f32(s, nAt + k);
        f32(h, after + k, Math.fma(z, f32(h, before + k), (1f - z) * n));
        f32(gates, a + k, f32(s, from + k));
        f32(gates, a + units + k, z);
        f32(gates, a + 2 * units + k, n);
      }
    }

    @Override
    public void cellGradient(
        MemorySegment dy,
        MemorySegment dr,
        MemorySegment dk,
        long at,
        MemorySegment gates,
        MemorySegment recurrent,
        MemorySegment h,
        MemorySegment dgates,
        MemorySegment drecurrent,
        long first,
        long count,
        long units) {
      for (long k = 0; k < count; k++) {
        long before = (first + k) * units;
        long c = at + k * units;
        slopes(dy, before, dr, dk, c, gates, recurrent, h, dgates, drecurrent, units);
      }
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
      dks = Lanes.expectNative(dks);
      dgates = Lanes.expectNative(dgates);
      drecurrent = Lanes.expectNative(drecurrent);
      FloatVector one = FLOATS.cast(FloatVector.broadcast(F, 1f));
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

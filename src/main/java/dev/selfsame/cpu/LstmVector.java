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
   * Gates, cells and states of {@code count} samples of a step.
   *
   * @param input what the inputs add to the gates, without the bias, from {@code inputAt} on
   * @param gates on entry what the states before add
   * @param state elements of a step's states
   */
  void cell(
      MemorySegment input,
      long inputAt,
      MemorySegment bias,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment h,
      long first,
      long count,
      long units,
      long state);

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
    LstmVector kernel = on(bits);
    new RecurrentSteps(bits, z, scratch, workers)
        .forward(
            x,
            wIh,
            wHh,
            null,
            h,
            gates,
            (t, first, count, input, inputAt) ->
                kernel.cell(
                    input,
                    inputAt,
                    bias,
                    gates,
                    c,
                    h,
                    t * z.batch() + first,
                    count,
                    z.hidden(),
                    z.state()));
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

    /** Units whose gates fit into scratch. */
    private static final int UNITS = BlockScratch.BLOCKS * BLOCK / 4;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment input,
        long inputAt,
        MemorySegment bias,
        MemorySegment gates,
        MemorySegment c,
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
          long in = inputAt + n * 4 * units + j;
          long before = (first + n) * units + j;
          gates(input, in, bias, gates, c, h, j, before, state, samples, width, units);
        }
      }
    }

    /** Of {@code width} units, from unit {@code j} on. */
    private static void gates(
        MemorySegment input,
        long in,
        MemorySegment bias,
        MemorySegment gates,
        MemorySegment c,
        MemorySegment h,
        long j,
        long before,
        long state,
        int samples,
        int width,
        long units) {
      // i, f, o of each sample, then g of each.
      MemorySegment s = BlockScratch.mine();
      int g = 3 * width * samples;
      long a = 4 * before - 3 * j;
      sums(input, in, bias, j, gates, a, samples, width, units);
      EXACT.sigmoid(s, 0, s, 0, g);
      EXACT.tanh(s, g, s, g, width * samples);
      cells(c, before, state, gates, a, samples, width, units);
      EXACT.tanh(c, before + state, h, before + state, width * samples);
      multiply(h, before + state, samples, width);
    }

    /** A segment of a loop's own, see {@link PairMath}. */
    private static MemorySegment slice(MemorySegment s, long from, long n) {
      return s.asSlice(from << 2, n << 2);
    }

    /** Arguments of the gates, to scratch: (input + bias) + product. */
    private static void sums(
        MemorySegment inputs,
        long in,
        MemorySegment biases,
        long j,
        MemorySegment gates,
        long a,
        int samples,
        int width,
        long units) {
      long rows = 4 * units * (samples - 1) + 3 * units + width;
      MemorySegment input = slice(inputs, in, rows);
      MemorySegment bias = slice(biases, j, 3 * units + width);
      MemorySegment products = slice(gates, a, rows);
      MemorySegment s = slice(BlockScratch.mine(), 0, 4L * width * samples);
      int g = 3 * width * samples;
      for (int n = 0; n < samples; n++) {
        long i = 4 * units * n;
        long f = i + units;
        long o = i + 3 * units;
        long to = 3L * width * n;
        long toG = g + (long) width * n;
        int k = 0;
        for (; k <= width - W; k += W) {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (i + k) << 2, ORDER))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (long) k << 2, ORDER)))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, products, (i + k) << 2, ORDER)))
              .intoMemorySegment(s, (to + k) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (f + k) << 2, ORDER))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (units + k) << 2, ORDER)))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, products, (f + k) << 2, ORDER)))
              .intoMemorySegment(s, (to + width + k) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (f + units + k) << 2, ORDER))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (2 * units + k) << 2, ORDER)))
              .add(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, products, (f + units + k) << 2, ORDER)))
              .intoMemorySegment(s, (toG + k) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (o + k) << 2, ORDER))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, (3 * units + k) << 2, ORDER)))
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, products, (o + k) << 2, ORDER)))
              .intoMemorySegment(s, (to + 2 * width + k) << 2, ORDER);
        }
        for (; k < width; k++) {
          f32(s, to + k, sum(input, bias, products, i, k));
          f32(s, to + width + k, sum(input, bias, products, i, units + k));
          f32(s, toG + k, sum(input, bias, products, i, 2 * units + k));
          f32(s, to + 2 * width + k, sum(input, bias, products, i, 3 * units + k));
        }
      }
    }

    private static float sum(
        MemorySegment input, MemorySegment bias, MemorySegment products, long row, long gate) {
      return (f32(input, row + gate) + f32(bias, gate)) + f32(products, row + gate);
    }

    /** Gates from scratch to their place, and the cells after the step. */
    private static void cells(
        MemorySegment c,
        long beforeAt,
        long state,
        MemorySegment allGates,
        long at,
        int samples,
        int width,
        long units) {
      MemorySegment before = slice(c, beforeAt, (long) width * samples);
      MemorySegment after = slice(c, beforeAt + state, (long) width * samples);
      MemorySegment gates = slice(allGates, at, 4 * units * (samples - 1) + 3 * units + width);
      MemorySegment s = slice(BlockScratch.mine(), 0, 4L * width * samples);
      int toG = 3 * width * samples;
      for (int n = 0; n < samples; n++) {
        long a = 4 * units * n;
        long from = 3L * width * n;
        long cell = (long) width * n;
        int k = 0;
        for (; k <= width - W; k += W) {
          FloatVector i = FLOATS.cast(FloatVector.fromMemorySegment(F, s, (from + k) << 2, ORDER));
          FloatVector f =
              FLOATS.cast(FloatVector.fromMemorySegment(F, s, (from + width + k) << 2, ORDER));
          FloatVector g =
              FLOATS.cast(FloatVector.fromMemorySegment(F, s, (toG + cell + k) << 2, ORDER));
          f.fma(
                  FLOATS.cast(FloatVector.fromMemorySegment(F, before, (cell + k) << 2, ORDER)),
                  i.mul(g))
              .intoMemorySegment(after, (cell + k) << 2, ORDER);
          i.intoMemorySegment(gates, (a + k) << 2, ORDER);
          f.intoMemorySegment(gates, (a + units + k) << 2, ORDER);
          g.intoMemorySegment(gates, (a + 2 * units + k) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, s, (from + 2 * width + k) << 2, ORDER))
              .intoMemorySegment(gates, (a + 3 * units + k) << 2, ORDER);
        }
        for (; k < width; k++) {
          float i = f32(s, from + k);
          float f = f32(s, from + width + k);
          float g = f32(s, toG + cell + k);
          f32(after, cell + k, Math.fma(f, f32(before, cell + k), i * g));
          f32(gates, a + k, i);
          f32(gates, a + units + k, f);
          f32(gates, a + 2 * units + k, g);
          f32(gates, a + 3 * units + k, f32(s, from + 2 * width + k));
        }
      }
    }

    /** States: tanh of the cells, times o. */
    private static void multiply(MemorySegment states, long from, int samples, int width) {
      MemorySegment h = slice(states, from, (long) width * samples);
      MemorySegment s = slice(BlockScratch.mine(), 0, 3L * width * samples);
      for (int n = 0; n < samples; n++) {
        long at = (long) width * n;
        long o = 3L * width * n + 2L * width;
        int k = 0;
        for (; k <= width - W; k += W) {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, h, (at + k) << 2, ORDER))
              .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, s, (o + k) << 2, ORDER)))
              .intoMemorySegment(h, (at + k) << 2, ORDER);
        }
        for (; k < width; k++) {
          f32(h, at + k, f32(h, at + k) * f32(s, o + k));
        }
      }
    }

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

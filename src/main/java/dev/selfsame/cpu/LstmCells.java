package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of long short-term memory on vectors (op/Lstm), for {@link
 * LstmSteps}, whose layouts and blocks of units these are; a block is two vectors. The elementary
 * functions run over many samples at once: a call of one costs as much as some vectors.
 */
interface LstmCells {
  /** The kernel for a vector width. */
  static LstmCells on(int bits) {
    return Lanes.kernel(Kernel.class, LstmCells.class, bits);
  }

  /**
   * Arguments of a block's gates, (input + bias) + product, in the order i, f, o of each row, then
   * g of each.
   *
   * @param input what the inputs add to the gates, without the bias: i, f, g, o of each row
   * @param products of gate g of row n at {@code at + (4·n + g)·gate}
   * @param arguments of {@code rows} rows, written from row {@code row} on
   */
  void sums(
      MemorySegment input,
      long inputAt,
      MemorySegment bias,
      long biasAt,
      MemorySegment products,
      long at,
      long gate,
      MemorySegment arguments,
      int row,
      int rows,
      int count);

  /**
   * What few inputs add to one gate of a block, without the bias.
   *
   * @param x rows of {@code k} inputs
   * @param weights the gate's panel
   * @param step from a row of {@code to} to the next one
   */
  void inputs(
      MemorySegment x,
      long xAt,
      int k,
      MemorySegment weights,
      long weightsAt,
      MemorySegment to,
      long at,
      long step,
      int rows);

  /**
   * Gates, cells and states of some blocks of units.
   *
   * @param scratch holds the arguments of the gates
   * @param count samples of a block
   * @param unit the first unit of the blocks
   * @param before where c holds that unit of the first sample before the step
   * @param state elements of a step's states
   */
  void cells(
      LstmScratch scratch,
      int blocks,
      int count,
      long units,
      long unit,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment h,
      long before,
      long state);

  /**
   * Adds chains, two vectors a row, to totals.
   *
   * @param step from a row of totals to the next one
   */
  void addChains(MemorySegment totals, long at, long step, MemorySegment chains, int rows);

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements LstmCells {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** Units of a block. */
    private static final int BLOCK = 2 * W;

    // Loads and stores are written out. A helper that takes or gives vectors is compiled by itself
    // in some processes before C2 comes to the loop that calls it; C2 then leaves it a call where
    // it seems rare, and makes its vectors objects.

    Kernel() {}

    @Override
    public void sums(
        MemorySegment inputs,
        long inputAt,
        MemorySegment biases,
        long biasAt,
        MemorySegment all,
        long at,
        long gate,
        MemorySegment arguments,
        int row,
        int rows,
        int count) {
      for (int half = 0; half < BLOCK; half += W) {
        MemorySegment input = slice(inputs, inputAt + half, 4L * BLOCK * count - BLOCK + W);
        MemorySegment products = slice(all, at + half, 4 * gate * (count - 1) + 3 * gate + W);
        MemorySegment s = slice(arguments, 0, 4L * BLOCK * rows);
        FloatVector biasI =
            FLOATS.cast(FloatVector.fromMemorySegment(F, biases, (biasAt + half) << 2, ORDER));
        FloatVector biasF =
            FLOATS.cast(
                FloatVector.fromMemorySegment(F, biases, (biasAt + BLOCK + half) << 2, ORDER));
        FloatVector biasG =
            FLOATS.cast(
                FloatVector.fromMemorySegment(F, biases, (biasAt + 2 * BLOCK + half) << 2, ORDER));
        FloatVector biasO =
            FLOATS.cast(
                FloatVector.fromMemorySegment(F, biases, (biasAt + 3 * BLOCK + half) << 2, ORDER));
        long to = 3L * BLOCK * row + half;
        long toG = 3L * BLOCK * rows + (long) BLOCK * row + half;
        for (int n = 0; n < count; n++) {
          long i = 4L * BLOCK * n;
          long p = 4 * gate * n;
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, i << 2, ORDER))
              .add(biasI)
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, products, p << 2, ORDER)))
              .intoMemorySegment(s, to << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (i + BLOCK) << 2, ORDER))
              .add(biasF)
              .add(FLOATS.cast(FloatVector.fromMemorySegment(F, products, (p + gate) << 2, ORDER)))
              .intoMemorySegment(s, (to + BLOCK) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (i + 2 * BLOCK) << 2, ORDER))
              .add(biasG)
              .add(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, products, (p + 2 * gate) << 2, ORDER)))
              .intoMemorySegment(s, toG << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, input, (i + 3 * BLOCK) << 2, ORDER))
              .add(biasO)
              .add(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(F, products, (p + 3 * gate) << 2, ORDER)))
              .intoMemorySegment(s, (to + 2 * BLOCK) << 2, ORDER);
          to += 3 * BLOCK;
          toG += BLOCK;
        }
      }
    }

    // Rows are the inner loop: one over one or two inputs would be set up anew for each row.
    @Override
    public void inputs(
        MemorySegment x,
        long xAt,
        int k,
        MemorySegment weights,
        long weightsAt,
        MemorySegment to,
        long at,
        long step,
        int rows) {
      if (k == 1) {
        firstInput(x, xAt, weights, weightsAt, to, at, step, rows);
      } else {
        firstTwo(x, xAt, k, weights, weightsAt, to, at, step, rows);
      }
      for (int m = 2; m < k; m++) {
        moreInput(x, xAt, k, m, weights, weightsAt, to, at, step, rows);
      }
    }

    private static void firstInput(
        MemorySegment xs,
        long xAt,
        MemorySegment weights,
        long weightsAt,
        MemorySegment to,
        long start,
        long step,
        int rows) {
      MemorySegment x = slice(xs, xAt, rows);
      MemorySegment w = slice(weights, weightsAt, BLOCK);
      MemorySegment s = slice(to, start, step * (rows - 1) + BLOCK);
      FloatVector a0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, 0, ORDER));
      FloatVector b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, (long) W << 2, ORDER));
      FloatVector zero = FloatVector.zero(F);
      for (int n = 0; n < rows; n++) {
        long at = step * n;
        FloatVector v0 = FloatVector.broadcast(F, f32(x, n));
        a0.fma(v0, zero).intoMemorySegment(s, at << 2, ORDER);
        b0.fma(v0, zero).intoMemorySegment(s, (at + W) << 2, ORDER);
      }
    }

    private static void firstTwo(
        MemorySegment xs,
        long xAt,
        int k,
        MemorySegment weights,
        long weightsAt,
        MemorySegment to,
        long start,
        long step,
        int rows) {
      MemorySegment x = slice(xs, xAt, (long) k * rows);
      MemorySegment w = slice(weights, weightsAt, (long) BLOCK * k);
      MemorySegment s = slice(to, start, step * (rows - 1) + BLOCK);
      FloatVector a0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, 0, ORDER));
      FloatVector b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, (long) W << 2, ORDER));
      FloatVector a1 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, (long) BLOCK << 2, ORDER));
      FloatVector b1 =
          FLOATS.cast(FloatVector.fromMemorySegment(F, w, (long) (BLOCK + W) << 2, ORDER));
      FloatVector zero = FloatVector.zero(F);
      for (int n = 0; n < rows; n++) {
        long at = step * n;
        FloatVector v0 = FloatVector.broadcast(F, f32(x, (long) k * n));
        FloatVector v1 = FloatVector.broadcast(F, f32(x, (long) k * n + 1));
        a1.fma(v1, a0.fma(v0, zero)).intoMemorySegment(s, at << 2, ORDER);
        b1.fma(v1, b0.fma(v0, zero)).intoMemorySegment(s, (at + W) << 2, ORDER);
      }
    }

    private static void moreInput(
        MemorySegment xs,
        long xAt,
        int k,
        int m,
        MemorySegment weights,
        long weightsAt,
        MemorySegment to,
        long start,
        long step,
        int rows) {
      MemorySegment x = slice(xs, xAt, (long) k * rows);
      MemorySegment w = slice(weights, weightsAt, (long) BLOCK * k);
      MemorySegment s = slice(to, start, step * (rows - 1) + BLOCK);
      long from = (long) BLOCK * m;
      FloatVector a0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, from << 2, ORDER));
      FloatVector b0 = FLOATS.cast(FloatVector.fromMemorySegment(F, w, (from + W) << 2, ORDER));
      for (int n = 0; n < rows; n++) {
        long at = step * n;
        FloatVector v0 = FloatVector.broadcast(F, f32(x, (long) k * n + m));
        a0.fma(v0, FLOATS.cast(FloatVector.fromMemorySegment(F, s, at << 2, ORDER)))
            .intoMemorySegment(s, at << 2, ORDER);
        b0.fma(v0, FLOATS.cast(FloatVector.fromMemorySegment(F, s, (at + W) << 2, ORDER)))
            .intoMemorySegment(s, (at + W) << 2, ORDER);
      }
    }

    @Override
    public void cells(
        LstmScratch scratch,
        int blocks,
        int count,
        long units,
        long unit,
        MemorySegment gates,
        MemorySegment c,
        MemorySegment h,
        long before,
        long state) {
      int rows = blocks * count;
      MemorySegment s = scratch.arguments;
      MemorySegment values = scratch.values;
      EXACT.sigmoid(s, 0, values, 0, 3L * BLOCK * rows);
      EXACT.tanh(s, 3L * BLOCK * rows, values, 3L * BLOCK * rows, (long) BLOCK * rows);
      for (int b = 0; b < 2 * blocks; b++) {
        long j = unit + (long) b * W;
        int width = (int) Math.min(W, units - j);
        if (width > 0) {
          cell(
              values,
              b,
              rows,
              count,
              units,
              width,
              gates,
              4 * before - 3 * unit + b * W,
              c,
              before + (long) b * W,
              state,
              s);
        }
      }
      EXACT.tanh(s, 0, s, (long) BLOCK * rows, (long) BLOCK * rows);
      for (int b = 0; b < 2 * blocks; b++) {
        int width = (int) Math.min(W, units - unit - (long) b * W);
        if (width > 0) {
          states(values, b, rows, s, count, width, h, before + state + (long) b * W, units);
        }
      }
    }

    /** Gates of half a block to their place, and the cells after the step, there and in scratch. */
    private static void cell(
        MemorySegment all,
        int b,
        int rows,
        int count,
        long units,
        int width,
        MemorySegment allGates,
        long gatesAt,
        MemorySegment c,
        long at,
        long state,
        MemorySegment scratch) {
      long reach = units * (count - 1) + width;
      MemorySegment before = slice(c, at, reach);
      MemorySegment after = slice(c, at + state, reach);
      MemorySegment gates = slice(allGates, gatesAt, 4 * units * (count - 1) + 3 * units + width);
      MemorySegment s = slice(scratch, 0, (long) BLOCK * rows);
      MemorySegment v = slice(all, 0, 4L * BLOCK * rows);
      int row = b / 2 * count;
      long from = 3L * BLOCK * row + b % 2 * W;
      long own = (long) BLOCK * row + b % 2 * W;
      long fromG = 3L * BLOCK * rows + own;
      for (int n = 0; n < count; n++) {
        long cell = units * n;
        long a = 4 * units * n;
        if (width == W) {
          FloatVector i = FLOATS.cast(FloatVector.fromMemorySegment(F, v, from << 2, ORDER));
          FloatVector f =
              FLOATS.cast(FloatVector.fromMemorySegment(F, v, (from + BLOCK) << 2, ORDER));
          FloatVector g = FLOATS.cast(FloatVector.fromMemorySegment(F, v, fromG << 2, ORDER));
          FloatVector value =
              f.fma(
                  FLOATS.cast(FloatVector.fromMemorySegment(F, before, cell << 2, ORDER)),
                  i.mul(g));
          value.intoMemorySegment(after, cell << 2, ORDER);
          value.intoMemorySegment(s, own << 2, ORDER);
          i.intoMemorySegment(gates, a << 2, ORDER);
          f.intoMemorySegment(gates, (a + units) << 2, ORDER);
          g.intoMemorySegment(gates, (a + 2 * units) << 2, ORDER);
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, v, (from + 2 * BLOCK) << 2, ORDER))
              .intoMemorySegment(gates, (a + 3 * units) << 2, ORDER);
        } else {
          for (int k = 0; k < width; k++) {
            float i = f32(v, from + k);
            float f = f32(v, from + BLOCK + k);
            float g = f32(v, fromG + k);
            float value = Math.fma(f, f32(before, cell + k), i * g);
            f32(after, cell + k, value);
            f32(s, own + k, value);
            f32(gates, a + k, i);
            f32(gates, a + units + k, f);
            f32(gates, a + 2 * units + k, g);
            f32(gates, a + 3 * units + k, f32(v, from + 2 * BLOCK + k));
          }
        }
        from += 3 * BLOCK;
        fromG += BLOCK;
        own += BLOCK;
      }
    }

    /** States of half a block: o times tanh of the cells. */
    private static void states(
        MemorySegment all,
        int b,
        int rows,
        MemorySegment scratch,
        int count,
        int width,
        MemorySegment states,
        long at,
        long units) {
      MemorySegment h = slice(states, at, units * (count - 1) + width);
      MemorySegment v = slice(all, 0, 3L * BLOCK * rows);
      MemorySegment u = slice(scratch, (long) BLOCK * rows, (long) BLOCK * rows);
      int row = b / 2 * count;
      long o = 3L * BLOCK * row + 2 * BLOCK + b % 2 * W;
      long own = (long) BLOCK * row + b % 2 * W;
      for (int n = 0; n < count; n++) {
        if (width == W) {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, v, o << 2, ORDER))
              .mul(FLOATS.cast(FloatVector.fromMemorySegment(F, u, own << 2, ORDER)))
              .intoMemorySegment(h, (units * n) << 2, ORDER);
        } else {
          for (int k = 0; k < width; k++) {
            f32(h, units * n + k, f32(v, o + k) * f32(u, own + k));
          }
        }
        o += 3 * BLOCK;
        own += BLOCK;
      }
    }

    @Override
    public void addChains(
        MemorySegment totals, long at, long step, MemorySegment chains, int rows) {
      totals = Lanes.expectNative(totals);
      for (int n = 0; n < rows; n++) {
        for (int half = 0; half < BLOCK; half += W) {
          long to = at + n * step + half;
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, totals, to << 2, ORDER))
              .add(
                  FLOATS.cast(
                      FloatVector.fromMemorySegment(
                          F, chains, ((long) BLOCK * n + half) << 2, ORDER)))
              .intoMemorySegment(totals, to << 2, ORDER);
        }
      }
    }

    /** A segment of a loop's own, see {@link PairMath}. */
    private static MemorySegment slice(MemorySegment s, long from, long n) {
      return s.asSlice(from << 2, n << 2);
    }
  }
}

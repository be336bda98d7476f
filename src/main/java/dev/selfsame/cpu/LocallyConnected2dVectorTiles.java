package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Tiles of 4x4 vectors where there are 32 registers, of 4x2 where there are 16 or few columns are
 * left. Every element that is read serves four chains, or two. There are no masks: the path of the
 * JDK for masked loads at the end of memory boxes its vectors, wherever it is taken once.
 */
final class LocallyConnected2dVectorTiles implements LocallyConnected2dVectorKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int L = F.length();

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public int columns() {
    return L < 16 ? 2 : 4;
  }

  @Override
  public void overTerms(
      MemorySegment a,
      long[] rows,
      long[] aAt,
      MemorySegment b,
      long[] columns,
      long[] bAt,
      int count,
      int width,
      float[] chains) {
    if (width == 2) {
      terms2(a, rows, aAt, b, columns, bAt, count, chains);
    } else {
      terms4(a, rows, aAt, b, columns, bAt, count, chains);
    }
  }

  @Override
  public void overSamples(
      MemorySegment a,
      long[] rows,
      long aStep,
      MemorySegment b,
      long[] columns,
      long bStep,
      long count,
      int width,
      float[] chains) {
    if (width == 2) {
      samples2(a, rows, aStep, b, columns, bStep, count, chains);
    } else {
      samples4(a, rows, aStep, b, columns, bStep, count, chains);
    }
  }

  @Override
  public void pack(
      MemorySegment from,
      long base,
      long[] at,
      int[] low,
      int[] high,
      int count,
      MemorySegment to,
      long toAt,
      long step) {
    to = Lanes.expectNative(to);
    for (int t = 0; t < count; t++) {
      long in = base + at[t];
      long out = toAt + t * step;
      if (low[t] < high[t] && in >= 0 && (in + L) * 4 <= from.byteSize()) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, in * 4, ORDER))
            .intoMemorySegment(to, out * 4, ORDER);
        for (int i = 0; i < low[t]; i++) {
          f32(to, out + i, 0f);
        }
        for (int i = high[t]; i < L; i++) {
          f32(to, out + i, 0f);
        }
      } else {
        // Not one loop with a choice: C2 checks its loads' range before the loop, for all rounds,
        // and where that fails it leaves its code, call after call.
        FLOATS.cast(FloatVector.zero(F)).intoMemorySegment(to, out * 4, ORDER);
        for (int i = low[t]; i < high[t]; i++) {
          f32(to, out + i, f32(from, in + i));
        }
      }
    }
  }

  @Override
  public void put(
      float[] chains,
      int width,
      int rows,
      int columns,
      MemorySegment to,
      long out,
      long rowStep,
      long columnStep,
      int low,
      int high,
      boolean first,
      @Nullable MemorySegment bias,
      long biasAt,
      long biasStep,
      boolean relu) {
    to = Lanes.expectNative(to);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long at = out + i * rowStep + j * columnStep;
        int from = (i * width + j) * L;
        if (low == 0 && high == L) {
          FloatVector v = FLOATS.cast(FloatVector.fromArray(F, chains, from));
          if (!first) {
            v = FLOATS.cast(FloatVector.fromMemorySegment(F, to, at * 4, ORDER)).add(v);
          }
          if (bias != null) {
            v =
                FLOATS
                    .cast(
                        FloatVector.fromMemorySegment(F, bias, (biasAt + j * biasStep) * 4, ORDER))
                    .add(v);
          }
          if (relu) {
            v = v.max(0f);
          }
          v.intoMemorySegment(to, at * 4, ORDER);
        } else if (first && bias == null && !relu) {
          for (int lane = low; lane < high; lane++) {
            f32(to, at + lane, chains[from + lane]);
          }
        } else {
          for (int lane = low; lane < high; lane++) {
            float v = chains[from + lane];
            if (!first) {
              v = f32(to, at + lane) + v;
            }
            if (bias != null) {
              v = v + f32(bias, biasAt + j * biasStep + lane);
            }
            f32(to, at + lane, relu ? Math.max(v, 0f) : v);
          }
        }
      }
    }
  }

  private static void terms4(
      MemorySegment a,
      long[] rows,
      long[] aAt,
      MemorySegment b,
      long[] columns,
      long[] bAt,
      int count,
      float[] chains) {
    long a0 = rows[0] * 4;
    long a1 = rows[1] * 4;
    long a2 = rows[2] * 4;
    long a3 = rows[3] * 4;
    long b0 = columns[0] * 4;
    long b1 = columns[1] * 4;
    long b2 = columns[2] * 4;
    long b3 = columns[3] * 4;
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c02 = FloatVector.zero(F);
    FloatVector c03 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c12 = FloatVector.zero(F);
    FloatVector c13 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c22 = FloatVector.zero(F);
    FloatVector c23 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    FloatVector c32 = FloatVector.zero(F);
    FloatVector c33 = FloatVector.zero(F);
    for (int t = 0; t < count; t++) {
      long at = aAt[t] * 4;
      long bt = bAt[t] * 4;
      FloatVector y0 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b0 + bt, ORDER));
      FloatVector y1 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b1 + bt, ORDER));
      FloatVector y2 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b2 + bt, ORDER));
      FloatVector y3 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b3 + bt, ORDER));
      FloatVector x0 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a0 + at, ORDER));
      c00 = x0.fma(y0, c00);
      c01 = x0.fma(y1, c01);
      c02 = x0.fma(y2, c02);
      c03 = x0.fma(y3, c03);
      FloatVector x1 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a1 + at, ORDER));
      c10 = x1.fma(y0, c10);
      c11 = x1.fma(y1, c11);
      c12 = x1.fma(y2, c12);
      c13 = x1.fma(y3, c13);
      FloatVector x2 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a2 + at, ORDER));
      c20 = x2.fma(y0, c20);
      c21 = x2.fma(y1, c21);
      c22 = x2.fma(y2, c22);
      c23 = x2.fma(y3, c23);
      FloatVector x3 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a3 + at, ORDER));
      c30 = x3.fma(y0, c30);
      c31 = x3.fma(y1, c31);
      c32 = x3.fma(y2, c32);
      c33 = x3.fma(y3, c33);
    }
    FLOATS.cast(c00).intoArray(chains, 0 * L);
    FLOATS.cast(c01).intoArray(chains, 1 * L);
    FLOATS.cast(c02).intoArray(chains, 2 * L);
    FLOATS.cast(c03).intoArray(chains, 3 * L);
    FLOATS.cast(c10).intoArray(chains, 4 * L);
    FLOATS.cast(c11).intoArray(chains, 5 * L);
    FLOATS.cast(c12).intoArray(chains, 6 * L);
    FLOATS.cast(c13).intoArray(chains, 7 * L);
    FLOATS.cast(c20).intoArray(chains, 8 * L);
    FLOATS.cast(c21).intoArray(chains, 9 * L);
    FLOATS.cast(c22).intoArray(chains, 10 * L);
    FLOATS.cast(c23).intoArray(chains, 11 * L);
    FLOATS.cast(c30).intoArray(chains, 12 * L);
    FLOATS.cast(c31).intoArray(chains, 13 * L);
    FLOATS.cast(c32).intoArray(chains, 14 * L);
    FLOATS.cast(c33).intoArray(chains, 15 * L);
  }

  private static void terms2(
      MemorySegment a,
      long[] rows,
      long[] aAt,
      MemorySegment b,
      long[] columns,
      long[] bAt,
      int count,
      float[] chains) {
    long a0 = rows[0] * 4;
    long a1 = rows[1] * 4;
    long a2 = rows[2] * 4;
    long a3 = rows[3] * 4;
    long b0 = columns[0] * 4;
    long b1 = columns[1] * 4;
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    for (int t = 0; t < count; t++) {
      long at = aAt[t] * 4;
      long bt = bAt[t] * 4;
      FloatVector y0 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b0 + bt, ORDER));
      FloatVector y1 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b1 + bt, ORDER));
      FloatVector x0 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a0 + at, ORDER));
      c00 = x0.fma(y0, c00);
      c01 = x0.fma(y1, c01);
      FloatVector x1 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a1 + at, ORDER));
      c10 = x1.fma(y0, c10);
      c11 = x1.fma(y1, c11);
      FloatVector x2 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a2 + at, ORDER));
      c20 = x2.fma(y0, c20);
      c21 = x2.fma(y1, c21);
      FloatVector x3 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a3 + at, ORDER));
      c30 = x3.fma(y0, c30);
      c31 = x3.fma(y1, c31);
    }
    FLOATS.cast(c00).intoArray(chains, 0 * L);
    FLOATS.cast(c01).intoArray(chains, 1 * L);
    FLOATS.cast(c10).intoArray(chains, 2 * L);
    FLOATS.cast(c11).intoArray(chains, 3 * L);
    FLOATS.cast(c20).intoArray(chains, 4 * L);
    FLOATS.cast(c21).intoArray(chains, 5 * L);
    FLOATS.cast(c30).intoArray(chains, 6 * L);
    FLOATS.cast(c31).intoArray(chains, 7 * L);
  }

  private static void samples4(
      MemorySegment a,
      long[] rows,
      long aStep,
      MemorySegment b,
      long[] columns,
      long bStep,
      long count,
      float[] chains) {
    long a0 = rows[0] * 4;
    long a1 = rows[1] * 4;
    long a2 = rows[2] * 4;
    long a3 = rows[3] * 4;
    long b0 = columns[0] * 4;
    long b1 = columns[1] * 4;
    long b2 = columns[2] * 4;
    long b3 = columns[3] * 4;
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c02 = FloatVector.zero(F);
    FloatVector c03 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c12 = FloatVector.zero(F);
    FloatVector c13 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c22 = FloatVector.zero(F);
    FloatVector c23 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    FloatVector c32 = FloatVector.zero(F);
    FloatVector c33 = FloatVector.zero(F);
    for (long n = 0; n < count; n++) {
      long at = n * aStep * 4;
      long bt = n * bStep * 4;
      FloatVector y0 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b0 + bt, ORDER));
      FloatVector y1 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b1 + bt, ORDER));
      FloatVector y2 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b2 + bt, ORDER));
      FloatVector y3 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b3 + bt, ORDER));
      FloatVector x0 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a0 + at, ORDER));
      c00 = x0.fma(y0, c00);
      c01 = x0.fma(y1, c01);
      c02 = x0.fma(y2, c02);
      c03 = x0.fma(y3, c03);
      FloatVector x1 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a1 + at, ORDER));
      c10 = x1.fma(y0, c10);
      c11 = x1.fma(y1, c11);
      c12 = x1.fma(y2, c12);
      c13 = x1.fma(y3, c13);
      FloatVector x2 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a2 + at, ORDER));
      c20 = x2.fma(y0, c20);
      c21 = x2.fma(y1, c21);
      c22 = x2.fma(y2, c22);
      c23 = x2.fma(y3, c23);
      FloatVector x3 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a3 + at, ORDER));
      c30 = x3.fma(y0, c30);
      c31 = x3.fma(y1, c31);
      c32 = x3.fma(y2, c32);
      c33 = x3.fma(y3, c33);
    }
    FLOATS.cast(c00).intoArray(chains, 0 * L);
    FLOATS.cast(c01).intoArray(chains, 1 * L);
    FLOATS.cast(c02).intoArray(chains, 2 * L);
    FLOATS.cast(c03).intoArray(chains, 3 * L);
    FLOATS.cast(c10).intoArray(chains, 4 * L);
    FLOATS.cast(c11).intoArray(chains, 5 * L);
    FLOATS.cast(c12).intoArray(chains, 6 * L);
    FLOATS.cast(c13).intoArray(chains, 7 * L);
    FLOATS.cast(c20).intoArray(chains, 8 * L);
    FLOATS.cast(c21).intoArray(chains, 9 * L);
    FLOATS.cast(c22).intoArray(chains, 10 * L);
    FLOATS.cast(c23).intoArray(chains, 11 * L);
    FLOATS.cast(c30).intoArray(chains, 12 * L);
    FLOATS.cast(c31).intoArray(chains, 13 * L);
    FLOATS.cast(c32).intoArray(chains, 14 * L);
    FLOATS.cast(c33).intoArray(chains, 15 * L);
  }

  private static void samples2(
      MemorySegment a,
      long[] rows,
      long aStep,
      MemorySegment b,
      long[] columns,
      long bStep,
      long count,
      float[] chains) {
    long a0 = rows[0] * 4;
    long a1 = rows[1] * 4;
    long a2 = rows[2] * 4;
    long a3 = rows[3] * 4;
    long b0 = columns[0] * 4;
    long b1 = columns[1] * 4;
    FloatVector c00 = FloatVector.zero(F);
    FloatVector c01 = FloatVector.zero(F);
    FloatVector c10 = FloatVector.zero(F);
    FloatVector c11 = FloatVector.zero(F);
    FloatVector c20 = FloatVector.zero(F);
    FloatVector c21 = FloatVector.zero(F);
    FloatVector c30 = FloatVector.zero(F);
    FloatVector c31 = FloatVector.zero(F);
    for (long n = 0; n < count; n++) {
      long at = n * aStep * 4;
      long bt = n * bStep * 4;
      FloatVector y0 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b0 + bt, ORDER));
      FloatVector y1 = FLOATS.cast(FloatVector.fromMemorySegment(F, b, b1 + bt, ORDER));
      FloatVector x0 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a0 + at, ORDER));
      c00 = x0.fma(y0, c00);
      c01 = x0.fma(y1, c01);
      FloatVector x1 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a1 + at, ORDER));
      c10 = x1.fma(y0, c10);
      c11 = x1.fma(y1, c11);
      FloatVector x2 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a2 + at, ORDER));
      c20 = x2.fma(y0, c20);
      c21 = x2.fma(y1, c21);
      FloatVector x3 = FLOATS.cast(FloatVector.fromMemorySegment(F, a, a3 + at, ORDER));
      c30 = x3.fma(y0, c30);
      c31 = x3.fma(y1, c31);
    }
    FLOATS.cast(c00).intoArray(chains, 0 * L);
    FLOATS.cast(c01).intoArray(chains, 1 * L);
    FLOATS.cast(c10).intoArray(chains, 2 * L);
    FLOATS.cast(c11).intoArray(chains, 3 * L);
    FLOATS.cast(c20).intoArray(chains, 4 * L);
    FLOATS.cast(c21).intoArray(chains, 5 * L);
    FLOATS.cast(c30).intoArray(chains, 6 * L);
    FLOATS.cast(c31).intoArray(chains, 7 * L);
  }
}

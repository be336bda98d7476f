package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link LocallyConnected2dVectorOrderKernel} with the Vector API. */
final class LocallyConnected2dVectorOrder implements LocallyConnected2dVectorOrderKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final Class<? extends IntVector> INTS = Lanes.type(IntVector.zero(I));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final int L = F.length();

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void reach(
      int samples,
      MemorySegment dy,
      long[] dyAt,
      long dyRow,
      long[] tapDy,
      MemorySegment w,
      long wAt,
      long wRow,
      long[] tapW,
      int[] mask,
      int taps,
      int rows,
      int vectors,
      MemorySegment chains,
      long[] chainAt,
      long chainRow) {
    // A tap's weights lie end to end: all rows of one tap, then the next tap, so that memory is one
    // stream.
    for (int i = 0; i < taps; i++) {
      long b = wAt + tapW[i];
      if (samples == 1) {
        one(
            dy,
            dyAt[0] + tapDy[i],
            dyRow,
            w,
            b,
            wRow,
            mask,
            i * vectors * L,
            rows,
            vectors,
            chains,
            chainAt[0],
            chainRow);
      } else {
        four(
            dy,
            dyAt,
            tapDy[i],
            dyRow,
            w,
            b,
            wRow,
            mask,
            i * vectors * L,
            rows,
            vectors,
            chains,
            chainAt,
            chainRow);
      }
    }
  }

  private static void one(
      MemorySegment dy,
      long dyAt,
      long dyRow,
      MemorySegment w,
      long wAt,
      long wRow,
      int[] mask,
      int maskAt,
      int rows,
      int vectors,
      MemorySegment chains,
      long chainAt,
      long chainRow) {
    chains = Lanes.expectNative(chains);
    for (int j = 0; j < vectors; j++) {
      IntVector m = INTS.cast(IntVector.fromArray(I, mask, maskAt + j * L));
      for (int row = 0; row < rows; row++) {
        long b = (wAt + row * wRow + j * L) * 4;
        long d = (dyAt + row * dyRow + j * L) * 4;
        long c = (chainAt + row * chainRow + j * L) * 4;
        FloatVector all = FLOATS.cast(FloatVector.fromMemorySegment(F, w, b, ORDER));
        FloatVector weight =
            FLOATS.cast(INTS.cast(all.reinterpretAsInts()).and(m).reinterpretAsFloats());
        weight
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, dy, d, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, chains, c, ORDER)))
            .intoMemorySegment(chains, c, ORDER);
      }
    }
  }

  private static void four(
      MemorySegment dy,
      long[] dyAt,
      long tap,
      long dyRow,
      MemorySegment w,
      long wAt,
      long wRow,
      int[] mask,
      int maskAt,
      int rows,
      int vectors,
      MemorySegment chains,
      long[] chainAt,
      long chainRow) {
    chains = Lanes.expectNative(chains);
    long d0 = dyAt[0] + tap;
    long d1 = dyAt[1] + tap;
    long d2 = dyAt[2] + tap;
    long d3 = dyAt[3] + tap;
    long a0 = chainAt[0];
    long a1 = chainAt[1];
    long a2 = chainAt[2];
    long a3 = chainAt[3];
    for (int j = 0; j < vectors; j++) {
      IntVector m = INTS.cast(IntVector.fromArray(I, mask, maskAt + j * L));
      for (int row = 0; row < rows; row++) {
        long b = (wAt + row * wRow + j * L) * 4;
        long d = (row * dyRow + j * L) * 4;
        long c = (row * chainRow + j * L) * 4;
        FloatVector all = FLOATS.cast(FloatVector.fromMemorySegment(F, w, b, ORDER));
        FloatVector weight =
            FLOATS.cast(INTS.cast(all.reinterpretAsInts()).and(m).reinterpretAsFloats());
        weight
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, dy, d0 * 4 + d, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, chains, a0 * 4 + c, ORDER)))
            .intoMemorySegment(chains, a0 * 4 + c, ORDER);
        weight
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, dy, d1 * 4 + d, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, chains, a1 * 4 + c, ORDER)))
            .intoMemorySegment(chains, a1 * 4 + c, ORDER);
        weight
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, dy, d2 * 4 + d, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, chains, a2 * 4 + c, ORDER)))
            .intoMemorySegment(chains, a2 * 4 + c, ORDER);
        weight
            .fma(
                FLOATS.cast(FloatVector.fromMemorySegment(F, dy, d3 * 4 + d, ORDER)),
                FLOATS.cast(FloatVector.fromMemorySegment(F, chains, a3 * 4 + c, ORDER)))
            .intoMemorySegment(chains, a3 * 4 + c, ORDER);
      }
    }
  }

  @Override
  public void addZero(MemorySegment chains, long at, int vectors) {
    chains = Lanes.expectNative(chains);
    for (int j = 0; j < vectors; j++) {
      long to = (at + j * L) * 4;
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, chains, to, ORDER))
          .add(FloatVector.zero(F))
          .intoMemorySegment(chains, to, ORDER);
    }
  }

  @Override
  public void plane(
      MemorySegment x,
      long xAt,
      long[] rowAt,
      long xImage,
      MemorySegment dy,
      long[] dyAt,
      long dyImage,
      long samples,
      MemorySegment dw,
      long[] dwAt,
      int filters,
      int rows,
      int width) {
    dw = Lanes.expectNative(dw);
    long y0 = dyAt[0];
    long y1 = dyAt[1];
    long y2 = dyAt[2];
    long y3 = dyAt[3];
    // A row's last vector is moved back into it. One that is wider than its row runs over into the
    // next, which is written later; the last row has none.
    int whole = width >= L ? rows : Math.max(0, rows - Math.ceilDiv(L - width, width));
    for (int p = 0; p < whole; p++) {
      long xRow = xAt + rowAt[p];
      for (int begin = 0; begin < width; begin += L) {
        int q = Math.max(0, Math.min(begin, width - L));
        long at = (long) p * width + q;
        long xq = (xRow + q) * 4;
        FloatVector c0 = FloatVector.zero(F);
        FloatVector c1 = FloatVector.zero(F);
        FloatVector c2 = FloatVector.zero(F);
        FloatVector c3 = FloatVector.zero(F);
        for (long n = 0; n < samples; n++) {
          long t = (at + n * dyImage) * 4;
          FloatVector a =
              FLOATS.cast(FloatVector.fromMemorySegment(F, x, xq + n * xImage * 4, ORDER));
          c0 = a.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, y0 * 4 + t, ORDER)), c0);
          c1 = a.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, y1 * 4 + t, ORDER)), c1);
          c2 = a.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, y2 * 4 + t, ORDER)), c2);
          c3 = a.fma(FLOATS.cast(FloatVector.fromMemorySegment(F, dy, y3 * 4 + t, ORDER)), c3);
        }
        FLOATS.cast(c0).intoMemorySegment(dw, (dwAt[0] + at) * 4, ORDER);
        FLOATS.cast(c1).intoMemorySegment(dw, (dwAt[1] + at) * 4, ORDER);
        FLOATS.cast(c2).intoMemorySegment(dw, (dwAt[2] + at) * 4, ORDER);
        FLOATS.cast(c3).intoMemorySegment(dw, (dwAt[3] + at) * 4, ORDER);
      }
    }
    for (int p = whole; p < rows; p++) {
      for (int j = 0; j < filters; j++) {
        for (int q = 0; q < width; q++) {
          long at = (long) p * width + q;
          float c = 0f;
          for (long n = 0; n < samples; n++) {
            c =
                Math.fma(
                    f32(x, xAt + rowAt[p] + q + n * xImage),
                    f32(dy, dyAt[j] + at + n * dyImage),
                    c);
          }
          f32(dw, dwAt[j] + at, c);
        }
      }
    }
  }
}

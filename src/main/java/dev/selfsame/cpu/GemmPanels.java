package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/** {@link GemmEnds} with the Vector API. */
final class GemmPanels implements GemmEnds {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int N = F.length();
  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  GemmPanels() {}

  @Override
  public void packAdjacent(
      MemorySegment from,
      long at,
      long step,
      int count,
      int width,
      int depth,
      float[] packed,
      int packedAt) {
    int vectors = (width + N - 1) / N;
    long end = from.byteSize() / Float.BYTES - (long) vectors * N;
    int whole = depth - Math.ceilDiv(vectors * N, width);
    int k = 0;
    // Whole vectors: what they read and write beyond the width, the next term overwrites. The last
    // terms have none, or too little, behind them.
    for (; k <= whole && at + k * step <= end; k++) {
      for (int v = 0; v < vectors; v++) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, (at + k * step + v * N) << 2, NATIVE))
            .intoArray(packed, packedAt + k * width + v * N);
      }
    }
    for (; k < depth; k++) {
      for (int i = 0; i < count; i++) {
        packed[packedAt + k * width + i] = f32(from, at + k * step + i);
      }
    }
  }

  @Override
  public void packAdjacent(
      MemorySegment from,
      long at,
      long step,
      int panels,
      int width,
      int depth,
      float[] packed,
      int packedAt,
      int panelFloats) {
    int vectors = (width + N - 1) / N;
    long end = from.byteSize() / Float.BYTES - (long) vectors * N - (panels - 1) * width;
    int whole = depth - Math.ceilDiv(vectors * N, width);
    int k = 0;
    for (; k <= whole && at + k * step <= end; k++) {
      long row = (at + k * step) << 2;
      int to = packedAt + k * width;
      for (int p = 0; p < panels; p++) {
        for (int v = 0; v < width; v += N) {
          FLOATS
              .cast(FloatVector.fromMemorySegment(F, from, row + 4 * v, NATIVE))
              .intoArray(packed, to + v);
        }
        row += 4 * width;
        to += panelFloats;
      }
    }
    for (; k < depth; k++) {
      for (int i = 0; i < panels * width; i++) {
        int to = packedAt + i / width * panelFloats + k * width + i % width;
        packed[to] = f32(from, at + k * step + i);
      }
    }
  }

  @Override
  public void packColumns(
      MemorySegment from,
      long at,
      long step,
      int count,
      int depth,
      MemorySegment packed,
      long packedAt,
      long panelFloats) {
    packed = Lanes.expectNative(packed);
    for (int k = 0; k < depth; k++) {
      long row = at + k * step;
      long to = packedAt + k * 2L * N;
      int j = 0;
      for (; j + 2 * N <= count; j += 2 * N) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, (row + j) << 2, NATIVE))
            .intoMemorySegment(packed, to << 2, NATIVE);
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, (row + j + N) << 2, NATIVE))
            .intoMemorySegment(packed, (to + N) << 2, NATIVE);
        to += panelFloats;
      }
      if (j + N <= count) {
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, from, (row + j) << 2, NATIVE))
            .intoMemorySegment(packed, to << 2, NATIVE);
        j += N;
        to += N;
      }
      for (; j < count; j++, to++) {
        f32(packed, to, f32(from, row + j));
      }
    }
  }

  @Override
  public void finish(
      MemorySegment c,
      long cAt,
      long cStep,
      boolean moved,
      int rows,
      int columns,
      boolean first,
      @Nullable MemorySegment bias,
      long biasAt,
      boolean relu,
      MemorySegment out,
      long outAt,
      long outStep) {
    boolean plain = bias == null && !relu;
    for (int r = 0; r < rows; r++) {
      long row = cAt + r * cStep;
      long to = outAt + r * outStep;
      if (!first && plain) {
        add(out, to, c, row, out, to, columns);
        continue;
      }
      if (!first) {
        add(out, to, c, row, c, row, columns);
      }
      if (bias != null) {
        add(bias, biasAt, c, row, c, row, columns);
      }
      if (relu) {
        relu(c, row, columns);
      }
      if (moved) {
        copy(c, row, out, to, columns);
      }
    }
  }

  /** to = s + c. */
  private static void add(
      MemorySegment s,
      long at,
      MemorySegment c,
      long row,
      MemorySegment to,
      long toAt,
      int columns) {
    to = Lanes.expectNative(to);
    int j = 0;
    for (; j + N <= columns; j += N) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, s, (at + j) << 2, NATIVE))
          .add(FLOATS.cast(FloatVector.fromMemorySegment(F, c, (row + j) << 2, NATIVE)))
          .intoMemorySegment(to, (toAt + j) << 2, NATIVE);
    }
    for (; j < columns; j++) {
      f32(to, toAt + j, f32(s, at + j) + f32(c, row + j));
    }
  }

  private static void relu(MemorySegment c, long row, int columns) {
    c = Lanes.expectNative(c);
    int j = 0;
    for (; j + N <= columns; j += N) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, c, (row + j) << 2, NATIVE))
          .max(0f)
          .intoMemorySegment(c, (row + j) << 2, NATIVE);
    }
    for (; j < columns; j++) {
      f32(c, row + j, Math.max(f32(c, row + j), 0f));
    }
  }

  private static void copy(MemorySegment c, long row, MemorySegment out, long to, int columns) {
    out = Lanes.expectNative(out);
    int j = 0;
    for (; j + N <= columns; j += N) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, c, (row + j) << 2, NATIVE))
          .intoMemorySegment(out, (to + j) << 2, NATIVE);
    }
    for (; j < columns; j++) {
      f32(out, to + j, f32(c, row + j));
    }
  }
}

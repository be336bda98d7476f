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
  private static final int N = F.length();

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
    int k = 0;
    // Whole vectors: what they read and write beyond the width, the next term overwrites. The last
    // term has no next.
    for (; k < depth - 1 && at + k * step <= end; k++) {
      for (int v = 0; v < vectors; v++) {
        FloatVector.fromMemorySegment(
                F, from, (at + k * step + v * N) << 2, ByteOrder.nativeOrder())
            .intoArray(packed, packedAt + k * width + v * N);
      }
    }
    for (; k < depth; k++) {
      for (int j = 0; j < count; j++) {
        packed[packedAt + k * width + j] = f32(from, at + k * step + j);
      }
    }
  }

  @Override
  public void finish(
      float[] c,
      int cAt,
      int rows,
      int columns,
      boolean first,
      @Nullable MemorySegment bias,
      long biasAt,
      boolean relu,
      MemorySegment out,
      long outAt,
      long outStep) {
    int width = columns > N ? 2 * N : N;
    for (int r = 0; r < rows; r++) {
      int row = cAt + r * width;
      long to = outAt + r * outStep;
      if (!first) {
        addTo(out, to, c, row, columns);
      }
      if (bias != null) {
        addTo(bias, biasAt, c, row, columns);
      }
      if (relu) {
        relu(c, row, columns);
      }
      int j = 0;
      for (; j + N <= columns; j += N) {
        FloatVector.fromArray(F, c, row + j)
            .intoMemorySegment(out, (to + j) << 2, ByteOrder.nativeOrder());
      }
      for (; j < columns; j++) {
        f32(out, to + j, c[row + j]);
      }
    }
  }

  private static void addTo(MemorySegment s, long at, float[] c, int row, int columns) {
    int j = 0;
    for (; j + N <= columns; j += N) {
      FloatVector.fromMemorySegment(F, s, (at + j) << 2, ByteOrder.nativeOrder())
          .add(FloatVector.fromArray(F, c, row + j))
          .intoArray(c, row + j);
    }
    for (; j < columns; j++) {
      c[row + j] = f32(s, at + j) + c[row + j];
    }
  }

  private static void relu(float[] c, int row, int columns) {
    int j = 0;
    for (; j + N <= columns; j += N) {
      FloatVector.fromArray(F, c, row + j).max(0f).intoArray(c, row + j);
    }
    for (; j < columns; j++) {
      c[row + j] = Math.max(c[row + j], 0f);
    }
  }
}

package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Adds a bias for each channel on vectors (op/Bias): one add an element, so any partition gives the
 * same bits.
 */
public interface BiasVector {
  /** y = x + bias over [n, channels, space]. */
  void add(
      MemorySegment x,
      MemorySegment bias,
      MemorySegment y,
      long n,
      long channels,
      long space,
      Workers workers);

  /** The kernel for a vector width. */
  static BiasVector on(int bits) {
    return Lanes.kernel(Kernel.class, BiasVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements BiasVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Elements of a task, about: enough to outweigh its hand-over. */
    private static final long TASK = 16_384;

    Kernel() {}

    @Override
    public void add(
        MemorySegment x,
        MemorySegment bias,
        MemorySegment y,
        long n,
        long channels,
        long space,
        Workers workers) {
      // Rows share one pattern: a row of all biases, or a channel's plane with one bias.
      boolean flat = space == 1;
      long rows = flat ? n : n * channels;
      long length = flat ? channels : space;
      long taskRows = Math.max(1, TASK / length);
      workers.run(
          Math.ceilDiv(rows, taskRows),
          task -> {
            long end = Math.min(rows, (task + 1) * taskRows);
            for (long row = task * taskRows; row < end; row++) {
              if (flat) {
                biases(x, bias, y, row * length, length);
              } else {
                plane(x, Mem.f32(bias, row % channels), y, row * length, length);
              }
            }
          });
    }

    private static void biases(
        MemorySegment x, MemorySegment bias, MemorySegment y, long from, long length) {
      y = Lanes.expectNative(y);
      long i = 0;
      for (; i <= length - W; i += W) {
        long at = (from + i) * Float.BYTES;
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, at, ORDER))
            .add(FLOATS.cast(FloatVector.fromMemorySegment(F, bias, i * Float.BYTES, ORDER)))
            .intoMemorySegment(y, at, ORDER);
      }
      for (; i < length; i++) {
        Mem.f32(y, from + i, Mem.f32(x, from + i) + Mem.f32(bias, i));
      }
    }

    private static void plane(
        MemorySegment x, float bias, MemorySegment y, long from, long length) {
      y = Lanes.expectNative(y);
      long i = 0;
      for (; i <= length - W; i += W) {
        long at = (from + i) * Float.BYTES;
        FLOATS
            .cast(FloatVector.fromMemorySegment(F, x, at, ORDER))
            .add(bias)
            .intoMemorySegment(y, at, ORDER);
      }
      for (; i < length; i++) {
        Mem.f32(y, from + i, Mem.f32(x, from + i) + bias);
      }
    }
  }
}

package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The elementwise part of a step of a simple recurrent layer on vectors (op/Rnn); a task is a piece
 * of the states. {@code h} is [T + 1, B, H], {@code dy} and {@code d} [T, B, H].
 */
public interface RnnVector {
  /** States {@code after} … of h, which hold the input's part on entry. */
  void cell(MemorySegment recurrent, MemorySegment h, long after, long states, Workers workers);

  /** d from element {@code before} on: the step's. */
  void cellGradient(
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment h,
      MemorySegment d,
      long before,
      long states,
      Workers workers);

  /** The kernel for a vector width. */
  static RnnVector on(int bits) {
    return Lanes.kernel(Kernel.class, RnnVector.class, bits);
  }

  /** The kernel; a copy of this class runs each vector width (Lanes). */
  final class Kernel implements RnnVector {
    private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
    private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
    private static final int W = F.length();
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final ElementwiseVector PLAIN = ElementwiseVector.on(F.vectorBitSize());
    private static final ElementaryKernel EXACT = VectorMath.on(F.vectorBitSize());

    /** States of a task. */
    private static final long TASK = 4096;

    Kernel() {}

    @Override
    public void cell(
        MemorySegment recurrent, MemorySegment h, long after, long states, Workers workers) {
      workers.run(
          Math.ceilDiv(states, TASK),
          task -> {
            long from = task * TASK;
            long count = Math.min(TASK, states - from);
            PLAIN.accumulate(h, after + from, recurrent, from, count);
            EXACT.tanh(h, after + from, h, after + from, count);
          });
    }

    @Override
    public void cellGradient(
        MemorySegment dy,
        MemorySegment dr,
        MemorySegment h,
        MemorySegment d,
        long before,
        long states,
        Workers workers) {
      workers.run(
          Math.ceilDiv(states, TASK),
          task -> {
            long from = task * TASK;
            long end = Math.min(states, from + TASK);
            slopes(dy, dr, h, before + states, d, before, from, end);
          });
    }

    private static void slopes(
        MemorySegment dys,
        MemorySegment drs,
        MemorySegment hs,
        long after,
        MemorySegment ds,
        long before,
        long from,
        long end) {
      FloatVector one = FloatVector.broadcast(F, 1f);
      long s = from;
      for (; s <= end - W; s += W) {
        FloatVector u = FLOATS.cast(FloatVector.fromMemorySegment(F, hs, (after + s) << 2, ORDER));
        FloatVector dh =
            FLOATS
                .cast(FloatVector.fromMemorySegment(F, dys, (before + s) << 2, ORDER))
                .add(FLOATS.cast(FloatVector.fromMemorySegment(F, drs, s << 2, ORDER)));
        dh.mul(u.neg().fma(u, one)).intoMemorySegment(ds, (before + s) << 2, ORDER);
      }
      for (; s < end; s++) {
        float u = f32(hs, after + s);
        f32(ds, before + s, (f32(dys, before + s) + f32(drs, s)) * Math.fma(-u, u, 1f));
      }
    }
  }
}

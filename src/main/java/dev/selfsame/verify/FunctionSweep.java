package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Unary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Functions of one element over every bit pattern that a float has: a device against the CPU's
 * vector kernels, all 2³² inputs in blocks, or as many blocks as a time allows.
 *
 * <p>The blocks are taken in an order that spreads over the whole range, so that a short run is a
 * coarse sample of it; what was covered is in the result.
 */
public final class FunctionSweep {
  /** Inputs of a block. */
  public static final int BLOCK = 1 << 22;

  /** Blocks of a whole sweep. */
  public static final int BLOCKS = 1 << 10;

  private static final long PARTS = 64;

  private final Device control;
  private final Device device;
  private final int block;

  private FunctionSweep(Device control, Device device, int block) {
    this.control = control;
    this.device = device;
    this.block = block;
  }

  /** Compares a device with the CPU's vector kernels. */
  public static FunctionSweep of(Device device) {
    return new FunctionSweep(Device.vector(), device, BLOCK);
  }

  /**
   * Samples instead: of each block only every {@code step}-th input.
   *
   * @param step a power of two up to {@link #BLOCK}
   */
  public FunctionSweep every(int step) {
    if (step < 1 || step > BLOCK || Integer.bitCount(step) != 1) {
      throw new IllegalArgumentException(
          "step is " + step + "; allowed are powers of two from 1 to " + BLOCK);
    }
    return new FunctionSweep(control, device, BLOCK / step);
  }

  /**
   * What came of a function.
   *
   * @param function which
   * @param inputs compared
   * @param mismatches of them with differing bits
   * @param first the first found, its index being the input's bits as an unsigned number; or null
   * @param seconds for this function
   */
  public record Outcome(
      Unary function, long inputs, long mismatches, Bits.@Nullable Mismatch first, double seconds) {
    /** Share of all 2³² inputs. */
    public double coverage() {
      return inputs / 0x1p32;
    }
  }

  /**
   * Runs all functions, block by block in turn, so that all are covered alike when time is over.
   *
   * @param time after which no block is begun; at least one is run
   * @param done is told each function and block that is done
   */
  public List<Outcome> run(Duration time, ObjIntConsumer<Unary> done) {
    long start = System.nanoTime();
    List<Tally> tallies = new ArrayList<>();
    for (Unary function : Unary.values()) {
      tallies.add(new Tally(function));
    }
    try (Scope scope = Scope.open();
        Arena arena = Arena.ofShared()) {
      Shape shape = Shape.of(block);
      Tensor x = Tensor.empty(scope, control, DType.F32, shape);
      Tensor expected = Tensor.empty(scope, control, DType.F32, shape);
      Tensor onDevice = Tensor.empty(scope, device, DType.F32, shape);
      Tensor result = Tensor.empty(scope, device, DType.F32, shape);
      MemorySegment actual = arena.allocate(4L * block, 64);
      for (int i = 0; i < BLOCKS; i++) {
        if (i > 0 && System.nanoTime() - start > time.toNanos()) {
          break;
        }
        // Bits reversed: halves, quarters, eighths of the range.
        int index = Integer.reverse(i) >>> 22;
        long first = (long) index * BLOCK;
        int step = BLOCK / block;
        MemorySegment inputs = x.memory();
        IntStream.range(0, block)
            .parallel()
            .forEach(
                k -> inputs.setAtIndex(ValueLayout.JAVA_INT, k, (int) (first + (long) k * step)));
        onDevice.copyFrom(x);
        for (Tally tally : tallies) {
          long before = System.nanoTime();
          Elementwise.unary(tally.function, onDevice, result);
          Elementwise.unary(tally.function, x, expected);
          result.copyTo(actual);
          tally.compare(expected.memory(), actual, first, step);
          tally.nanos += System.nanoTime() - before;
          done.accept(tally.function, i);
        }
      }
    }
    return tallies.stream().map(Tally::outcome).toList();
  }

  private final class Tally {
    final Unary function;
    long inputs;
    long mismatches;
    Bits.@Nullable Mismatch first;
    long nanos;

    Tally(Unary function) {
      this.function = function;
    }

    void compare(MemorySegment expected, MemorySegment actual, long from, int step) {
      inputs += block;
      if (expected.mismatch(actual) < 0) {
        return;
      }
      // NaNs count as one: a part that differs in bytes is looked at element by element.
      long part = Math.max(4, 4L * block / PARTS);
      for (long at = 0; at < 4L * block; at += part) {
        if (expected.asSlice(at, part).mismatch(actual.asSlice(at, part)) < 0) {
          continue;
        }
        for (long k = at / 4; k < (at + part) / 4; k++) {
          float e = expected.getAtIndex(ValueLayout.JAVA_FLOAT, k);
          float a = actual.getAtIndex(ValueLayout.JAVA_FLOAT, k);
          if (!Bits.same(e, a)) {
            mismatches++;
            if (first == null) {
              first =
                  new Bits.Mismatch(
                      from + k * step,
                      Float.floatToRawIntBits(e),
                      Float.floatToRawIntBits(a),
                      true);
            }
          }
        }
      }
    }

    Outcome outcome() {
      return new Outcome(function, inputs, mismatches, first, nanos / 1e9);
    }
  }
}

package dev.selfsame.bench.gpu;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/** Seeded inputs of any size, made on all cores: random, never zeros. */
final class GpuInputs {
  private static final int BLOCK = 1 << 16;

  private GpuInputs() {}

  /** Values in (−1, 1) on a CPU device. */
  static Tensor values(Scope scope, long seed, long... sizes) {
    Tensor t = Tensor.empty(scope, Device.vector(), sizes);
    MemorySegment memory = t.memory();
    long n = t.elements();
    LongStream.range(0, Math.ceilDiv(n, BLOCK))
        .parallel()
        .forEach(block -> {
          var random = new SplittableRandom(seed * 0x9e3779b97f4a7c15L + block);
          for (long i = block * BLOCK; i < Math.min(n, (block + 1) * BLOCK); i++) {
            float value = random.nextInt(-(1 << 23), 1 << 23) * 0x1p-23f;
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
          }
        });
    return t;
  }

  /** Values in [0, 1): second moments. */
  static Tensor positives(Scope scope, long seed, long... sizes) {
    Tensor t = values(scope, seed, sizes);
    MemorySegment memory = t.memory();
    LongStream.range(0, t.elements())
        .parallel()
        .forEach(i ->
            memory.setAtIndex(
                ValueLayout.JAVA_FLOAT, i, Math.abs(memory.getAtIndex(ValueLayout.JAVA_FLOAT, i))));
    return t;
  }

  /** Row indices: uniform, or all the same. */
  static Tensor indices(Scope scope, int n, int rows, boolean hot) {
    int[] values = new int[n];
    var random = new SplittableRandom(7);
    for (int i = 0; i < n; i++) {
      values[i] = hot ? rows / 2 : random.nextInt(rows);
    }
    return Tensor.empty(scope, Device.vector(), DType.I32, Shape.of(n))
        .copyFrom(MemorySegment.ofArray(values));
  }
}

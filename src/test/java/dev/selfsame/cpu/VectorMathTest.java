package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.contract.ExactMath;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class VectorMathTest {
  /** A function of {@link ElementaryKernel}. */
  interface Bulk {
    void apply(ElementaryKernel k, MemorySegment x, long xAt, MemorySegment y, long yAt, long n);
  }

  /** A function of {@link ExactMath} beside its vector twin. */
  record Pair(UnaryOperator<Float> scalar, Bulk vector) {}

  private static final Map<String, Pair> FUNCTIONS =
      Map.of(
          "exp", new Pair(ExactMath::exp, ElementaryKernel::exp),
          "expm1", new Pair(ExactMath::expm1, ElementaryKernel::expm1),
          "log", new Pair(ExactMath::log, ElementaryKernel::log),
          "log1p", new Pair(ExactMath::log1p, ElementaryKernel::log1p),
          "tanh", new Pair(ExactMath::tanh, ElementaryKernel::tanh),
          "sigmoid", new Pair(ExactMath::sigmoid, ElementaryKernel::sigmoid),
          "erf", new Pair(ExactMath::erf, ElementaryKernel::erf),
          "sin", new Pair(ExactMath::sin, ElementaryKernel::sin),
          "cos", new Pair(ExactMath::cos, ElementaryKernel::cos),
          "rsqrt", new Pair(ExactMath::rsqrt, ElementaryKernel::rsqrt));

  /** Values at which a lane takes another path: each must not disturb its neighbours either. */
  private static final float[] EDGES = {
    0f,
    -0f,
    1f,
    -1f,
    Float.NaN,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    0x1p-24f,
    -0x1p-24f,
    0x1p-14f,
    -0x1p-14f,
    88.7f,
    88.8f,
    -87.4f,
    -103.9f,
    -104f,
    9.1f,
    3.9f,
    4f,
    20f,
    0x1p25f,
    -0x1p25f,
    0x1.fffffep24f,
    1e30f,
    0x1.827a74p-7f,
    0x1.2f1fd6p3f,
    0x1.6351d8p95f,
    0x1.800006p-21f,
    -0x1.1d9188p-9f,
    -0x1.250c02p-10f,
    0x1.921fb6p1f
  };

  @Test
  void everyWidthHasTheBitsOfTheDefinition() {
    for (int bits : Lanes.WIDTHS) {
      if (Lanes.supports(bits)) {
        FUNCTIONS.forEach((name, pair) -> check(name + " at " + bits + " bits", pair, bits));
      }
    }
  }

  private static void check(String what, Pair pair, int bits) {
    int n = 6_003;
    float[] x = new float[n];
    Random random = new Random(bits);
    for (int i = 0; i < n; i++) {
      x[i] =
          i < n / 4
              ? Float.intBitsToFloat(random.nextInt())
              : (float) (random.nextGaussian() * Math.pow(2, random.nextInt(-30, 8)));
    }
    for (int i = 0; i < EDGES.length; i++) {
      x[50 * i] = EDGES[i];
      x[n - 1 - i] = EDGES[i];
    }
    ElementaryKernel kernel = VectorMath.on(bits);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment in = arena.allocate(4L * n + 5).asSlice(1);
      MemorySegment out = arena.allocate(4L * n + 4).asSlice(4);
      for (int i = 0; i < n; i++) {
        f32(in, i + 1, x[i]);
      }
      pair.vector().apply(kernel, in, 1, out, 0, n);
      for (int i = 0; i < n; i++) {
        assertBits(pair.scalar().apply(x[i]), f32(out, i), what + " of " + x[i]);
      }
      pair.vector().apply(kernel, in, 1, in, 1, n);
      assertEquals(-1, in.asSlice(4, 4L * n).mismatch(out.asSlice(0, 4L * n)), what + ", in place");
    }
  }

  @Test
  void nothingIsWrittenBesideTheRange() {
    for (int bits : Lanes.WIDTHS) {
      if (!Lanes.supports(bits)) {
        continue;
      }
      int lanes = bits / 64;
      for (int n : new int[] {0, 1, lanes - 1, lanes, lanes + 1, 3 * lanes + 1}) {
        for (Pair pair : FUNCTIONS.values()) {
          try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate(4L * n, 4);
            MemorySegment out = arena.allocate(4L * n + 8, 4).fill((byte) 0x5a);
            pair.vector().apply(VectorMath.on(bits), in, 0, out, 1, n);
            for (int i = 0; i < n; i++) {
              assertBits(pair.scalar().apply(0f), f32(out, 1 + i), "element " + i);
            }
            assertEquals(0x5a5a5a5a, Float.floatToRawIntBits(f32(out, 0)));
            assertEquals(0x5a5a5a5a, Float.floatToRawIntBits(f32(out, n + 1)));
          }
        }
      }
    }
  }

  private static void assertBits(float expected, float actual, String what) {
    assertTrue(
        Float.floatToIntBits(expected) == Float.floatToIntBits(actual),
        () -> what + ": expected " + expected + ", got " + actual);
  }
}

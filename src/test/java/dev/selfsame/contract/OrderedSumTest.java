package dev.selfsame.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class OrderedSumTest {
  private static final int[] COUNTS = {
    1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 1023, 1024, 1025, 1056, 1057, 2048, 3073, 32_767,
    32_768, 32_769, 100_000
  };

  @Test
  void runSumIsTheTreeOfRunsOf32() {
    for (int n : COUNTS) {
      float[] x = random(n);
      assertBits(runsByLevels(x), OrderedSum.runSum(x, 0, n), "run sum of " + n);
    }
  }

  @Test
  void blockSumIsTheTreeOfBlocksOf1024() {
    for (int n : COUNTS) {
      float[] x = random(n);
      assertBits(blocksByLevels(x), OrderedSum.blockSum(x, 0, n), "block sum of " + n);
    }
    int n = 1024 * 1024 + 1;
    float[] x = random(n);
    assertBits(blocksByLevels(x), OrderedSum.blockSum(x, 0, n), "block sum of " + n);
  }

  @Test
  void integersSumExactlyInBothTrees() {
    for (int n : COUNTS) {
      long expected = 0;
      for (int i = 0; i < n; i++) {
        expected += i % 7;
      }
      assertEquals(expected, OrderedSum.runSum(i -> i % 7, n));
      assertEquals(expected, OrderedSum.blockSum(i -> i % 7, n));
    }
  }

  @Test
  void segmentsWithOffsetAndStrideGiveTheSameBits() {
    try (Arena arena = Arena.ofConfined()) {
      int n = 1100;
      float[] x = random(n);
      MemorySegment s = arena.allocate(4L * (3L * n + 5) + 1).asSlice(1);
      for (int i = 0; i < n; i++) {
        Mem.f32(s, 5 + 3L * i, x[i]);
      }
      assertBits(OrderedSum.runSum(x, 0, n), OrderedSum.runSum(s, 5, 3, n), "strided run sum");
      for (int i = 0; i < n; i++) {
        Mem.f32(s, 7 + i, x[i]);
      }
      assertBits(OrderedSum.blockSum(x, 0, n), OrderedSum.blockSum(s, 7, n), "block sum");
    }
  }

  @Test
  void lanesWithoutAnElementTakeNoPart() {
    for (int n : new int[] {1, 3, 17, 31}) {
      assertBits(-0f, OrderedSum.blockSum(i -> -0f, n), "sum of " + n + " negative zeros");
      assertBits(-0f, OrderedSum.runSum(i -> -0f, n), "sum of " + n + " negative zeros");
    }
  }

  @Test
  void anotherOrderGivesOtherBits() {
    float[] x = random(1025);
    float leftToRight = 0;
    for (float v : x) {
      leftToRight += v;
    }
    assertNotEquals(leftToRight, OrderedSum.runSum(x, 0, x.length));
    assertNotEquals(leftToRight, OrderedSum.blockSum(x, 0, x.length));
  }

  @Test
  void emptySumsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> OrderedSum.runSum(i -> 1, 0));
    assertThrows(IllegalArgumentException.class, () -> OrderedSum.blockSum(i -> 1, -1));
  }

  /** The definition again, level by level, with whole arrays. */
  private static float runsByLevels(float[] x) {
    while (true) {
      float[] partials = new float[(x.length + 31) / 32];
      for (int r = 0; r < partials.length; r++) {
        float sum = x[r * 32];
        for (int i = r * 32 + 1; i < Math.min(x.length, r * 32 + 32); i++) {
          sum += x[i];
        }
        partials[r] = sum;
      }
      if (partials.length == 1) {
        return partials[0];
      }
      x = partials;
    }
  }

  private static float blocksByLevels(float[] x) {
    while (true) {
      float[] partials = new float[(x.length + 1023) / 1024];
      for (int b = 0; b < partials.length; b++) {
        partials[b] =
            oneBlock(Arrays.copyOfRange(x, b * 1024, Math.min(x.length, b * 1024 + 1024)));
      }
      if (partials.length == 1) {
        return partials[0];
      }
      x = partials;
    }
  }

  private static float oneBlock(float[] x) {
    Float[] lane = new Float[32];
    for (int j = 0; j < 32; j++) {
      for (int i = j; i < x.length; i += 32) {
        lane[j] = lane[j] == null ? Float.valueOf(x[i]) : Float.valueOf(lane[j] + x[i]);
      }
    }
    for (int half = 16; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) {
        if (lane[j + half] != null) {
          lane[j] = lane[j] + lane[j + half];
        }
      }
    }
    return lane[0];
  }

  private static float[] random(int n) {
    Random random = new Random(n);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static void assertBits(float expected, float actual, String what) {
    assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(actual), what);
  }
}

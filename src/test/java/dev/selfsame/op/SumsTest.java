package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SumsTest {
  private static float[] run(
      Device device, float[] x, long[] shape, long out, BiConsumer<Tensor, Tensor> op) {
    try (Scope scope = Scope.open()) {
      Tensor result = Tensor.empty(scope, device, out).fill(Float.NaN);
      op.accept(Tensor.of(scope, device, x, shape), result);
      return result.toFloatArray();
    }
  }

  private static void sameEverywhere(
      String what, float[] x, long[] shape, long out, BiConsumer<Tensor, Tensor> op) {
    float[] expected = run(Devices.control(), x, shape, out, op);
    for (Device device : Devices.tested()) {
      Bits.assertSame(what + " on " + device, expected, run(device, x, shape, out, op));
    }
  }

  private static float[] values(int kind, long seed, long count) {
    return switch (kind) {
      case 0 -> Values.integers(seed, count);
      case 1 -> Values.random(seed, count);
      default -> Values.special(seed, count);
    };
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        1, 2, 10, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 1000, 1023, 1024, 1025, 1055, 1056, 1057,
        32768, 100_000, 1_048_577
      })
  void totals(int count) {
    for (int kind = 0; kind < 3; kind++) {
      float[] x = values(kind, count, count);
      long[] shape = {count};
      sameEverywhere("sum of " + count, x, shape, 1, Sums::sum);
      sameEverywhere("squares of " + count, x, shape, 1, Sums::squares);
      sameEverywhere("mean of " + count, x, shape, 1, Sums::mean);
    }
  }

  @Test
  void rows() {
    for (long[] shape :
        new long[][] {
          {1, 1}, {5, 10}, {130, 33}, {9, 32}, {9, 96}, {3, 1024}, {7, 1500}, {2, 5000}
        }) {
      for (int kind = 0; kind < 3; kind++) {
        sameEverywhere("rows", values(kind, 1, shape[0] * shape[1]), shape, shape[0], Sums::rows);
      }
    }
  }

  @Test
  void columns() {
    for (long rows : new long[] {1, 2, 31, 32, 33, 64, 97, 1023, 1024, 1025, 1056, 1057, 4000}) {
      for (long columns : new long[] {1, 7, 16, 65, 130}) {
        float[] x = values((int) (rows + columns) % 3, 2, rows * columns);
        sameEverywhere(
            "columns " + rows + "×" + columns,
            x,
            new long[] {rows, columns},
            columns,
            Sums::columns);
      }
    }
    // Strips of columns, wide and narrow, and the last of them.
    for (long[] shape : new long[][] {{9, 300}, {70, 1029}, {3081, 1043}}) {
      float[] x = Values.random(8, shape[0] * shape[1]);
      sameEverywhere("strips of columns", x, shape, shape[1], Sums::columns);
    }
    sameEverywhere(
        "40,000 rows", Values.random(3, 120_000), new long[] {40_000, 3}, 3, Sums::columns);
  }

  @Test
  void channels() {
    for (long[] shape :
        new long[][] {
          {1, 1, 1, 2},
          {2, 3, 5, 7},
          {33, 2, 4, 8},
          {5, 6, 24, 24},
          {64, 16, 8, 8},
          {3, 1, 101, 113},
          // Eight channels at a time: planes of a run and more, cut anywhere; channels left over.
          {4, 8, 4, 8},
          {9, 13, 3, 11},
          {8, 70, 7, 7},
          {1, 135, 7, 9},
          {700, 9, 7, 7},
          {5, 8, 1, 287},
          // Runs of a channel in planes around a group of them, all of them cut.
          {3, 7, 1, 255},
          {40, 9, 1, 289},
          {70, 2, 17, 19}
        }) {
      float[] x = Values.random(4, shape[0] * shape[1] * shape[2] * shape[3]);
      sameEverywhere("channels", x, shape, shape[1], Sums::channels);
    }
  }

  /** Rows of a batch: row r alone gives the bits that it has in any batch. */
  @Test
  void aRowAloneIsARowOfABatch() {
    float[] x = Values.random(5, 6 * 1500);
    float[] all = run(Devices.control(), x, new long[] {6, 1500}, 6, Sums::rows);
    for (int r = 0; r < 6; r++) {
      float[] row = java.util.Arrays.copyOfRange(x, r * 1500, (r + 1) * 1500);
      for (Device device : Devices.tested()) {
        assertEquals(all[r], run(device, row, new long[] {1, 1500}, 1, Sums::rows)[0]);
      }
    }
  }

  /**
   * The error of a tree of depth d on n terms is at most γ_d · Σ|x|; depth is at most 32 + 5 for
   * each level.
   */
  @Test
  void isCloseToTheSumInDouble() {
    float[] x = Values.random(6, 100_000);
    double exact = 0;
    double magnitude = 0;
    for (float v : x) {
      exact += v;
      magnitude += Math.abs(v);
    }
    float got = run(Devices.control(), x, new long[] {x.length}, 1, Sums::sum)[0];
    assertEquals(exact, got, 2 * 37 * Math.scalb(1.0, -24) * magnitude);
  }

  @Test
  void anotherOrderWouldBeSeen() {
    float[] x = Values.random(7, 5000);
    float leftToRight = 0;
    for (float v : x) {
      leftToRight += v;
    }
    float sum = run(Devices.control(), x, new long[] {5000}, 1, Sums::sum)[0];
    float runs = run(Devices.control(), x, new long[] {5000, 1}, 1, Sums::columns)[0];
    assertTrue(!Bits.same(sum, leftToRight), "block sum had the bits of a plain loop");
    assertTrue(!Bits.same(runs, leftToRight), "run sum had the bits of a plain loop");
    assertTrue(!Bits.same(sum, runs), "both trees had the same bits");
  }

  @Test
  void badInputChangesNothing() {
    try (Scope scope = Scope.open()) {
      Tensor out = Tensor.zeros(scope, Devices.control(), 1).fill(9f);
      Tensor empty = Tensor.zeros(scope, Devices.control(), 0, 3);
      Tensor matrix = Tensor.zeros(scope, Devices.control(), 2, 3);
      assertThrows(ShapeException.class, () -> Sums.sum(empty, out));
      assertThrows(ShapeException.class, () -> Sums.columns(empty, out));
      assertThrows(ShapeException.class, () -> Sums.rows(matrix, out));
      assertThrows(ShapeException.class, () -> Sums.channels(out, out));
      assertThrows(ShapeException.class, () -> Sums.sum(out, out));
      assertEquals(9f, out.item());
    }
  }
}

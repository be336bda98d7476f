package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScatterAddTest {
  private static final int[] COLUMNS = {1, 3, 4, 16, 33, 256};

  /** How indices are spread over the rows. */
  private enum Pattern {
    UNIFORM,
    SKEWED,
    HOT,
    FIRST_ONLY,
    DISTINCT;

    int[] indices(int n, int rows) {
      SplittableRandom random = new SplittableRandom(n * 31L + rows);
      int[] at = new int[n];
      for (int i = 0; i < n; i++) {
        at[i] =
            switch (this) {
              case UNIFORM -> random.nextInt(rows);
              case SKEWED -> (int) Math.min(rows - 1, 1 / (random.nextDouble() + 1e-9)) % rows;
              case HOT -> rows - 1;
              case FIRST_ONLY -> 0;
              // A fixed step that has no factor in common with the rows.
              case DISTINCT -> (int) (i * 7919L % rows);
            };
      }
      return at;
    }
  }

  private static List<Device> all() {
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.addFirst(Devices.control());
    return devices;
  }

  private static float[] run(Device device, float[] src, int[] indices, float[] dst, int columns) {
    try (Scope scope = Scope.open()) {
      Tensor to = Tensor.of(scope, device, dst, dst.length / columns, columns);
      ScatterAdd.scatterAdd(
          Tensor.of(scope, device, src, indices.length, columns),
          Tensor.of(scope, device, indices, indices.length),
          to);
      return to.toFloatArray();
    }
  }

  private static void sameEverywhere(
      String what, float[] src, int[] indices, float[] dst, int columns) {
    float[] expected = run(Devices.control(), src, indices, dst, columns);
    for (Device device : Devices.tested()) {
      Bits.assertSame(what + " on " + device, expected, run(device, src, indices, dst, columns));
    }
  }

  private static void sameEverywhere(Pattern pattern, int n, int rows, int columns) {
    int kind = (n + rows + columns) % 3;
    long count = (long) n * columns;
    float[] src =
        switch (kind) {
          case 0 -> Values.integers(n, count);
          case 1 -> Values.random(n, count);
          default -> Values.special(n, count);
        };
    float[] dst = Values.random(7, (long) rows * columns);
    sameEverywhere(
        pattern + " " + n + "×" + columns + " into " + rows,
        src,
        pattern.indices(n, rows),
        dst,
        columns);
  }

  @ParameterizedTest
  @EnumSource
  void bitsAreTheSameOnEveryDevice(Pattern pattern) {
    for (int columns : COLUMNS) {
      for (int n : new int[] {1, 2, 31, 33, 130, 300}) {
        sameEverywhere(pattern, n, 1, columns);
        sameEverywhere(pattern, n, 3, columns);
        sameEverywhere(pattern, n, 307, columns);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        1, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 1023, 1024, 1025, 1055, 1056, 1057, 4095,
        4096, 4097
      })
  void hotRowsAroundRunsAndLevels(int n) {
    sameEverywhere(Pattern.HOT, n, 5, 3);
    sameEverywhere(Pattern.FIRST_ONLY, n, 5, 16);
    sameEverywhere(Pattern.SKEWED, n, 9, 4);
  }

  @Test
  void manyBitsOfIndices() {
    sameEverywhere(Pattern.UNIFORM, 9000, 70_001, 1);
    sameEverywhere(Pattern.DISTINCT, 9000, 300_007, 1);
    sameEverywhere(Pattern.SKEWED, 9000, 1 << 20, 1);
    sameEverywhere(Pattern.HOT, 5000, 1 << 17, 3);
  }

  /** Neighbouring rows of all lengths around one and two runs: their partial sums must not meet. */
  @Test
  void neighbouringLongRows() {
    for (int shift = 0; shift < 16; shift++) {
      List<Integer> at = new ArrayList<>();
      for (int row = 0; row < 40; row++) {
        int length = row == 0 ? shift : row % 5 == 0 ? 1 : 33 + row % 34;
        for (int i = 0; i < length; i++) {
          at.add(row);
        }
      }
      int[] indices = at.stream().mapToInt(Integer::intValue).toArray();
      float[] src = Values.random(shift, indices.length);
      sameEverywhere("shift " + shift, src, indices, new float[40], 1);
    }
  }

  /**
   * Narrow rows of several terms, which vectors may sum in source order, around runs and levels.
   */
  @ParameterizedTest
  @ValueSource(ints = {4, 8, 16, 32, 64, 128})
  void narrowRowsOfSeveralTerms(int columns) {
    for (int longest : new int[] {5, 32, 33, 64, 65, 1024, 1025}) {
      int[] lengths = {longest, 0, 1, 2, 31, 32, 33, 1, longest - 3, 0};
      int n = Arrays.stream(lengths).sum();
      int[] indices = new int[n];
      // Rows take turns until they have received their terms.
      for (int at = 0, turn = 0; at < n; turn++) {
        int row = turn % lengths.length;
        if (turn / lengths.length < lengths[row]) {
          indices[at++] = row;
        }
      }
      float[] src = Values.random(longest, (long) n * columns);
      float[] dst = Values.random(columns, (long) lengths.length * columns);
      sameEverywhere("longest " + longest, src, indices, dst, columns);
      for (Device device : all()) {
        try (Scope scope = Scope.open()) {
          Tensor from = Tensor.of(scope, device, src, n, columns);
          Tensor at = Tensor.of(scope, device, indices, n);
          Tensor padded = Tensor.of(scope, device, dst, lengths.length, columns);
          ScatterAdd.scatterAdd(from, at, 0, padded);
          float[] zeros = new float[columns * lengths.length];
          float[] first = run(Devices.control(), src, indices, dst, columns);
          System.arraycopy(dst, 0, first, 0, columns);
          Bits.assertSame("padded on " + device, first, padded.toFloatArray());
          Tensor cleared = Tensor.empty(scope, device, lengths.length, columns).fill(Float.NaN);
          ScatterAdd.scatter(from, at, cleared);
          Bits.assertSame(
              "into zeros on " + device,
              run(Devices.control(), src, indices, zeros, columns),
              cleared.toFloatArray());
        }
      }
    }
  }

  /** So many narrow rows that threads share them; some receive more than a run. */
  @ParameterizedTest
  @ValueSource(ints = {16, 64})
  void narrowRowsSharedByThreads(int columns) {
    int rows = 3_100;
    int n = 7_001;
    int[] indices = Pattern.UNIFORM.indices(n, rows);
    for (int i = 0; i < n; i += 3) {
      indices[i] = i % 40 * 77;
    }
    float[] src = Values.random(columns, (long) n * columns);
    float[] dst = Values.random(7, (long) rows * columns);
    sameEverywhere("shared rows", src, indices, dst, columns);
    int padding = indices[n / 2];
    float[] expected = withoutPadding(src, indices, padding, dst, columns);
    float[] zeros = withoutPadding(src, indices, -1, new float[rows * columns], columns);
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor from = Tensor.of(scope, device, src, n, columns);
        Tensor at = Tensor.of(scope, device, indices, n);
        Tensor to = Tensor.of(scope, device, dst, rows, columns);
        ScatterAdd.scatterAdd(from, at, padding, to);
        Bits.assertSame("padded on " + device, expected, to.toFloatArray());
        ScatterAdd.scatter(from, at, to.fill(3f));
        Bits.assertSame("into zeros on " + device, zeros, to.toFloatArray());
      }
    }
  }

  /** Larger than one task of the sort, and than three levels; on the vector devices. */
  @Test
  void manyIndices() {
    for (Pattern pattern : Pattern.values()) {
      for (int columns : new int[] {1, 20}) {
        int n = pattern == Pattern.UNIFORM ? 40_000 : 70_001;
        int[] indices = pattern.indices(n, 20_011);
        float[] src = Values.random(1, (long) n * columns);
        float[] dst = Values.random(2, 20_011L * columns);
        float[] expected = run(Devices.control(), src, indices, dst, columns);
        for (Device device : Devices.tested()) {
          if (device instanceof Device.Vector) {
            Bits.assertSame(
                pattern + " on " + device, expected, run(device, src, indices, dst, columns));
          }
        }
      }
    }
  }

  /** Against the sum's own definition, row by row, without a sort. */
  @Test
  void isTheRunSumInSourceOrder() {
    int n = 2500;
    int rows = 11;
    int[] indices = Pattern.SKEWED.indices(n, rows);
    float[] src = Values.random(1, n);
    float[] dst = Values.random(2, rows);
    float[] expected = dst.clone();
    for (int r = 0; r < rows; r++) {
      float[] terms = new float[n];
      int count = 0;
      for (int i = 0; i < n; i++) {
        if (indices[i] == r) {
          terms[count++] = src[i];
        }
      }
      if (count > 0) {
        expected[r] += OrderedSum.runSum(terms, 0, count);
      }
    }
    Bits.assertSame("rows", expected, run(Devices.control(), src, indices, dst, 1));
  }

  @Test
  void anotherOrderWouldBeSeen() {
    int n = 2000;
    int[] indices = Pattern.UNIFORM.indices(n, 7);
    int[] backIndices = new int[n];
    float[] src = Values.random(1, n);
    float[] backSrc = new float[n];
    float[] leftToRight = new float[7];
    for (int i = 0; i < n; i++) {
      backIndices[i] = indices[n - 1 - i];
      backSrc[i] = src[n - 1 - i];
      leftToRight[indices[i]] += src[i];
    }
    for (Device device : all()) {
      float[] got = run(device, src, indices, new float[7], 1);
      float[] back = run(device, backSrc, backIndices, new float[7], 1);
      assertTrue(Bits.compare(got, back).isPresent(), "source order backwards gave the same bits");
      assertTrue(Bits.compare(got, leftToRight).isPresent(), "a plain loop gave the same bits");
    }
  }

  @Test
  void rowsThatReceiveNothingKeepTheirBits() {
    int[] bits = {0x7fc12345, 0x80000000, 0xff812345, 1, 0x7f800000, 0x80000000};
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor dst = Tensor.empty(scope, device, 6, 1);
        dst.copyFrom(MemorySegment.ofArray(bits));
        ScatterAdd.scatterAdd(
            Tensor.of(scope, device, new float[] {-0f, 2, 3}, 3, 1),
            Tensor.of(scope, device, new int[] {5, 3, 3}, 3),
            dst);
        int[] got = new int[6];
        dst.copyTo(MemorySegment.ofArray(got));
        int[] expected = bits.clone();
        // 2^-149 + (2 + 3); and -0 + -0 is -0: no +0 takes part.
        expected[3] = Float.floatToRawIntBits(5f);
        assertArrayEquals(expected, got, device.toString());
      }
    }
  }

  @Test
  void negativeZerosStayNegative() {
    for (int n : new int[] {1, 2, 32, 33, 1025}) {
      float[] src = new float[n * 5];
      float[] dst = new float[10];
      Arrays.fill(src, -0f);
      Arrays.fill(dst, -0f);
      for (Device device : all()) {
        for (float v : run(device, src, Pattern.HOT.indices(n, 2), dst, 5)) {
          assertEquals(0x80000000, Float.floatToRawIntBits(v), n + " on " + device);
        }
      }
    }
  }

  @Test
  void aPlanCanBeUsedAgain() {
    int[] indices = Pattern.SKEWED.indices(3000, 50);
    float[] src = Values.random(1, 3000 * 8);
    float[] dst = Values.random(2, 50 * 8);
    float[] once = run(Devices.control(), src, indices, dst, 8);
    float[] twice = run(Devices.control(), src, indices, once, 8);
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor at = Tensor.of(scope, device, indices, 3000);
        Tensor from = Tensor.of(scope, device, src, 3000, 8);
        Tensor to = Tensor.of(scope, device, dst, 50, 8);
        ScatterAdd.Plan plan = ScatterAdd.plan(at, 50);
        at.fill(-1);
        ScatterAdd.scatterAdd(from, plan, to);
        Bits.assertSame("first use on " + device, once, to.toFloatArray());
        ScatterAdd.scatterAdd(from, plan, to);
        Bits.assertSame("second use on " + device, twice, to.toFloatArray());
        plan.close();
        plan.close();
        assertThrows(ClosedException.class, () -> ScatterAdd.scatterAdd(from, plan, to));
        Bits.assertSame("closed plan on " + device, twice, to.toFloatArray());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void intoZerosIsTheSameAsZerosBefore(Pattern pattern) {
    for (int columns : new int[] {1, 8, 33, 300, 1100}) {
      int n = columns > 300 ? 90 : 2100;
      int rows = 301;
      int[] indices = pattern.indices(n, rows);
      float[] src = Values.special(n, (long) n * columns);
      float[] expected = run(Devices.control(), src, indices, new float[rows * columns], columns);
      for (Device device : all()) {
        try (Scope scope = Scope.open()) {
          Tensor from = Tensor.of(scope, device, src, n, columns);
          Tensor at = Tensor.of(scope, device, indices, n);
          Tensor to = Tensor.empty(scope, device, rows, columns).fill(Float.NaN);
          ScatterAdd.scatter(from, at, to);
          Bits.assertSame(pattern + " on " + device, expected, to.toFloatArray());
          to.fill(-1f);
          try (ScatterAdd.Plan plan = ScatterAdd.plan(at, rows)) {
            ScatterAdd.scatter(from, plan, to);
          }
          Bits.assertSame(pattern + " by plan on " + device, expected, to.toFloatArray());
        }
      }
    }
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor to = Tensor.empty(scope, device, 3, 2).fill(9f);
        Tensor none = Tensor.of(scope, device, new float[0], 0, 2);
        ScatterAdd.scatter(none, Tensor.of(scope, device, new int[0], 0), to);
        assertArrayEquals(new float[6], to.toFloatArray());
      }
    }
  }

  /** The row of the padding index: the positions that hold it might as well not be there. */
  @ParameterizedTest
  @EnumSource(Pattern.class)
  void aPaddingRowReceivesNothingAndTheOthersDontNotice(Pattern pattern) {
    for (int n : new int[] {1, 33, 700, 3 * 1024 + 5}) {
      int rows = 50;
      int columns = 5;
      int[] indices = pattern.indices(n, rows);
      float[] src = Values.random(n, (long) n * columns);
      float[] dst = Values.random(7, (long) rows * columns);
      for (int padding : new int[] {0, indices[n / 2], rows - 1}) {
        float[] expected = withoutPadding(src, indices, padding, dst, columns);
        Bits.assertSame(
            "row " + padding,
            Arrays.copyOfRange(dst, padding * columns, (padding + 1) * columns),
            Arrays.copyOfRange(expected, padding * columns, (padding + 1) * columns));
        for (Device device : all()) {
          try (Scope scope = Scope.open()) {
            Tensor from = Tensor.of(scope, device, src, n, columns);
            Tensor at = Tensor.of(scope, device, indices, n);
            Tensor to = Tensor.of(scope, device, dst, rows, columns);
            ScatterAdd.scatterAdd(from, at, padding, to);
            String what = pattern + " n " + n + " padding " + padding + " on " + device;
            Bits.assertSame(what, expected, to.toFloatArray());
            try (ScatterAdd.Plan plan = ScatterAdd.plan(at, rows, padding)) {
              ScatterAdd.scatter(from, plan, to.fill(3f));
              float[] zeros = new float[dst.length];
              Bits.assertSame(
                  what + " into zeros",
                  withoutPadding(src, indices, padding, zeros, columns),
                  to.toFloatArray());
            }
          }
        }
      }
      // Negative control: a row in use notices whether it is skipped.
      float[] plain = run(Devices.control(), src, indices, dst, columns);
      float[] skipped = withoutPadding(src, indices, indices[n / 2], dst, columns);
      assertTrue(Bits.compare(plain, skipped).isPresent(), pattern + " n " + n);
    }
  }

  /** What is left when the padding positions are taken out by hand. */
  private static float[] withoutPadding(
      float[] src, int[] indices, int padding, float[] dst, int columns) {
    int[] kept = Arrays.stream(indices).filter(i -> i != padding).toArray();
    float[] rows = new float[kept.length * columns];
    int to = 0;
    for (int i = 0; i < indices.length; i++) {
      if (indices[i] != padding) {
        System.arraycopy(src, i * columns, rows, to++ * columns, columns);
      }
    }
    return run(Devices.control(), rows, kept, dst, columns);
  }

  @Test
  void aPaddingIndexOutsideChangesNothing() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor src = Tensor.zeros(scope, device, 3, 2).fill(1f);
        Tensor at = Tensor.of(scope, device, new int[] {0, 3, 1}, 3);
        Tensor dst = Tensor.zeros(scope, device, 4, 2).fill(7f);
        for (int padding : new int[] {-1, 4}) {
          IndexException e =
              assertThrows(
                  IndexException.class, () -> ScatterAdd.scatterAdd(src, at, padding, dst));
          assertTrue(e.getMessage().contains("paddingIndex is " + padding), e.getMessage());
          assertTrue(e.getMessage().contains("0 to 3"), e.getMessage());
        }
        // An index outside is one, whichever row is skipped.
        Tensor wild = Tensor.of(scope, device, new int[] {0, 4, 1}, 3);
        assertThrows(IndexException.class, () -> ScatterAdd.scatterAdd(src, wild, 1, dst));
        float[] untouched = new float[8];
        Arrays.fill(untouched, 7f);
        assertArrayEquals(untouched, dst.toFloatArray());
      }
    }
  }

  @Test
  void aScopeCanOwnAPlan() {
    for (Device device : all()) {
      long before = Tensor.liveBytes();
      ScatterAdd.Plan plan;
      try (Scope scope = Scope.open()) {
        Tensor at = Tensor.of(scope, device, new int[] {0, 1, 1}, 3);
        plan = ScatterAdd.plan(scope, at, 2);
        plan.close();
        Tensor dst = Tensor.zeros(scope, device, 2, 1);
        ScatterAdd.scatterAdd(Tensor.of(scope, device, new float[] {1, 2, 3}, 3, 1), plan, dst);
        assertArrayEquals(new float[] {1, 5}, dst.toFloatArray());
      }
      assertTrue(plan.isClosed());
      assertEquals(before, Tensor.liveBytes());
      Scope closed = Scope.open();
      closed.close();
      try (Scope scope = Scope.open()) {
        Tensor at = Tensor.of(scope, device, new int[] {0}, 1);
        assertThrows(ClosedException.class, () -> ScatterAdd.plan(closed, at, 2));
      }
    }
  }

  @Test
  void noIndicesChangeNothing() {
    for (Device device : all()) {
      assertArrayEquals(
          new float[] {1, 2, 3, 4},
          run(device, new float[0], new int[0], new float[] {1, 2, 3, 4}, 2));
    }
  }

  @Test
  void indicesAndRowsOfAnyShape() {
    for (Device device : all()) {
      try (Scope scope = Scope.open()) {
        Tensor dst = Tensor.zeros(scope, device, 3, 1, 2);
        Tensor src = Tensor.of(scope, device, new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 1, 2);
        ScatterAdd.scatterAdd(src, Tensor.of(scope, device, new int[] {2, 0, 2, 2}, 2, 2), dst);
        assertArrayEquals(new float[] {3, 4, 0, 0, 13, 16}, dst.toFloatArray(), "" + device);
      }
    }
  }

  @Test
  void misalignedSlices() {
    float[] src = Values.random(1, 1 + 400 * 8);
    float[] dst = Values.random(2, 1 + 9 * 8);
    int[] indices = Pattern.SKEWED.indices(400, 9);
    float[] expected =
        run(
            Devices.control(),
            Arrays.copyOfRange(src, 1, src.length),
            indices,
            Arrays.copyOfRange(dst, 1, dst.length),
            8);
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor to = Tensor.of(scope, device, dst, dst.length);
        ScatterAdd.scatterAdd(
            Tensor.of(scope, device, src, src.length).slice(1, src.length).reshape(400, 8),
            Tensor.of(scope, device, indices, 400),
            to.slice(1, dst.length).reshape(9, 8));
        float[] got = to.toFloatArray();
        assertEquals(dst[0], got[0]);
        Bits.assertSame("on " + device, expected, Arrays.copyOfRange(got, 1, got.length));
      }
    }
  }

  @Test
  void anIndexOutsideChangesNothing() {
    for (Device device : all()) {
      long before = Tensor.liveBytes();
      try (Scope scope = Scope.open()) {
        Tensor src = Tensor.zeros(scope, device, 5000, 2).fill(1f);
        Tensor dst = Tensor.zeros(scope, device, 10, 2).fill(9f);
        for (int bad : new int[] {10, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
          int[] at = Values.indices(1, 5000, 10);
          at[4998] = -5;
          at[4321] = bad;
          Tensor indices = Tensor.of(scope, device, at, 5000);
          IndexException e =
              assertThrows(IndexException.class, () -> ScatterAdd.scatterAdd(src, indices, dst));
          assertTrue(
              e.getMessage().contains("indices[4321] is " + bad + "; it must be in [0, 10)"),
              e.getMessage());
        }
        Tensor wild = Tensor.of(scope, device, Values.indices(2, 5000, 1 << 30), 5000);
        assertThrows(IndexException.class, () -> ScatterAdd.scatterAdd(src, wild, dst));
        for (float v : dst.toFloatArray()) {
          assertEquals(9f, v);
        }
      }
      assertEquals(before, Tensor.liveBytes(), "memory left on " + device);
    }
  }

  @Test
  void badTensorsChangeNothing() {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor src = Tensor.zeros(scope, device, 2, 4);
      Tensor indices = Tensor.of(scope, device, new int[] {1, 2}, 2);
      Tensor dst = Tensor.zeros(scope, device, 5, 4).fill(9f);
      Tensor more = Tensor.zeros(scope, device, 3, 4);
      Tensor flat = Tensor.zeros(scope, device, 8);
      Tensor elsewhere = Tensor.of(scope, Device.vector(), new int[] {1, 2}, 2);
      Tensor words = Tensor.empty(scope, device, DType.I32, Shape.of(5, 4));
      assertThrows(ShapeException.class, () -> ScatterAdd.scatterAdd(more, indices, dst));
      assertThrows(ShapeException.class, () -> ScatterAdd.scatterAdd(flat, indices, dst));
      assertThrows(
          ShapeException.class, () -> ScatterAdd.scatterAdd(dst.slice(0, 2), indices, dst));
      assertThrows(DTypeException.class, () -> ScatterAdd.scatterAdd(src, flat, dst));
      assertThrows(DTypeException.class, () -> ScatterAdd.scatterAdd(src, indices, words));
      assertThrows(DeviceException.class, () -> ScatterAdd.scatterAdd(src, elsewhere, dst));
      assertThrows(ShapeException.class, () -> ScatterAdd.plan(indices, 0));
      try (ScatterAdd.Plan plan = ScatterAdd.plan(indices, 6);
          ScatterAdd.Plan away = ScatterAdd.plan(elsewhere, 5)) {
        assertThrows(ShapeException.class, () -> ScatterAdd.scatterAdd(src, plan, dst));
        assertThrows(DeviceException.class, () -> ScatterAdd.scatterAdd(src, away, dst));
      }
      for (float v : dst.toFloatArray()) {
        assertEquals(9f, v);
      }
    }
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Every device against the scalar definition, and the scalar definition against loops of its own.
 */
class GemmTest {
  /** Multiply-adds up to which the software device takes part: it is slow. */
  private static final long SOFT = 150_000;

  /** One problem with its values. */
  private record Case(
      long batch,
      boolean shared,
      int m,
      int n,
      int k,
      boolean aTransposed,
      boolean bTransposed,
      boolean biased,
      Activation activation,
      float[] a,
      float[] b,
      float[] bias) {

    static Case plain(int m, int n, int k, Consumer<float[]> fill) {
      return of(0, false, m, n, k, false, false, false, Activation.NONE, fill);
    }

    /** {@code batch} 0 is the 2-D form. */
    static Case of(
        long batch,
        boolean shared,
        int m,
        int n,
        int k,
        boolean ta,
        boolean tb,
        boolean biased,
        Activation activation,
        Consumer<float[]> fill) {
      int products = (int) Math.max(1, batch);
      float[] a = new float[products * m * k];
      float[] b = new float[(shared ? 1 : products) * k * n];
      float[] bias = new float[n];
      fill.accept(a);
      fill.accept(b);
      fill.accept(bias);
      return new Case(batch, shared, m, n, k, ta, tb, biased, activation, a, b, bias);
    }

    float[] on(Device device) {
      try (Scope scope = Scope.open()) {
        Tensor at = operand(scope, device, a, batch, m, k, aTransposed);
        Tensor bt = operand(scope, device, b, shared ? 0 : batch, k, n, bTransposed);
        Tensor biast = biased ? Tensor.of(scope, device, bias, n) : null;
        Tensor out =
            batch == 0
                ? Tensor.empty(scope, device, m, n)
                : Tensor.empty(scope, device, batch, m, n);
        out.fill(Float.NaN);
        Gemm.gemm(at, bt, biast, activation, out);
        return out.toFloatArray();
      }
    }

    private static Tensor operand(
        Scope scope,
        Device device,
        float[] v,
        long batch,
        long rows,
        long cols,
        boolean transposed) {
      long r = transposed ? cols : rows;
      long c = transposed ? rows : cols;
      Tensor t =
          batch == 0 ? Tensor.of(scope, device, v, r, c) : Tensor.of(scope, device, v, batch, r, c);
      return transposed ? t.transpose() : t;
    }

    long work() {
      return Math.max(1, batch) * m * n * k;
    }

    void check() {
      float[] expected = on(Devices.control());
      for (Device device : Devices.tested()) {
        if (device instanceof Device.Cuda c && c.name().startsWith("soft") && work() > SOFT) {
          continue;
        }
        Bits.assertSame(this + " on " + device, expected, on(device));
      }
    }

    @Override
    public String toString() {
      return "gemm batch "
          + batch
          + (shared ? " (b shared) " : " ")
          + m
          + "x"
          + n
          + "x"
          + k
          + (aTransposed ? " aT" : "")
          + (bTransposed ? " bT" : "")
          + (biased ? " bias " : " ")
          + activation;
    }
  }

  private static Consumer<float[]> random(long seed) {
    SplittableRandom r = new SplittableRandom(seed);
    return v -> {
      for (int i = 0; i < v.length; i++) {
        v[i] = (float) r.nextDouble(-1, 1) * (r.nextInt(8) == 0 ? 64f : 1f);
      }
    };
  }

  private static Consumer<float[]> integers(long seed) {
    SplittableRandom r = new SplittableRandom(seed);
    return v -> {
      for (int i = 0; i < v.length; i++) {
        v[i] = r.nextInt(-8, 9);
      }
    };
  }

  private static Consumer<float[]> special(long seed, int oneIn) {
    SplittableRandom r = new SplittableRandom(seed);
    float[] kinds = {
      0f,
      -0f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      0x1p-127f,
      -0x1p-130f,
      0x1p-75f,
      -0x1p-75f,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN
    };
    return v -> {
      for (int i = 0; i < v.length; i++) {
        // The last three spread over whole rows, so they are rarer.
        int kind = r.nextInt(r.nextInt(oneIn) == 0 ? kinds.length : kinds.length - 3);
        v[i] = r.nextInt(3) == 0 ? (float) r.nextDouble(-1, 1) : kinds[kind];
      }
    };
  }

  @Test
  void sizesAroundTiles() {
    int[] around = {
      1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 37, 63, 65, 97, 129
    };
    for (int i = 0; i < around.length; i++) {
      for (int j = 0; j < around.length; j++) {
        int k = 1 + (i * 7 + j * 5) % 19;
        Case.of(
                0,
                false,
                around[i],
                around[j],
                k,
                (i & 1) != 0,
                (j & 1) != 0,
                (i + j) % 3 == 0,
                (i + j) % 4 == 0 ? Activation.RELU : Activation.NONE,
                random(i * 100L + j))
            .check();
      }
    }
  }

  @Test
  void depthsAroundChunks() {
    int[] depths = {
      1, 2, 7, 8, 9, 15, 16, 17, 511, 512, 513, 1024, 1025, 1536, 3 * 512 + 1, 16384, 16385, 32769
    };
    for (int k : depths) {
      Case.plain(13, 35, k, random(k)).check();
      Case.of(0, false, 3, 5, k, true, true, true, Activation.RELU, random(k)).check();
      Case.plain(2, 2, k, random(k)).check();
    }
  }

  @Test
  void outputsLargerThanOneBlock() {
    Case.plain(1921, 3, 5, random(1)).check();
    Case.plain(3, 2049, 5, random(2)).check();
    Case.of(0, false, 1933, 2083, 2, true, true, true, Activation.RELU, random(3)).check();
    Case.plain(481, 2, 16_385, random(4)).check();
    Case.of(0, false, 2, 513, 16_900, false, true, true, Activation.NONE, random(5)).check();
    Case.plain(150, 300, 600, random(6)).check();
  }

  @Test
  void transposedAndBatched() {
    for (int form = 0; form < 64; form++) {
      long batch = new long[] {0, 1, 3, 3}[form >> 4 & 3];
      boolean shared = (form >> 4 & 3) == 3;
      Case.of(
              batch,
              shared,
              21,
              35,
              26,
              (form & 1) != 0,
              (form & 2) != 0,
              (form & 4) != 0,
              (form & 8) != 0 ? Activation.RELU : Activation.NONE,
              random(form))
          .check();
    }
    Case.of(300, false, 5, 3, 4, false, true, false, Activation.NONE, random(7)).check();
    Case.of(300, true, 5, 3, 4, true, false, true, Activation.NONE, random(8)).check();
    Case.of(2, false, 170, 170, 170, true, false, true, Activation.NONE, random(9)).check();
    Case.of(2, true, 170, 170, 600, true, false, true, Activation.NONE, random(10)).check();
  }

  /** The shapes of LeNet's fully connected layers, forward and both gradients. */
  @Test
  void linearLayers() {
    int[][] layers = {{64, 120, 400}, {64, 84, 120}, {64, 10, 84}, {1, 10, 84}, {37, 120, 256}};
    for (int[] l : layers) {
      Case.of(0, false, l[0], l[1], l[2], false, true, true, Activation.RELU, random(1)).check();
      Case.plain(l[0], l[2], l[1], random(2)).check();
      Case.of(0, false, l[1], l[2], l[0], true, false, false, Activation.NONE, random(3)).check();
    }
  }

  @Test
  void specialValues() {
    for (int seed = 0; seed < 12; seed++) {
      Case.of(
              0,
              false,
              14,
              37,
              seed % 2 == 0 ? 9 : 530,
              seed % 3 == 0,
              seed % 5 == 0,
              true,
              seed % 4 == 0 ? Activation.RELU : Activation.NONE,
              special(seed, seed % 2 == 0 ? 8 : 2000))
          .check();
    }
  }

  /** A chain that underflows to −0 keeps its sign: one more term of +0·+0 would lose it. */
  @Test
  void underflowToNegativeZero() {
    for (int k : new int[] {1, 3, 17, 511, 513}) {
      Case c =
          Case.plain(
              14,
              35,
              k,
              v -> {
                Arrays.fill(v, 0f);
              });
      for (int i = 0; i < c.m; i++) {
        c.a[i * k + k - 1] = -0x1p-100f;
      }
      for (int j = 0; j < c.n; j++) {
        c.b[(k - 1) * c.n + j] = 0x1p-100f;
      }
      float[] out = c.on(Devices.control());
      // A second chunk's −0 is added to the first chunk's +0.
      float expected = k > 512 ? 0f : -0f;
      for (float value : out) {
        assertEquals(Float.floatToRawIntBits(expected), Float.floatToRawIntBits(value), "k " + k);
      }
      c.check();
    }
  }

  @Test
  void reluIsIeeeMaximumWithPlusZero() {
    Case c =
        Case.of(0, false, 1, 4, 1, false, false, true, Activation.RELU, v -> Arrays.fill(v, 0f));
    c.a[0] = 1f;
    System.arraycopy(new float[] {-0f, Float.NaN, -3f, 2f}, 0, c.b, 0, 4);
    Arrays.fill(c.bias, -0f);
    float[] expected = {0f, Float.NaN, 0f, 2f};
    Bits.assertSame("scalar", expected, c.on(Devices.control()));
    c.check();
  }

  /** A row alone, in a batch, at any offset: the same bits. */
  @Test
  void batchInvariance() {
    Case whole = Case.of(0, false, 29, 45, 601, false, true, true, Activation.NONE, random(11));
    for (Device device : Devices.tested()) {
      int rows = device instanceof Device.Cuda ? 3 : whole.m;
      float[] together = whole.on(device);
      for (int i = 0; i < rows; i++) {
        float[] row = Arrays.copyOfRange(whole.a, i * whole.k, (i + 1) * whole.k);
        Case alone =
            new Case(
                0,
                false,
                1,
                whole.n,
                whole.k,
                false,
                true,
                true,
                Activation.NONE,
                row,
                whole.b,
                whole.bias);
        Bits.assertSame(
            "row " + i + " alone on " + device,
            Arrays.copyOfRange(together, i * whole.n, (i + 1) * whole.n),
            alone.on(device));
      }
    }
  }

  /** Slices that start off a vector's alignment, and outputs with sentinels around them. */
  @Test
  void offAlignmentAndWithinBounds() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        float[] values = new float[3 * 7 * 5];
        random(12).accept(values);
        Tensor a = Tensor.of(scope, device, values, 21, 5).slice(1, 20);
        Tensor b = Tensor.of(scope, device, values, 35, 3).slice(1, 6);
        Tensor outs = Tensor.empty(scope, device, 21, 3).fill(-7f);
        Gemm.gemm(a, b, outs.slice(1, 20));
        Device control = Devices.control();
        Tensor expected = Tensor.empty(scope, control, 21, 3).fill(-7f);
        Gemm.gemm(
            Tensor.of(scope, control, values, 21, 5).slice(1, 20),
            Tensor.of(scope, control, values, 35, 3).slice(1, 6),
            expected.slice(1, 20));
        Bits.assertSame("on " + device, expected.toFloatArray(), outs.toFloatArray());
      }
    }
  }

  /**
   * Integers whose sums are exact in any order, against 64-bit integer arithmetic: shows the
   * wiring.
   */
  @Test
  void integersAreExact() {
    for (int form = 0; form < 4; form++) {
      boolean ta = (form & 1) != 0;
      boolean tb = (form & 2) != 0;
      Case c = Case.of(2, false, 7, 9, 700, ta, tb, true, Activation.NONE, integers(form));
      float[] expected = new float[2 * 7 * 9];
      for (int g = 0; g < 2; g++) {
        for (int i = 0; i < 7; i++) {
          for (int j = 0; j < 9; j++) {
            long sum = (long) c.bias[j];
            for (int k = 0; k < 700; k++) {
              sum +=
                  (long) c.a[g * 4900 + (ta ? k * 7 + i : i * 700 + k)]
                      * (long) c.b[g * 6300 + (tb ? j * 700 + k : k * 9 + j)];
            }
            expected[(g * 7 + i) * 9 + j] = sum;
          }
        }
      }
      Bits.assertSame(c.toString(), expected, c.on(Devices.control()));
      c.check();
    }
  }

  /** A product in a stated order, spelled again: chunk length, direction, fusing. */
  private static float[] ordered(Case c, long chunk, boolean reversed, boolean fused) {
    float[] out = new float[c.m * c.n];
    for (int i = 0; i < c.m; i++) {
      for (int j = 0; j < c.n; j++) {
        float total = 0;
        float acc = 0;
        for (int t = 0; t < c.k; t++) {
          int k = reversed ? c.k - 1 - t : t;
          float x = c.a[i * c.k + k];
          float y = c.b[k * c.n + j];
          acc = fused ? Math.fma(x, y, acc) : x * y + acc;
          if ((t + 1) % chunk == 0 || t + 1 == c.k) {
            total = t < chunk ? acc : total + acc;
            acc = 0;
          }
        }
        out[i * c.n + j] = total;
      }
    }
    return out;
  }

  @Test
  void orderIsTheContracts() {
    for (int k : new int[] {100, 512, 513, 2000, 20_000}) {
      Case c = Case.plain(3, 4, k, random(k));
      Bits.assertSame(
          "k " + k, ordered(c, Contract.chunk(k), false, true), c.on(Devices.control()));
    }
  }

  /** Negative controls: each wrong order must be seen. */
  @Test
  void wrongOrdersAreSeen() {
    Case c = Case.plain(6, 6, 1500, random(13));
    float[] right = c.on(Devices.control());
    assertFalse(Bits.compare(right, ordered(c, 512, false, true)).isPresent(), "the right order");
    assertTrue(Bits.compare(right, ordered(c, 512, true, true)).isPresent(), "reversed k");
    assertTrue(Bits.compare(right, ordered(c, 256, false, true)).isPresent(), "chunks of 256");
    assertTrue(Bits.compare(right, ordered(c, 1500, false, true)).isPresent(), "no chunks");
    assertTrue(Bits.compare(right, ordered(c, 512, false, false)).isPresent(), "unfused");
    float[] flipped = right.clone();
    flipped[17] = Float.intBitsToFloat(Float.floatToRawIntBits(flipped[17]) ^ 1);
    assertTrue(Bits.compare(right, flipped).isPresent(), "one flipped bit");
  }

  @Test
  void badInputsLeaveTheOutputUntouched() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor a = Tensor.zeros(scope, device, 2, 3);
        Tensor b = Tensor.zeros(scope, device, 3, 4);
        Tensor out = Tensor.empty(scope, device, 2, 4).fill(9f);
        Tensor square = Tensor.empty(scope, device, 3, 3).fill(9f);
        Tensor closed = Tensor.zeros(scope, device, 2, 3);
        closed.close();
        Device other = Devices.control();
        Tensor elsewhere = Tensor.zeros(scope, other, 2, 3);
        Tensor ints = Tensor.of(scope, device, new int[6], 2, 3);
        bad(ShapeException.class, "b has shape [2, 3]", () -> Gemm.gemm(a, a, out));
        bad(ShapeException.class, "out has shape [2, 4]", () -> Gemm.gemm(b.transpose(), b, out));
        bad(ShapeException.class, "a has shape [6]", () -> Gemm.gemm(a.reshape(6), b, out));
        bad(
            ShapeException.class,
            "b has shape [1, 3, 4]",
            () -> Gemm.gemm(a, b.reshape(1, 3, 4), out));
        bad(
            ShapeException.class,
            "[2, 3, 4] is needed",
            () -> Gemm.gemm(Tensor.zeros(scope, device, 2, 1, 3), b.reshape(1, 3, 4), out));
        bad(
            ShapeException.class,
            "a has shape [0, 3]",
            () -> Gemm.gemm(a.slice(1, 1), b, Tensor.empty(scope, device, 0, 4)));
        bad(
            ShapeException.class,
            "a has shape [2, 0]",
            () ->
                Gemm.gemm(
                    Tensor.empty(scope, device, 2, 0), Tensor.empty(scope, device, 0, 4), out));
        bad(
            ShapeException.class,
            "transposed",
            () -> Gemm.gemm(a, b, out.reshape(4, 2).transpose()));
        bad(
            ShapeException.class,
            "shares memory with a",
            () -> Gemm.gemm(square, Tensor.zeros(scope, device, 3, 3), square));
        bad(
            ShapeException.class,
            "shares memory with b",
            () -> Gemm.gemm(Tensor.zeros(scope, device, 3, 3), square.transpose(), square));
        bad(
            ShapeException.class,
            "bias has shape [3]",
            () -> Gemm.gemm(a, b, Tensor.zeros(scope, device, 3), Activation.NONE, out));
        bad(
            ShapeException.class,
            "shares memory with bias",
            () -> Gemm.gemm(a, b, out.slice(0, 1).reshape(4), Activation.NONE, out));
        bad(DTypeException.class, "I32", () -> Gemm.gemm(ints, b, out));
        bad(DeviceException.class, "a is on scalar", () -> Gemm.gemm(elsewhere, b, out));
        bad(ClosedException.class, "closed", () -> Gemm.gemm(closed, b, out));
        for (float value : out.toFloatArray()) {
          assertEquals(9f, value);
        }
        for (float value : square.toFloatArray()) {
          assertEquals(9f, value);
        }
      }
    }
  }

  private static void bad(
      Class<? extends SelfsameException> type, @Nullable String says, Runnable call) {
    SelfsameException e = assertThrows(type, call::run);
    assertTrue(e.getMessage().contains(says), e.getMessage());
  }
}

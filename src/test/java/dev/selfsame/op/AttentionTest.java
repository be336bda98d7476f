package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AttentionTest {
  private static final List<String> NAMES = List.of("out", "statistics", "dq", "dk", "dv");

  /** B, H, D, T, S: around lanes, tiles, panels and the lanes of a block sum. */
  private static final int[][] SIZES = {
    {1, 1, 1, 1, 1},
    {2, 1, 3, 1, 7},
    {1, 2, 8, 5, 2},
    {2, 3, 16, 31, 33},
    {1, 2, 17, 33, 65},
    {1, 2, 64, 70, 70},
    {1, 1, 13, 97, 40},
    {1, 2, 100, 12, 13}
  };

  /** The same, with T = S, for causal attention. */
  private static final int[][] SQUARES = {
    {1, 1, 1, 1, 1}, {2, 2, 5, 2, 2}, {1, 3, 16, 31, 31}, {2, 1, 20, 33, 33}, {1, 1, 64, 97, 97}
  };

  /** Over a chunk, over a block of a sum, wide heads: few devices' time is needed for these. */
  private static final int[][] LARGE = {
    {1, 1, 3, 3, 1100}, {1, 1, 1, 523, 523}, {1, 1, 256, 7, 9}, {1, 1, 2, 530, 5}
  };

  /** One case: sizes, lengths or null, and the operands' values. */
  record Inputs(
      int batch,
      int heads,
      int dim,
      int queries,
      int keys,
      boolean causal,
      int @Nullable [] lengths,
      float[] q,
      float[] k,
      float[] v,
      float[] dout) {
    static Inputs of(int[] s, boolean causal, boolean padded, UnaryOperator<float[]> values) {
      int width = s[1] * s[2];
      int[] lengths = null;
      if (padded) {
        lengths = new int[s[0]];
        for (int b = 0; b < s[0]; b++) {
          lengths[b] = Math.max(1, s[4] - 3 * b - 1);
        }
      }
      long seed = Arrays.hashCode(s);
      return new Inputs(
          s[0],
          s[1],
          s[2],
          s[3],
          s[4],
          causal,
          lengths,
          values.apply(Values.random(seed, (long) s[0] * s[3] * width)),
          values.apply(Values.random(seed + 1, (long) s[0] * s[4] * width)),
          values.apply(Values.random(seed + 2, (long) s[0] * s[4] * width)),
          values.apply(Values.random(seed + 3, (long) s[0] * s[3] * width)));
    }

    int width() {
      return heads * dim;
    }

    @Override
    public String toString() {
      return "attention %dx%dx%d, %d queries, %d keys, causal %s, lengths %s"
          .formatted(batch, heads, dim, queries, keys, causal, Arrays.toString(lengths));
    }
  }

  /** In −1 … 1, with scores over a few units. */
  private static float[] unit(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(values[i]) * 2;
    }
    return values;
  }

  /** All results, in the order of NAMES. */
  private static float[][] run(Device device, Inputs in) {
    try (Scope scope = Scope.open()) {
      int b = in.batch;
      int w = in.width();
      Tensor q = Tensor.of(scope, device, in.q, b, in.queries, w);
      Tensor k = Tensor.of(scope, device, in.k, b, in.keys, w);
      Tensor v = Tensor.of(scope, device, in.v, b, in.keys, w);
      Tensor dout = Tensor.of(scope, device, in.dout, b, in.queries, w);
      Tensor lengths = in.lengths == null ? null : Tensor.of(scope, device, in.lengths, b);
      Tensor out = poisoned(scope, device, b, in.queries, w);
      Tensor statistics = poisoned(scope, device, 2, b, in.heads, in.queries);
      Attention.forward(q, k, v, lengths, in.heads, in.causal, out, statistics);
      Tensor dq = poisoned(scope, device, b, in.queries, w);
      Tensor dk = poisoned(scope, device, b, in.keys, w);
      Tensor dv = poisoned(scope, device, b, in.keys, w);
      Attention.gradient(dout, q, k, v, lengths, in.heads, in.causal, out, statistics, dq, dk, dv);
      return List.of(out, statistics, dq, dk, dv).stream()
          .map(Tensor::toFloatArray)
          .toArray(float[][]::new);
    }
  }

  private static Tensor poisoned(Scope scope, Device device, long... sizes) {
    return Tensor.empty(scope, device, sizes).fill(12345f);
  }

  private static void compare(Inputs in) {
    float[][] expected = run(Devices.control(), in);
    for (Device device : Devices.tested()) {
      float[][] actual = run(device, in);
      for (int r = 0; r < expected.length; r++) {
        Bits.assertSame(in + " on " + device + ": " + NAMES.get(r), expected[r], actual[r]);
      }
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (int[] s : SIZES) {
      compare(Inputs.of(s, false, false, AttentionTest::unit));
      compare(Inputs.of(s, false, true, AttentionTest::unit));
    }
  }

  @Test
  void causalBitsAreTheSameOnEveryDevice() {
    for (int[] s : SQUARES) {
      compare(Inputs.of(s, true, false, AttentionTest::unit));
      compare(Inputs.of(s, true, true, AttentionTest::unit));
    }
  }

  @Test
  void longSumsHaveTheSameBitsOnEveryDevice() {
    for (int[] s : LARGE) {
      compare(Inputs.of(s, s[3] == s[4], false, AttentionTest::unit));
    }
  }

  @Test
  void specialValuesPass() {
    int[] s = {1, 2, 5, 20, 20};
    for (boolean causal : new boolean[] {false, true}) {
      Inputs in = Inputs.of(s, causal, true, UnaryOperator.identity());
      System.arraycopy(Values.special(3, in.v.length), 0, in.v, 0, in.v.length);
      compare(in);
      System.arraycopy(Values.special(5, 40), 0, in.k, 20, 40);
      System.arraycopy(Values.special(7, 40), 0, in.dout, 60, 40);
      compare(in);
    }
  }

  /** The columns of q, k and v side by side give the bits that they give apart. */
  @Test
  void oneTensorIsAsGoodAsThree() {
    Inputs in = Inputs.of(new int[] {2, 3, 7, 40, 40}, true, true, AttentionTest::unit);
    float[][] expected = run(Devices.control(), in);
    int w = in.width();
    float[] qkv = new float[3 * in.q.length];
    for (int r = 0; r < 80; r++) {
      System.arraycopy(in.q, r * w, qkv, 3 * r * w, w);
      System.arraycopy(in.k, r * w, qkv, (3 * r + 1) * w, w);
      System.arraycopy(in.v, r * w, qkv, (3 * r + 2) * w, w);
    }
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.of(scope, device, qkv, 2, 40, 3L * w);
        Tensor lengths = Tensor.of(scope, device, in.lengths, 2);
        Tensor out = poisoned(scope, device, 2, 40, w);
        Tensor statistics = poisoned(scope, device, 2, 2, 3, 40);
        Tensor dx = poisoned(scope, device, 2, 40, 3L * w);
        Attention.forward(x, lengths, 3, true, out, statistics);
        Tensor dout = Tensor.of(scope, device, in.dout, 2, 40, w);
        Attention.gradient(dout, x, lengths, 3, true, out, statistics, dx);
        Bits.assertSame("out on " + device, expected[0], out.toFloatArray());
        float[] together = dx.toFloatArray();
        for (int part = 0; part < 3; part++) {
          float[] gradient = new float[in.q.length];
          for (int r = 0; r < 80; r++) {
            System.arraycopy(together, (3 * r + part) * w, gradient, r * w, w);
          }
          Bits.assertSame("part " + part + " on " + device, expected[2 + part], gradient);
        }
      }
    }
  }

  @Test
  void aSequenceAloneIsASequenceOfABatch() {
    Inputs in = Inputs.of(new int[] {3, 2, 9, 37, 37}, true, true, AttentionTest::unit);
    for (Device device : List.of(Device.scalar(), Device.vector(), Device.vector(128, 1))) {
      float[][] all = run(device, in);
      for (int b = 0; b < 3; b++) {
        float[][] alone = run(device, part(in, b, in.lengths[b], 37));
        Bits.assertSame("out", rows(all[0], b, 37, 37, in.width()), alone[0]);
        for (int r = 2; r < 5; r++) {
          Bits.assertSame(NAMES.get(r), rows(all[r], b, 37, 37, in.width()), alone[r]);
        }
      }
    }
  }

  /** Rows after a sequence's end change nothing before it, NaN or not. */
  @Test
  void paddingTakesNoPart() {
    for (boolean causal : new boolean[] {false, true}) {
      Inputs in = Inputs.of(new int[] {1, 2, 9, 70, 70}, causal, false, AttentionTest::unit);
      int length = 41;
      int w = in.width();
      float[][] whole = run(Device.scalar(), part(in, 0, length, length));
      Arrays.fill(in.k, length * w, 70 * w, Float.NaN);
      Arrays.fill(in.v, length * w, 70 * w, Float.NaN);
      Inputs padded = part(in, 0, length, 70);
      for (Device device : List.of(Device.scalar(), Device.vector(), Device.vector(256, 1))) {
        float[][] actual = run(device, padded);
        Bits.assertSame("out", whole[0], Arrays.copyOf(actual[0], length * w));
        Bits.assertSame("dq", whole[2], Arrays.copyOf(actual[2], length * w));
      }
    }
  }

  /** The last position of a growing sequence has the bits that it has in the whole. */
  @Test
  void aSequenceMayGrow() {
    Inputs in = Inputs.of(new int[] {1, 2, 9, 70, 70}, true, false, AttentionTest::unit);
    int w = in.width();
    float[][] whole = run(Device.vector(), in);
    for (int n : new int[] {1, 2, 16, 31, 32, 33, 64, 70}) {
      Inputs step =
          new Inputs(
              1,
              2,
              9,
              1,
              n,
              false,
              null,
              Arrays.copyOfRange(in.q, (n - 1) * w, n * w),
              Arrays.copyOf(in.k, n * w),
              Arrays.copyOf(in.v, n * w),
              Arrays.copyOfRange(in.dout, (n - 1) * w, n * w));
      float[][] last = run(Device.vector(), step);
      Bits.assertSame("out " + n, Arrays.copyOfRange(whole[0], (n - 1) * w, n * w), last[0]);
      Bits.assertSame("dq " + n, Arrays.copyOfRange(whole[2], (n - 1) * w, n * w), last[2]);
    }
  }

  /** A sequence of {@code in} with a length, and its first rows. */
  private static Inputs part(Inputs in, int b, int length, int rows) {
    int w = in.width();
    return new Inputs(
        1,
        in.heads,
        in.dim,
        rows,
        rows,
        in.causal,
        new int[] {length},
        rows(in.q, b, in.queries, rows, w),
        rows(in.k, b, in.keys, rows, w),
        rows(in.v, b, in.keys, rows, w),
        rows(in.dout, b, in.queries, rows, w));
  }

  private static float[] rows(float[] all, int b, int each, int rows, int width) {
    return Arrays.copyOfRange(all, b * each * width, (b * each + rows) * width);
  }

  /** Controls: other orders of the keys or of the queries give other bits, and so does a mask. */
  @Test
  void anotherOrderWouldBeSeen() {
    Inputs in = Inputs.of(new int[] {1, 1, 8, 50, 50}, false, false, AttentionTest::unit);
    float[][] expected = run(Device.scalar(), in);
    Inputs keysTurned =
        new Inputs(1, 1, 8, 50, 50, false, null, in.q, turned(in.k, 8), turned(in.v, 8), in.dout);
    float[][] other = run(Device.scalar(), keysTurned);
    assertFalse(Arrays.equals(expected[0], other[0]), "out");
    assertFalse(Arrays.equals(expected[2], other[2]), "dq");
    Inputs queriesTurned =
        new Inputs(1, 1, 8, 50, 50, false, null, turned(in.q, 8), in.k, in.v, turned(in.dout, 8));
    other = run(Device.scalar(), queriesTurned);
    Bits.assertSame("each query alone", expected[0], turned(other[0], 8));
    assertFalse(Arrays.equals(expected[3], other[3]), "dk");
    assertFalse(Arrays.equals(expected[4], other[4]), "dv");
    other = run(Device.scalar(), Inputs.of(new int[] {1, 1, 8, 50, 50}, true, false, x -> x));
    assertFalse(Arrays.equals(expected[0], other[0]), "causal");
  }

  private static float[] turned(float[] rows, int width) {
    float[] turned = new float[rows.length];
    for (int r = 0; r < rows.length / width; r++) {
      System.arraycopy(rows, r * width, turned, rows.length - (r + 1) * width, width);
    }
    return turned;
  }

  @Test
  void badArgumentsAreRefused() {
    try (Scope scope = Scope.open()) {
      Device device = Device.vector();
      Tensor q = Tensor.zeros(scope, device, 2, 3, 8);
      Tensor k = Tensor.zeros(scope, device, 2, 5, 8);
      Tensor out = poisoned(scope, device, 2, 3, 8);
      Tensor statistics = poisoned(scope, device, 2, 2, 2, 3);
      refused(
          ShapeException.class,
          "causal with 3 queries and 5 keys",
          () -> Attention.forward(q, k, k, null, 2, true, out, statistics));
      refused(
          ShapeException.class,
          "heads is 3; a divisor of the 8 columns",
          () -> Attention.forward(q, k, k, null, 3, false, out, statistics));
      refused(
          ShapeException.class,
          "heads is 0",
          () -> Attention.forward(q, k, k, null, 0, false, out, statistics));
      Tensor wide = Tensor.zeros(scope, device, 2, 3, 257);
      refused(
          ShapeException.class,
          "a head has 257 columns; at most 256",
          () -> Attention.forward(wide, wide, wide, null, 1, false, out, statistics));
      refused(
          ShapeException.class,
          "8 columns; a multiple of 3",
          () -> Attention.forward(q, null, 2, false, out, statistics));
      refused(
          ShapeException.class,
          "shares memory with q",
          () -> Attention.forward(out, k, k, null, 2, false, out, statistics));
      for (int bad : new int[] {0, 6, -1}) {
        for (Device d : Devices.tested()) {
          Tensor lengths = Tensor.of(scope, d, new int[] {5, bad}, 2);
          Tensor qd = q.to(scope, d);
          Tensor kd = k.to(scope, d);
          Tensor od = out.to(scope, d);
          Tensor sd = statistics.to(scope, d);
          refused(
              IndexException.class,
              "lengths[1] is " + bad + "; 1 to 5 are allowed",
              () -> Attention.forward(qd, kd, kd, lengths, 2, false, od, sd));
          for (float value : od.toFloatArray()) {
            assertEquals(12345f, value);
          }
        }
      }
    }
  }

  private static void refused(Class<? extends RuntimeException> kind, String why, Runnable call) {
    RuntimeException e = assertThrows(kind, call::run);
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Every device against the scalar definition. */
class GemmTest {
  @Test
  void sizesAroundTiles() {
    int[] around = {
      1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 37, 63, 65, 97, 129
    };
    for (int i = 0; i < around.length; i++) {
      for (int j = 0; j < around.length; j++) {
        int k = 1 + (i * 7 + j * 5) % 19;
        GemmCase.of(
                0,
                false,
                around[i],
                around[j],
                k,
                (i & 1) != 0,
                (j & 1) != 0,
                (i + j) % 3 == 0,
                (i + j) % 4 == 0 ? Activation.RELU : Activation.NONE,
                GemmCase.random(i * 100L + j))
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
      GemmCase.plain(13, 35, k, GemmCase.random(k)).check();
      GemmCase.of(0, false, 3, 5, k, true, true, true, Activation.RELU, GemmCase.random(k)).check();
      GemmCase.plain(2, 2, k, GemmCase.random(k)).check();
    }
  }

  /** Few columns of many rows are computed as their transpose. */
  @Test
  void narrowOutputs() {
    for (int form = 0; form < 16; form++) {
      int columns = new int[] {1, 5, 12, 13}[form & 3];
      int rows = new int[] {63, 64, 150, 1921}[form >> 2];
      int terms = form % 3 == 0 ? 530 : 19;
      boolean a = (form ^ form >> 2) % 2 != 0;
      boolean b = (form >> 1 ^ form >> 3) % 2 != 0;
      GemmCase.of(
              0, false, rows, columns, terms, a, b, false, Activation.NONE, GemmCase.random(form))
          .check();
    }
  }

  @Test
  void outputsLargerThanOneBlock() {
    GemmCase.plain(1921, 3, 5, GemmCase.random(1)).check();
    GemmCase.plain(3, 2049, 5, GemmCase.random(2)).check();
    GemmCase.of(0, false, 1933, 2083, 2, true, true, true, Activation.RELU, GemmCase.random(3))
        .check();
    GemmCase.plain(481, 2, 16_385, GemmCase.random(4)).check();
    GemmCase.of(0, false, 2, 513, 16_900, false, true, true, Activation.NONE, GemmCase.random(5))
        .check();
    GemmCase.plain(150, 300, 600, GemmCase.random(6)).check();
  }

  @Test
  void transposedAndBatched() {
    for (int form = 0; form < 64; form++) {
      long batch = new long[] {0, 1, 3, 3}[form >> 4 & 3];
      boolean shared = (form >> 4 & 3) == 3;
      GemmCase.of(
              batch,
              shared,
              21,
              35,
              26,
              (form & 1) != 0,
              (form & 2) != 0,
              (form & 4) != 0,
              (form & 8) != 0 ? Activation.RELU : Activation.NONE,
              GemmCase.random(form))
          .check();
    }
    GemmCase.of(300, false, 5, 3, 4, false, true, false, Activation.NONE, GemmCase.random(7))
        .check();
    GemmCase.of(300, true, 5, 3, 4, true, false, true, Activation.NONE, GemmCase.random(8)).check();
    GemmCase.of(2, false, 170, 170, 170, true, false, true, Activation.NONE, GemmCase.random(9))
        .check();
    GemmCase.of(2, true, 170, 170, 600, true, false, true, Activation.NONE, GemmCase.random(10))
        .check();
  }

  /**
   * So many tiles that some of them take two chunks before the others do, and one chunk is left.
   */
  @Test
  void groupsOfTiles() {
    for (boolean transposed : new boolean[] {false, true}) {
      GemmCase.of(
              0,
              false,
              613,
              530,
              1300,
              transposed,
              false,
              true,
              Activation.RELU,
              GemmCase.random(13))
          .check();
    }
    GemmCase.plain(613, 200, 1300, GemmCase.random(14)).check();
  }

  /** The shapes of LeNet's fully connected layers, forward and both gradients. */
  @Test
  void linearLayers() {
    int[][] layers = {{64, 120, 400}, {64, 84, 120}, {64, 10, 84}, {1, 10, 84}, {37, 120, 256}};
    for (int[] l : layers) {
      GemmCase.of(
              0, false, l[0], l[1], l[2], false, true, true, Activation.RELU, GemmCase.random(1))
          .check();
      GemmCase.plain(l[0], l[2], l[1], GemmCase.random(2)).check();
      GemmCase.of(
              0, false, l[1], l[2], l[0], true, false, false, Activation.NONE, GemmCase.random(3))
          .check();
    }
  }

  @Test
  void specialValues() {
    for (int seed = 0; seed < 12; seed++) {
      GemmCase.of(
              0,
              false,
              14,
              37,
              seed % 2 == 0 ? 9 : 530,
              seed % 3 == 0,
              seed % 5 == 0,
              true,
              seed % 4 == 0 ? Activation.RELU : Activation.NONE,
              GemmCase.special(seed, seed % 2 == 0 ? 8 : 2000))
          .check();
    }
  }

  /** A chain that underflows to −0 keeps its sign: one more term of +0·+0 would lose it. */
  @Test
  void underflowToNegativeZero() {
    for (int k : new int[] {1, 3, 17, 511, 513}) {
      GemmCase c =
          GemmCase.plain(
              14,
              35,
              k,
              v -> {
                Arrays.fill(v, 0f);
              });
      for (int i = 0; i < c.m(); i++) {
        c.a()[i * k + k - 1] = -0x1p-100f;
      }
      for (int j = 0; j < c.n(); j++) {
        c.b()[(k - 1) * c.n() + j] = 0x1p-100f;
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
    GemmCase c =
        GemmCase.of(
            0, false, 1, 4, 1, false, false, true, Activation.RELU, v -> Arrays.fill(v, 0f));
    c.a()[0] = 1f;
    System.arraycopy(new float[] {-0f, Float.NaN, -3f, 2f}, 0, c.b(), 0, 4);
    Arrays.fill(c.bias(), -0f);
    float[] expected = {0f, Float.NaN, 0f, 2f};
    Bits.assertSame("scalar", expected, c.on(Devices.control()));
    c.check();
  }

  /** A row alone, in a batch, at any offset: the same bits. */
  @Test
  void batchInvariance() {
    GemmCase whole =
        GemmCase.of(0, false, 29, 45, 601, false, true, true, Activation.NONE, GemmCase.random(11));
    for (Device device : Devices.tested()) {
      int rows = device instanceof Device.Cuda ? 3 : whole.m();
      float[] together = whole.on(device);
      for (int i = 0; i < rows; i++) {
        float[] row = Arrays.copyOfRange(whole.a(), i * whole.k(), (i + 1) * whole.k());
        GemmCase alone =
            new GemmCase(
                0,
                false,
                1,
                whole.n(),
                whole.k(),
                false,
                true,
                true,
                Activation.NONE,
                row,
                whole.b(),
                whole.bias());
        Bits.assertSame(
            "row " + i + " alone on " + device,
            Arrays.copyOfRange(together, i * whole.n(), (i + 1) * whole.n()),
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
        GemmCase.random(12).accept(values);
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

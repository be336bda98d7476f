package dev.selfsame.op;

import static dev.selfsame.op.Conv2dCases.PLAIN;
import static dev.selfsame.op.Conv2dCases.SHAPES;
import static dev.selfsame.op.Conv2dCases.dot;
import static dev.selfsame.op.Conv2dCases.filled;
import static dev.selfsame.op.Conv2dCases.floats;
import static dev.selfsame.op.Conv2dCases.part;
import static dev.selfsame.op.Conv2dCases.run;
import static dev.selfsame.op.Conv2dCases.vectors;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Conv2dCases.Case;
import dev.selfsame.op.Conv2dCases.Data;
import dev.selfsame.op.Conv2dCases.Results;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The definition against independent arithmetic, and what the checks refuse. */
class Conv2dDefinitionTest {
  @Test
  void integersMatchAnIndependentConvolution() {
    for (Case z : SHAPES) {
      Random random = new Random(11);
      Data d = Data.of(z, () -> random.nextInt(-4, 5));
      Results expected = independent(z, d);
      List<Device> devices = new ArrayList<>(vectors());
      devices.add(Devices.control());
      for (Device device : devices) {
        Results actual = run(device, z, d);
        Bits.assertSame(device + " y " + z, expected.y(), actual.y());
        Bits.assertSame(device + " relu " + z, expected.relu(), actual.relu());
        Bits.assertSame(device + " dx " + z, expected.dx(), actual.dx());
        Bits.assertSame(device + " dw " + z, expected.dw(), actual.dw());
      }
    }
  }

  /** All passes by one walk over (output, tap), in integers. */
  private static Results independent(Case z, Data d) {
    long[] y = new long[d.dy().length];
    long[] dx = new long[d.x().length];
    long[] dw = new long[d.w().length];
    int perGroupC = (int) z.c() / z.g().groups();
    int perGroupK = (int) z.k() / z.g().groups();
    int o = 0;
    for (int n = 0; n < z.n(); n++) {
      for (int k = 0; k < z.k(); k++) {
        for (int p = 0; p < z.p(); p++) {
          for (int q = 0; q < z.q(); q++, o++) {
            int f = k * (int) (perGroupC * z.r() * z.s());
            for (int c = 0; c < perGroupC; c++) {
              for (int r = 0; r < z.r(); r++) {
                for (int s = 0; s < z.s(); s++, f++) {
                  int h = p * z.g().strideH() + r * z.g().dilationH() - z.g().paddingH();
                  int w = q * z.g().strideW() + s * z.g().dilationW() - z.g().paddingW();
                  if (h >= 0 && w >= 0 && h < z.h() && w < z.w()) {
                    int i =
                        (int)
                            (((n * z.c() + k / perGroupK * perGroupC + c) * z.h() + h) * z.w() + w);
                    y[o] += (long) d.x()[i] * (long) d.w()[f];
                    dx[i] += (long) d.dy()[o] * (long) d.w()[f];
                    dw[f] += (long) d.dy()[o] * (long) d.x()[i];
                  }
                }
              }
            }
            y[o] += (long) d.bias()[k];
          }
        }
      }
    }
    float[] exact = floats(y);
    float[] relu = exact.clone();
    for (int i = 0; i < relu.length; i++) {
      relu[i] = relu[i] > 0f ? relu[i] : 0f;
    }
    return new Results(exact, relu, floats(dx), floats(dw));
  }

  @Test
  void gradientsAreTheAdjointsOfTheForwardPass() {
    // <conv(x, w), dy> = <x, dx> = <w, dw>; the three sums have the same terms, so that they differ
    // by rounding only.
    for (Case z : SHAPES) {
      Data d = Data.random(z, 13);
      float[] none = new float[d.bias().length];
      Results r = run(Devices.control(), z, new Data(d.x(), d.w(), none, d.dy()));
      double forward = dot(r.y(), d.dy());
      double terms = (double) d.dy().length * z.c() / z.g().groups() * z.r() * z.s();
      double bound = 1e-5 * Math.sqrt(terms) * 4 + 1e-6;
      assertEquals(forward, dot(r.dx(), d.x()), bound, "dx of " + z);
      assertEquals(forward, dot(r.dw(), d.w()), bound, "dw of " + z);
    }
  }

  @Test
  void differencesOfTheForwardPassGiveTheGradients() {
    // The pass is linear in x and in w: a step of one power of two gives the derivative up to
    // rounding.
    Case z = new Case(1, 2, 5, 6, 3, 3, 2, Geometry.of(2, 1).withDilation(1, 2));
    Random random = new Random(17);
    Data d = Data.of(z, () -> random.nextInt(-8, 9) / 8.0);
    Results r = run(Devices.control(), z, d);
    for (int i = 0; i < d.x().length; i++) {
      float[] moved = d.x().clone();
      moved[i] += 1f;
      float[] y = run(Devices.control(), z, new Data(moved, d.w(), d.bias(), d.dy())).y();
      assertEquals(r.dx()[i], dot(y, d.dy()) - dot(r.y(), d.dy()), 1e-12, "dx " + i);
    }
    for (int i = 0; i < d.w().length; i++) {
      float[] moved = d.w().clone();
      moved[i] += 1f;
      float[] y = run(Devices.control(), z, new Data(d.x(), moved, d.bias(), d.dy())).y();
      assertEquals(r.dw()[i], dot(y, d.dy()) - dot(r.y(), d.dy()), 1e-12, "dw " + i);
    }
  }

  @Test
  void definitionIsTheContractsContraction() {
    Case z = new Case(2, 130, 4, 4, 2, 2, 2, PLAIN);
    Data d = Data.random(z, 19);
    float[] y = run(Devices.control(), z, new Data(d.x(), d.w(), filled(2, -0f), d.dy())).y();
    Bits.assertSame("chunks of 512", y, forwardWithChunks(z, d, 512));
    // Negative controls: other chunk lengths are other bits.
    assertEquals(512, Contract.chunk(520));
    assertTrue(Bits.compare(y, forwardWithChunks(z, d, 520)).isPresent(), "one chain must differ");
    assertTrue(
        Bits.compare(y, forwardWithChunks(z, d, 256)).isPresent(), "shorter chunks must differ");
    float[] flipped = y.clone();
    flipped[5] = Float.intBitsToFloat(Float.floatToRawIntBits(flipped[5]) ^ 1);
    assertEquals(5, Bits.compare(y, flipped).orElseThrow().index());
  }

  private static float[] forwardWithChunks(Case z, Data d, int chunk) {
    float[] y = new float[d.dy().length];
    int terms = (int) (z.c() * z.r() * z.s());
    for (int o = 0; o < y.length; o++) {
      int q = (int) (o % z.q());
      int p = (int) (o / z.q() % z.p());
      int k = (int) (o / (z.p() * z.q()) % z.k());
      int n = (int) (o / (z.p() * z.q() * z.k()));
      float total = 0f;
      for (int first = 0; first < terms; first += chunk) {
        float chain = 0f;
        for (int t = first; t < Math.min(terms, first + chunk); t++) {
          long c = t / (z.r() * z.s());
          long h = p + t / z.s() % z.r();
          long w = q + t % z.s();
          chain =
              Math.fma(
                  d.x()[(int) (((n * z.c() + c) * z.h() + h) * z.w() + w)],
                  d.w()[k * terms + t],
                  chain);
        }
        total = first == 0 ? chain : total + chain;
      }
      y[o] = total + -0f;
    }
    return y;
  }

  @Test
  void badArgumentsAreRefusedAndNothingIsWritten() {
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.add(Devices.control());
    for (Device device : devices) {
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.zeros(scope, device, 2, 4, 6, 6);
        Tensor w = Tensor.zeros(scope, device, 6, 4, 3, 3);
        Tensor y = Tensor.empty(scope, device, 2, 6, 4, 4).fill(7f);
        Tensor dx = Tensor.empty(scope, device, 2, 4, 6, 6).fill(7f);
        Tensor dw = Tensor.empty(scope, device, 6, 4, 3, 3).fill(7f);
        Tensor square = Tensor.zeros(scope, device, 4, 4, 3, 3);
        Tensor closed = Tensor.zeros(scope, device, 6, 4, 3, 3);
        closed.close();
        Tensor ints = Tensor.empty(scope, device, DType.I32, w.shape());
        Tensor elsewhere =
            Tensor.zeros(
                scope,
                device instanceof Device.Scalar ? Device.vector() : Device.scalar(),
                6,
                4,
                3,
                3);

        refused(
            ShapeException.class,
            "[2, 6, 4, 4]",
            () -> Conv2d.forward(x, w, null, Geometry.of(1, 1), y));
        refused(
            ShapeException.class,
            "groups is 3",
            () -> Conv2d.forward(x, w, null, PLAIN.withGroups(3), y));
        refused(
            ShapeException.class,
            "[6, 2, 3, 3]",
            () -> Conv2d.forward(x, w, null, PLAIN.withGroups(2), y));
        refused(
            ShapeException.class,
            "reaches over 7",
            () -> Conv2d.forward(x, w, null, PLAIN.withDilation(3, 3), y));
        refused(
            ShapeException.class,
            "[N, C, H, W]",
            () -> Conv2d.forward(x.reshape(8, 36), w, null, PLAIN, y));
        refused(
            ShapeException.class,
            "at least 1",
            () -> Conv2d.forward(Tensor.zeros(scope, device, 0, 4, 6, 6), w, null, PLAIN, y));
        refused(
            ShapeException.class,
            "bias",
            () -> Conv2d.forward(x, w, Tensor.zeros(scope, device, 5), PLAIN, y));
        refused(
            ShapeException.class,
            "transposed",
            () -> Conv2d.forward(x.transpose(), w, null, PLAIN, y));
        refused(
            ShapeException.class,
            "shares memory",
            () -> Conv2d.dataGradient(dx, square, Geometry.of(1, 1), dx));
        refused(ClosedException.class, "closed", () -> Conv2d.forward(x, closed, null, PLAIN, y));
        refused(DTypeException.class, "I32", () -> Conv2d.forward(x, ints, null, PLAIN, y));
        refused(DeviceException.class, "is on", () -> Conv2d.forward(x, elsewhere, null, PLAIN, y));
        refused(ShapeException.class, "dy", () -> Conv2d.dataGradient(x, w, PLAIN, dx));
        refused(ShapeException.class, "dy", () -> Conv2d.weightGradient(x, x, PLAIN, dw));
        for (Tensor untouched : List.of(y, dx, dw)) {
          Bits.assertSame(
              "untouched", filled((int) untouched.elements(), 7f), untouched.toFloatArray());
        }
      }
    }
    refused(ShapeException.class, "strideH is 0", () -> Geometry.of(0, 0));
    refused(ShapeException.class, "paddingW is -1", () -> PLAIN.withPadding(0, -1));
    refused(ShapeException.class, "dilationH is 0", () -> PLAIN.withDilation(0, 1));
    refused(ShapeException.class, "groups is -2", () -> PLAIN.withGroups(-2));
    refused(
        ShapeException.class,
        "overflow",
        () -> PLAIN.withDilation(1 << 30, 1).outputHeight(5, 1L << 40));
    refused(ShapeException.class, "at least 1", () -> PLAIN.outputWidth(0, 1));
    assertEquals(112, Geometry.of(2, 3).outputHeight(224, 7));
  }

  private static void refused(Class<? extends SelfsameException> type, String part, Runnable call) {
    String message = assertThrows(type, call::run).getMessage();
    assertTrue(message.contains(part), message);
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

class Conv2dTest {
  private static final float POISON = Float.intBitsToFloat(0x7fc0dead);

  /** One convolution: x [n, c, h, w], kernel [k, c/groups, r, s]. */
  private record Case(long n, long c, long h, long w, long k, long r, long s, Geometry g) {
    long p() {
      return g.outputHeight(h, r);
    }

    long q() {
      return g.outputWidth(w, s);
    }

    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {k, c / g.groups(), r, s};
    }

    long[] y() {
      return new long[] {n, k, p(), q()};
    }
  }

  /** Values for all tensors of a case. */
  private record Data(float[] x, float[] w, float[] bias, float[] dy) {
    static Data of(Case z, DoubleSupplier values) {
      return new Data(
          make(z.x(), values),
          make(z.weight(), values),
          make(new long[] {z.k}, values),
          make(z.y(), values));
    }

    static Data random(Case z, long seed) {
      return of(z, new Random(seed)::nextGaussian);
    }

    private static float[] make(long[] shape, DoubleSupplier values) {
      float[] made = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
      for (int i = 0; i < made.length; i++) {
        made[i] = (float) values.getAsDouble();
      }
      return made;
    }
  }

  private record Results(float[] y, float[] relu, float[] dx, float[] dw) {}

  private static final Geometry PLAIN = Geometry.of(1, 0);

  private static final List<Case> SHAPES =
      List.of(
          new Case(1, 1, 1, 1, 1, 1, 1, PLAIN),
          new Case(2, 1, 12, 12, 6, 5, 5, Geometry.of(1, 2)),
          new Case(2, 6, 14, 14, 16, 5, 5, PLAIN),
          new Case(1, 3, 19, 17, 7, 7, 7, Geometry.of(2, 3)),
          new Case(2, 5, 9, 7, 3, 3, 3, Geometry.of(1, 1)),
          new Case(2, 4, 8, 33, 5, 3, 2, Geometry.of(1, 1).withStride(2, 3)),
          new Case(1, 4, 11, 10, 6, 3, 3, Geometry.of(2, 2).withDilation(2, 3)),
          new Case(1, 3, 7, 8, 4, 2, 2, Geometry.of(3, 0)),
          new Case(1, 2, 5, 5, 3, 1, 1, Geometry.of(3, 1)),
          new Case(1, 2, 3, 4, 3, 5, 7, Geometry.of(1, 3)),
          new Case(1, 2, 2, 3, 4, 3, 3, Geometry.of(2, 9)),
          new Case(3, 7, 6, 5, 13, 1, 1, PLAIN),
          new Case(1, 9, 1, 65, 17, 1, 1, PLAIN),
          new Case(1, 8, 6, 6, 12, 3, 3, Geometry.of(1, 1).withGroups(4)),
          new Case(2, 6, 7, 7, 4, 3, 3, Geometry.of(2, 1).withGroups(2)),
          new Case(2, 5, 13, 11, 5, 3, 3, Geometry.of(1, 1).withGroups(5)),
          new Case(1, 18, 9, 9, 18, 3, 3, Geometry.of(2, 1).withGroups(18)),
          new Case(1, 4, 6, 37, 8, 3, 5, Geometry.of(1, 2).withGroups(4)),
          new Case(1, 2, 6, 6, 25, 3, 3, Geometry.of(1, 1)),
          new Case(1, 1, 5, 70, 33, 1, 3, Geometry.of(1, 0).withPadding(0, 1)),
          new Case(1, 3, 7, 7, 70, 3, 3, Geometry.of(1, 1)));

  @Test
  void everyDeviceGivesTheDefinitionsBits() {
    for (Case z : SHAPES) {
      check(z, Data.random(z, 1), Devices.tested());
    }
  }

  @Test
  void smallCasesOfEveryKindAgree() {
    Random random = new Random(7);
    for (int i = 0; i < 60; i++) {
      Case z = randomCase(random);
      check(z, Data.random(z, i), i % 6 == 0 ? Devices.tested() : vectors());
    }
  }

  private static Case randomCase(Random random) {
    while (true) {
      int groups = random.nextInt(1, 4);
      Geometry g =
          new Geometry(
              random.nextInt(1, 4),
              random.nextInt(1, 4),
              random.nextInt(0, 4),
              random.nextInt(0, 4),
              random.nextInt(1, 3),
              random.nextInt(1, 3),
              groups);
      Case z =
          new Case(
              random.nextInt(1, 3),
              groups * random.nextInt(1, 5),
              random.nextInt(1, 12),
              random.nextInt(1, 40),
              groups * random.nextInt(1, 9),
              random.nextInt(1, 5),
              random.nextInt(1, 5),
              g);
      try {
        if (z.p() * z.q() > 0) {
          return z;
        }
      } catch (ShapeException tooLarge) {
        // Draw again.
      }
    }
  }

  @Test
  void chunksEndWhereTheContractSays() {
    // Terms of the forward pass: C·R·S.
    for (int c : new int[] {511, 512, 513, 1024, 1025}) {
      Case z = new Case(1, c, 1, 3, 5, 1, 1, PLAIN);
      check(z, Data.random(z, c), Devices.tested());
    }
    for (int c : new int[] {57, 171}) {
      Case z = new Case(1, c, 3, 3, 3, 3, 3, Geometry.of(1, 1));
      check(z, Data.random(z, c), Devices.tested());
    }
    // Terms of the data gradient: K·R·S, a quarter of them at stride 2.
    for (int k : new int[] {511, 513, 1025}) {
      Case z = new Case(1, 3, 2, 3, k, 1, 1, PLAIN);
      check(z, Data.random(z, k), Devices.tested());
    }
    Case strided = new Case(1, 2, 4, 5, 300, 4, 4, Geometry.of(2, 1));
    check(strided, Data.random(strided, 5), Devices.tested());
    // Terms of the weight gradient: N·P·Q.
    for (int w : new int[] {511, 512, 513, 1023, 1024, 1025}) {
      Case z = new Case(1, 2, 1, w, 3, 1, 1, PLAIN);
      check(z, Data.random(z, w), Devices.tested());
    }
    for (int n : new int[] {1, 21}) {
      Case z = new Case(n, 2, 5, 5, 2, 3, 3, Geometry.of(1, 1));
      check(z, Data.random(z, n), Devices.tested());
    }
  }

  @Test
  void longContractionsUseLongerChunks() {
    List<Case> cases =
        List.of(
            new Case(1, 1, 1, 16_384, 2, 1, 1, PLAIN),
            new Case(1, 1, 1, 16_385, 2, 1, 1, PLAIN),
            new Case(3, 2, 75, 75, 6, 3, 3, Geometry.of(1, 1)),
            new Case(1, 1821, 2, 3, 2, 3, 3, Geometry.of(1, 1)),
            new Case(1, 2, 2, 3, 1821, 3, 3, Geometry.of(1, 1)),
            new Case(1, 16_385, 1, 2, 4, 1, 1, PLAIN));
    for (Case z : cases) {
      check(z, Data.random(z, 3), vectors());
    }
  }

  @Test
  void wideLayersAgree() {
    List<Case> cases =
        List.of(
            new Case(1, 64, 14, 14, 36, 3, 3, Geometry.of(1, 1)),
            new Case(1, 20, 7, 7, 100, 3, 3, Geometry.of(1, 1)),
            new Case(1, 20, 56, 56, 40, 1, 1, PLAIN),
            new Case(1, 3, 40, 40, 16, 7, 7, Geometry.of(2, 3)),
            new Case(1, 40, 14, 14, 64, 3, 3, Geometry.of(2, 1)),
            new Case(1, 64, 14, 14, 96, 1, 1, Geometry.of(2, 0)),
            new Case(1, 40, 30, 30, 40, 3, 3, Geometry.of(1, 1).withGroups(40)),
            new Case(1, 1, 3, 1500, 9, 3, 3, Geometry.of(1, 1)),
            new Case(1, 2, 9, 9, 5, 3, 3, Geometry.of(1, 90_000).withDilation(90_000, 90_000)));
    for (Case z : cases) {
      check(z, Data.random(z, 4), vectors());
    }
  }

  @Test
  void specialValuesAgree() {
    float[] special = {
      0f,
      -0f,
      1f,
      -1f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      1e-38f,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN
    };
    for (int kinds : new int[] {2, 7, 9, 12}) {
      Random random = new Random(kinds);
      for (Case z :
          List.of(SHAPES.get(4), SHAPES.get(5), SHAPES.get(13), SHAPES.get(15), SHAPES.get(11))) {
        check(z, Data.of(z, () -> special[random.nextInt(kinds)]), Devices.tested());
      }
    }
  }

  @Test
  void underflowToMinusZeroSurvives() {
    // A product that rounds to −0: the chain is −0, and neither a tail nor a fold may turn it into
    // +0.
    Case z = new Case(1, 3, 1, 5, 2, 1, 1, PLAIN);
    Data d =
        new Data(
            filled(15, -Float.MIN_VALUE),
            filled(6, 0.25f),
            filled(2, -0f),
            filled(10, -Float.MIN_VALUE));
    Results control = check(z, d, Devices.tested());
    assertEquals(0x80000000, Float.floatToRawIntBits(control.y[0]));
    assertEquals(0x80000000, Float.floatToRawIntBits(control.dx[0]));
    assertEquals(0, Float.floatToRawIntBits(control.relu[0]));
  }

  @Test
  void paddingTakesPart() {
    Case z = new Case(1, 1, 2, 2, 1, 3, 3, Geometry.of(1, 1));
    Data d =
        new Data(filled(4, 1f), filled(9, Float.POSITIVE_INFINITY), filled(1, 0f), filled(4, 1f));
    Results control = check(z, d, Devices.tested());
    for (int i = 0; i < 4; i++) {
      assertTrue(Float.isNaN(control.y[i]), "0 x inf in the padding of the image");
      assertTrue(Float.isNaN(control.dx[i]), "0 x inf outside of the output grid");
    }
    Data infinite =
        new Data(filled(4, 1f), filled(9, 1f), filled(1, 0f), filled(4, Float.POSITIVE_INFINITY));
    Results other = check(z, infinite, Devices.tested());
    assertTrue(Float.isNaN(other.dw[0]), "padding beside an infinite output gradient");
    assertEquals(Float.POSITIVE_INFINITY, other.dw[4]);
  }

  @Test
  void pixelsWithoutTapsGetZero() {
    Case z = new Case(1, 2, 6, 6, 2, 1, 1, Geometry.of(3, 0));
    Results control = check(z, Data.random(z, 8), Devices.tested());
    assertEquals(0, Float.floatToRawIntBits(control.dx[1]));
    assertFalse(control.dx[0] == 0f);
  }

  @Test
  void aSampleDoesNotSeeItsBatch() {
    Case batch = new Case(5, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Case alone = new Case(1, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Data all = Data.random(batch, 9);
    for (Device device : Devices.tested()) {
      Results whole = run(device, batch, all);
      for (int i = 0; i < 5; i++) {
        Data one = new Data(part(all.x, i, 5), all.w, all.bias, part(all.dy, i, 5));
        Results r = run(device, alone, one);
        Bits.assertSame(device + " y of sample " + i, part(whole.y, i, 5), r.y);
        Bits.assertSame(device + " dx of sample " + i, part(whole.dx, i, 5), r.dx);
      }
    }
  }

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
        Bits.assertSame(device + " y " + z, expected.y, actual.y);
        Bits.assertSame(device + " relu " + z, expected.relu, actual.relu);
        Bits.assertSame(device + " dx " + z, expected.dx, actual.dx);
        Bits.assertSame(device + " dw " + z, expected.dw, actual.dw);
      }
    }
  }

  /** All passes by one walk over (output, tap), in integers. */
  private static Results independent(Case z, Data d) {
    long[] y = new long[d.dy.length];
    long[] dx = new long[d.x.length];
    long[] dw = new long[d.w.length];
    int perGroupC = (int) z.c / z.g.groups();
    int perGroupK = (int) z.k / z.g.groups();
    int o = 0;
    for (int n = 0; n < z.n; n++) {
      for (int k = 0; k < z.k; k++) {
        for (int p = 0; p < z.p(); p++) {
          for (int q = 0; q < z.q(); q++, o++) {
            int f = k * (int) (perGroupC * z.r * z.s);
            for (int c = 0; c < perGroupC; c++) {
              for (int r = 0; r < z.r; r++) {
                for (int s = 0; s < z.s; s++, f++) {
                  int h = p * z.g.strideH() + r * z.g.dilationH() - z.g.paddingH();
                  int w = q * z.g.strideW() + s * z.g.dilationW() - z.g.paddingW();
                  if (h >= 0 && w >= 0 && h < z.h && w < z.w) {
                    int i = (int) (((n * z.c + k / perGroupK * perGroupC + c) * z.h + h) * z.w + w);
                    y[o] += (long) d.x[i] * (long) d.w[f];
                    dx[i] += (long) d.dy[o] * (long) d.w[f];
                    dw[f] += (long) d.dy[o] * (long) d.x[i];
                  }
                }
              }
            }
            y[o] += (long) d.bias[k];
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
      float[] none = new float[d.bias.length];
      Results r = run(Devices.control(), z, new Data(d.x, d.w, none, d.dy));
      double forward = dot(r.y, d.dy);
      double terms = (double) d.dy.length * z.c / z.g.groups() * z.r * z.s;
      double bound = 1e-5 * Math.sqrt(terms) * 4 + 1e-6;
      assertEquals(forward, dot(r.dx, d.x), bound, "dx of " + z);
      assertEquals(forward, dot(r.dw, d.w), bound, "dw of " + z);
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
    for (int i = 0; i < d.x.length; i++) {
      float[] moved = d.x.clone();
      moved[i] += 1f;
      float[] y = run(Devices.control(), z, new Data(moved, d.w, d.bias, d.dy)).y;
      assertEquals(r.dx[i], dot(y, d.dy) - dot(r.y, d.dy), 1e-12, "dx " + i);
    }
    for (int i = 0; i < d.w.length; i++) {
      float[] moved = d.w.clone();
      moved[i] += 1f;
      float[] y = run(Devices.control(), z, new Data(d.x, moved, d.bias, d.dy)).y;
      assertEquals(r.dw[i], dot(y, d.dy) - dot(r.y, d.dy), 1e-12, "dw " + i);
    }
  }

  @Test
  void definitionIsTheContractsContraction() {
    Case z = new Case(2, 130, 4, 4, 2, 2, 2, PLAIN);
    Data d = Data.random(z, 19);
    float[] y = run(Devices.control(), z, new Data(d.x, d.w, filled(2, -0f), d.dy)).y;
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
    float[] y = new float[d.dy.length];
    int terms = (int) (z.c * z.r * z.s);
    for (int o = 0; o < y.length; o++) {
      int q = (int) (o % z.q());
      int p = (int) (o / z.q() % z.p());
      int k = (int) (o / (z.p() * z.q()) % z.k);
      int n = (int) (o / (z.p() * z.q() * z.k));
      float total = 0f;
      for (int first = 0; first < terms; first += chunk) {
        float chain = 0f;
        for (int t = first; t < Math.min(terms, first + chunk); t++) {
          long c = t / (z.r * z.s);
          long h = p + t / z.s % z.r;
          long w = q + t % z.s;
          chain =
              Math.fma(d.x[(int) (((n * z.c + c) * z.h + h) * z.w + w)], d.w[k * terms + t], chain);
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

  // ---- running
  // ------------------------------------------------------------------------------------------------

  private static List<Device> vectors() {
    return Devices.tested().stream().filter(d -> !(d instanceof Device.Cuda)).toList();
  }

  /** Compares all passes on all devices with the definition; returns the definition's results. */
  private static Results check(Case z, Data d, List<Device> devices) {
    Results control = run(Devices.control(), z, d);
    for (Device device : devices) {
      Results actual = run(device, z, d);
      Bits.assertSame(device + " y " + z, control.y, actual.y);
      Bits.assertSame(device + " relu " + z, control.relu, actual.relu);
      Bits.assertSame(device + " dx " + z, control.dx, actual.dx);
      Bits.assertSame(device + " dw " + z, control.dw, actual.dw);
    }
    return control;
  }

  private static Results run(Device device, Case z, Data d) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, device, d.x, z.x());
      Tensor w = Tensor.of(scope, device, d.w, z.weight());
      Tensor bias = Tensor.of(scope, device, d.bias, z.k);
      Tensor dy = Tensor.of(scope, device, d.dy, z.y());
      return new Results(
          guarded(scope, device, z.y(), y -> Conv2d.forward(x, w, bias, z.g, y)),
          guarded(scope, device, z.y(), y -> Conv2d.forward(x, w, bias, Activation.RELU, z.g, y)),
          guarded(scope, device, z.x(), dx -> Conv2d.dataGradient(dy, w, z.g, dx)),
          guarded(scope, device, z.weight(), dw -> Conv2d.weightGradient(x, dy, z.g, dw)));
    }
  }

  /**
   * Runs an op on a poisoned destination between poisoned neighbours, which must stay as they are.
   */
  private static float[] guarded(Scope scope, Device device, long[] shape, Consumer<Tensor> op) {
    long[] all = shape.clone();
    all[0] *= 3;
    Tensor buffer = Tensor.empty(scope, device, all).fill(POISON);
    Tensor to = buffer.slice(shape[0], 2 * shape[0]);
    op.accept(to);
    float[] values = buffer.toFloatArray();
    int size = values.length / 3;
    for (int i = 0; i < size; i++) {
      assertEquals(
          Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[i]), "before the output");
      assertEquals(
          Float.floatToRawIntBits(POISON),
          Float.floatToRawIntBits(values[2 * size + i]),
          "after it");
    }
    return Arrays.copyOfRange(values, size, 2 * size);
  }

  private static float[] part(float[] all, int i, int parts) {
    int size = all.length / parts;
    return Arrays.copyOfRange(all, i * size, (i + 1) * size);
  }

  private static float[] filled(int count, float value) {
    float[] made = new float[count];
    Arrays.fill(made, value);
    return made;
  }

  private static float[] floats(long[] values) {
    float[] made = new float[values.length];
    for (int i = 0; i < made.length; i++) {
      made[i] = values[i];
    }
    return made;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}

package dev.selfsame.op;

import static dev.selfsame.op.Conv2dCases.dot;
import static dev.selfsame.op.Conv2dCases.filled;
import static dev.selfsame.op.Conv2dCases.part;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class LocallyConnected2dTest {
  private static final float POISON = Float.intBitsToFloat(0x7fc0dead);
  private static final Geometry PLAIN = Geometry.of(1, 0);

  /** One layer: x [n, c, h, w], filters [k, c, r, s, p, q]. */
  private record Case(int n, int c, int h, int w, int k, int r, int s, Geometry g) {
    long p() {
      return g.outputHeight(h, r);
    }

    long q() {
      return g.outputWidth(w, s);
    }

    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] filters() {
      return new long[] {k, c, r, s, p(), q()};
    }

    long[] bias() {
      return new long[] {k, p(), q()};
    }

    long[] y() {
      return new long[] {n, k, p(), q()};
    }
  }

  private enum Kind {
    RANDOM,
    INTEGERS,
    SPECIAL
  }

  private record Data(float[] x, float[] w, float[] bias, float[] dy) {
    static Data of(Case z, Kind kind, long seed) {
      return new Data(
          make(kind, seed, z.x()),
          make(kind, seed + 100, z.filters()),
          make(kind, seed + 200, z.bias()),
          make(kind, seed + 300, z.y()));
    }

    private static float[] make(Kind kind, long seed, long[] shape) {
      long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      return switch (kind) {
        case RANDOM -> Values.random(seed, count);
        case INTEGERS -> Values.integers(seed, count);
        case SPECIAL -> Values.special(seed, count);
      };
    }
  }

  private record Results(float[] y, float[] relu, float[] dx, float[] dw, float[] db) {}

  /**
   * Columns around the lanes of every width, strides that leave a rest, dilation, padding beyond
   * the filter, filters larger than the image, tiles that are not full; samples for both ways of
   * the gradients.
   */
  private static final List<Case> SHAPES =
      List.of(
          new Case(1, 1, 1, 1, 1, 1, 1, PLAIN),
          new Case(2, 1, 12, 12, 6, 5, 5, Geometry.of(1, 2)),
          new Case(5, 6, 9, 9, 7, 5, 5, PLAIN),
          new Case(4, 2, 3, 17, 4, 3, 2, PLAIN),
          new Case(3, 3, 4, 18, 5, 2, 2, Geometry.of(1, 1)),
          new Case(1, 2, 3, 52, 3, 3, 3, Geometry.of(1, 1)),
          new Case(2, 3, 11, 13, 3, 3, 3, Geometry.of(2, 1)),
          new Case(2, 2, 8, 37, 5, 3, 2, Geometry.of(1, 1).withStride(2, 3)),
          new Case(2, 4, 11, 10, 6, 3, 3, Geometry.of(2, 2).withDilation(2, 3)),
          new Case(1, 2, 5, 5, 3, 1, 1, Geometry.of(3, 1)),
          new Case(1, 3, 4, 2, 2, 1, 1, Geometry.of(3, 0)),
          new Case(1, 2, 3, 4, 3, 5, 7, Geometry.of(1, 3)),
          new Case(1, 2, 2, 3, 4, 3, 3, Geometry.of(2, 9)),
          new Case(9, 17, 3, 4, 19, 2, 2, PLAIN),
          new Case(9, 2, 3, 18, 5, 3, 3, Geometry.of(1, 1)),
          new Case(9, 3, 11, 13, 3, 3, 3, Geometry.of(2, 1)),
          new Case(10, 2, 8, 37, 5, 3, 2, Geometry.of(1, 1).withStride(2, 3)),
          new Case(11, 2, 11, 10, 3, 3, 3, Geometry.of(2, 2).withDilation(2, 3)),
          new Case(5, 2, 9, 35, 5, 5, 5, Geometry.of(1, 2)),
          new Case(7, 1, 5, 7, 3, 3, 3, Geometry.of(1, 1)),
          new Case(8, 2, 5, 7, 5, 3, 3, Geometry.of(1, 1)));

  private static Results run(Device device, Case z, Data d) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, device, d.x, z.x());
      Tensor w = Tensor.of(scope, device, d.w, z.filters());
      Tensor b = Tensor.of(scope, device, d.bias, z.bias());
      Tensor dy = Tensor.of(scope, device, d.dy, z.y());
      Geometry g = z.g;
      return new Results(
          guarded(
              scope,
              device,
              z.y(),
              y -> LocallyConnected2d.forward(x, w, b, Activation.NONE, g, y)),
          guarded(
              scope,
              device,
              z.y(),
              y -> LocallyConnected2d.forward(x, w, b, Activation.RELU, g, y)),
          guarded(scope, device, z.x(), dx -> LocallyConnected2d.dataGradient(dy, w, g, dx)),
          guarded(
              scope, device, z.filters(), dw -> LocallyConnected2d.weightGradient(x, dy, g, dw)),
          guarded(scope, device, z.bias(), db -> LocallyConnected2d.biasGradient(dy, db)));
    }
  }

  /** Runs on a poisoned destination between poisoned neighbours, which must stay as they are. */
  private static float[] guarded(Scope scope, Device device, long[] shape, Consumer<Tensor> op) {
    long[] all = shape.clone();
    all[0] *= 3;
    Tensor buffer = Tensor.empty(scope, device, all).fill(POISON);
    op.accept(buffer.slice(shape[0], 2 * shape[0]));
    float[] values = buffer.toFloatArray();
    int size = values.length / 3;
    for (int i = 0; i < size; i++) {
      assertEquals(Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[i]), "before");
      assertEquals(
          Float.floatToRawIntBits(POISON), Float.floatToRawIntBits(values[2 * size + i]), "after");
    }
    return Arrays.copyOfRange(values, size, 2 * size);
  }

  private static Results check(Case z, Data d, List<Device> devices) {
    Results control = run(Devices.control(), z, d);
    for (Device device : devices) {
      compare(device + " " + z, control, run(device, z, d));
    }
    return control;
  }

  private static void compare(String what, Results expected, Results actual) {
    Bits.assertSame(what + " y", expected.y, actual.y);
    Bits.assertSame(what + " relu", expected.relu, actual.relu);
    Bits.assertSame(what + " dx", expected.dx, actual.dx);
    Bits.assertSame(what + " dw", expected.dw, actual.dw);
    Bits.assertSame(what + " db", expected.db, actual.db);
  }

  @Test
  void everyDeviceGivesTheDefinitionsBits() {
    for (Case z : SHAPES) {
      check(z, Data.of(z, Kind.RANDOM, 1), Devices.tested());
      check(z, Data.of(z, Kind.SPECIAL, 2), Devices.tested());
    }
  }

  @Test
  void chunksEndWhereTheContractSays() {
    List<Case> cases =
        List.of(
            // Terms of the forward pass: c·r·s.
            new Case(3, 511, 1, 3, 2, 1, 1, PLAIN),
            new Case(5, 513, 1, 2, 3, 1, 1, PLAIN),
            new Case(1, 57, 4, 5, 2, 3, 3, Geometry.of(1, 1)),
            new Case(2, 1025, 1, 2, 2, 1, 1, PLAIN),
            // Of the data gradient: k·r·s of one stride phase.
            new Case(2, 2, 1, 3, 513, 1, 1, PLAIN),
            new Case(1, 2, 5, 6, 57, 3, 3, Geometry.of(1, 1)),
            new Case(1, 2, 4, 5, 300, 4, 4, Geometry.of(2, 1)),
            // Of the weight gradient: n.
            new Case(512, 1, 1, 2, 1, 1, 1, PLAIN),
            new Case(513, 2, 2, 2, 3, 2, 1, PLAIN),
            new Case(1025, 1, 1, 3, 2, 1, 2, PLAIN));
    for (Case z : cases) {
      check(z, Data.of(z, Kind.RANDOM, 3), Devices.tested());
    }
  }

  @Test
  void longContractionsUseLongerChunks() {
    for (Case z :
        List.of(
            new Case(1, 16_385, 1, 2, 2, 1, 1, PLAIN), new Case(16_385, 1, 1, 2, 2, 1, 1, PLAIN))) {
      check(z, Data.of(z, Kind.RANDOM, 4), Devices.tested().subList(0, 4));
    }
  }

  @Test
  void smallCasesOfEveryKindAgree() {
    Random random = new Random(7);
    for (int i = 0; i < 60; i++) {
      Case z = randomCase(random);
      Kind kind = Kind.values()[i % 3];
      check(z, Data.of(z, kind, i), i % 6 == 0 ? Devices.tested() : Conv2dCases.vectors());
    }
  }

  private static Case randomCase(Random random) {
    while (true) {
      Geometry g =
          new Geometry(
              random.nextInt(1, 4),
              random.nextInt(1, 4),
              random.nextInt(0, 4),
              random.nextInt(0, 4),
              random.nextInt(1, 3),
              random.nextInt(1, 3),
              1);
      Case z =
          new Case(
              random.nextInt(1, 7),
              random.nextInt(1, 6),
              random.nextInt(1, 10),
              random.nextInt(1, 40),
              random.nextInt(1, 9),
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
  void oneFilterAtEveryPositionIsAConvolution() {
    // The whole difference to Conv2d is that nothing is shared: with one filter at every position
    // the bits of y and dx are its bits, and dw summed over the positions is its dw.
    for (Case z : SHAPES) {
      int positions = (int) (z.p() * z.q());
      Data d = Data.of(z, Kind.INTEGERS, 5);
      float[] shared = Values.random(6, (long) z.k * z.c * z.r * z.s);
      float[] bias = Values.random(7, z.k);
      Data untied =
          new Data(
              Values.random(8, d.x.length), everywhere(shared, positions),
              everywhere(bias, positions), Values.random(9, d.dy.length));
      Data exact = new Data(d.x, untied.w, untied.bias, d.dy);
      Conv2dCases.Case tied = new Conv2dCases.Case(z.n, z.c, z.h, z.w, z.k, z.r, z.s, z.g);
      Results own = run(Devices.control(), z, untied);
      Conv2dCases.Results conv =
          Conv2dCases.run(
              Devices.control(), tied, new Conv2dCases.Data(untied.x, shared, bias, untied.dy));
      Bits.assertSame("y " + z, conv.y(), own.y);
      Bits.assertSame("relu " + z, conv.relu(), own.relu);
      Bits.assertSame("dx " + z, conv.dx(), own.dx);
      float[] dw = run(Devices.control(), z, exact).dw;
      float[] sums = new float[shared.length];
      for (int i = 0; i < dw.length; i++) {
        sums[i / positions] += dw[i];
      }
      conv =
          Conv2dCases.run(Devices.control(), tied, new Conv2dCases.Data(d.x, shared, bias, d.dy));
      Bits.assertSame("dw " + z, conv.dw(), sums);
    }
  }

  private static float[] everywhere(float[] shared, int positions) {
    float[] own = new float[shared.length * positions];
    for (int i = 0; i < own.length; i++) {
      own[i] = shared[i / positions];
    }
    return own;
  }

  @Test
  void integersMatchAnIndependentWalk() {
    for (Case z : SHAPES) {
      Data d = Data.of(z, Kind.INTEGERS, 9);
      Results expected = independent(z, d);
      List<Device> devices = new ArrayList<>(Conv2dCases.vectors());
      devices.add(Devices.control());
      for (Device device : devices) {
        compare(device + " " + z, expected, run(device, z, d));
      }
    }
  }

  /** All passes by one walk over (output, tap), where every order gives the same sums. */
  private static Results independent(Case z, Data d) {
    int p = (int) z.p();
    int q = (int) z.q();
    float[] y = new float[d.dy.length];
    float[] dx = new float[d.x.length];
    float[] dw = new float[d.w.length];
    float[] db = new float[d.bias.length];
    for (int o = 0; o < y.length; o++) {
      int position = o % (p * q);
      int k = o / (p * q) % z.k;
      int n = o / (p * q) / z.k;
      for (int tap = 0; tap < z.c * z.r * z.s; tap++) {
        int h = position / q * z.g.strideH() + tap / z.s % z.r * z.g.dilationH() - z.g.paddingH();
        int w = position % q * z.g.strideW() + tap % z.s * z.g.dilationW() - z.g.paddingW();
        if (h >= 0 && w >= 0 && h < z.h && w < z.w) {
          int i = ((n * z.c + tap / (z.r * z.s)) * z.h + h) * z.w + w;
          int f = (k * z.c * z.r * z.s + tap) * p * q + position;
          y[o] += d.x[i] * d.w[f];
          dx[i] += d.dy[o] * d.w[f];
          dw[f] += d.dy[o] * d.x[i];
        }
      }
      y[o] += d.bias[k * p * q + position];
      db[k * p * q + position] += d.dy[o];
    }
    float[] relu = y.clone();
    for (int i = 0; i < relu.length; i++) {
      relu[i] = relu[i] > 0f ? relu[i] : 0f;
    }
    return new Results(y, relu, dx, dw, db);
  }

  @Test
  void gradientsAreTheAdjointsOfTheForwardPass() {
    for (Case z : SHAPES) {
      Data d = Data.of(z, Kind.RANDOM, 10);
      Results r = run(Devices.control(), z, new Data(d.x, d.w, filled(d.bias.length, 0f), d.dy));
      double scale = 0;
      for (int i = 0; i < r.y.length; i++) {
        scale += Math.abs((double) r.y[i] * d.dy[i]);
      }
      double forward = dot(r.y, d.dy);
      assertEquals(forward, dot(r.dx, d.x), 1e-4 * scale + 1e-3, "dx of " + z);
      assertEquals(forward, dot(r.dw, d.w), 1e-4 * scale + 1e-3, "dw of " + z);
    }
  }

  @Test
  void paddingTakesPartWhereThereIsAFilter() {
    Case z = new Case(1, 1, 2, 2, 1, 3, 3, Geometry.of(1, 1));
    Data d =
        new Data(filled(4, 1f), filled(36, Float.POSITIVE_INFINITY), filled(4, 0f), filled(4, 1f));
    Results control = check(z, d, Devices.tested());
    for (int i = 0; i < 4; i++) {
      assertTrue(Float.isNaN(control.y[i]), "0 x inf in the padding of the image");
      // Outside of the output grid there is no filter that could be infinite.
      assertEquals(Float.POSITIVE_INFINITY, control.dx[i]);
    }
    Data infinite =
        new Data(filled(4, 1f), filled(36, 1f), filled(4, 0f), filled(4, Float.POSITIVE_INFINITY));
    Results other = check(z, infinite, Devices.tested());
    assertTrue(Float.isNaN(other.dw[0]), "padding beside an infinite output gradient");
  }

  @Test
  void underflowToMinusZeroSurvives() {
    Case z = new Case(1, 3, 1, 5, 2, 1, 1, PLAIN);
    float tiny = -Float.MIN_VALUE;
    Data d = new Data(filled(15, tiny), filled(30, 0.25f), filled(10, -0f), filled(10, tiny));
    Results control = check(z, d, Devices.tested());
    assertEquals(0x80000000, Float.floatToRawIntBits(control.y[0]));
    assertEquals(0, Float.floatToRawIntBits(control.relu[0]));
    assertEquals(0x80000000, Float.floatToRawIntBits(control.dx[0]));
    // A tap outside of the grid takes part as +0: at the border it turns −0 to +0.
    Case padded = new Case(1, 1, 1, 40, 1, 1, 3, Geometry.of(1, 0).withPadding(0, 1));
    Data border = new Data(filled(40, tiny), filled(120, 0.25f), filled(40, -0f), filled(40, tiny));
    Results ends = check(padded, border, Devices.tested());
    assertEquals(0x80000000, Float.floatToRawIntBits(ends.dx[20]));
    assertEquals(0, Float.floatToRawIntBits(ends.dx[0]), "the last tap lies outside");
  }

  @Test
  void aSampleDoesNotSeeItsBatch() {
    Case batch = new Case(5, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Case alone = new Case(1, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Data all = Data.of(batch, Kind.RANDOM, 11);
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
  void anotherOrderIsOtherBits() {
    // Negative control: the same terms as one chain, without chunks.
    Case z = new Case(1, 600, 1, 4, 2, 1, 1, PLAIN);
    Data d = Data.of(z, Kind.RANDOM, 12);
    float[] y = run(Devices.control(), z, new Data(d.x, d.w, filled(d.bias.length, -0f), d.dy)).y;
    float[] chain = new float[y.length];
    for (int o = 0; o < y.length; o++) {
      for (int c = 0; c < z.c; c++) {
        chain[o] = Math.fma(d.x[c * 4 + o % 4], d.w[(o / 4 * z.c + c) * 4 + o % 4], chain[o]);
      }
    }
    assertTrue(Bits.compare(y, chain).isPresent(), "one chain must differ");
  }

  @Test
  void badArgumentsAreRefusedAndNothingIsWritten() {
    List<Device> devices = new ArrayList<>(Devices.tested());
    devices.add(Devices.control());
    for (Device device : devices) {
      try (Scope scope = Scope.open()) {
        Tensor x = Tensor.zeros(scope, device, 2, 3, 6, 6);
        Tensor w = Tensor.zeros(scope, device, 5, 3, 3, 3, 4, 4);
        Tensor y = Tensor.empty(scope, device, 2, 5, 4, 4).fill(7f);
        Tensor db = Tensor.empty(scope, device, 5, 4, 4).fill(7f);
        Tensor flat = Tensor.zeros(scope, device, 5, 3, 3, 3);
        Tensor wide = Tensor.zeros(scope, device, 5, 3, 3, 3, 4, 5);
        refused("groups is 3", () -> forward(x, w, null, PLAIN.withGroups(3), y));
        refused("[K, C, R, S, P, Q]", () -> forward(x, flat, null, PLAIN, y));
        refused("[5, 3, 3, 3, 4, 4]", () -> forward(x, wide, null, PLAIN, y));
        refused("w has shape", () -> forward(x, w, null, Geometry.of(1, 1), y));
        refused("bias has shape", () -> forward(x, w, x.slice(0, 1), PLAIN, y));
        refused(
            "y has shape",
            () -> forward(x, w, null, PLAIN, Tensor.zeros(scope, device, 1, 5, 4, 4)));
        refused("shares memory", () -> LocallyConnected2d.biasGradient(db.reshape(1, 5, 4, 4), db));
        refused("db has shape", () -> LocallyConnected2d.biasGradient(x, db));
        refused("dy has shape", () -> LocallyConnected2d.dataGradient(x, w, PLAIN, x));
        refused("dy has shape", () -> LocallyConnected2d.weightGradient(x, x, PLAIN, w));
        Bits.assertSame("untouched", filled((int) y.elements(), 7f), y.toFloatArray());
        Bits.assertSame("untouched", filled((int) db.elements(), 7f), db.toFloatArray());
      }
    }
  }

  private static void forward(Tensor x, Tensor w, Tensor bias, Geometry g, Tensor y) {
    LocallyConnected2d.forward(x, w, bias, Activation.NONE, g, y);
  }

  private static void refused(String part, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    assertTrue(message.contains(part), message);
  }
}

package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SquaredDistanceTest {
  /** Around lanes, blocks of 1,024 and pieces of 4,096. */
  private static final int[] SIZES = {
    1, 5, 31, 32, 33, 65, 1023, 1024, 1025, 3073, 4095, 4096, 4097, 10_000, 69_637
  };

  private static float[] values(int kind, long seed, int n) {
    return switch (kind) {
      case 0 -> Values.random(seed, n);
      case 1 -> Values.integers(seed, n);
      default -> Values.special(seed, n);
    };
  }

  /** distances, penalty, then da and db of each pair, then da alone. */
  private static List<float[]> run(Device device, int kind, float lambda, int... sizes) {
    try (Scope scope = Scope.open()) {
      List<Tensor> a = new ArrayList<>();
      List<Tensor> b = new ArrayList<>();
      List<Tensor> da = new ArrayList<>();
      List<Tensor> db = new ArrayList<>();
      List<Tensor> alone = new ArrayList<>();
      for (int t = 0; t < sizes.length; t++) {
        a.add(Tensor.of(scope, device, values(kind, 2 * t, sizes[t]), sizes[t]));
        b.add(Tensor.of(scope, device, values(kind, 2 * t + 1, sizes[t]), sizes[t]));
        da.add(Tensor.empty(scope, device, sizes[t]).fill(12345f));
        db.add(Tensor.empty(scope, device, sizes[t]).fill(12345f));
        alone.add(Tensor.empty(scope, device, sizes[t]).fill(12345f));
      }
      Tensor distances = Tensor.empty(scope, device, sizes.length).fill(12345f);
      Tensor penalty = Tensor.empty(scope, device, 1).fill(12345f);
      SquaredDistance.forward(a, b, lambda, distances, penalty);
      SquaredDistance.gradient(a, b, lambda, 0.7f, da, db);
      SquaredDistance.gradient(a, b, lambda, 0.7f, alone, null);
      List<float[]> out = new ArrayList<>();
      out.add(distances.toFloatArray());
      out.add(penalty.toFloatArray());
      da.forEach(t -> out.add(t.toFloatArray()));
      db.forEach(t -> out.add(t.toFloatArray()));
      alone.forEach(t -> out.add(t.toFloatArray()));
      return out;
    }
  }

  private static void assertSame(String what, List<float[]> expected, List<float[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      Bits.assertSame(what + ", output " + i, expected.get(i), actual.get(i));
    }
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (int kind = 0; kind < 3; kind++) {
      List<float[]> expected = run(Devices.control(), kind, 0.3f, SIZES);
      for (Device device : Devices.tested()) {
        assertSame("kind " + kind + " on " + device, expected, run(device, kind, 0.3f, SIZES));
      }
    }
  }

  /** One pair of more than 1,024 blocks, and more than 1,024 pairs: both trees have two levels. */
  @Test
  void longSumsHaveTheSameBits() {
    int[] many = new int[1100];
    for (int t = 0; t < many.length; t++) {
      many[t] = 1 + t % 3;
    }
    for (int[] sizes : new int[][] {{1_100_000}, many}) {
      List<float[]> expected = run(Devices.control(), 0, 1f, sizes);
      for (Device device : Devices.oneOfEachKind()) {
        assertSame(sizes.length + " pairs on " + device, expected, run(device, 0, 1f, sizes));
      }
    }
  }

  /** By way of the other operations: the same roundings, so the same bits. */
  @Test
  void isTheSumOfSquaresOfTheDifference() {
    for (Device device : Devices.tested()) {
      List<float[]> got = run(device, 0, 0.3f, SIZES);
      try (Scope scope = Scope.open()) {
        float[] distances = new float[SIZES.length];
        for (int t = 0; t < SIZES.length; t++) {
          Tensor a = Tensor.of(scope, device, values(0, 2 * t, SIZES[t]), SIZES[t]);
          Tensor b = Tensor.of(scope, device, values(0, 2 * t + 1, SIZES[t]), SIZES[t]);
          Tensor d = Tensor.empty(scope, device, SIZES[t]);
          Tensor s = Tensor.empty(scope, device, 1);
          Elementwise.binary(Binary.SUB, a, b, d);
          Sums.squares(d, s);
          distances[t] = s.item();
          Elementwise.scale(d, (2f * 0.3f) * 0.7f, d);
          Bits.assertSame("da " + t, d.toFloatArray(), got.get(2 + t));
          Elementwise.unary(Unary.NEG, d, d);
          Bits.assertSame("db " + t, d.toFloatArray(), got.get(2 + SIZES.length + t));
        }
        Bits.assertSame("distances", distances, got.get(0));
        Tensor total = Tensor.empty(scope, device, 1);
        Sums.sum(Tensor.of(scope, device, distances, SIZES.length), total);
        assertEquals(total.item() * 0.3f, got.get(1)[0]);
      }
    }
  }

  /** Rows of −0 sum to +0 (−0 · −0); a difference of equal numbers moves nothing. */
  @Test
  void equalSidesAreAtNoDistance() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor a = Tensor.of(scope, device, Values.random(1, 50), 50);
        Tensor d = Tensor.empty(scope, device, 1);
        Tensor penalty = Tensor.empty(scope, device, 1);
        Tensor da = Tensor.empty(scope, device, 50);
        // A tensor may be its own partner, and be in several pairs.
        SquaredDistance.forward(List.of(a), List.of(a), 1f, d, penalty);
        SquaredDistance.gradient(List.of(a), List.of(a), 1f, 1f, List.of(da), null);
        assertEquals(0f, penalty.item());
        assertArrayEquals(new float[50], da.toFloatArray());
      }
    }
  }

  @Test
  void gradientIsTheSlope() {
    // Small whole numbers: every operation is exact, the slope of a square by central differences
    // too.
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        float[] av = Values.integers(1, 40);
        float[] bv = Values.integers(2, 40);
        Tensor a = Tensor.of(scope, device, av, 40);
        Tensor b = Tensor.of(scope, device, bv, 40);
        Tensor da = Tensor.empty(scope, device, 40);
        Tensor db = Tensor.empty(scope, device, 40);
        SquaredDistance.gradient(List.of(a), List.of(b), 0.5f, 2f, List.of(da), List.of(db));
        for (int i = 0; i < 40; i++) {
          float[] up = av.clone();
          float[] down = av.clone();
          up[i] += 1;
          down[i] -= 1;
          float slope = (penalty(up, bv) - penalty(down, bv)) / 2;
          assertEquals(2 * slope, da.toFloatArray()[i]);
          assertEquals(-2 * slope, db.toFloatArray()[i]);
        }
      }
    }
  }

  private static float penalty(float[] a, float[] b) {
    try (Scope scope = Scope.open()) {
      Device device = Devices.control();
      Tensor d = Tensor.empty(scope, device, 1);
      Tensor penalty = Tensor.empty(scope, device, 1);
      SquaredDistance.forward(
          List.of(Tensor.of(scope, device, a, a.length)),
          List.of(Tensor.of(scope, device, b, b.length)),
          0.5f,
          d,
          penalty);
      return penalty.item();
    }
  }

  /** Fused squares, or all pairs in one sum, would be other bits. */
  @Test
  void otherOrdersWouldBeSeen() {
    float[] a = Values.random(1, 3000);
    float[] b = Values.random(2, 3000);
    float fused = 0;
    for (int i = 0; i < 3000; i++) {
      fused = Math.fma(a[i] - b[i], a[i] - b[i], fused);
    }
    assertTrue(0.5f * fused != penalty(a, b), "a fused chain had the same bits");
    b[17] = Math.nextUp(b[17] * 1000f);
    float before = penalty(a, b);
    b[17] = Float.intBitsToFloat(Float.floatToRawIntBits(b[17]) ^ (1 << 10));
    assertTrue(before != penalty(a, b), "another number had the same bits");
  }

  @Test
  void badInputChangesNothing() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor whole = Tensor.zeros(scope, device, 12);
        Tensor a = whole.slice(0, 4);
        Tensor b = whole.slice(2, 6);
        Tensor da = Tensor.zeros(scope, device, 4).fill(9f);
        Tensor distances = Tensor.zeros(scope, device, 1).fill(9f);
        Tensor penalty = Tensor.zeros(scope, device, 1).fill(9f);
        List<Tensor> as = List.of(a);
        List<Tensor> bs = List.of(b);
        // Inputs may share memory; outputs may share none.
        SquaredDistance.gradient(as, bs, 1f, 1f, List.of(da), null);
        da.fill(9f);
        refused("a[0] and da[0]", () -> SquaredDistance.gradient(as, bs, 1f, 1f, as, null));
        refused(
            "b[0] and da[0]",
            () -> SquaredDistance.gradient(as, bs, 1f, 1f, List.of(whole.slice(5, 9)), null));
        refused(
            "da[0] and db[0]",
            () -> SquaredDistance.gradient(as, bs, 1f, 1f, List.of(da), List.of(da)));
        refused(
            "empty", () -> SquaredDistance.forward(List.of(), List.of(), 1f, distances, penalty));
        refused(
            "b has 2 tensors",
            () -> SquaredDistance.forward(as, List.of(b, b), 1f, distances, penalty));
        refused(
            "penalty shares memory with distances",
            () -> SquaredDistance.forward(as, bs, 1f, distances, distances));
        refused(
            "penalty shares memory with b[0]",
            () -> SquaredDistance.forward(as, bs, 1f, distances, whole.slice(5, 6)));
        Tensor none = Tensor.zeros(scope, device, 0);
        refused(
            "a[0] has shape [0]",
            () -> SquaredDistance.forward(List.of(none), List.of(none), 1f, distances, penalty));
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
          assertThrows(
              IllegalArgumentException.class,
              () -> SquaredDistance.forward(as, bs, bad, distances, penalty));
        }
        assertArrayEquals(new float[12], whole.toFloatArray());
        assertArrayEquals(new float[] {9, 9, 9, 9}, da.toFloatArray());
        assertArrayEquals(new float[] {9}, distances.toFloatArray());
        assertArrayEquals(new float[] {9}, penalty.toFloatArray());
      }
    }
  }

  private static void refused(String why, Runnable call) {
    String message = assertThrows(ShapeException.class, call::run).getMessage();
    for (String part : why.split(" and ")) {
      assertTrue(message.contains(part), message);
    }
  }
}

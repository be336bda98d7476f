package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ContrastiveLossTest {
  private static final long[][] SHAPES = {
    {1, 1},
    {5, 2},
    {64, 10},
    {7, 31},
    {9, 32},
    {17, 33},
    {3, 127},
    {3, 129},
    {2, 1023},
    {3, 1024},
    {9, 1025},
    {3, 3073},
    {1, 66_000},
    {1025, 3}
  };

  private record Result(float[] distances, float[] losses, float[] loss, float[] da, float[] db) {}

  private static Result run(
      Device device,
      float[] av,
      float[] bv,
      int[] kinds,
      float margin,
      boolean inPlace,
      long... shape) {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.of(scope, device, av, shape);
      Tensor b = Tensor.of(scope, device, bv, shape);
      Tensor labels = Tensor.of(scope, device, kinds, shape[0]);
      Tensor distances = Tensor.empty(scope, device, shape[0]).fill(12345f);
      Tensor losses = Tensor.empty(scope, device, shape[0]).fill(12345f);
      Tensor loss = Tensor.empty(scope, device, 1).fill(12345f);
      Tensor da = inPlace ? a : Tensor.empty(scope, device, shape).fill(12345f);
      Tensor db = inPlace ? b : Tensor.empty(scope, device, shape).fill(12345f);
      ContrastiveLoss.forward(a, b, labels, margin, distances, losses, loss);
      ContrastiveLoss.gradient(a, b, labels, margin, distances, 0.7f, da, db);
      return new Result(
          distances.toFloatArray(),
          losses.toFloatArray(),
          loss.toFloatArray(),
          da.toFloatArray(),
          db.toFloatArray());
    }
  }

  private static void assertSame(String what, Result expected, Result actual) {
    Bits.assertSame(what + ", distances", expected.distances, actual.distances);
    Bits.assertSame(what + ", losses", expected.losses, actual.losses);
    Bits.assertSame(what + ", loss", expected.loss, actual.loss);
    Bits.assertSame(what + ", da", expected.da, actual.da);
    Bits.assertSame(what + ", db", expected.db, actual.db);
  }

  private static float[] values(int kind, long seed, long n) {
    return switch (kind) {
      case 0 -> Values.random(seed, n);
      case 1 -> Values.integers(seed, n);
      default -> Values.special(seed, n);
    };
  }

  @Test
  void bitsAreTheSameOnEveryDevice() {
    for (long[] shape : SHAPES) {
      long n = shape[0] * shape[1];
      int[] kinds = Values.indices(n, (int) shape[0], 2);
      for (int kind = 0; kind < 3; kind++) {
        float[] a = values(kind, n, n);
        float[] b = values(kind, n + 1, n);
        // Near the distances, so that both sides of the margin are met.
        float margin = (float) Math.sqrt(shape[1]) * (kind == 1 ? 3 : 1);
        Result expected = run(Devices.control(), a, b, kinds, margin, false, shape);
        for (Device device : Devices.tested()) {
          String what = "loss of " + shape[0] + "×" + shape[1] + " on " + device;
          assertSame(what, expected, run(device, a, b, kinds, margin, false, shape));
          assertSame(what + " in place", expected, run(device, a, b, kinds, margin, true, shape));
        }
      }
    }
  }

  @Test
  void aRowAloneIsARowOfABatch() {
    for (int columns : new int[] {10, 1500}) {
      float[] a = Values.random(3, 5L * columns);
      float[] b = Values.random(4, 5L * columns);
      int[] kinds = {0, 1, 1, 0, 1};
      float margin = 1e5f;
      Result all = run(Devices.control(), a, b, kinds, margin, false, 5, columns);
      for (int r = 0; r < 5; r++) {
        float[] oneA = Arrays.copyOfRange(a, r * columns, (r + 1) * columns);
        float[] oneB = Arrays.copyOfRange(b, r * columns, (r + 1) * columns);
        for (Device device : Devices.tested()) {
          Result one = run(device, oneA, oneB, new int[] {kinds[r]}, margin, false, 1, columns);
          assertEquals(all.losses[r], one.losses[0], "row " + r + " on " + device);
          assertEquals(all.distances[r], one.distances[0], "row " + r + " on " + device);
        }
      }
    }
  }

  /** A 3-4-5 triangle: every number of the paper's equations by hand. */
  @Test
  void equationsByHand() {
    float[] a = {3, 0, 3, 0, 3, 0, 1, 1};
    float[] b = {0, 4, 0, 4, 0, 4, 1, 1};
    for (Device device : Devices.tested()) {
      Result got = run(device, a, b, new int[] {0, 1, 1, 1}, 7f, false, 4, 2);
      assertArrayEquals(new float[] {5, 5, 5, 0}, got.distances);
      // ½·25; ½·(7 − 5)²; at distance 0: ½·7².
      assertArrayEquals(new float[] {12.5f, 2, 2, 24.5f}, got.losses);
      assertArrayEquals(new float[] {41f / 4}, got.loss);
      float c = 0.7f / 4;
      float k = -(0.4f * c);
      assertArrayEquals(new float[] {3 * c, -4 * c, 3 * k, -4 * k, 3 * k, -4 * k, 0, 0}, got.da);
      // A margin that is met exactly, and one that is exceeded: no force.
      for (float margin : new float[] {5, 1}) {
        Result apart = run(device, a, b, new int[] {0, 1, 1, 1}, margin, false, 4, 2);
        assertArrayEquals(new float[] {3 * c, -4 * c, 0, 0, 0, 0, 0, 0}, apart.da);
        assertArrayEquals(new float[] {12.5f, 0, 0, margin * margin / 2}, apart.losses);
      }
    }
  }

  private static double loss(double[] a, double[] b, int[] kinds, double margin, int columns) {
    double sum = 0;
    for (int r = 0; r < kinds.length; r++) {
      double s = 0;
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        s += (a[i] - b[i]) * (a[i] - b[i]);
      }
      double h = Math.max(margin - Math.sqrt(s), 0);
      sum += kinds[r] == ContrastiveLoss.SAME ? s / 2 : h * h / 2;
    }
    return sum / kinds.length;
  }

  /** Central differences in double; no pair lies at the margin, where the slope has a kink. */
  @Test
  void gradientIsTheSlope() {
    int rows = 8;
    int columns = 5;
    float[] a = Values.integers(5, (long) rows * columns);
    float[] b = Values.integers(6, (long) rows * columns);
    int[] kinds = {0, 1, 0, 1, 0, 1, 0, 1};
    float margin = 9.3f;
    Result got = run(Devices.control(), a, b, kinds, margin, false, rows, columns);
    double[] aa = new double[a.length];
    double[] bb = new double[b.length];
    for (int i = 0; i < a.length; i++) {
      aa[i] = a[i];
      bb[i] = b[i];
    }
    assertEquals(loss(aa, bb, kinds, margin, columns), got.loss[0], 1e-5);
    double h = 1e-5;
    for (int i = 0; i < a.length; i++) {
      for (double[] moved : new double[][] {aa, bb}) {
        double before = moved[i];
        moved[i] = before + h;
        double up = loss(aa, bb, kinds, margin, columns);
        moved[i] = before - h;
        double down = loss(aa, bb, kinds, margin, columns);
        moved[i] = before;
        float[] gradient = moved == aa ? got.da : got.db;
        // Six roundings of values of at most 10/8, and h² of a third derivative below 10.
        assertEquals(0.7 * (up - down) / (2 * h), gradient[i], 2e-6, "at " + i);
      }
    }
  }

  /** Squares fused into the sum, the square of the rounded root, or another label. */
  @Test
  void otherDefinitionsWouldBeSeen() {
    float[] a = Values.random(7, 3300);
    float[] b = Values.random(8, 3300);
    int[] kinds = new int[100];
    Result got = run(Devices.control(), a, b, kinds, 1f, false, 100, 33);
    float[] fused = new float[100];
    float[] rooted = new float[100];
    for (int r = 0; r < 100; r++) {
      float s = 0;
      for (int i = r * 33; i < (r + 1) * 33; i++) {
        s = Math.fma(a[i] - b[i], a[i] - b[i], s);
      }
      fused[r] = 0.5f * s;
      rooted[r] = 0.5f * (got.distances[r] * got.distances[r]);
    }
    assertTrue(Bits.compare(got.losses, fused).isPresent(), "a fused chain had the same bits");
    assertTrue(Bits.compare(got.losses, rooted).isPresent(), "the root's square, the same bits");
    kinds[99] = 1;
    Result other = run(Devices.control(), a, b, kinds, 1f, false, 100, 33);
    assertTrue(Bits.compare(got.losses, other.losses).isPresent(), "another label, the same bits");
  }

  @Test
  void badInputChangesNothing() {
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor a = Tensor.zeros(scope, device, 3, 2);
        Tensor b = Tensor.zeros(scope, device, 3, 2);
        Tensor labels = Tensor.of(scope, device, new int[] {0, 1, 1}, 3);
        Tensor wrong = Tensor.of(scope, device, new int[] {0, 2, -1}, 3);
        Tensor distances = Tensor.zeros(scope, device, 3).fill(9f);
        Tensor losses = Tensor.zeros(scope, device, 3).fill(9f);
        Tensor loss = Tensor.zeros(scope, device, 1).fill(9f);
        Tensor da = Tensor.zeros(scope, device, 3, 2).fill(9f);
        Tensor db = Tensor.zeros(scope, device, 3, 2).fill(9f);
        String message =
            assertThrows(
                    IndexException.class,
                    () -> ContrastiveLoss.forward(a, b, wrong, 1f, distances, losses, loss))
                .getMessage();
        assertTrue(message.contains("labels[1] is 2;"), message);
        assertThrows(
            IndexException.class,
            () -> ContrastiveLoss.gradient(a, b, wrong, 1f, distances, 1f, da, db));
        for (float bad : new float[] {0f, -1f, Float.NaN, Float.POSITIVE_INFINITY}) {
          assertThrows(
              IllegalArgumentException.class,
              () -> ContrastiveLoss.forward(a, b, labels, bad, distances, losses, loss));
        }
        assertThrows(
            ShapeException.class,
            () -> ContrastiveLoss.forward(a, b, labels, 1f, losses, losses, loss));
        assertThrows(
            ShapeException.class,
            () -> ContrastiveLoss.gradient(a, b, labels, 1f, distances, 1f, da, da));
        assertThrows(
            ShapeException.class,
            () -> ContrastiveLoss.gradient(a, b, labels, 1f, distances, 1f, b, db));
        Tensor none = Tensor.zeros(scope, device, 0, 2);
        Tensor noLabels = Tensor.of(scope, device, new int[0], 0);
        Tensor noRows = Tensor.zeros(scope, device, 0);
        assertThrows(
            ShapeException.class,
            () -> ContrastiveLoss.forward(none, none, noLabels, 1f, noRows, noRows, loss));
        assertArrayEquals(new float[] {9, 9, 9}, distances.toFloatArray());
        assertArrayEquals(new float[] {9, 9, 9}, losses.toFloatArray());
        assertArrayEquals(new float[] {9}, loss.toFloatArray());
        assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, da.toFloatArray());
        assertArrayEquals(new float[] {9, 9, 9, 9, 9, 9}, db.toFloatArray());
      }
    }
  }
}

package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchNorms;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.LayerNorm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Layer normalization of rows, and all three of its gradients in one call. */
final class LayerNormCases {
  private static final float EPS = 1e-5f;

  private LayerNormCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (int[] s : new int[][] {{4096, 1024}, {512, 768}, {8192, 128}, {512, 4096}}) {
        cases.add(planned(s[0], s[1], gradient, device));
      }
    }
    return cases;
  }

  /** Around lanes and blocks: for the cross-check. */
  static List<Planned> odd(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (int[] s : new int[][] {{3, 7}, {33, 33}, {2, 1023}, {65, 1025}, {3, 5000}}) {
        cases.add(planned(s[0], s[1], gradient, device));
      }
    }
    return cases;
  }

  private static Planned planned(int rows, int n, boolean gradient, Device device) {
    String name = "%s %dx%d".formatted(gradient ? "gradient" : "forward", rows, n);
    return new Planned(name, () -> new Buffers(rows, n, device).toCase(name, gradient));
  }

  /** All memory of a case, ours and theirs. */
  private static final class Buffers {
    private final int rows;
    private final int n;
    private final CaseMemory memory;
    private final MemorySegment x;
    private final MemorySegment dy;
    private final MemorySegment gamma;
    private final MemorySegment beta;
    private final MemorySegment mean;
    private final MemorySegment rstd;
    private final MemorySegment[] ours = new MemorySegment[3];
    private final MemorySegment[] theirs = new MemorySegment[3];
    private final List<Tensor> tensors = new ArrayList<>();

    Buffers(int rows, int n, Device device) {
      this.rows = rows;
      this.n = n;
      memory = new CaseMemory(device);
      long count = (long) rows * n;
      x = memory.normal(1, count);
      dy = memory.normal(2, count);
      gamma = memory.normal(3, n);
      beta = memory.normal(4, n);
      mean = memory.zeros(rows);
      rstd = memory.zeros(rows);
      for (MemorySegment[] out : List.of(ours, theirs)) {
        out[0] = memory.zeros(count);
        out[1] = memory.zeros(n);
        out[2] = memory.zeros(n);
      }
    }

    private Tensor theirs(MemorySegment s, long... shape) {
      Tensor t = TorchPeer.floats(s, shape);
      tensors.add(t);
      return t;
    }

    private Runnable forward() {
      var a = memory.floats(x, rows, n);
      var g = memory.floats(gamma, n);
      var b = memory.floats(beta, n);
      var y = memory.floats(ours[0], rows, n);
      var m = memory.floats(mean, rows);
      var s = memory.floats(rstd, rows);
      return () -> LayerNorm.forward(a, g, b, EPS, y, m, s);
    }

    private Runnable theirForward() {
      Tensor a = theirs(x, rows, n);
      Tensor g = theirs(gamma, n);
      Tensor b = theirs(beta, n);
      Tensor y = theirs(theirs[0], rows, n);
      Tensor m = theirs(memory.zeros(rows), rows, 1);
      Tensor s = theirs(memory.zeros(rows), rows, 1);
      return () -> TorchNorms.layerNorm(a, g, b, EPS, y, m, s);
    }

    private Runnable gradient() {
      var d = memory.floats(dy, rows, n);
      var a = memory.floats(x, rows, n);
      var g = memory.floats(gamma, n);
      var m = memory.floats(mean, rows);
      var s = memory.floats(rstd, rows);
      var dx = memory.floats(ours[0], rows, n);
      var dgamma = memory.floats(ours[1], n);
      var dbeta = memory.floats(ours[2], n);
      return () -> LayerNorm.gradient(d, a, g, m, s, dx, dgamma, dbeta);
    }

    private Runnable theirGradient() {
      Tensor d = theirs(dy, rows, n);
      Tensor a = theirs(x, rows, n);
      Tensor g = theirs(gamma, n);
      Tensor b = theirs(beta, n);
      Tensor m = theirs(mean, rows, 1);
      Tensor s = theirs(rstd, rows, 1);
      Tensor dx = theirs(theirs[0], rows, n);
      Tensor dgamma = theirs(theirs[1], n);
      Tensor dbeta = theirs(theirs[2], n);
      return () -> TorchNorms.layerNormGradient(d, a, m, s, g, b, dx, dgamma, dbeta);
    }

    BenchCase toCase(String name, boolean gradient) {
      forward().run(); // mean and rstd, for both gradients
      Runnable our = gradient ? gradient() : forward();
      Runnable their = gradient ? theirGradient() : theirForward();
      return new BenchCase(
          name,
          Rate.GBYTES,
          Work.bytes((gradient ? 12.0 : 8.0) * rows * n),
          new Contender("selfsame", our),
          List.of(new Contender("libtorch", their)),
          control -> {
            our.run();
            if (control) {
              Inputs.change(gradient ? dy : x);
            }
            their.run();
            return gradient ? gradients() : forwards();
          },
          () -> {
            tensors.forEach(Tensor::close);
            memory.run();
          });
    }

    private List<Agreement> forwards() {
      double[] value = new double[rows * n];
      double[] bound = new double[rows * n];
      for (int r = 0; r < rows; r++) {
        var row = LayerNormReference.forward(x, gamma, beta, EPS, (long) r * n, n);
        System.arraycopy(row.value, 0, value, r * n, n);
        System.arraycopy(row.bound, 0, bound, r * n, n);
      }
      return both("y", 0, value, bound);
    }

    private List<Agreement> gradients() {
      double[] value = new double[rows * n];
      double[] bound = new double[rows * n];
      double[][] sums = new double[2][n];
      double[][] bounds = new double[2][n];
      for (int r = 0; r < rows; r++) {
        double m = mean.getAtIndex(JAVA_FLOAT, r);
        double s = rstd.getAtIndex(JAVA_FLOAT, r);
        var row = LayerNormReference.gradient(dy, x, gamma, m, s, (long) r * n, n);
        System.arraycopy(row.value, 0, value, r * n, n);
        System.arraycopy(row.bound, 0, bound, r * n, n);
        for (int i = 0; i < n; i++) {
          double d = dy.getAtIndex(JAVA_FLOAT, (long) r * n + i);
          double xi = x.getAtIndex(JAVA_FLOAT, (long) r * n + i);
          sums[0][i] += d * (xi - m) * s;
          sums[1][i] += d;
          // ATen's terms are dy·(s·x − s·m).
          bounds[0][i] += Math.abs(d) * (Math.abs(xi) + Math.abs(m)) * s;
          bounds[1][i] += Math.abs(d);
        }
      }
      for (double[] b : bounds) {
        for (int i = 0; i < n; i++) {
          b[i] = Bounds.dot(rows + 6, b[i]);
        }
      }
      List<Agreement> all = new ArrayList<>(both("dx", 0, value, bound));
      all.addAll(both("dgamma", 1, sums[0], bounds[0]));
      all.addAll(both("dbeta", 2, sums[1], bounds[1]));
      return all;
    }

    private List<Agreement> both(String what, int result, double[] value, double[] bound) {
      List<Agreement> both = new ArrayList<>();
      for (MemorySegment[] out : List.of(ours, theirs)) {
        both.add(
            Agreement.of(
                what + (out == ours ? ", ours and float64" : ", libtorch and float64"),
                value.length,
                i -> out[result].getAtIndex(JAVA_FLOAT, i),
                i -> value[(int) i],
                i -> bound[(int) i]));
      }
      return both;
    }
  }
}

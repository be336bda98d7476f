package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchNorms;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.BatchNorm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Batch normalization in training, and all three of its gradients in one call. A channel is a row
 * of layer normalization with one scale and shift: the same reference and bounds hold.
 */
final class BatchNormCases {
  private static final float EPS = 1e-5f;

  private BatchNormCases() {}

  static List<Planned> all(Device device) {
    return cases(device, new long[][] {{8, 64, 56, 56}, {8, 256, 14, 14}, {8, 512, 7, 7}});
  }

  /** Around lanes and blocks: for the cross-check. */
  static List<Planned> odd(Device device) {
    return cases(device, new long[][] {{3, 2, 3, 5}, {33, 17}, {5, 3, 32, 33}, {1030, 2}});
  }

  private static List<Planned> cases(Device device, long[][] shapes) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (long[] s : shapes) {
        StringBuilder name = new StringBuilder(gradient ? "gradient " : "forward ");
        for (int i = 0; i < s.length; i++) {
          name.append(i == 0 ? "" : "x").append(s[i]);
        }
        String text = name.toString();
        cases.add(new Planned(text, () -> new Buffers(s, device).toCase(text, gradient)));
      }
    }
    return cases;
  }

  /** All memory of a case, ours and theirs. */
  private static final class Buffers {
    private final long[] shape;
    private final int channels;
    private final int space;
    private final int count;
    private final int elements;
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

    Buffers(long[] shape, Device device) {
      this.shape = shape;
      channels = (int) shape[1];
      space = shape.length == 2 ? 1 : (int) (shape[2] * shape[3]);
      count = (int) shape[0] * space;
      elements = count * channels;
      memory = new CaseMemory(device);
      x = memory.normal(1, elements);
      dy = memory.normal(2, elements);
      gamma = memory.normal(3, channels);
      beta = memory.normal(4, channels);
      mean = memory.zeros(channels);
      rstd = memory.zeros(channels);
      for (MemorySegment[] out : List.of(ours, theirs)) {
        out[0] = memory.zeros(elements);
        out[1] = memory.zeros(channels);
        out[2] = memory.zeros(channels);
      }
    }

    private Tensor theirs(MemorySegment s, long... sizes) {
      Tensor t = TorchPeer.floats(s, sizes);
      tensors.add(t);
      return t;
    }

    private dev.selfsame.Tensor vector(MemorySegment s) {
      return memory.floats(s, channels);
    }

    private Runnable our(boolean gradient) {
      var a = memory.floats(x, shape);
      var out = memory.floats(ours[0], shape);
      var g = vector(gamma);
      var m = vector(mean);
      var s = vector(rstd);
      if (gradient) {
        var d = memory.floats(dy, shape);
        var dgamma = vector(ours[1]);
        var dbeta = vector(ours[2]);
        return () -> BatchNorm.gradient(d, a, g, m, s, out, dgamma, dbeta);
      }
      var b = vector(beta);
      return () -> BatchNorm.forward(a, g, b, EPS, null, out, m, s);
    }

    private Runnable their(boolean gradient) {
      Tensor a = theirs(x, shape);
      Tensor out = theirs(theirs[0], shape);
      Tensor g = theirs(gamma, channels);
      if (gradient) {
        Tensor d = theirs(dy, shape);
        Tensor m = theirs(mean, channels);
        Tensor s = theirs(rstd, channels);
        Tensor dgamma = theirs(theirs[1], channels);
        Tensor dbeta = theirs(theirs[2], channels);
        return () -> TorchNorms.batchNormGradient(d, a, m, s, g, EPS, out, dgamma, dbeta);
      }
      Tensor b = theirs(beta, channels);
      Tensor m = theirs(memory.zeros(channels), channels);
      Tensor s = theirs(memory.zeros(channels), channels);
      return () -> TorchNorms.batchNorm(a, g, b, EPS, out, m, s);
    }

    BenchCase toCase(String name, boolean gradient) {
      our(false).run(); // mean and rstd, for both gradients
      Runnable our = our(gradient);
      Runnable their = their(gradient);
      return new BenchCase(
          name,
          Rate.GBYTES,
          Work.bytes((gradient ? 12.0 : 8.0) * elements),
          new Contender("selfsame", our),
          List.of(new Contender("libtorch", their)),
          control -> {
            our.run();
            if (control) {
              Inputs.change(gradient ? dy : x);
            }
            their.run();
            return compare(gradient);
          },
          () -> {
            tensors.forEach(Tensor::close);
            memory.run();
          });
    }

    private int at(int channel, int i) {
      return (i / space * channels + channel) * space + i % space;
    }

    private MemorySegment channel(MemorySegment s, int channel) {
      MemorySegment row = MemorySegment.ofArray(new float[count]);
      for (int i = 0; i < count; i++) {
        row.setAtIndex(JAVA_FLOAT, i, s.getAtIndex(JAVA_FLOAT, at(channel, i)));
      }
      return row;
    }

    private MemorySegment same(MemorySegment s, int channel) {
      float[] row = new float[count];
      java.util.Arrays.fill(row, s.getAtIndex(JAVA_FLOAT, channel));
      return MemorySegment.ofArray(row);
    }

    private List<Agreement> compare(boolean gradient) {
      double[] value = new double[elements];
      double[] bound = new double[elements];
      double[][] sums = new double[2][channels];
      double[][] bounds = new double[2][channels];
      for (int c = 0; c < channels; c++) {
        MemorySegment xs = channel(x, c);
        MemorySegment dys = channel(dy, c);
        double m = mean.getAtIndex(JAVA_FLOAT, c);
        double s = rstd.getAtIndex(JAVA_FLOAT, c);
        var row =
            gradient
                ? LayerNormReference.gradient(dys, xs, same(gamma, c), m, s, 0, count)
                : LayerNormReference.forward(xs, same(gamma, c), same(beta, c), EPS, 0, count);
        for (int i = 0; i < count; i++) {
          value[at(c, i)] = row.value[i];
          bound[at(c, i)] = row.bound[i];
          double d = dys.getAtIndex(JAVA_FLOAT, i);
          double xi = xs.getAtIndex(JAVA_FLOAT, i);
          sums[0][c] += d * (xi - m) * s;
          sums[1][c] += d;
          bounds[0][c] += Math.abs(d) * (Math.abs(xi) + Math.abs(m)) * s;
          bounds[1][c] += Math.abs(d);
        }
      }
      List<Agreement> all = new ArrayList<>(both(gradient ? "dx" : "y", 0, value, bound));
      if (gradient) {
        for (int k = 0; k < 2; k++) {
          for (int c = 0; c < channels; c++) {
            bounds[k][c] = Bounds.dot(count + 6, bounds[k][c]);
          }
          all.addAll(both(k == 0 ? "dgamma" : "dbeta", k + 1, sums[k], bounds[k]));
        }
      }
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

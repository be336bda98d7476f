package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchFunctions;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Sums;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Sums of everything, of rows, of columns, and of channels: the gradient of a bias. */
final class SumsCases {
  private SumsCases() {}

  /** What is summed. */
  private enum Axes {
    ALL,
    ROWS,
    COLUMNS,
    BIAS_GRADIENT
  }

  /** Of an array [n, c, plane]; a matrix is [1, rows, columns], or [rows, columns, 1]. */
  private record Sum(Axes axes, int n, int c, int plane) {
    String name() {
      String op = axes.name().toLowerCase(Locale.ROOT).replace('_', ' ');
      return axes == Axes.BIAS_GRADIENT
          ? "%s %dx%dx%d".formatted(op, n, c, plane)
          : "%s %dx%d".formatted(op, rows(), count() / rows());
    }

    /** As libtorch is given it. */
    long[] shape() {
      return switch (axes) {
        case ALL -> new long[] {count()};
        case ROWS -> new long[] {c, plane};
        case COLUMNS -> new long[] {n, c};
        case BIAS_GRADIENT -> new long[] {n, c, plane};
      };
    }

    /** Of that shape, to sum over. */
    long[] over() {
      return switch (axes) {
        case ALL, COLUMNS -> new long[] {0};
        case ROWS -> new long[] {1};
        case BIAS_GRADIENT -> new long[] {0, 2};
      };
    }

    int rows() {
      return axes == Axes.COLUMNS ? n : c;
    }

    int count() {
      return n * c * plane;
    }

    int results() {
      return axes == Axes.ALL ? 1 : c;
    }
  }

  static List<Planned> all(Device device) {
    return List.of(
        planned(new Sum(Axes.ALL, 1, 4096, 1024), device),
        planned(new Sum(Axes.ROWS, 1, 4096, 1024), device),
        planned(new Sum(Axes.COLUMNS, 4096, 1024, 1), device),
        planned(new Sum(Axes.BIAS_GRADIENT, 64, 6, 28 * 28), device),
        planned(new Sum(Axes.BIAS_GRADIENT, 8, 64, 56 * 56), device),
        planned(new Sum(Axes.BIAS_GRADIENT, 8, 512, 7 * 7), device));
  }

  /** Sizes around lanes, runs and blocks. */
  static List<Planned> odd(Device device) {
    return List.of(
        // First, because of the control: one changed input must show.
        planned(new Sum(Axes.BIAS_GRADIENT, 3, 5, 7 * 11), device),
        planned(new Sum(Axes.ALL, 1, 7, 1025), device),
        planned(new Sum(Axes.ROWS, 1, 5, 1023), device),
        planned(new Sum(Axes.ROWS, 1, 33, 31), device),
        planned(new Sum(Axes.COLUMNS, 1025, 17, 1), device),
        planned(new Sum(Axes.COLUMNS, 3, 1000, 1), device));
  }

  private static Planned planned(Sum s, Device device) {
    return new Planned(s.name(), () -> build(s, device));
  }

  private static BenchCase build(Sum s, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment x = memory.normal(1, s.count());
    MemorySegment ours = memory.zeros(s.results());
    MemorySegment theirs = memory.zeros(s.results());
    MemorySegment magnitudes = memory.zeros(s.results());
    var ourSums = memory.floats(ours, s.results());
    Runnable our =
        switch (s.axes()) {
          case ALL -> {
            var all = memory.floats(x, s.count());
            yield () -> Sums.sum(all, ourSums);
          }
          case ROWS -> {
            var rows = memory.floats(x, s.c(), s.plane());
            yield () -> Sums.rows(rows, ourSums);
          }
          case COLUMNS -> {
            var rows = memory.floats(x, s.n(), s.c());
            yield () -> Sums.columns(rows, ourSums);
          }
          case BIAS_GRADIENT -> {
            var images = memory.floats(x, s.n(), s.c(), 1, s.plane());
            yield () -> Bias.gradient(images, ourSums);
          }
        };
    Tensor theirX = TorchPeer.floats(x, s.shape());
    Tensor theirSums = scalarOrVector(theirs);
    Tensor theirMagnitudes = scalarOrVector(magnitudes);
    Runnable their = () -> TorchFunctions.sum(theirX, theirSums, s.over());
    BenchCase.Check check =
        control -> {
          our.run();
          if (control) {
            Inputs.change(x);
          }
          their.run();
          try (Tensor abs = torch.abs(theirX)) {
            TorchFunctions.sum(abs, theirMagnitudes, s.over());
          }
          double terms = (double) s.count() / s.results();
          return DotProducts.compare(terms, ours, "libtorch", theirs, magnitudes, reference(s, x));
        };
    return new BenchCase(
        s.name(),
        Rate.GBYTES,
        Work.bytes(4.0 * (s.count() + s.results())),
        new Contender("selfsame", our),
        List.of(new Contender("libtorch", their)),
        check,
        () -> {
          List.of(theirX, theirSums, theirMagnitudes).forEach(Tensor::close);
          memory.run();
        });
  }

  private static Tensor scalarOrVector(MemorySegment s) {
    long n = s.byteSize() / Float.BYTES;
    return n == 1 ? TorchPeer.floats(s) : TorchPeer.floats(s, n);
  }

  private static Reference reference(Sum s, MemorySegment x) {
    boolean all = s.axes() == Axes.ALL;
    int planes =
        all ? s.n() * s.c() : s.n(); // that one result takes in, and how far apart they lie
    long apart = all ? 1 : s.c();
    return index -> {
      double value = 0;
      double magnitude = 0;
      for (int k = 0; k < planes; k++) {
        for (int i = 0; i < s.plane(); i++) {
          double term = x.getAtIndex(JAVA_FLOAT, (index + k * apart) * s.plane() + i);
          value += term;
          magnitude += Math.abs(term);
        }
      }
      return new Reference.Term(value, magnitude);
    };
  }
}

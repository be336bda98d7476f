package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Shape;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchFunctions;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Pool2d;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;

/** Pooling over windows: LeNet's and the one of ResNet, and their gradients. */
final class Pool2dCases {
  private Pool2dCases() {}

  /** Which operation. */
  enum Pass {
    AVERAGE,
    AVERAGE_GRADIENT,
    MAX,
    MAX_GRADIENT
  }

  /** Windows of size×size on [n, c, h, h]. */
  private record Pool(Pass pass, int n, int c, int h, int size, int stride, int padding) {
    int p() {
      return (h + 2 * padding - size) / stride + 1;
    }

    String name() {
      String op = pass.name().toLowerCase(Locale.ROOT).replace('_', ' ');
      return "%s %dx%d /%d %d @%d n%d".formatted(op, size, size, stride, c, h, n);
    }
  }

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (Pass pass : Pass.values()) {
      cases.add(planned(new Pool(pass, 64, 6, 28, 2, 2, 0), device));
      cases.add(planned(new Pool(pass, 4, 64, 112, 3, 2, 1), device));
    }
    return cases;
  }

  /** Windows that overlap, that leave a remainder, that leave gaps. */
  static List<Planned> odd(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (Pass pass : Pass.values()) {
      cases.add(planned(new Pool(pass, 3, 5, 17, 2, 2, 0), device));
      cases.add(planned(new Pool(pass, 2, 3, 19, 3, 1, 1), device));
      cases.add(planned(new Pool(pass, 2, 3, 23, 2, 3, 1), device));
    }
    return cases;
  }

  private static Planned planned(Pool s, Device device) {
    return new Planned(s.name(), () -> build(s, device));
  }

  private static BenchCase build(Pool s, Device device) {
    var memory = new CaseMemory(device);
    long inputs = (long) s.n() * s.c() * s.h() * s.h();
    long outputs = (long) s.n() * s.c() * s.p() * s.p();
    long[] xShape = {s.n(), s.c(), s.h(), s.h()};
    long[] yShape = {s.n(), s.c(), s.p(), s.p()};
    boolean max = s.pass() == Pass.MAX || s.pass() == Pass.MAX_GRADIENT;
    boolean gradient = s.pass() == Pass.MAX_GRADIENT || s.pass() == Pass.AVERAGE_GRADIENT;

    MemorySegment x = memory.normal(1, inputs);
    MemorySegment dy = memory.normal(2, outputs);
    MemorySegment ours = memory.zeros(gradient ? inputs : outputs);
    MemorySegment theirs = memory.zeros(gradient ? inputs : outputs);
    var geometry =
        new Pool2d.Geometry(s.size(), s.size(), s.stride(), s.stride(), s.padding(), s.padding());
    var ourX = memory.floats(x, xShape);
    var ourDy = memory.floats(dy, yShape);
    var ourResult = memory.floats(ours, gradient ? xShape : yShape);
    var ourArgmax = dev.selfsame.Tensor.empty(memory.scope(), device, DType.I32, Shape.of(yShape));

    var window = TorchFunctions.Window.of(s.size(), s.stride(), s.padding());
    Tensor theirX = TorchPeer.floats(x, xShape);
    Tensor theirDy = TorchPeer.floats(dy, yShape);
    Tensor theirResult = TorchPeer.floats(theirs, gradient ? xShape : yShape);
    Tensor theirArgmax = TorchPeer.longs(memory.arena().allocate(outputs * Long.BYTES, 64), yShape);
    if (s.pass() == Pass.MAX_GRADIENT) {
      MemorySegment unused = memory.zeros(outputs);
      Pool2d.max(ourX, geometry, memory.floats(unused, yShape), ourArgmax);
      try (Tensor y = TorchPeer.floats(unused, yShape)) {
        TorchFunctions.maxPool(theirX, window, y, theirArgmax);
      }
    }
    Runnable our =
        switch (s.pass()) {
          case MAX -> () -> Pool2d.max(ourX, geometry, ourResult, ourArgmax);
          case MAX_GRADIENT -> () -> Pool2d.maxGradient(ourDy, ourArgmax, geometry, ourResult);
          case AVERAGE -> () -> Pool2d.average(ourX, geometry, ourResult);
          case AVERAGE_GRADIENT -> () -> Pool2d.averageGradient(ourDy, geometry, ourResult);
        };
    Runnable their =
        switch (s.pass()) {
          case MAX -> () -> TorchFunctions.maxPool(theirX, window, theirResult, theirArgmax);
          case MAX_GRADIENT ->
              () ->
                  TorchFunctions.maxPoolGradient(theirDy, theirX, window, theirArgmax, theirResult);
          case AVERAGE -> () -> TorchFunctions.averagePool(theirX, window, theirResult);
          case AVERAGE_GRADIENT ->
              () -> TorchFunctions.averagePoolGradient(theirDy, theirX, window, theirResult);
        };
    BenchCase.Check check =
        control -> {
          our.run();
          if (control) {
            Inputs.change(x);
            Inputs.change(dy);
          }
          their.run();
          return compare(s, x, dy, ours, theirs);
        };
    return new BenchCase(
        s.name(),
        Rate.GBYTES,
        // A maximum leaves its place behind, of 32 bits at least.
        Work.bytes(4.0 * (inputs + outputs * (max ? 2 : 1))),
        new Contender("selfsame", our),
        List.of(new Contender("libtorch", their)),
        check,
        () -> {
          List.of(theirX, theirDy, theirResult, theirArgmax).forEach(Tensor::close);
          memory.run();
        });
  }

  /**
   * A maximum is exact. A mean of n = size² values, some of them 0, and a sum of the gradients of
   * the windows that reach a pixel, at most n, each divided once: γ_n·Σ|terms|, see {@link Bounds}.
   */
  private static List<Agreement> compare(
      Pool s, MemorySegment x, MemorySegment dy, MemorySegment ours, MemorySegment theirs) {
    int count = (int) (ours.byteSize() / Float.BYTES);
    double[] exact = new double[count];
    double[] magnitude = new double[count];
    int planes = s.n() * s.c();
    for (int plane = 0; plane < planes; plane++) {
      for (int p = 0; p < s.p(); p++) {
        for (int q = 0; q < s.p(); q++) {
          window(s, x, dy, plane, p, q, exact, magnitude);
        }
      }
    }
    double n = (double) s.size() * s.size();
    double unit = s.pass() == Pass.MAX ? 0 : Bounds.gamma(n) * (1 + 0x1p-28);
    return List.of(
        Agreement.of(
            "ours and libtorch",
            count,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            i -> theirs.getAtIndex(JAVA_FLOAT, i),
            i -> 2 * unit * magnitude[(int) i]),
        Agreement.of(
            "ours and float64",
            count,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            i -> exact[(int) i],
            i -> unit * magnitude[(int) i]),
        Agreement.of(
            "libtorch and float64",
            count,
            i -> theirs.getAtIndex(JAVA_FLOAT, i),
            i -> exact[(int) i],
            i -> unit * magnitude[(int) i]));
  }

  /** What one window gives: its own element of the output, or its share of a gradient. */
  private static void window(
      Pool s,
      MemorySegment x,
      MemorySegment dy,
      int plane,
      int p,
      int q,
      double[] exact,
      double[] magnitude) {
    int out = (plane * s.p() + p) * s.p() + q;
    double size = (double) s.size() * s.size();
    double largest = Double.NEGATIVE_INFINITY;
    int where = -1;
    for (int h = p * s.stride() - s.padding(); h < p * s.stride() - s.padding() + s.size(); h++) {
      for (int w = q * s.stride() - s.padding(); w < q * s.stride() - s.padding() + s.size(); w++) {
        if (h < 0 || h >= s.h() || w < 0 || w >= s.h()) {
          continue;
        }
        int at = (plane * s.h() + h) * s.h() + w;
        double value = x.getAtIndex(JAVA_FLOAT, at);
        if (value > largest) {
          largest = value;
          where = at;
        }
        if (s.pass() == Pass.AVERAGE) {
          exact[out] += value / size;
          magnitude[out] += Math.abs(value) / size;
        } else if (s.pass() == Pass.AVERAGE_GRADIENT) {
          exact[at] += dy.getAtIndex(JAVA_FLOAT, out) / size;
          magnitude[at] += Math.abs(dy.getAtIndex(JAVA_FLOAT, out)) / size;
        }
      }
    }
    if (s.pass() == Pass.MAX) {
      exact[out] = largest;
    } else if (s.pass() == Pass.MAX_GRADIENT) {
      exact[where] += dy.getAtIndex(JAVA_FLOAT, out);
      magnitude[where] += Math.abs(dy.getAtIndex(JAVA_FLOAT, out));
    }
  }
}

package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchLocal;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.LocallyConnected2d;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Locally connected layers of LeNet's and DeepFace's kind (Taigman et al. 2014), all three passes,
 * and small odd ones for the cross-check.
 */
final class LocallyConnected2dCases {
  private static final List<ConvShape> LAYERS =
      List.of(
          ConvShape.lenet1(64),
          ConvShape.lenet2(64),
          ConvShape.square(1, 16, 25, 16, 5, 1),
          ConvShape.square(32, 16, 25, 16, 5, 1),
          ConvShape.square(8, 16, 56, 16, 3, 1),
          ConvShape.square(16, 32, 27, 32, 3, 2));

  private static final List<ConvShape> ODD =
      List.of(
          ConvShape.lenet2(3),
          new ConvShape("3x2 /3 7>5 odd", 3, 7, 17, 11, 5, 3, 2, 3, 1, 1, 1),
          new ConvShape("3x3 /2 dilated 2", 2, 9, 20, 23, 11, 3, 3, 2, 2, 2, 1),
          new ConvShape("1x1 one position", 1, 1030, 1, 1, 3, 1, 1, 1, 0, 1, 1),
          new ConvShape("2x2 batch over a chunk", 600, 2, 4, 3, 3, 2, 2, 1, 0, 1, 1));

  private LocallyConnected2dCases() {}

  enum Pass {
    FORWARD,
    DATA_GRADIENT,
    WEIGHT_GRADIENT
  }

  static List<Planned> all(Device device) {
    return planned(LAYERS, device);
  }

  static List<Planned> odd(Device device) {
    return planned(ODD, device);
  }

  private static List<Planned> planned(List<ConvShape> layers, Device device) {
    List<Planned> cases = new ArrayList<>();
    for (Pass pass : Pass.values()) {
      for (ConvShape g : layers) {
        String name = pass.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        String full = name + " " + g.name();
        cases.add(new Planned(full, () -> build(full, g, pass, device)));
      }
    }
    return cases;
  }

  private static BenchCase build(String name, ConvShape g, Pass pass, Device device) {
    var memory = new CaseMemory(device);
    int positions = g.p() * g.q();
    int filter = g.c() * g.r() * g.s();
    long weights = g.weights() * positions;
    MemorySegment x = memory.normal(1, g.inputs());
    MemorySegment w = memory.normal(2, weights);
    MemorySegment dy = memory.normal(3, g.outputs());
    long[] image = {g.n(), g.c(), g.h(), g.w()};
    long[] filters = {g.k(), g.c(), g.r(), g.s(), g.p(), g.q()};
    long[] outputs = {g.n(), g.k(), g.p(), g.q()};
    var geometry =
        Conv2d.Geometry.of(g.stride(), g.padding()).withDilation(g.dilation(), g.dilation());
    var ourX = memory.floats(x, image);
    var ourW = memory.floats(w, filters);
    var ourDy = memory.floats(dy, outputs);
    Tensor theirX = TorchPeer.floats(x, image);
    Tensor theirDy = TorchPeer.floats(dy, g.n(), g.k(), positions);
    Tensor theirW;
    try (Tensor plain = TorchPeer.floats(w, g.k(), filter, positions)) {
      theirW = TorchLocal.turn(plain);
    }
    Tensor absX = torch.abs(theirX);
    Tensor absW = torch.abs(theirW);
    Tensor absDy = torch.abs(theirDy);

    MemorySegment out;
    Runnable ours;
    Supplier<Tensor> theirs;
    Supplier<Tensor> magnitudes;
    Reference reference;
    int terms;
    switch (pass) {
      case FORWARD -> {
        out = memory.zeros(g.outputs());
        var y = memory.floats(out, outputs);
        ours = () -> LocallyConnected2d.forward(ourX, ourW, null, Activation.NONE, geometry, y);
        theirs = () -> TorchLocal.forward(theirX, theirW, g);
        magnitudes = () -> TorchLocal.forward(absX, absW, g);
        reference = LocallyConnected2dReference.forward(g, x, w);
        terms = filter;
      }
      case DATA_GRADIENT -> {
        out = memory.zeros(g.inputs());
        var dx = memory.floats(out, image);
        ours = () -> LocallyConnected2d.dataGradient(ourDy, ourW, geometry, dx);
        theirs = () -> TorchLocal.dataGradient(theirDy, theirW, g);
        magnitudes = () -> TorchLocal.dataGradient(absDy, absW, g);
        reference = LocallyConnected2dReference.dataGradient(g, dy, w);
        terms = g.k() * g.r() * g.s();
      }
      case WEIGHT_GRADIENT -> {
        out = memory.zeros(weights);
        var dw = memory.floats(out, filters);
        ours = () -> LocallyConnected2d.weightGradient(ourX, ourDy, geometry, dw);
        theirs = () -> TorchLocal.weightGradient(theirX, theirDy, g);
        magnitudes = () -> TorchLocal.weightGradient(absX, absDy, g);
        reference = LocallyConnected2dReference.weightGradient(g, x, dy);
        terms = g.n();
      }
      default -> throw new AssertionError(pass);
    }
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(dy);
            Inputs.change(x);
          }
          try (Tensor t = inOurOrder(theirs.get(), pass);
              Tensor m = inOurOrder(magnitudes.get(), pass)) {
            return DotProducts.compare(
                terms, out, "libtorch", TorchPeer.memory(t), TorchPeer.memory(m), reference);
          }
        };
    return new BenchCase(
        name,
        Rate.GFLOPS,
        new Work(2.0 * g.n() * weights, 4.0 * (g.inputs() + weights + g.outputs())),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", () -> theirs.get().close())),
        check,
        () -> {
          List.of(theirX, theirW, theirDy, absX, absW, absDy).forEach(Tensor::close);
          memory.run();
        });
  }

  private static Tensor inOurOrder(Tensor t, Pass pass) {
    if (pass != Pass.WEIGHT_GRADIENT) {
      return t;
    }
    try (t) {
      return TorchLocal.turn(t);
    }
  }

  /** The three passes in float64, element by element, from their definition. */
  private static final class LocallyConnected2dReference {
    static Reference forward(ConvShape g, MemorySegment x, MemorySegment w) {
      int positions = g.p() * g.q();
      int filter = g.c() * g.r() * g.s();
      return index -> {
        int position = (int) (index % positions);
        long k = index / positions % g.k();
        long n = index / positions / g.k();
        Sum sum = new Sum();
        for (int tap = 0; tap < filter; tap++) {
          long pixel = pixel(g, n, tap, position);
          sum.add(x, pixel, w, (k * filter + tap) * positions + position);
        }
        return sum.term();
      };
    }

    static Reference weightGradient(ConvShape g, MemorySegment x, MemorySegment dy) {
      int positions = g.p() * g.q();
      int filter = g.c() * g.r() * g.s();
      return index -> {
        int position = (int) (index % positions);
        int tap = (int) (index / positions % filter);
        long k = index / positions / filter;
        Sum sum = new Sum();
        for (int n = 0; n < g.n(); n++) {
          sum.add(x, pixel(g, n, tap, position), dy, (n * (long) g.k() + k) * positions + position);
        }
        return sum.term();
      };
    }

    static Reference dataGradient(ConvShape g, MemorySegment dy, MemorySegment w) {
      int positions = g.p() * g.q();
      int taps = g.r() * g.s();
      return index -> {
        int plane = g.h() * g.w();
        long c = index / plane % g.c();
        long n = index / plane / g.c();
        Sum sum = new Sum();
        for (int tap = 0; tap < taps; tap++) {
          for (int position = 0; position < positions; position++) {
            if (pixel(g, n, (int) c * taps + tap, position) == index) {
              for (int k = 0; k < g.k(); k++) {
                sum.add(
                    dy,
                    (n * g.k() + k) * positions + position,
                    w,
                    ((k * (long) g.c() + c) * taps + tap) * positions + position);
              }
            }
          }
        }
        return sum.term();
      };
    }

    /** The pixel that a tap of a position reads; -1 outside of the image. */
    private static long pixel(ConvShape g, long n, int tap, int position) {
      int h = position / g.q() * g.stride() - g.padding() + tap / g.s() % g.r() * g.dilation();
      int v = position % g.q() * g.stride() - g.padding() + tap % g.s() * g.dilation();
      boolean inside = h >= 0 && h < g.h() && v >= 0 && v < g.w();
      return inside ? ((n * g.c() + tap / (g.r() * g.s())) * g.h() + h) * g.w() + v : -1;
    }
  }

  private static final class Sum {
    private double value;
    private double magnitude;

    void add(MemorySegment a, long i, MemorySegment b, long j) {
      if (i >= 0) {
        double term = (double) a.getAtIndex(JAVA_FLOAT, i) * b.getAtIndex(JAVA_FLOAT, j);
        value += term;
        magnitude += Math.abs(term);
      }
    }

    Reference.Term term() {
      return new Reference.Term(value, magnitude);
    }
  }
}

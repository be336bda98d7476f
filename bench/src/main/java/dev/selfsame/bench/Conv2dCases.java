package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.PackedFilters;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Convolutions of {@link ResNet50} and a few others, and small odd ones for the cross-check. */
final class Conv2dCases {
  /** Two depthwise layers of MobileNet (Howard et al. 2017), both of LeNet. */
  private static final List<ConvShape> OTHERS =
      List.of(
          ConvShape.depthwise(1, 32, 112, 3),
          ConvShape.depthwise(1, 512, 14, 3),
          ConvShape.lenet1(64),
          ConvShape.lenet2(64));

  /**
   * Strides that leave a remainder, dilation, groups, depthwise, 1-pixel images, K over a chunk.
   */
  static final List<ConvShape> ODD =
      List.of(
          ConvShape.lenet1(4),
          ConvShape.lenet2(4),
          new ConvShape("3x2 /3 7>5 odd", 3, 7, 17, 11, 5, 3, 2, 3, 1, 1, 1),
          new ConvShape("3x3 /2 dilated 2", 2, 9, 20, 23, 11, 3, 3, 2, 2, 2, 1),
          new ConvShape("3x3 groups 4", 2, 16, 13, 13, 24, 3, 3, 1, 1, 1, 4),
          new ConvShape("3x3 depthwise", 2, 33, 15, 15, 33, 3, 3, 1, 1, 1, 33),
          new ConvShape("1x1 one pixel", 1, 1030, 1, 1, 3, 1, 1, 1, 0, 1, 1),
          new ConvShape("3x3 K over a chunk", 1, 120, 9, 9, 33, 3, 3, 1, 1, 1, 1));

  private Conv2dCases() {}

  /** All of ResNet-50 for one image, then for eight, then the others. */
  private static List<ConvShape> layers() {
    List<ConvShape> layers = new ArrayList<>();
    for (int n : new int[] {1, 8}) {
      layers.addAll(ResNet50.layers(n).keySet());
    }
    layers.addAll(OTHERS);
    return layers;
  }

  /** With the tensor of filters; and packed once, where there is much weight beside few pixels. */
  static List<Planned> forward(Device device) {
    List<Planned> cases = new ArrayList<>(planned(layers(), Pass.FORWARD, device));
    for (ConvShape g : ResNet50.layers(1).keySet()) {
      if (g.p() * g.q() <= 49) {
        String name = g.name() + " packed";
        cases.add(new Planned(name, () -> build(g, Pass.FORWARD, true, name, device)));
      }
    }
    return cases;
  }

  static List<Planned> dataGradient(Device device) {
    return planned(layers(), Pass.DATA_GRADIENT, device);
  }

  static List<Planned> weightGradient(Device device) {
    return planned(layers(), Pass.WEIGHT_GRADIENT, device);
  }

  static List<Planned> odd(Device device, Pass pass) {
    return planned(ODD, pass, device);
  }

  enum Pass {
    FORWARD,
    DATA_GRADIENT,
    WEIGHT_GRADIENT
  }

  private static List<Planned> planned(List<ConvShape> layers, Pass pass, Device device) {
    return layers.stream()
        .map(g -> new Planned(g.name(), () -> build(g, pass, false, g.name(), device)))
        .toList();
  }

  private static BenchCase build(
      ConvShape g, Pass pass, boolean packed, String name, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment x = memory.normal(1, g.inputs());
    MemorySegment w = memory.normal(2, g.weights());
    MemorySegment dy = memory.normal(3, g.outputs());
    long[] xShape = {g.n(), g.c(), g.h(), g.w()};
    long[] wShape = {g.k(), g.c() / g.groups(), g.r(), g.s()};
    long[] yShape = {g.n(), g.k(), g.p(), g.q()};
    var geometry = geometry(g);
    var ourX = memory.floats(x, xShape);
    var ourW = memory.floats(w, wShape);
    var ourDy = memory.floats(dy, yShape);
    Tensor theirX = TorchPeer.floats(x, xShape);
    Tensor theirW = TorchPeer.floats(w, wShape);
    Tensor theirDy = TorchPeer.floats(dy, yShape);
    Tensor absX = torch.abs(theirX);
    Tensor absW = torch.abs(theirW);
    Tensor absDy = torch.abs(theirDy);

    PackedFilters filters = PackedFilters.of(ourW, geometry.groups());
    Tensor theirFilters = packed ? TorchPeer.oneDnnFilters(theirW, g) : theirW;

    MemorySegment out;
    Runnable ours;
    Supplier<Tensor> theirs;
    Supplier<Tensor> magnitudes;
    Reference reference;
    double terms;
    switch (pass) {
      case FORWARD -> {
        out = memory.zeros(g.outputs());
        var y = memory.floats(out, yShape);
        ours =
            packed
                ? () -> Conv2d.forward(ourX, filters, null, Activation.NONE, geometry, y)
                : () -> Conv2d.forward(ourX, ourW, null, geometry, y);
        theirs = () -> TorchPeer.conv2d(theirX, theirW, g);
        magnitudes = () -> TorchPeer.conv2d(absX, absW, g);
        reference = Conv2dReference.forward(g, x, w);
        terms = (double) g.c() / g.groups() * g.r() * g.s();
      }
      case DATA_GRADIENT -> {
        out = memory.zeros(g.inputs());
        var dx = memory.floats(out, xShape);
        ours = () -> Conv2d.dataGradient(ourDy, ourW, geometry, dx);
        theirs = () -> TorchPeer.conv2dDataGradient(theirDy, theirX, theirW, g);
        magnitudes = () -> TorchPeer.conv2dDataGradient(absDy, absX, absW, g);
        reference = Conv2dReference.dataGradient(g, dy, w);
        terms = (double) g.k() / g.groups() * g.r() * g.s();
      }
      case WEIGHT_GRADIENT -> {
        out = memory.zeros(g.weights());
        var dw = memory.floats(out, wShape);
        ours = () -> Conv2d.weightGradient(ourX, ourDy, geometry, dw);
        theirs = () -> TorchPeer.conv2dWeightGradient(theirDy, theirX, theirW, g);
        magnitudes = () -> TorchPeer.conv2dWeightGradient(absDy, absX, absW, g);
        reference = Conv2dReference.weightGradient(g, dy, x);
        terms = (double) g.n() * g.p() * g.q();
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
          try (Tensor t = theirs.get();
              Tensor m = magnitudes.get()) {
            return DotProducts.compare(
                terms, out, "libtorch", TorchPeer.memory(t), TorchPeer.memory(m), reference);
          }
        };
    List<Contender> peers = new ArrayList<>();
    peers.add(new Contender("libtorch", () -> theirs.get().close()));
    if (pass == Pass.FORWARD && g.r() == 1 && g.n() == 1) {
      // libtorch takes im2col and BLAS instead of oneDNN here on one thread: not always the faster
      // way.
      peers.add(new Contender("oneDNN", () -> TorchPeer.oneDnnConv2d(theirX, theirW, g).close()));
    }
    if (packed) {
      peers.add(
          new Contender(
              "oneDNN packed", () -> TorchPeer.oneDnnConv2d(theirX, theirFilters, g).close()));
    }
    Runnable close =
        () -> {
          List.of(theirX, theirW, theirDy, absX, absW, absDy).forEach(Tensor::close);
          filters.close();
          if (packed) {
            theirFilters.close();
          }
          memory.run();
        };
    return new BenchCase(
        name, Rate.GFLOPS, g.work(), new Contender("selfsame", ours), peers, check, close);
  }

  /** Bias gradients, for the cross-check only: sums over samples and positions. */
  static List<Planned> biasGradient(Device device) {
    return ODD.stream().map(g -> new Planned(g.name(), () -> buildBias(g, device))).toList();
  }

  private static BenchCase buildBias(ConvShape g, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment dy = memory.normal(3, g.outputs());
    MemorySegment out = memory.zeros(g.k());
    var ourDy = memory.floats(dy, g.n(), g.k(), g.p(), g.q());
    var db = memory.floats(out, g.k());
    Tensor theirDy = TorchPeer.floats(dy, g.n(), g.k(), g.p(), g.q());
    Tensor absDy = torch.abs(theirDy);
    int plane = g.p() * g.q();
    Reference reference =
        k -> {
          double value = 0;
          double magnitude = 0;
          for (int n = 0; n < g.n(); n++) {
            for (int i = 0; i < plane; i++) {
              double term = dy.getAtIndex(JAVA_FLOAT, (n * (long) g.k() + k) * plane + i);
              value += term;
              magnitude += Math.abs(term);
            }
          }
          return new Reference.Term(value, magnitude);
        };
    Runnable ours = () -> Bias.gradient(ourDy, db);
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(dy);
          }
          try (Tensor t = TorchPeer.channelSums(theirDy);
              Tensor m = TorchPeer.channelSums(absDy)) {
            return DotProducts.compare(
                (double) g.n() * plane,
                out,
                "libtorch",
                TorchPeer.memory(t),
                TorchPeer.memory(m),
                reference);
          }
        };
    return new BenchCase(
        g.name(),
        Rate.GBYTES,
        Work.bytes(4.0 * g.outputs()),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", () -> TorchPeer.channelSums(theirDy).close())),
        check,
        () -> {
          List.of(theirDy, absDy).forEach(Tensor::close);
          memory.run();
        });
  }

  private static Conv2d.Geometry geometry(ConvShape g) {
    return Conv2d.Geometry.of(g.stride(), g.padding())
        .withDilation(g.dilation(), g.dilation())
        .withGroups(g.groups());
  }
}

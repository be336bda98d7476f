package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Activation;
import dev.selfsame.op.ConvTranspose2d;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Forward passes of transposed convolutions: the enlarging layers of DCGAN (Radford et al. 2016),
 * and small odd ones for the cross-check. The gradients are {@link Conv2dCases}' forward pass and
 * weight gradient, call for call.
 *
 * <p>A shape is that of the convolution turned round: our x is its output, our y its image.
 */
final class ConvTranspose2dCases {
  private static final List<ConvShape> LAYERS =
      List.of(
          dcgan(512, 256, 8, 4),
          dcgan(256, 128, 16, 4),
          dcgan(128, 64, 32, 4),
          dcgan(64, 3, 64, 4),
          ConvShape.square(1, 64, 56, 64, 3, 1));

  private static final List<ConvShape> ODD =
      List.of(
          new ConvShape("4x4 /2 odd", 2, 7, 10, 12, 5, 4, 4, 2, 1, 1, 1),
          new ConvShape("3x3 /2 groups 2, dilated", 2, 6, 13, 14, 8, 3, 3, 2, 2, 2, 2),
          new ConvShape("5x5 over a chunk", 1, 3, 9, 9, 40, 5, 5, 1, 2, 1, 1));

  private ConvTranspose2dCases() {}

  private static ConvShape dcgan(int in, int out, int size, int n) {
    String name = "4x4 /2 %d>%d to @%d n%d".formatted(in, out, size, n);
    return new ConvShape(name, n, out, size, size, in, 4, 4, 2, 1, 1, 1);
  }

  static List<Planned> all(Device device) {
    return planned(LAYERS, device);
  }

  static List<Planned> odd(Device device) {
    return planned(ODD, device);
  }

  private static List<Planned> planned(List<ConvShape> layers, Device device) {
    return layers.stream().map(g -> new Planned(g.name(), () -> build(g, device))).toList();
  }

  private static BenchCase build(ConvShape g, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment x = memory.normal(1, g.outputs());
    MemorySegment w = memory.normal(2, g.weights());
    MemorySegment out = memory.zeros(g.inputs());
    long[] xShape = {g.n(), g.k(), g.p(), g.q()};
    long[] wShape = {g.k(), g.c() / g.groups(), g.r(), g.s()};
    int moreH = more(g.h(), g.p(), g.r(), g);
    int moreW = more(g.w(), g.q(), g.s(), g);
    var geometry =
        new ConvTranspose2d.Geometry(
            g.stride(),
            g.stride(),
            g.padding(),
            g.padding(),
            moreH,
            moreW,
            g.dilation(),
            g.dilation(),
            g.groups());
    var ourX = memory.floats(x, xShape);
    var ourW = memory.floats(w, wShape);
    var y = memory.floats(out, g.n(), g.c(), g.h(), g.w());
    Tensor theirX = TorchPeer.floats(x, xShape);
    Tensor theirW = TorchPeer.floats(w, wShape);
    Tensor absX = torch.abs(theirX);
    Tensor absW = torch.abs(theirW);
    Runnable ours = () -> ConvTranspose2d.forward(ourX, ourW, null, Activation.NONE, geometry, y);
    return new BenchCase(
        g.name(),
        Rate.GFLOPS,
        g.work(),
        new Contender("selfsame", ours),
        List.of(
            new Contender(
                "libtorch",
                () -> TorchPeer.convTranspose2d(theirX, theirW, g, moreH, moreW).close())),
        control -> {
          ours.run();
          if (control) {
            Inputs.change(x);
          }
          try (Tensor t = TorchPeer.convTranspose2d(theirX, theirW, g, moreH, moreW);
              Tensor m = TorchPeer.convTranspose2d(absX, absW, g, moreH, moreW)) {
            return DotProducts.compare(
                (double) g.k() / g.groups() * g.r() * g.s(),
                out,
                "libtorch",
                TorchPeer.memory(t),
                TorchPeer.memory(m),
                Conv2dReference.dataGradient(g, x, w));
          }
        },
        () -> {
          List.of(theirX, theirW, absX, absW).forEach(Tensor::close);
          memory.run();
        });
  }

  /** The output padding that gives the shape's image its size. */
  private static int more(int image, int input, int taps, ConvShape g) {
    return image - ((input - 1) * g.stride() - 2 * g.padding() + g.dilation() * (taps - 1) + 1);
  }
}

package dev.selfsame.bench.gpu;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.bench.ConvShape;
import dev.selfsame.op.Conv2d;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Convolutions of ResNet-50 (He et al. 2015, table 1) for 32 images, all three passes. */
final class GpuConvCases {
  private static final int IMAGES = 32;

  /** One of each kind: filter size, stride, and image size from large to small. */
  private static final List<ConvShape> LAYERS =
      List.of(
          ConvShape.square(IMAGES, 3, 224, 64, 7, 2),
          ConvShape.square(IMAGES, 64, 56, 64, 3, 1),
          ConvShape.square(IMAGES, 64, 56, 256, 1, 1),
          ConvShape.square(IMAGES, 128, 28, 128, 3, 1),
          ConvShape.square(IMAGES, 256, 56, 512, 1, 2),
          ConvShape.square(IMAGES, 256, 14, 256, 3, 1),
          ConvShape.square(IMAGES, 1024, 14, 256, 1, 1),
          ConvShape.square(IMAGES, 512, 7, 512, 3, 1));

  private static final List<ConvShape> SMALL =
      List.of(ConvShape.square(1, 3, 16, 8, 7, 2), ConvShape.square(2, 8, 9, 8, 3, 1));

  private GpuConvCases() {}

  static List<GpuCase> all(boolean small) {
    List<GpuCase> cases = new ArrayList<>();
    for (Pass pass : Pass.values()) {
      for (ConvShape s : small ? SMALL : LAYERS) {
        cases.add(
            new GpuCase(
                pass.suite, pass.suite + " " + s.name(), s.work(), sizes(s), pass.setup(s)));
      }
    }
    return cases;
  }

  private static Map<String, Object> sizes(ConvShape s) {
    Map<String, Object> sizes = new LinkedHashMap<>();
    sizes.put("n", s.n());
    sizes.put("c", s.c());
    sizes.put("h", s.h());
    sizes.put("w", s.w());
    sizes.put("k", s.k());
    sizes.put("r", s.r());
    sizes.put("s", s.s());
    sizes.put("stride", s.stride());
    sizes.put("padding", s.padding());
    return sizes;
  }

  private enum Pass {
    FORWARD("conv2d-forward") {
      @Override
      void run(ConvShape s, Tensor x, Tensor w, Tensor y) {
        Conv2d.forward(x, w, null, geometry(s), y);
      }
    },
    DATA_GRADIENT("conv2d-data-gradient") {
      @Override
      void run(ConvShape s, Tensor x, Tensor w, Tensor y) {
        Conv2d.dataGradient(y, w, geometry(s), x);
      }
    },
    WEIGHT_GRADIENT("conv2d-weight-gradient") {
      @Override
      void run(ConvShape s, Tensor x, Tensor w, Tensor y) {
        Conv2d.weightGradient(x, y, geometry(s), w);
      }
    };

    final String suite;

    Pass(String suite) {
      this.suite = suite;
    }

    /** x, w and y are input, filters and output of the forward pass, or their gradients. */
    abstract void run(ConvShape s, Tensor x, Tensor w, Tensor y);

    static Conv2d.Geometry geometry(ConvShape s) {
      return Conv2d.Geometry.of(s.stride(), s.padding());
    }

    GpuCase.Setup setup(ConvShape s) {
      return (scope, device) -> {
        List<Tensor> host = tensors(scope, s);
        List<Tensor> card = host.stream().map(t -> t.to(scope, (Device) device)).toList();
        return GpuCases.ready(
            () -> run(s, card.get(0), card.get(1), card.get(2)),
            () -> {
              run(s, host.get(0), host.get(1), host.get(2));
              int written = new int[] {2, 0, 1}[ordinal()];
              return new GpuCase.Differences()
                  .add("the result", host.get(written), card.get(written))
                  .first();
            });
      };
    }

    private static List<Tensor> tensors(Scope scope, ConvShape s) {
      return List.of(
          GpuInputs.values(scope, 1, s.n(), s.c(), s.h(), s.w()),
          GpuInputs.values(scope, 2, s.k(), s.c(), s.r(), s.s()),
          GpuInputs.values(scope, 3, s.n(), s.k(), s.p(), s.q()));
    }
  }
}

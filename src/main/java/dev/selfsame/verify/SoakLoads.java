package dev.selfsame.verify;

import dev.selfsame.Shape;
import dev.selfsame.op.AdamW;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.Unary;
import dev.selfsame.verify.SoakLoad.Result;
import dev.selfsame.verify.SoakLoad.Spec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The operations of the burn-in: together they load FP32 and FP64 units, shared memory, caches and
 * memory. Sizes fill a large card, or, small, keep softcuda below seconds.
 */
final class SoakLoads {
  private final boolean small;
  private final Draw draw = new Draw("soak", 1, 0);

  private SoakLoads(boolean small) {
    this.small = small;
  }

  static List<Spec> all(boolean small) {
    SoakLoads s = new SoakLoads(small);
    return List.of(
        s.gemm(),
        s.forward(),
        s.dataGradient(),
        s.weightGradient(),
        s.scatterAdd(),
        s.adamW(),
        s.softmax(),
        s.layerNorm(),
        s.tanh());
  }

  private int of(int large, int forSoftcuda) {
    return small ? forSoftcuda : large;
  }

  private Draw.Input values(String name, long... sizes) {
    return draw.floats(name, Draw.Kind.RANDOM, sizes);
  }

  private Spec gemm() {
    int n = of(4096, 100);
    return new Spec(
        "gemm",
        List.of(values("a", n, n), values("b", n, n)),
        List.of(new Result("out", Shape.of(n, n), -1)),
        (in, out) -> Gemm.gemm(in.get(0), in.get(1), out.get(0)));
  }

  /** A 3×3 layer of ResNet-50 (He et al. 2015, table 1). */
  private final class Layer {
    final long n = of(32, 1);
    final long c = of(128, 8);
    final long size = of(28, 9);
    final Conv2d.Geometry geometry = Conv2d.Geometry.of(1, 1);
    final long[] x = {n, c, size, size};
    final long[] w = {c, c, 3, 3};
  }

  private Spec forward() {
    Layer l = new Layer();
    return new Spec(
        "conv2d forward",
        List.of(values("x", l.x), values("w", l.w)),
        List.of(new Result("y", Shape.of(l.x), -1)),
        (in, out) -> Conv2d.forward(in.get(0), in.get(1), null, l.geometry, out.get(0)));
  }

  private Spec dataGradient() {
    Layer l = new Layer();
    return new Spec(
        "conv2d data gradient",
        List.of(values("dy", l.x), values("w", l.w)),
        List.of(new Result("dx", Shape.of(l.x), -1)),
        (in, out) -> Conv2d.dataGradient(in.get(0), in.get(1), l.geometry, out.get(0)));
  }

  private Spec weightGradient() {
    Layer l = new Layer();
    return new Spec(
        "conv2d weight gradient",
        List.of(values("x", l.x), values("dy", l.x)),
        List.of(new Result("dw", Shape.of(l.w), -1)),
        (in, out) -> Conv2d.weightGradient(in.get(0), in.get(1), l.geometry, out.get(0)));
  }

  private Spec scatterAdd() {
    int n = of(65_536, 300);
    int rows = of(50_000, 70);
    int columns = of(256, 20);
    return new Spec(
        "scatter-add",
        List.of(
            values("src", n, columns),
            draw.ints("indices", n, i -> (int) ((i * 2_654_435_761L & 0xffffffffL) % rows)),
            values("dst", rows, columns)),
        List.of(new Result("dst", Shape.of(rows, columns), 2)),
        (in, out) -> ScatterAdd.scatterAdd(in.get(0), in.get(1), out.get(0)));
  }

  private Spec adamW() {
    int n = of(8 << 20, 3000);
    Draw.Input v = values("v", n);
    float[] moments = v.data().toArray(ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < n; i++) {
      moments[i] = Math.abs(moments[i]);
    }
    var hyper = new AdamW.Hyper(1e-3, 0.9, 0.999, 1e-8, 0.01, 10, AdamW.Decay.DECOUPLED);
    Shape shape = Shape.of(n);
    return new Spec(
        "adamw",
        List.of(
            values("p", n),
            values("g", n),
            values("m", n),
            new Draw.Input("v", v.dtype(), v.shape(), MemorySegment.ofArray(moments))),
        List.of(new Result("p", shape, 0), new Result("m", shape, 2), new Result("v", shape, 3)),
        (in, out) ->
            AdamW.step(
                List.of(out.get(0)),
                List.of(in.get(1)),
                List.of(out.get(1)),
                List.of(out.get(2)),
                hyper));
  }

  private Spec softmax() {
    Shape shape = Shape.of(of(16_384, 9), of(1024, 200));
    return new Spec(
        "softmax",
        List.of(values("x", shape.sizes())),
        List.of(new Result("y", shape, -1)),
        (in, out) -> Softmax.softmax(in.get(0), out.get(0)));
  }

  private Spec layerNorm() {
    Shape shape = Shape.of(of(16_384, 9), of(1024, 200));
    long rows = shape.size(0);
    long columns = shape.size(1);
    return new Spec(
        "layer norm",
        List.of(values("x", shape.sizes()), values("gamma", columns), values("beta", columns)),
        List.of(
            new Result("y", shape, -1),
            new Result("mean", Shape.of(rows), -1),
            new Result("rstd", Shape.of(rows), -1)),
        (in, out) ->
            LayerNorm.forward(
                in.get(0), in.get(1), in.get(2), 1e-5f, out.get(0), out.get(1), out.get(2)));
  }

  /** Evaluated in double: the FP64 units. */
  private Spec tanh() {
    int n = of(16 << 20, 3000);
    return new Spec(
        "tanh",
        List.of(values("x", n)),
        List.of(new Result("y", Shape.of(n), -1)),
        (in, out) -> Elementwise.unary(Unary.TANH, in.get(0), out.get(0)));
  }
}

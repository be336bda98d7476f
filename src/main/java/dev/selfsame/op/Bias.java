package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.BiasVector;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/**
 * A bias for each channel: y[n, c, …] = x[n, c, …] + bias[c], one add. Its gradient is the run sum
 * of dy over all but the channel axis, in memory order.
 */
public final class Bias {
  private static final Kernel ADD = Kernel.of("bias_add");

  private Bias() {}

  /**
   * Adds a bias.
   *
   * @param x [N, C] or [N, C, …]
   * @param bias [C]
   * @param y x's shape; may be x itself
   */
  public static void add(Tensor x, Tensor bias, Tensor y) {
    Check.plain("bias", "y", y, DType.F32);
    Check.input("bias", "x", x, y);
    Check.input("bias", "bias", bias, y);
    if (x.shape().rank() < 2) {
      throw new ShapeException("bias: x has shape " + x.shape() + "; [N, C, …] is needed");
    }
    Check.notEmpty("bias", "x", x);
    Check.shape("bias", "bias", bias, x.size(1));
    Check.shape("bias", "y", y, x.shape());
    Check.sameOrApart("bias", "x", x, "y", y);
    Check.apart("bias", "bias", bias, "y", y);
    long n = x.size(0);
    long channels = x.size(1);
    long space = x.elements() / (n * channels);
    switch (y.device()) {
      case Device.Scalar d -> scalar(x.memory(), bias.memory(), y.memory(), n, channels, space);
      case Device.Vector d ->
          BiasVector.on(d.bits())
              .add(x.memory(), bias.memory(), y.memory(), n, channels, space, d.workers());
      case Device.Cuda d ->
          d.context()
              .launch(ADD)
              .grid(Math.ceilDiv(x.elements(), 1024))
              .block(256)
              .arg(x.address())
              .arg(bias.address())
              .arg(y.address())
              .arg(x.elements())
              .arg(channels)
              .arg(space)
              .what(() -> "bias of " + x)
              .run();
    }
  }

  private static void scalar(
      MemorySegment x, MemorySegment bias, MemorySegment y, long n, long channels, long space) {
    for (long i = 0; i < n * channels * space; i++) {
      f32(y, i, f32(x, i) + f32(bias, i / space % channels));
    }
  }

  /**
   * The bias's gradient: {@link Sums#channels} of dy.
   *
   * @param dy [N, C] or [N, C, …]
   * @param dbias [C]
   */
  public static void gradient(Tensor dy, Tensor dbias) {
    Sums.channels(dy, dbias);
  }
}

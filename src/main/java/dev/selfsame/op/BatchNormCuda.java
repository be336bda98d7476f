package dev.selfsame.op;

import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import dev.selfsame.op.BatchNorm.Running;
import dev.selfsame.op.BatchNorm.Sizes;
import org.jspecify.annotations.Nullable;

/**
 * Launches of {@code cuda-kernels/batch_norm.cu}: block sums of each channel, their totals, then
 * element by element.
 */
final class BatchNormCuda {
  private static final Kernel SUMS = Kernel.of("batch_norm_sums");
  private static final Kernel SQUARES = Kernel.of("batch_norm_squares");
  private static final Kernel PRODUCTS = Kernel.of("batch_norm_products");
  private static final Kernel MEAN = Kernel.of("batch_norm_mean");
  private static final Kernel DEVIATION = Kernel.of("batch_norm_deviation");
  private static final Kernel TOTALS = Kernel.of("batch_norm_totals");
  private static final Kernel RSTD = Kernel.of("batch_norm_rstd");
  private static final Kernel APPLY = Kernel.of("batch_norm_apply");
  private static final Kernel SLOPE = Kernel.of("batch_norm_slope");

  private BatchNormCuda() {}

  static void forward(
      CudaContext context,
      Tensor x,
      Tensor gamma,
      Tensor beta,
      float eps,
      @Nullable Running running,
      Tensor y,
      Tensor mean,
      Tensor rstd,
      Sizes z) {
    long blocks = blocks(z);
    long partials = context.allocate(Math.multiplyExact(z.channels(), blocks) * Float.BYTES);
    try {
      Launch sums = context.launch(SUMS).arg(x.address()).arg(partials);
      perBlock(sums, x, z);
      context
          .launch(MEAN)
          .grid(z.channels())
          .block(256)
          .arg(partials)
          .arg(blocks)
          .arg((float) z.count())
          .arg(mean.address())
          .run();
      Launch squares = context.launch(SQUARES).arg(x.address()).arg(mean.address()).arg(partials);
      perBlock(squares, x, z);
      context
          .launch(DEVIATION)
          .grid(z.channels())
          .block(256)
          .arg(partials)
          .arg(blocks)
          .arg((float) z.count())
          .arg((float) (z.count() - 1))
          .arg(eps)
          .arg(mean.address())
          .arg(rstd.address())
          .arg(running == null ? 0f : running.momentum())
          .arg(running == null ? 0L : running.mean().address())
          .arg(running == null ? 0L : running.variance().address())
          .run();
    } finally {
      context.free(partials);
    }
    apply(context, x, gamma, beta, mean.address(), rstd.address(), y, z);
  }

  static void evaluate(
      CudaContext context,
      Tensor x,
      Tensor gamma,
      Tensor beta,
      float eps,
      Tensor mean,
      Tensor variance,
      Tensor y,
      Sizes z) {
    long rstd = context.allocate(z.channels() * Float.BYTES);
    try {
      context
          .launch(RSTD)
          .grid(Math.ceilDiv(z.channels(), 256))
          .block(256)
          .arg(variance.address())
          .arg(eps)
          .arg(rstd)
          .arg(z.channels())
          .run();
      apply(context, x, gamma, beta, mean.address(), rstd, y, z);
    } finally {
      context.free(rstd);
    }
  }

  static void gradient(
      CudaContext context,
      Tensor dy,
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      @Nullable Tensor dx,
      Tensor dgamma,
      Tensor dbeta,
      Sizes z) {
    long blocks = blocks(z);
    long size = Math.multiplyExact(z.channels(), blocks) * Float.BYTES;
    long partials = context.allocate(2 * size);
    try {
      Launch products =
          context
              .launch(PRODUCTS)
              .arg(dy.address())
              .arg(x.address())
              .arg(mean.address())
              .arg(rstd.address())
              .arg(partials)
              .arg(partials + size);
      perBlock(products, dy, z);
      context
          .launch(TOTALS)
          .grid(z.channels())
          .block(256)
          .arg(partials)
          .arg(partials + size)
          .arg(blocks)
          .arg(dgamma.address())
          .arg(dbeta.address())
          .run();
    } finally {
      context.free(partials);
    }
    if (dx != null) {
      Launch slope =
          context
              .launch(SLOPE)
              .arg(dy.address())
              .arg(x.address())
              .arg(gamma.address())
              .arg(mean.address())
              .arg(rstd.address())
              .arg(dgamma.address())
              .arg(dbeta.address())
              .arg((float) z.count())
              .arg(dx.address());
      perElement(slope, dx, z);
    }
  }

  private static void apply(
      CudaContext context,
      Tensor x,
      Tensor gamma,
      Tensor beta,
      long mean,
      long rstd,
      Tensor y,
      Sizes z) {
    Launch apply =
        context
            .launch(APPLY)
            .arg(x.address())
            .arg(gamma.address())
            .arg(beta.address())
            .arg(mean)
            .arg(rstd)
            .arg(y.address());
    perElement(apply, y, z);
  }

  private static long blocks(Sizes z) {
    return Math.ceilDiv(z.count(), (long) Contract.BLOCK);
  }

  /** A warp for each block of each channel. */
  private static void perBlock(Launch launch, Tensor x, Sizes z) {
    launch
        .arg(z.n())
        .arg(z.channels())
        .arg(z.space())
        .grid(Math.ceilDiv(z.channels() * blocks(z), 8))
        .block(256)
        .what(() -> "batchNorm of " + x)
        .run();
  }

  /** A thread for four elements. */
  private static void perElement(Launch launch, Tensor y, Sizes z) {
    launch
        .arg(y.elements())
        .arg(z.channels())
        .arg(z.space())
        .grid(Math.ceilDiv(y.elements(), 1024))
        .block(256)
        .what(() -> "batchNorm to " + y)
        .run();
  }
}

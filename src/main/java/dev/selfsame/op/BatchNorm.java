package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.FloatAt;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.BatchNormVector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalization (Ioffe &amp; Szegedy 2015, "Batch normalization", algorithm 1): each channel
 * of [N, C, …] to mean 0 and variance 1 over all else. For each channel, with its M = N·… elements
 * in memory order, Σ the contract's block sum over them ({@link OrderedSum}), wherever in memory
 * they lie, and (float) M the float nearest to M:
 *
 * <pre>
 *   mean = Σ x / (float) M
 *   q    = Σ (x − mean)·(x − mean)
 *   rstd = rsqrt(q / (float) M + eps)            correctly rounded ({@link ExactMath})
 *   h    = (x − mean) · rstd
 *   y    = fma(h, gamma, beta)
 *   runningMean     = fma(momentum, mean − runningMean, runningMean)
 *   runningVariance = fma(momentum, q / (float) (M − 1) − runningVariance, runningVariance)
 * </pre>
 *
 * In evaluation mean is the running mean, and rstd = rsqrt(runningVariance + eps). The gradient:
 *
 * <pre>
 *   dbeta  = Σ dy
 *   dgamma = Σ dy·h
 *   dx = (gamma · rstd) · fma(−h, dgamma / (float) M, dy − dbeta / (float) M)
 * </pre>
 *
 * Every operation written here rounds once; products under a sum are rounded before they are added.
 * A channel has 2 to 2³⁰ elements.
 */
public final class BatchNorm {
  private static final long MAX_ELEMENTS = 1L << 30;

  private BatchNorm() {}

  /**
   * What training leaves for evaluation.
   *
   * @param mean [C], updated
   * @param variance [C], updated
   * @param momentum weight of the newest batch, 0 … 1
   */
  public record Running(Tensor mean, Tensor variance, float momentum) {
    /** Checks the momentum. */
    public Running {
      if (!(momentum >= 0 && momentum <= 1)) {
        throw new IllegalArgumentException(
            "batchNorm: momentum is " + momentum + "; 0 to 1 are allowed");
      }
    }
  }

  /** [N, C, space]. */
  record Sizes(long n, long channels, long space) {
    static Sizes of(String op, String name, Tensor t) {
      if (t.shape().rank() < 2) {
        throw new ShapeException(
            op + ": " + name + " has shape " + t.shape() + "; [N, C, …] is needed");
      }
      Check.notEmpty(op, name, t);
      Sizes z = new Sizes(t.size(0), t.size(1), t.elements() / (t.size(0) * t.size(1)));
      if (z.count() > MAX_ELEMENTS) {
        throw new ShapeException(
            op + ": a channel of " + z.count() + " elements; at most 2^30 are allowed");
      }
      return z;
    }

    long count() {
      return n * space;
    }
  }

  /**
   * Normalizes by the batch's own statistics, for training.
   *
   * @param x [N, C, …], at least two elements a channel
   * @param gamma [C], the scale
   * @param beta [C], the shift
   * @param eps added to the variance; finite, at least 0
   * @param running updated, or null
   * @param y x's shape; may be x itself
   * @param mean [C], kept for the gradient
   * @param rstd [C], the reciprocal of the standard deviation, kept for the gradient
   */
  public static void forward(
      Tensor x,
      Tensor gamma,
      Tensor beta,
      float eps,
      @Nullable Running running,
      Tensor y,
      Tensor mean,
      Tensor rstd) {
    String op = "batchNorm";
    Check.plain(op, "y", y, DType.F32);
    Sizes z = inputs(op, x, gamma, beta, y, eps);
    if (z.count() < 2) {
      throw new ShapeException(op + ": x has shape " + x.shape() + "; one element a channel");
    }
    vectors(op, z, y, mean, rstd);
    Check.apart(op, "mean", mean, "rstd", rstd);
    apart(op, x, gamma, beta, y, mean, rstd);
    if (running != null) {
      vectors(op, z, y, running.mean, running.variance);
      Check.apart(op, "running mean", running.mean, "running variance", running.variance);
      for (Tensor t : new Tensor[] {running.mean, running.variance}) {
        Check.apart(op, "mean", mean, "running", t);
        Check.apart(op, "rstd", rstd, "running", t);
      }
      apart(op, x, gamma, beta, y, running.mean, running.variance);
    }
    switch (y.device()) {
      case Device.Scalar d -> {
        statistics(x.memory(), eps, running, mean.memory(), rstd.memory(), z);
        apply(x, gamma, beta, mean.memory(), rstd.memory(), y, z);
      }
      case Device.Vector d ->
          BatchNormVector.on(d.bits())
              .forward(
                  x.memory(),
                  gamma.memory(),
                  beta.memory(),
                  eps,
                  running == null ? 0 : running.momentum,
                  running == null ? null : running.mean.memory(),
                  running == null ? null : running.variance.memory(),
                  y.memory(),
                  mean.memory(),
                  rstd.memory(),
                  z.n,
                  z.channels,
                  z.space,
                  d.workers());
      case Device.Cuda d ->
          BatchNormCuda.forward(d.context(), x, gamma, beta, eps, running, y, mean, rstd, z);
    }
  }

  /**
   * Normalizes by the running statistics.
   *
   * @param x [N, C, …]
   * @param gamma [C]
   * @param beta [C]
   * @param eps as in training
   * @param runningMean [C]
   * @param runningVariance [C]
   * @param y x's shape; may be x itself
   */
  public static void evaluate(
      Tensor x,
      Tensor gamma,
      Tensor beta,
      float eps,
      Tensor runningMean,
      Tensor runningVariance,
      Tensor y) {
    String op = "batchNorm evaluation";
    Check.plain(op, "y", y, DType.F32);
    Sizes z = inputs(op, x, gamma, beta, y, eps);
    vectors(op, z, y, runningMean, runningVariance);
    Check.apart(op, "runningMean", runningMean, "y", y);
    Check.apart(op, "runningVariance", runningVariance, "y", y);
    switch (y.device()) {
      case Device.Scalar d -> {
        float[] rstd = new float[Math.toIntExact(z.channels)];
        for (int c = 0; c < rstd.length; c++) {
          rstd[c] = ExactMath.rsqrt(f32(runningVariance.memory(), c) + eps);
        }
        apply(x, gamma, beta, runningMean.memory(), MemorySegment.ofArray(rstd), y, z);
      }
      case Device.Vector d ->
          BatchNormVector.on(d.bits())
              .evaluate(
                  x.memory(),
                  gamma.memory(),
                  beta.memory(),
                  eps,
                  runningMean.memory(),
                  runningVariance.memory(),
                  y.memory(),
                  z.n,
                  z.channels,
                  z.space,
                  d.workers());
      case Device.Cuda d ->
          BatchNormCuda.evaluate(
              d.context(), x, gamma, beta, eps, runningMean, runningVariance, y, z);
    }
  }

  /**
   * The gradients of {@link #forward}.
   *
   * @param dy gradient of y, [N, C, …]
   * @param x forward's input
   * @param gamma [C]
   * @param mean [C], of forward
   * @param rstd [C], of forward
   * @param dx gradient of x, or null if it is not wanted; may be dy itself
   * @param dgamma gradient of gamma, [C]
   * @param dbeta gradient of beta, [C]
   */
  public static void gradient(
      Tensor dy,
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      @Nullable Tensor dx,
      Tensor dgamma,
      Tensor dbeta) {
    String op = "batchNorm gradient";
    Check.plain(op, "dy", dy, DType.F32);
    Sizes z = Sizes.of(op, "dy", dy);
    Check.input(op, "x", x, dy);
    Check.shape(op, "x", x, dy.shape());
    vectors(op, z, dy, gamma, mean, rstd, dgamma, dbeta);
    Check.apart(op, "dgamma", dgamma, "dbeta", dbeta);
    for (Tensor input : new Tensor[] {dy, x, gamma, mean, rstd}) {
      Check.apart(op, "an input", input, "dgamma", dgamma);
      Check.apart(op, "an input", input, "dbeta", dbeta);
    }
    if (dx != null) {
      Check.input(op, "dx", dx, dy);
      Check.shape(op, "dx", dx, dy.shape());
      Check.sameOrApart(op, "dy", dy, "dx", dx);
      for (Tensor other : new Tensor[] {x, gamma, mean, rstd, dgamma, dbeta}) {
        Check.apart(op, "another argument", other, "dx", dx);
      }
    }
    switch (dy.device()) {
      case Device.Scalar d -> scalarGradient(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, z);
      case Device.Vector d ->
          BatchNormVector.on(d.bits())
              .gradient(
                  dy.memory(),
                  x.memory(),
                  gamma.memory(),
                  mean.memory(),
                  rstd.memory(),
                  dx == null ? null : dx.memory(),
                  dgamma.memory(),
                  dbeta.memory(),
                  z.n,
                  z.channels,
                  z.space,
                  d.workers());
      case Device.Cuda d ->
          BatchNormCuda.gradient(d.context(), dy, x, gamma, mean, rstd, dx, dgamma, dbeta, z);
    }
  }

  // ---- the definition

  /** Channel {@code c}'s elements in order. */
  private static FloatAt elements(MemorySegment x, long c, Sizes z) {
    return i -> f32(x, (i / z.space * z.channels + c) * z.space + i % z.space);
  }

  private static void statistics(
      MemorySegment x,
      float eps,
      @Nullable Running running,
      MemorySegment mean,
      MemorySegment rstd,
      Sizes z) {
    for (long c = 0; c < z.channels; c++) {
      FloatAt xs = elements(x, c, z);
      float m = OrderedSum.blockSum(xs, z.count()) / (float) z.count();
      float q = OrderedSum.blockSum(i -> square(xs.at(i) - m), z.count());
      f32(mean, c, m);
      f32(rstd, c, ExactMath.rsqrt(q / (float) z.count() + eps));
      if (running != null) {
        MemorySegment means = running.mean.memory();
        MemorySegment variances = running.variance.memory();
        float unbiased = q / (float) (z.count() - 1);
        f32(means, c, Math.fma(running.momentum, m - f32(means, c), f32(means, c)));
        f32(
            variances,
            c,
            Math.fma(running.momentum, unbiased - f32(variances, c), f32(variances, c)));
      }
    }
  }

  private static float square(float d) {
    return d * d;
  }

  private static void apply(
      Tensor x,
      Tensor gamma,
      Tensor beta,
      MemorySegment mean,
      MemorySegment rstd,
      Tensor y,
      Sizes z) {
    for (long i = 0; i < y.elements(); i++) {
      long c = i / z.space % z.channels;
      float h = (f32(x.memory(), i) - f32(mean, c)) * f32(rstd, c);
      f32(y.memory(), i, Math.fma(h, f32(gamma.memory(), c), f32(beta.memory(), c)));
    }
  }

  private static void scalarGradient(
      Tensor dy,
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      @Nullable Tensor dx,
      Tensor dgamma,
      Tensor dbeta,
      Sizes z) {
    float count = z.count();
    for (long c = 0; c < z.channels; c++) {
      FloatAt dys = elements(dy.memory(), c, z);
      FloatAt xs = elements(x.memory(), c, z);
      float m = f32(mean.memory(), c);
      float s = f32(rstd.memory(), c);
      f32(dbeta.memory(), c, OrderedSum.blockSum(dys, z.count()));
      float sum = OrderedSum.blockSum(i -> dys.at(i) * ((xs.at(i) - m) * s), z.count());
      f32(dgamma.memory(), c, sum);
    }
    for (long i = 0; i < dy.elements() && dx != null; i++) {
      long c = i / z.space % z.channels;
      float s = f32(rstd.memory(), c);
      float h = (f32(x.memory(), i) - f32(mean.memory(), c)) * s;
      float a = f32(dbeta.memory(), c) / count;
      float b = f32(dgamma.memory(), c) / count;
      float inner = Math.fma(-h, b, f32(dy.memory(), i) - a);
      f32(dx.memory(), i, f32(gamma.memory(), c) * s * inner);
    }
  }

  // ---- checks

  private static Sizes inputs(String op, Tensor x, Tensor gamma, Tensor beta, Tensor y, float eps) {
    Check.input(op, "x", x, y);
    Check.shape(op, "x", x, y.shape());
    Sizes z = Sizes.of(op, "x", x);
    vectors(op, z, y, gamma, beta);
    if (!(eps >= 0 && eps < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          op + ": eps is " + eps + "; a finite number of at least 0 is needed");
    }
    Check.sameOrApart(op, "x", x, "y", y);
    Check.apart(op, "gamma", gamma, "y", y);
    Check.apart(op, "beta", beta, "y", y);
    return z;
  }

  private static void vectors(String op, Sizes z, Tensor like, Tensor... vectors) {
    for (Tensor t : vectors) {
      Check.input(op, "an argument a channel", t, like);
      Check.shape(op, "an argument a channel", t, z.channels);
    }
  }

  /** Two destinations, apart from the inputs and y. */
  private static void apart(
      String op, Tensor x, Tensor gamma, Tensor beta, Tensor y, Tensor a, Tensor b) {
    for (Tensor other : new Tensor[] {x, gamma, beta, y}) {
      Check.apart(op, "another argument", other, "a statistic", a);
      Check.apart(op, "another argument", other, "a statistic", b);
    }
  }
}

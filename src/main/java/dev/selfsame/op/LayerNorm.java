package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.LayerNormVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Layer normalization (Ba, Kiros &amp; Hinton 2016, "Layer normalization", section 3): each row of
 * a matrix to mean 0 and variance 1, then scaled and shifted column by column. For each row, with C
 * columns, Σ the contract's block sum along the row ({@link OrderedSum}) and (float) C the float
 * nearest to C:
 *
 * <pre>
 *   mean = Σ x / (float) C
 *   var  = Σ (x − mean)·(x − mean) / (float) C      the biased variance
 *   rstd = rsqrt(var + eps)                         correctly rounded ({@link ExactMath})
 *   h    = (x − mean) · rstd
 *   y    = fma(h, gamma, beta)
 * </pre>
 *
 * Its gradient, with g = dy · gamma and h as above:
 *
 * <pre>
 *   a  = Σ g / (float) C
 *   b  = Σ g·h / (float) C
 *   dx = rstd · fma(−h, b, g − a)
 *   dgamma = run sum over the rows of dy·h
 *   dbeta  = run sum over the rows of dy
 * </pre>
 *
 * Every operation written here rounds once; products under a sum are rounded before they are added.
 * y, mean, rstd and dx of a row depend on that row only. A row has at most 2³⁰ columns. A row whose
 * elements are all equal has h = 0 where their mean is exact.
 */
public final class LayerNorm {
  private static final List<Kernel> FORWARD = Softmax.kernels("layer_norm_forward");
  private static final List<Kernel> GRADIENT = Softmax.kernels("layer_norm_gradient");
  private static final Kernel PARAMETERS = Kernel.of("layer_norm_parameters");

  /** Floats of a long row that a block keeps in shared memory, beside the sums' 16 KiB. */
  private static final int KEPT = 8192;

  private LayerNorm() {}

  /**
   * Normalizes each row.
   *
   * @param x [R, C], not empty
   * @param gamma [C], the scale
   * @param beta [C], the shift
   * @param eps added to the variance; finite, at least 0
   * @param y [R, C]; may be x itself
   * @param mean [R], kept for the gradient
   * @param rstd [R], the reciprocal of the standard deviation, kept for the gradient
   */
  public static void forward(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    String op = "layerNorm";
    Check.plain(op, "y", y, DType.F32);
    matrix(op, "y", y);
    Check.input(op, "x", x, y);
    Check.shape(op, "x", x, y.shape());
    long rows = y.size(0);
    long columns = y.size(1);
    vector(op, "gamma", gamma, y, columns);
    vector(op, "beta", beta, y, columns);
    vector(op, "mean", mean, y, rows);
    vector(op, "rstd", rstd, y, rows);
    if (!(eps >= 0 && eps < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          op + ": eps is " + eps + "; a finite number of at least 0 is needed");
    }
    Check.sameOrApart(op, "x", x, "y", y);
    Check.apart(op, "gamma", gamma, "y", y);
    Check.apart(op, "beta", beta, "y", y);
    Check.apart(op, "y", y, "mean", mean);
    Check.apart(op, "y", y, "rstd", rstd);
    Check.apart(op, "mean", mean, "rstd", rstd);
    for (Tensor kept : new Tensor[] {mean, rstd}) {
      String name = kept == mean ? "mean" : "rstd";
      Check.apart(op, "x", x, name, kept);
      Check.apart(op, "gamma", gamma, name, kept);
      Check.apart(op, "beta", beta, name, kept);
    }
    switch (y.device()) {
      case Device.Scalar d ->
          scalar(
              x.memory(),
              gamma.memory(),
              beta.memory(),
              eps,
              y.memory(),
              mean.memory(),
              rstd.memory(),
              rows,
              columns);
      case Device.Vector d ->
          LayerNormVector.on(d.bits())
              .forward(
                  x.memory(),
                  gamma.memory(),
                  beta.memory(),
                  eps,
                  y.memory(),
                  mean.memory(),
                  rstd.memory(),
                  rows,
                  columns,
                  d.workers());
      case Device.Cuda d -> {
        Launch launch =
            Softmax.launch(d.context(), FORWARD, columns)
                .arg(x.address())
                .arg(gamma.address())
                .arg(beta.address())
                .arg(eps)
                .arg(y.address())
                .arg(mean.address())
                .arg(rstd.address());
        kept(launch, columns, KEPT, 1);
        Softmax.run(launch, op, y);
      }
    }
  }

  /**
   * The gradients of {@link #forward}; those that are null are left out.
   *
   * @param dy gradient of y, [R, C]
   * @param x forward's input, [R, C]
   * @param gamma [C]
   * @param mean [R], of forward
   * @param rstd [R], of forward
   * @param dx gradient of x, [R, C], or null; may be dy itself
   * @param dgamma gradient of gamma, [C], or null
   * @param dbeta gradient of beta, [C], or null
   */
  public static void gradient(
      Tensor dy,
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      @Nullable Tensor dx,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta) {
    String op = "layerNorm gradient";
    Check.plain(op, "dy", dy, DType.F32);
    matrix(op, "dy", dy);
    Check.input(op, "x", x, dy);
    Check.shape(op, "x", x, dy.shape());
    long rows = dy.size(0);
    long columns = dy.size(1);
    vector(op, "gamma", gamma, dy, columns);
    vector(op, "mean", mean, dy, rows);
    vector(op, "rstd", rstd, dy, rows);
    if (dx != null) {
      Check.input(op, "dx", dx, dy);
      Check.shape(op, "dx", dx, dy.shape());
    }
    if (dgamma != null) {
      vector(op, "dgamma", dgamma, dy, columns);
    }
    if (dbeta != null) {
      vector(op, "dbeta", dbeta, dy, columns);
    }
    apartFromInputs(op, "dx", dx, x, gamma, mean, rstd);
    apartFromInputs(op, "dgamma", dgamma, dy, x, gamma, mean, rstd);
    apartFromInputs(op, "dbeta", dbeta, dy, x, gamma, mean, rstd);
    apartFromInputs(op, "dx", dx, dgamma, dbeta);
    apartFromInputs(op, "dgamma", dgamma, dbeta);
    if (dx != null) {
      Check.sameOrApart(op, "dy", dy, "dx", dx);
    }
    if (dx == null && dgamma == null && dbeta == null) {
      return;
    }
    switch (dy.device()) {
      case Device.Scalar d ->
          scalarGradient(
              dy.memory(),
              x.memory(),
              gamma.memory(),
              mean.memory(),
              rstd.memory(),
              memory(dx),
              memory(dgamma),
              memory(dbeta),
              rows,
              columns);
      case Device.Vector d ->
          LayerNormVector.on(d.bits())
              .gradient(
                  dy.memory(),
                  x.memory(),
                  gamma.memory(),
                  mean.memory(),
                  rstd.memory(),
                  memory(dx),
                  memory(dgamma),
                  memory(dbeta),
                  rows,
                  columns,
                  d.workers());
      case Device.Cuda d -> cudaGradient(d.context(), dy, x, gamma, mean, rstd, dx, dgamma, dbeta);
    }
  }

  // ---- the definition

  private static void scalar(
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment beta,
      float eps,
      MemorySegment y,
      MemorySegment mean,
      MemorySegment rstd,
      long rows,
      long columns) {
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      float m = OrderedSum.blockSum(x, row, columns) / (float) columns;
      float var = OrderedSum.blockSum(i -> square(f32(x, row + i) - m), columns) / (float) columns;
      float s = ExactMath.rsqrt(var + eps);
      for (long c = 0; c < columns; c++) {
        float h = (f32(x, row + c) - m) * s;
        f32(y, row + c, Math.fma(h, f32(gamma, c), f32(beta, c)));
      }
      f32(mean, r, m);
      f32(rstd, r, s);
    }
  }

  private static float square(float d) {
    return d * d;
  }

  private static void scalarGradient(
      MemorySegment dy,
      MemorySegment x,
      MemorySegment gamma,
      MemorySegment mean,
      MemorySegment rstd,
      @Nullable MemorySegment dx,
      @Nullable MemorySegment dgamma,
      @Nullable MemorySegment dbeta,
      long rows,
      long columns) {
    // Parameters first: dx may be dy.
    for (long c = 0; c < columns; c++) {
      long column = c;
      if (dgamma != null) {
        float sum =
            OrderedSum.runSum(
                r -> {
                  float h = (f32(x, r * columns + column) - f32(mean, r)) * f32(rstd, r);
                  return f32(dy, r * columns + column) * h;
                },
                rows);
        f32(dgamma, c, sum);
      }
      if (dbeta != null) {
        f32(dbeta, c, OrderedSum.runSum(dy, c, columns, rows));
      }
    }
    for (long r = 0; r < rows && dx != null; r++) {
      long row = r * columns;
      float m = f32(mean, r);
      float s = f32(rstd, r);
      float a = OrderedSum.blockSum(c -> f32(dy, row + c) * f32(gamma, c), columns);
      float b =
          OrderedSum.blockSum(
              c -> f32(dy, row + c) * f32(gamma, c) * ((f32(x, row + c) - m) * s), columns);
      a /= (float) columns;
      b /= (float) columns;
      for (long c = 0; c < columns; c++) {
        float g = f32(dy, row + c) * f32(gamma, c);
        float h = (f32(x, row + c) - m) * s;
        f32(dx, row + c, s * Math.fma(-h, b, g - a));
      }
    }
  }

  // ---- CUDA

  private static void cudaGradient(
      CudaContext context,
      Tensor dy,
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      @Nullable Tensor dx,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta) {
    long rows = dy.size(0);
    long columns = dy.size(1);
    if (dgamma != null || dbeta != null) {
      long runs = Math.ceilDiv(rows, (long) Contract.RUN);
      try (RunSums sums = new RunSums(context, runs, columns, dgamma, dbeta)) {
        long addresses = dy.address() | x.address() | sums.partials(0) | sums.partials(1);
        int width = RunSums.width(columns, addresses);
        context
            .launch(PARAMETERS)
            .grid(Math.ceilDiv(Math.multiplyExact(runs, columns) / width, 256))
            .block(256)
            .arg(dy.address())
            .arg(x.address())
            .arg(mean.address())
            .arg(rstd.address())
            .arg(rows)
            .arg(columns)
            .arg(sums.partials(0))
            .arg(sums.partials(1))
            .arg(width)
            .what(() -> "layerNorm gradient of " + dy)
            .run();
        sums.finish(() -> "layerNorm gradient of " + dy);
      }
    }
    if (dx != null) {
      Launch launch =
          Softmax.launch(context, GRADIENT, columns)
              .arg(dy.address())
              .arg(x.address())
              .arg(gamma.address())
              .arg(mean.address())
              .arg(rstd.address())
              .arg(dx.address());
      kept(launch, columns, KEPT / 2, 2);
      Softmax.run(launch, "layerNorm gradient", dx);
    }
  }

  /** A long row's values stay in shared memory if they fit: how many floats do, and their bytes. */
  private static void kept(Launch launch, long columns, long most, int values) {
    boolean fits = columns > Contract.BLOCK && columns <= most;
    launch.arg(fits ? 1 : 0).shared(fits ? (int) columns * values * Float.BYTES : 0);
  }

  // ---- checks

  private static @Nullable MemorySegment memory(@Nullable Tensor t) {
    return t == null ? null : t.memory();
  }

  private static void matrix(String op, String name, Tensor t) {
    Check.rank(op, name, t, 2, "[R, C]");
    Check.notEmpty(op, name, t);
    Softmax.columns(op, t);
  }

  private static void vector(String op, String name, Tensor t, Tensor like, long size) {
    Check.input(op, name, t, like);
    Check.shape(op, name, t, size);
  }

  private static void apartFromInputs(
      String op, String name, @Nullable Tensor destination, @Nullable Tensor... inputs) {
    for (Tensor input : inputs) {
      if (destination != null && input != null) {
        Check.apart(op, "another argument", input, name, destination);
      }
    }
  }
}

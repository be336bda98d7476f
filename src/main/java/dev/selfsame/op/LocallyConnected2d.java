package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dSizes;
import dev.selfsame.cpu.LocallyConnected2dVector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Locally connected layer: a two-dimensional convolution that shares nothing, with a filter of its
 * own at each output position (LeCun 1989, Generalization and network design strategies, net-3;
 * Gregor &amp; LeCun 2010), and its gradients.
 *
 * <p>Shapes: x [N, C, H, W], w [K, C, R, S, P, Q], bias [K, P, Q], y [N, K, P, Q]; P and Q follow
 * from the {@link Conv2d.Geometry} as for {@link Conv2d}, and its groups must be 1. The filter of
 * output (k, p, q) is w[k, :, :, :, p, q]: positions are the last axes, as in y, so that
 * neighbouring outputs read neighbouring weights. A convolution's w [K, C, R, S], the same at every
 * position, gives the convolution's bits.
 *
 * <p>Order of rounding. Each result is a contraction of the numerics contract: its terms in the
 * order stated below are cut into chunks of {@link Contract#chunk chunk(terms)} consecutive ones;
 * each chunk is a chain from +0 of acc ← fma(a, b, acc); the total is the first chunk's chain, then
 * total ← total + chain for the next ones in order.
 *
 * <ul>
 *   <li>{@link #forward}: y[n, k, p, q] over (c, r, s) of x[n, c, h, w]·w[k, c, r, s, p, q] with h
 *       = p·strideH − paddingH + r·dilationH, w likewise; C·R·S terms. A pixel outside the image is
 *       +0 and takes part. Then the bias is added, then the activation applied.
 *   <li>{@link #dataGradient}: dx[n, c, h, w] over (k, r, s) of dy[n, k, p, q]·w[k, c, r, s, p, q].
 *       Enumerated are those taps (r, s) for which strideH divides h + paddingH − r·dilationH and
 *       strideW divides w + paddingW − s·dilationW; p and q are the quotients. Where (p, q) is
 *       outside of the output grid there is neither an output nor a filter: both count as +0, and
 *       the term takes part. Other taps are no terms: chunks are counted in the enumerated
 *       sequence. A pixel without taps gets +0.
 *   <li>{@link #weightGradient}: dw[k, c, r, s, p, q] over n of x[n, c, h, w]·dy[n, k, p, q]; N
 *       terms. A pixel outside the image is +0 and takes part.
 *   <li>{@link #biasGradient}: db[k, p, q], the run sum over n of dy[n, k, p, q], as {@link
 *       Sums#columns}.
 * </ul>
 */
public final class LocallyConnected2d {
  private static final String FORWARD = "locallyConnected2d forward";
  private static final String DATA = "locallyConnected2d dataGradient";
  private static final String WEIGHT = "locallyConnected2d weightGradient";
  private static final String BIAS = "locallyConnected2d biasGradient";

  private LocallyConnected2d() {}

  /**
   * y = activation(x with each position's filter + bias).
   *
   * @param x [N, C, H, W]
   * @param w [K, C, R, S, P, Q]
   * @param bias [K, P, Q], or null: then nothing is added
   * @param y [N, K, P, Q], apart from the inputs
   */
  public static void forward(
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      Conv2d.Geometry geometry,
      Tensor y) {
    Conv2dSizes z = sizes(FORWARD, "x", x, "w", w, "y", y, geometry, y);
    Check.apart(FORWARD, "x", x, "y", y);
    Check.apart(FORWARD, "w", w, "y", y);
    if (bias != null) {
      Check.input(FORWARD, "bias", bias, y);
      Check.shape(FORWARD, "bias", bias, z.k(), z.p(), z.q());
      Check.apart(FORWARD, "bias", bias, "y", y);
    }
    boolean relu = activation == Activation.RELU;
    MemorySegment b = bias == null || y.device() instanceof Device.Cuda ? null : bias.memory();
    switch (y.device()) {
      case Device.Scalar s -> forward(x.memory(), w.memory(), b, relu, z, y.memory());
      case Device.Vector v ->
          LocallyConnected2dVector.on(v.bits())
              .forward(x.memory(), w.memory(), b, relu, z, y.memory(), v.workers());
      case Device.Cuda c ->
          LocallyConnected2dCuda.forward(
              c.context(),
              x.address(),
              w.address(),
              bias == null ? 0 : bias.address(),
              relu,
              z,
              y.address());
    }
  }

  /**
   * dx, the gradient of the image.
   *
   * @param dy [N, K, P, Q]
   * @param w [K, C, R, S, P, Q]
   * @param dx [N, C, H, W], apart from the inputs
   */
  public static void dataGradient(Tensor dy, Tensor w, Conv2d.Geometry geometry, Tensor dx) {
    Conv2dSizes z = sizes(DATA, "dx", dx, "w", w, "dy", dy, geometry, dx);
    Check.apart(DATA, "dy", dy, "dx", dx);
    Check.apart(DATA, "w", w, "dx", dx);
    switch (dx.device()) {
      case Device.Scalar s -> dataGradient(dy.memory(), w.memory(), z, dx.memory());
      case Device.Vector v ->
          LocallyConnected2dVector.on(v.bits())
              .dataGradient(dy.memory(), w.memory(), z, dx.memory(), v.workers());
      case Device.Cuda c ->
          LocallyConnected2dCuda.dataGradient(
              c.context(), dy.address(), w.address(), z, dx.address());
    }
  }

  /**
   * dw, the gradient of the filters.
   *
   * @param x [N, C, H, W]
   * @param dy [N, K, P, Q]
   * @param dw [K, C, R, S, P, Q], apart from the inputs
   */
  public static void weightGradient(Tensor x, Tensor dy, Conv2d.Geometry geometry, Tensor dw) {
    Conv2dSizes z = sizes(WEIGHT, "x", x, "dw", dw, "dy", dy, geometry, dw);
    Check.apart(WEIGHT, "x", x, "dw", dw);
    Check.apart(WEIGHT, "dy", dy, "dw", dw);
    switch (dw.device()) {
      case Device.Scalar s -> weightGradient(x.memory(), dy.memory(), z, dw.memory());
      case Device.Vector v ->
          LocallyConnected2dVector.on(v.bits())
              .weightGradient(x.memory(), dy.memory(), z, dw.memory(), v.workers());
      case Device.Cuda c ->
          LocallyConnected2dCuda.weightGradient(
              c.context(), x.address(), dy.address(), z, dw.address());
    }
  }

  /**
   * db, the gradient of the bias.
   *
   * @param dy [N, K, P, Q]
   * @param db [K, P, Q], apart from it
   */
  public static void biasGradient(Tensor dy, Tensor db) {
    Check.input(BIAS, "dy", dy, db);
    Check.rank(BIAS, "dy", dy, 4, "[N, K, P, Q]");
    Check.notEmpty(BIAS, "dy", dy);
    Check.input(BIAS, "db", db, db);
    Check.shape(BIAS, "db", db, dy.size(1), dy.size(2), dy.size(3));
    Check.apart(BIAS, "dy", dy, "db", db);
    long biases = db.elements();
    Sums.columns(dy.reshape(dy.size(0), biases), db.reshape(biases));
  }

  /** Checks image, filters and output of a pass, whichever of them is its destination. */
  private static Conv2dSizes sizes(
      String op,
      String xName,
      Tensor x,
      String wName,
      Tensor w,
      String yName,
      Tensor y,
      Conv2d.Geometry g,
      Tensor destination) {
    Check.input(op, xName, x, destination);
    Check.rank(op, xName, x, 4, "[N, C, H, W]");
    Check.notEmpty(op, xName, x);
    Check.input(op, wName, w, destination);
    Check.rank(op, wName, w, 6, "[K, C, R, S, P, Q]");
    Check.notEmpty(op, wName, w);
    Check.input(op, yName, y, destination);
    if (g.groups() != 1) {
      throw new ShapeException(op + ": groups is " + g.groups() + "; only 1 is possible");
    }
    long p = g.outputHeight(x.size(2), w.size(2));
    long q = g.outputWidth(x.size(3), w.size(3));
    Check.shape(op, wName, w, w.size(0), x.size(1), w.size(2), w.size(3), p, q);
    Check.shape(op, yName, y, x.size(0), w.size(0), p, q);
    return new Conv2dSizes(
        x.size(0),
        x.size(1),
        x.size(2),
        x.size(3),
        w.size(0),
        w.size(2),
        w.size(3),
        p,
        q,
        g.strideH(),
        g.strideW(),
        g.paddingH(),
        g.paddingW(),
        g.dilationH(),
        g.dilationW(),
        1);
  }

  // ---- the definitions

  private static void forward(
      MemorySegment x,
      MemorySegment w,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes z,
      MemorySegment y) {
    long chunk = Contract.chunk(z.c() * z.r() * z.s());
    long out = 0;
    for (long n = 0; n < z.n(); n++) {
      for (long k = 0; k < z.k(); k++) {
        for (long p = 0; p < z.p(); p++) {
          for (long q = 0; q < z.q(); q++) {
            float total = 0f;
            float chain = 0f;
            long term = 0;
            long end = chunk;
            for (long c = 0; c < z.c(); c++) {
              for (long r = 0; r < z.r(); r++) {
                for (long s = 0; s < z.s(); s++) {
                  if (term == end) {
                    total = end == chunk ? chain : total + chain;
                    chain = 0f;
                    end += chunk;
                  }
                  float weight = f32(w, weight(z, k, c, r, s, p, q));
                  chain = Math.fma(Conv2d.pixel(x, z, n, c, p, q, r, s), weight, chain);
                  term++;
                }
              }
            }
            float sum = end == chunk ? chain : total + chain;
            if (bias != null) {
              sum = sum + f32(bias, (k * z.p() + p) * z.q() + q);
            }
            f32(y, out++, relu ? Math.max(sum, 0f) : sum);
          }
        }
      }
    }
  }

  private static void dataGradient(
      MemorySegment dy, MemorySegment w, Conv2dSizes z, MemorySegment dx) {
    long out = 0;
    for (long n = 0; n < z.n(); n++) {
      for (long c = 0; c < z.c(); c++) {
        for (long h = 0; h < z.h(); h++) {
          long rows = Conv2d.taps(h + z.paddingH(), z.r(), z.dilationH(), z.strideH());
          for (long col = 0; col < z.w(); col++) {
            long cols = Conv2d.taps(col + z.paddingW(), z.s(), z.dilationW(), z.strideW());
            long chunk = Contract.chunk(z.k() * rows * cols);
            float total = 0f;
            float chain = 0f;
            long term = 0;
            long end = chunk;
            for (long k = 0; k < z.k(); k++) {
              for (long r = 0; r < z.r(); r++) {
                for (long s = 0; s < z.s(); s++) {
                  long pStrides = h + z.paddingH() - r * z.dilationH();
                  long qStrides = col + z.paddingW() - s * z.dilationW();
                  if (pStrides % z.strideH() != 0 || qStrides % z.strideW() != 0) {
                    continue;
                  }
                  if (term == end) {
                    total = end == chunk ? chain : total + chain;
                    chain = 0f;
                    end += chunk;
                  }
                  long p = pStrides / z.strideH();
                  long q = qStrides / z.strideW();
                  boolean inside = p >= 0 && p < z.p() && q >= 0 && q < z.q();
                  float output = inside ? f32(dy, ((n * z.k() + k) * z.p() + p) * z.q() + q) : 0f;
                  float weight = inside ? f32(w, weight(z, k, c, r, s, p, q)) : 0f;
                  chain = Math.fma(output, weight, chain);
                  term++;
                }
              }
            }
            f32(dx, out++, end == chunk ? chain : total + chain);
          }
        }
      }
    }
  }

  private static void weightGradient(
      MemorySegment x, MemorySegment dy, Conv2dSizes z, MemorySegment dw) {
    long chunk = Contract.chunk(z.n());
    long outputs = z.k() * z.p() * z.q();
    for (long k = 0; k < z.k(); k++) {
      for (long c = 0; c < z.c(); c++) {
        for (long r = 0; r < z.r(); r++) {
          for (long s = 0; s < z.s(); s++) {
            for (long p = 0; p < z.p(); p++) {
              for (long q = 0; q < z.q(); q++) {
                float total = 0f;
                float chain = 0f;
                long end = chunk;
                for (long n = 0; n < z.n(); n++) {
                  if (n == end) {
                    total = end == chunk ? chain : total + chain;
                    chain = 0f;
                    end += chunk;
                  }
                  float output = f32(dy, n * outputs + (k * z.p() + p) * z.q() + q);
                  chain = Math.fma(Conv2d.pixel(x, z, n, c, p, q, r, s), output, chain);
                }
                f32(dw, weight(z, k, c, r, s, p, q), end == chunk ? chain : total + chain);
              }
            }
          }
        }
      }
    }
  }

  /** Where the weight of tap (c, r, s) of output (k, p, q) lies. */
  private static long weight(Conv2dSizes z, long k, long c, long r, long s, long p, long q) {
    return ((((k * z.c() + c) * z.r() + r) * z.s() + s) * z.p() + p) * z.q() + q;
  }
}

package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dSizes;
import dev.selfsame.cpu.Conv2dVector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Two-dimensional convolution (cross-correlation, the kernel is not flipped) with stride, padding,
 * dilation and groups, and its gradients.
 *
 * <p>Shapes: x [N, C, H, W], w [K, C/groups, R, S], bias [K], y [N, K, P, Q] with P = ⌊(H +
 * 2·paddingH − dilationH·(R − 1) − 1) / strideH⌋ + 1, and Q likewise. Output channel k reads the
 * input channels of its group, k / (K/groups). Depthwise is groups = C.
 *
 * <p>Order of rounding. Each result is a contraction of the numerics contract: its terms in the
 * order stated below are cut into chunks of {@link Contract#chunk chunk(terms)} consecutive ones;
 * each chunk is a chain from +0 of acc ← fma(a, b, acc); the total is the first chunk's chain, then
 * total ← total + chain for the next ones in order.
 *
 * <ul>
 *   <li>{@link #forward}: y[n, k, p, q] over (c, r, s), the memory order of one filter, of x[n, c,
 *       h, w]·w[k, c, r, s] with h = p·strideH − paddingH + r·dilationH, w likewise; C/groups·R·S
 *       terms. A pixel outside the image is +0 and takes part, so that +0 beside an infinite weight
 *       is NaN. Then the bias is added, then the activation applied.
 *   <li>{@link #dataGradient}: dx[n, c, h, w] over (k, r, s), k in the group of c, of dy[n, k, p,
 *       q]·w[k, c, r, s]. Enumerated are those taps (r, s) for which strideH divides h + paddingH −
 *       r·dilationH and strideW divides w + paddingW − s·dilationW; p and q are the quotients.
 *       Where (p, q) is outside of the output grid, dy counts as +0 and the term takes part. Other
 *       taps are no terms: chunks are counted in the enumerated sequence. A pixel without taps gets
 *       +0.
 *   <li>{@link #weightGradient}: dw[k, c, r, s] over (n, p, q), the memory order of output
 *       positions, of dy[n, k, p, q]·x[n, c, h, w]; N·P·Q terms. A pixel outside the image is +0
 *       and takes part.
 * </ul>
 *
 * <p>The gradient of the bias is {@code Bias.gradient}.
 */
public final class Conv2d {
  private Conv2d() {}

  /**
   * How the kernel moves over the image.
   *
   * @param strideH rows between neighbouring outputs, at least 1
   * @param strideW columns between neighbouring outputs, at least 1
   * @param paddingH rows of +0 above and below the image, at least 0
   * @param paddingW columns of +0 left and right of the image, at least 0
   * @param dilationH rows between neighbouring taps, at least 1
   * @param dilationW columns between neighbouring taps, at least 1
   * @param groups independent groups of channels, at least 1; divides C and K
   */
  public record Geometry(
      int strideH,
      int strideW,
      int paddingH,
      int paddingW,
      int dilationH,
      int dilationW,
      int groups) {
    /** Checks the limits. */
    public Geometry {
      atLeast("strideH", strideH, 1);
      atLeast("strideW", strideW, 1);
      atLeast("paddingH", paddingH, 0);
      atLeast("paddingW", paddingW, 0);
      atLeast("dilationH", dilationH, 1);
      atLeast("dilationW", dilationW, 1);
      atLeast("groups", groups, 1);
    }

    private static void atLeast(String name, int value, int least) {
      if (value < least) {
        throw new ShapeException(
            "conv2d: " + name + " is " + value + "; at least " + least + " is needed");
      }
    }

    /** The same stride and padding on both axes, no dilation, one group. */
    public static Geometry of(int stride, int padding) {
      return new Geometry(stride, stride, padding, padding, 1, 1, 1);
    }

    /** With another stride. */
    public Geometry withStride(int h, int w) {
      return new Geometry(h, w, paddingH, paddingW, dilationH, dilationW, groups);
    }

    /** With another padding. */
    public Geometry withPadding(int h, int w) {
      return new Geometry(strideH, strideW, h, w, dilationH, dilationW, groups);
    }

    /** With another dilation. */
    public Geometry withDilation(int h, int w) {
      return new Geometry(strideH, strideW, paddingH, paddingW, h, w, groups);
    }

    /** With another number of groups. */
    public Geometry withGroups(int count) {
      return new Geometry(strideH, strideW, paddingH, paddingW, dilationH, dilationW, count);
    }

    /**
     * Output rows P for an image of {@code h} rows and a kernel of {@code r}.
     *
     * @throws ShapeException if the dilated kernel is larger than the padded image
     */
    public long outputHeight(long h, long r) {
      return Conv2dChecks.output("height", h, r, strideH, paddingH, dilationH);
    }

    /**
     * Output columns Q for an image of {@code w} columns and a kernel of {@code s}.
     *
     * @throws ShapeException if the dilated kernel is larger than the padded image
     */
    public long outputWidth(long w, long s) {
      return Conv2dChecks.output("width", w, s, strideW, paddingW, dilationW);
    }
  }

  /**
   * {@link #forward(Tensor, Tensor, Tensor, Activation, Geometry, Tensor)} without an activation.
   */
  public static void forward(
      Tensor x, Tensor w, @Nullable Tensor bias, Geometry geometry, Tensor y) {
    forward(x, w, bias, Activation.NONE, geometry, y);
  }

  /**
   * y = activation(conv(x, w) + bias).
   *
   * @param x [N, C, H, W]
   * @param w [K, C/groups, R, S]
   * @param bias [K], or null: then nothing is added
   * @param y [N, K, P, Q], apart from the inputs
   * @throws ShapeException if the shapes don't fit; on CUDA also if C/groups·R·S, the terms of an
   *     output, is above 2^24, or a padded plane has more than 2^29 rows, columns or outputs
   */
  public static void forward(
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      Geometry geometry,
      Tensor y) {
    forward(x, w, null, bias, activation, geometry, y);
  }

  /**
   * The same with filters that were packed before: the same bits, without packing them again.
   *
   * @param x [N, C, H, W]
   * @param filters of w [K, C/groups, R, S], as it was when they were packed
   * @param bias [K], or null: then nothing is added
   * @param geometry with the groups that the filters were packed for
   * @param y [N, K, P, Q], apart from the inputs
   * @throws ShapeException as the other {@code forward}, and if groups are others
   * @throws dev.selfsame.ClosedException if the filters were closed
   */
  public static void forward(
      Tensor x,
      PackedFilters filters,
      @Nullable Tensor bias,
      Activation activation,
      Geometry geometry,
      Tensor y) {
    if (filters.groups() != geometry.groups()) {
      throw new ShapeException(
          "conv2d forward: groups is "
              + geometry.groups()
              + ", but the filters were packed for "
              + filters.groups());
    }
    forward(x, filters.weight(y), filters.panels(), bias, activation, geometry, y);
  }

  private static void forward(
      Tensor x,
      Tensor w,
      float @Nullable [] panels,
      @Nullable Tensor bias,
      Activation activation,
      Geometry geometry,
      Tensor y) {
    Conv2dSizes z = Conv2dChecks.sizes("conv2d forward", "x", x, "w", w, "y", y, geometry, y);
    Check.apart("conv2d forward", "x", x, "y", y);
    Check.apart("conv2d forward", "w", w, "y", y);
    if (bias != null) {
      Check.input("conv2d forward", "bias", bias, y);
      Check.shape("conv2d forward", "bias", bias, z.k());
      Check.apart("conv2d forward", "bias", bias, "y", y);
    }
    boolean relu = activation == Activation.RELU;
    MemorySegment b = bias == null || y.device() instanceof Device.Cuda ? null : bias.memory();
    switch (y.device()) {
      case Device.Scalar s -> forward(x.memory(), w.memory(), b, relu, z, y.memory());
      case Device.Vector v ->
          Conv2dVector.on(v.bits())
              .forward(x.memory(), w.memory(), panels, b, relu, z, y.memory(), v.workers());
      case Device.Cuda c ->
          Conv2dCuda.forward(
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
   * @param w [K, C/groups, R, S]
   * @param dx [N, C, H, W], apart from the inputs
   * @throws ShapeException if the shapes don't fit; on CUDA also if the terms of a pixel, K/groups
   *     times the taps of its stride phase, are above 2^24, or a padded plane has more than 2^29
   *     rows, columns or outputs; dx is untouched then
   */
  public static void dataGradient(Tensor dy, Tensor w, Geometry geometry, Tensor dx) {
    Conv2dSizes z =
        Conv2dChecks.sizes("conv2d dataGradient", "dx", dx, "w", w, "dy", dy, geometry, dx);
    Check.apart("conv2d dataGradient", "dy", dy, "dx", dx);
    Check.apart("conv2d dataGradient", "w", w, "dx", dx);
    switch (dx.device()) {
      case Device.Scalar s -> dataGradient(dy.memory(), w.memory(), z, dx.memory());
      case Device.Vector v ->
          Conv2dVector.on(v.bits())
              .dataGradient(dy.memory(), w.memory(), z, dx.memory(), v.workers());
      case Device.Cuda c ->
          Conv2dCuda.dataGradient(c.context(), dy.address(), w.address(), z, dx.address());
    }
  }

  /**
   * dw, the gradient of the kernel.
   *
   * @param x [N, C, H, W]
   * @param dy [N, K, P, Q]
   * @param dw [K, C/groups, R, S], apart from the inputs
   * @throws ShapeException if the shapes don't fit; on CUDA also if a padded plane has more than
   *     2^29 rows, columns or outputs
   */
  public static void weightGradient(Tensor x, Tensor dy, Geometry geometry, Tensor dw) {
    Conv2dSizes z =
        Conv2dChecks.sizes("conv2d weightGradient", "x", x, "dw", dw, "dy", dy, geometry, dw);
    Check.apart("conv2d weightGradient", "x", x, "dw", dw);
    Check.apart("conv2d weightGradient", "dy", dy, "dw", dw);
    switch (dw.device()) {
      case Device.Scalar s -> weightGradient(x.memory(), dy.memory(), z, dw.memory());
      case Device.Vector v ->
          Conv2dVector.on(v.bits())
              .weightGradient(x.memory(), dy.memory(), z, dw.memory(), v.workers());
      case Device.Cuda c ->
          Conv2dCuda.weightGradient(c.context(), x.address(), dy.address(), z, dw.address());
    }
  }

  // ---- the definitions
  // ----------------------------------------------------------------------------------------

  private static void forward(
      MemorySegment x,
      MemorySegment w,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes z,
      MemorySegment y) {
    long chunk = Contract.chunk(z.groupC() * z.r() * z.s());
    long out = 0;
    for (long n = 0; n < z.n(); n++) {
      for (long k = 0; k < z.k(); k++) {
        long firstC = k / z.groupK() * z.groupC();
        for (long p = 0; p < z.p(); p++) {
          for (long q = 0; q < z.q(); q++) {
            float total = 0f;
            float chain = 0f;
            long term = 0;
            long end = chunk;
            for (long c = 0; c < z.groupC(); c++) {
              for (long r = 0; r < z.r(); r++) {
                for (long s = 0; s < z.s(); s++) {
                  if (term == end) {
                    total = end == chunk ? chain : total + chain;
                    chain = 0f;
                    end += chunk;
                  }
                  float weight = f32(w, ((k * z.groupC() + c) * z.r() + r) * z.s() + s);
                  chain = Math.fma(pixel(x, z, n, firstC + c, p, q, r, s), weight, chain);
                  term++;
                }
              }
            }
            float sum = end == chunk ? chain : total + chain;
            if (bias != null) {
              sum = sum + f32(bias, k);
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
        long firstK = c / z.groupC() * z.groupK();
        for (long h = 0; h < z.h(); h++) {
          long rows = taps(h + z.paddingH(), z.r(), z.dilationH(), z.strideH());
          for (long col = 0; col < z.w(); col++) {
            long chunk =
                Contract.chunk(
                    z.groupK()
                        * rows
                        * taps(col + z.paddingW(), z.s(), z.dilationW(), z.strideW()));
            float total = 0f;
            float chain = 0f;
            long term = 0;
            long end = chunk;
            for (long k = 0; k < z.groupK(); k++) {
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
                  float weight =
                      f32(
                          w,
                          (((firstK + k) * z.groupC() + c % z.groupC()) * z.r() + r) * z.s() + s);
                  chain = Math.fma(output(dy, z, n, firstK + k, p, q), weight, chain);
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
    long chunk = Contract.chunk(z.n() * z.p() * z.q());
    long out = 0;
    for (long k = 0; k < z.k(); k++) {
      for (long c = 0; c < z.groupC(); c++) {
        long channel = k / z.groupK() * z.groupC() + c;
        for (long r = 0; r < z.r(); r++) {
          for (long s = 0; s < z.s(); s++) {
            float total = 0f;
            float chain = 0f;
            long term = 0;
            long end = chunk;
            for (long n = 0; n < z.n(); n++) {
              for (long p = 0; p < z.p(); p++) {
                for (long q = 0; q < z.q(); q++) {
                  if (term == end) {
                    total = end == chunk ? chain : total + chain;
                    chain = 0f;
                    end += chunk;
                  }
                  chain =
                      Math.fma(
                          pixel(x, z, n, channel, p, q, r, s), output(dy, z, n, k, p, q), chain);
                  term++;
                }
              }
            }
            f32(dw, out++, end == chunk ? chain : total + chain);
          }
        }
      }
    }
  }

  /** The pixel that tap (r, s) of output (p, q) reads; +0 outside of the image. */
  static float pixel(
      MemorySegment x, Conv2dSizes z, long n, long c, long p, long q, long r, long s) {
    long h = p * z.strideH() - z.paddingH() + r * z.dilationH();
    long w = q * z.strideW() - z.paddingW() + s * z.dilationW();
    boolean inside = h >= 0 && h < z.h() && w >= 0 && w < z.w();
    return inside ? f32(x, ((n * z.c() + c) * z.h() + h) * z.w() + w) : 0f;
  }

  /** The output at (p, q); +0 outside of the output grid. */
  private static float output(MemorySegment y, Conv2dSizes z, long n, long k, long p, long q) {
    boolean inside = p >= 0 && p < z.p() && q >= 0 && q < z.q();
    return inside ? f32(y, ((n * z.k() + k) * z.p() + p) * z.q() + q) : 0f;
  }

  /** How many taps of a kernel of {@code size} have the stride phase of a padded pixel. */
  static long taps(long padded, long size, long dilation, long stride) {
    long count = 0;
    for (long tap = 0; tap < size; tap++) {
      if ((padded - tap * dilation) % stride == 0) {
        count++;
      }
    }
    return count;
  }
}

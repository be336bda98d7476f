package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dSizes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Transposed two-dimensional convolution (Zeiler et al. 2010; Dumoulin &amp; Visin 2016, A guide to
 * convolution arithmetic, §4), and its gradients: {@link Conv2d} with forward pass and data
 * gradient exchanged. It enlarges where that reduces.
 *
 * <p>Shapes, as in PyTorch: x [N, C, P, Q], w [C, K/groups, R, S], bias [K], y [N, K, H, W] with H
 * = (P − 1)·strideH − 2·paddingH + dilationH·(R − 1) + outputPaddingH + 1, and W likewise. So y has
 * the shape of an image that a convolution of that geometry maps to the shape of x.
 *
 * <p>Order of rounding. Each result is a contraction of the numerics contract: its terms in the
 * order stated below are cut into chunks of {@link Contract#chunk chunk(terms)} consecutive ones;
 * each chunk is a chain from +0 of acc ← fma(a, b, acc); the total is the first chunk's chain, then
 * total ← total + chain for the next ones in order.
 *
 * <ul>
 *   <li>{@link #forward}: y[n, k, h, w] over (c, r, s), c in the group of k, of x[n, c, p, q]·w[c,
 *       k, r, s]. Enumerated are those taps (r, s) for which strideH divides h + paddingH −
 *       r·dilationH and strideW divides w + paddingW − s·dilationW; p and q are the quotients.
 *       Where (p, q) is outside of x, x counts as +0 and the term takes part. Other taps are no
 *       terms; an output without taps is +0. Then the bias is added, then the activation applied.
 *       That is {@link Conv2d#dataGradient}'s order.
 *   <li>{@link #dataGradient}: dx[n, c, p, q] over (k, r, s), the memory order of w's row c, of
 *       dy[n, k, h, w]·w[c, k, r, s] with h = p·strideH − paddingH + r·dilationH, w likewise;
 *       outside of dy is +0 and takes part. That is {@link Conv2d#forward}'s order.
 *   <li>{@link #weightGradient}: dw[c, k, r, s] over (n, p, q), the memory order of x's positions,
 *       of x[n, c, p, q]·dy[n, k, h, w]; outside of dy is +0 and takes part. That is {@link
 *       Conv2d#weightGradient}'s order.
 * </ul>
 *
 * <p>The gradient of the bias is {@code Bias.gradient}. The loops below are the definition; on
 * vectors and CUDA the calls of {@link Conv2d}, {@link Bias} and {@link Elementwise} that have its
 * bits do the work, so there are no kernels of its own.
 */
public final class ConvTranspose2d {
  private static final String FORWARD = "convTranspose2d forward";
  private static final String DATA = "convTranspose2d dataGradient";
  private static final String WEIGHT = "convTranspose2d weightGradient";

  private ConvTranspose2d() {}

  /**
   * How the filter moves over the output.
   *
   * @param strideH rows of the output between neighbouring rows of the input, at least 1
   * @param strideW columns likewise
   * @param paddingH rows that are cut off above and below, at least 0
   * @param paddingW columns likewise
   * @param outputPaddingH rows more below, which tells apart the sizes that a convolution of that
   *     stride maps to one; at least 0 and below strideH
   * @param outputPaddingW columns likewise
   * @param dilationH rows between neighbouring taps, at least 1
   * @param dilationW columns likewise
   * @param groups independent groups of channels, at least 1; divides C and K
   */
  public record Geometry(
      int strideH,
      int strideW,
      int paddingH,
      int paddingW,
      int outputPaddingH,
      int outputPaddingW,
      int dilationH,
      int dilationW,
      int groups) {
    /** Checks the limits. */
    public Geometry {
      // The convolution's record checks what they share.
      new Conv2d.Geometry(strideH, strideW, paddingH, paddingW, dilationH, dilationW, groups);
      belowStride("outputPaddingH", outputPaddingH, strideH);
      belowStride("outputPaddingW", outputPaddingW, strideW);
    }

    private static void belowStride(String name, int value, int stride) {
      if (value < 0 || value >= stride) {
        throw new ShapeException(
            "convTranspose2d: "
                + name
                + " is "
                + value
                + "; at least 0 and less than the stride "
                + stride
                + " is needed");
      }
    }

    /** The same on both axes, no dilation, one group. */
    public static Geometry of(int stride, int padding, int outputPadding) {
      return new Geometry(stride, stride, padding, padding, outputPadding, outputPadding, 1, 1, 1);
    }

    /** The convolution that maps the output's shape to the input's. */
    public Conv2d.Geometry convolution() {
      return new Conv2d.Geometry(
          strideH, strideW, paddingH, paddingW, dilationH, dilationW, groups);
    }

    /** Output rows H for an input of {@code p} rows and a filter of {@code r}. */
    public long outputHeight(long p, long r) {
      return output("height", p, r, strideH, paddingH, outputPaddingH, dilationH);
    }

    /** Output columns W for an input of {@code q} columns and a filter of {@code s}. */
    public long outputWidth(long q, long s) {
      return output("width", q, s, strideW, paddingW, outputPaddingW, dilationW);
    }

    private static long output(
        String axis, long size, long taps, long stride, long padding, long more, long dilation) {
      try {
        long reach = Math.multiplyExact(dilation, taps - 1);
        long spread = Math.multiplyExact(size - 1, stride);
        long out = Math.addExact(spread, reach) - 2 * padding + more + 1;
        if (size >= 1 && taps >= 1 && out >= 1) {
          return out;
        }
      } catch (ArithmeticException tooLarge) {
        // Told below.
      }
      throw new ShapeException(
          String.format(
              "convTranspose2d: input %s %d, filter %s %d, stride %d, padding %d, output padding"
                  + " %d, dilation %d; an output of 1 to 2^63 - 1 is needed",
              axis, size, axis, taps, stride, padding, more, dilation));
    }
  }

  /**
   * y = activation(transposed convolution of x by w + bias).
   *
   * @param x [N, C, P, Q]
   * @param w [C, K/groups, R, S]
   * @param bias [K], or null: then nothing is added
   * @param y [N, K, H, W], apart from the inputs
   */
  public static void forward(
      Tensor x,
      Tensor w,
      @Nullable Tensor bias,
      Activation activation,
      Geometry geometry,
      Tensor y) {
    Conv2dSizes z = sizes(FORWARD, "x", x, "w", w, "y", y, geometry, y);
    Check.apart(FORWARD, "x", x, "y", y);
    Check.apart(FORWARD, "w", w, "y", y);
    if (bias != null) {
      Check.input(FORWARD, "bias", bias, y);
      Check.shape(FORWARD, "bias", bias, z.c());
      Check.apart(FORWARD, "bias", bias, "y", y);
    }
    boolean relu = activation == Activation.RELU;
    switch (y.device()) {
      case Device.Scalar s ->
          forward(x.memory(), w.memory(), bias == null ? null : bias.memory(), relu, z, y.memory());
      case Device.Vector v -> byConvolution(x, w, bias, relu, geometry, y);
      case Device.Cuda c -> byConvolution(x, w, bias, relu, geometry, y);
    }
  }

  private static void byConvolution(
      Tensor x, Tensor w, @Nullable Tensor bias, boolean relu, Geometry geometry, Tensor y) {
    Conv2d.dataGradient(x, w, geometry.convolution(), y);
    if (bias != null) {
      Bias.add(y, bias, y);
    }
    if (relu) {
      Elementwise.unary(Unary.RELU, y, y);
    }
  }

  /**
   * dx, the gradient of the input.
   *
   * @param dy [N, K, H, W]
   * @param w [C, K/groups, R, S]
   * @param dx [N, C, P, Q], apart from the inputs
   */
  public static void dataGradient(Tensor dy, Tensor w, Geometry geometry, Tensor dx) {
    Conv2dSizes z = sizes(DATA, "dx", dx, "w", w, "dy", dy, geometry, dx);
    Check.apart(DATA, "dy", dy, "dx", dx);
    Check.apart(DATA, "w", w, "dx", dx);
    switch (dx.device()) {
      case Device.Scalar s -> dataGradient(dy.memory(), w.memory(), z, dx.memory());
      case Device.Vector v -> Conv2d.forward(dy, w, null, geometry.convolution(), dx);
      case Device.Cuda c -> Conv2d.forward(dy, w, null, geometry.convolution(), dx);
    }
  }

  /**
   * dw, the gradient of the filters.
   *
   * @param x [N, C, P, Q]
   * @param dy [N, K, H, W]
   * @param dw [C, K/groups, R, S], apart from the inputs
   */
  public static void weightGradient(Tensor x, Tensor dy, Geometry geometry, Tensor dw) {
    Conv2dSizes z = sizes(WEIGHT, "x", x, "dw", dw, "dy", dy, geometry, dw);
    Check.apart(WEIGHT, "x", x, "dw", dw);
    Check.apart(WEIGHT, "dy", dy, "dw", dw);
    switch (dw.device()) {
      case Device.Scalar s -> weightGradient(x.memory(), dy.memory(), z, dw.memory());
      case Device.Vector v -> Conv2d.weightGradient(dy, x, geometry.convolution(), dw);
      case Device.Cuda c -> Conv2d.weightGradient(dy, x, geometry.convolution(), dw);
    }
  }

  /**
   * Checks input, filters and output of a pass; the sizes are those of the convolution: its image
   * [n, c, h, w] is our output, its output [n, k, p, q] our input.
   */
  private static Conv2dSizes sizes(
      String op,
      String xName,
      Tensor x,
      String wName,
      Tensor w,
      String yName,
      Tensor y,
      Geometry g,
      Tensor destination) {
    check(op, xName, x, "[N, C, P, Q]", destination);
    check(op, wName, w, "[C, K/groups, R, S]", destination);
    check(op, yName, y, "[N, K, H, W]", destination);
    if (x.size(1) % g.groups() != 0) {
      throw new ShapeException(
          op + ": groups is " + g.groups() + ", which must divide C of " + xName + " " + x.shape());
    }
    Check.shape(op, wName, w, x.size(1), w.size(1), w.size(2), w.size(3));
    long k = w.size(1) * g.groups();
    long h = g.outputHeight(x.size(2), w.size(2));
    long width = g.outputWidth(x.size(3), w.size(3));
    Check.shape(op, yName, y, x.size(0), k, h, width);
    return new Conv2dSizes(
        x.size(0),
        k,
        h,
        width,
        x.size(1),
        w.size(2),
        w.size(3),
        x.size(2),
        x.size(3),
        g.strideH(),
        g.strideW(),
        g.paddingH(),
        g.paddingW(),
        g.dilationH(),
        g.dilationW(),
        g.groups());
  }

  private static void check(String op, String name, Tensor t, String axes, Tensor destination) {
    Check.input(op, name, t, destination);
    Check.rank(op, name, t, 4, axes);
    Check.notEmpty(op, name, t);
  }

  // ---- the definitions, over the convolution's sizes: our K is z.c, our C is z.k

  private static void forward(
      MemorySegment x,
      MemorySegment w,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes z,
      MemorySegment y) {
    for (long o = 0; o < z.n() * z.c() * z.h() * z.w(); o++) {
      long col = o % z.w() + z.paddingW();
      long row = o / z.w() % z.h() + z.paddingH();
      long k = o / (z.w() * z.h()) % z.c();
      long n = o / (z.w() * z.h() * z.c());
      long firstC = k / z.groupC() * z.groupK();
      long rows = taps(row, z.r(), z.dilationH(), z.strideH());
      long cols = taps(col, z.s(), z.dilationW(), z.strideW());
      Contraction sum = new Contraction(z.groupK() * rows * cols);
      for (long c = firstC; c < firstC + z.groupK(); c++) {
        for (long r = 0; r < z.r(); r++) {
          for (long s = 0; s < z.s(); s++) {
            long p = row - r * z.dilationH();
            long q = col - s * z.dilationW();
            if (p % z.strideH() == 0 && q % z.strideW() == 0) {
              float input = input(x, z, n, c, p / z.strideH(), q / z.strideW());
              sum.add(input, f32(w, weight(z, c, k, r, s)));
            }
          }
        }
      }
      float value = sum.value();
      if (bias != null) {
        value = value + f32(bias, k);
      }
      f32(y, o, relu ? Math.max(value, 0f) : value);
    }
  }

  private static void dataGradient(
      MemorySegment dy, MemorySegment w, Conv2dSizes z, MemorySegment dx) {
    for (long i = 0; i < z.n() * z.k() * z.p() * z.q(); i++) {
      long q = i % z.q();
      long p = i / z.q() % z.p();
      long c = i / (z.q() * z.p()) % z.k();
      long n = i / (z.q() * z.p() * z.k());
      long firstK = c / z.groupK() * z.groupC();
      Contraction sum = new Contraction(z.groupC() * z.r() * z.s());
      for (long k = firstK; k < firstK + z.groupC(); k++) {
        for (long r = 0; r < z.r(); r++) {
          for (long s = 0; s < z.s(); s++) {
            sum.add(output(dy, z, n, k, p, q, r, s), f32(w, weight(z, c, k, r, s)));
          }
        }
      }
      f32(dx, i, sum.value());
    }
  }

  private static void weightGradient(
      MemorySegment x, MemorySegment dy, Conv2dSizes z, MemorySegment dw) {
    for (long f = 0; f < z.k() * z.groupC() * z.r() * z.s(); f++) {
      long s = f % z.s();
      long r = f / z.s() % z.r();
      long c = f / (z.s() * z.r() * z.groupC());
      long k = c / z.groupK() * z.groupC() + f / (z.s() * z.r()) % z.groupC();
      Contraction sum = new Contraction(z.n() * z.p() * z.q());
      for (long n = 0; n < z.n(); n++) {
        for (long p = 0; p < z.p(); p++) {
          for (long q = 0; q < z.q(); q++) {
            sum.add(input(x, z, n, c, p, q), output(dy, z, n, k, p, q, r, s));
          }
        }
      }
      f32(dw, f, sum.value());
    }
  }

  /** A contraction, term by term. */
  private static final class Contraction {
    private final long chunk;
    private long left;
    private boolean folded;
    private float total;
    private float chain;

    Contraction(long terms) {
      chunk = Contract.chunk(terms);
      left = chunk;
    }

    void add(float a, float b) {
      if (left == 0) {
        fold();
        left = chunk;
      }
      chain = Math.fma(a, b, chain);
      left--;
    }

    private void fold() {
      total = folded ? total + chain : chain;
      folded = true;
      chain = 0f;
    }

    float value() {
      fold();
      return total;
    }
  }

  private static long weight(Conv2dSizes z, long c, long k, long r, long s) {
    return ((c * z.groupC() + k % z.groupC()) * z.r() + r) * z.s() + s;
  }

  /** x at (p, q); +0 outside. */
  private static float input(MemorySegment x, Conv2dSizes z, long n, long c, long p, long q) {
    boolean inside = p >= 0 && p < z.p() && q >= 0 && q < z.q();
    return inside ? f32(x, ((n * z.k() + c) * z.p() + p) * z.q() + q) : 0f;
  }

  /** The output's gradient that tap (r, s) of input (p, q) went to; +0 outside. */
  private static float output(
      MemorySegment dy, Conv2dSizes z, long n, long k, long p, long q, long r, long s) {
    long h = p * z.strideH() - z.paddingH() + r * z.dilationH();
    long w = q * z.strideW() - z.paddingW() + s * z.dilationW();
    boolean inside = h >= 0 && h < z.h() && w >= 0 && w < z.w();
    return inside ? f32(dy, ((n * z.c() + k) * z.h() + h) * z.w() + w) : 0f;
  }

  /** How many taps of a filter of {@code size} have the stride phase of a padded place. */
  private static long taps(long padded, long size, long dilation, long stride) {
    long count = 0;
    for (long tap = 0; tap < size; tap++) {
      if ((padded - tap * dilation) % stride == 0) {
        count++;
      }
    }
    return count;
  }
}

package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Pool2dVector;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import java.lang.foreign.MemorySegment;

/**
 * Maximum and average over windows of a plane, with their gradients.
 *
 * <p>Orders: a window is walked row by row. The maximum is IEEE 754-2019's (a NaN wins, +0 &gt;
 * −0); of equal elements the first is chosen; positions outside the image take no part. The average
 * starts at +0, adds the elements in order, a position outside counting as +0, and divides once by
 * the window's size. A gradient starts at +0 and adds the windows that reach the pixel, in the
 * order of outputs.
 */
public final class Pool2d {
  private static final Kernel MAX = Kernel.of("pool2d_max");
  private static final Kernel MAX_GRADIENT = Kernel.of("pool2d_max_gradient");
  private static final Kernel AVERAGE = Kernel.of("pool2d_average");
  private static final Kernel AVERAGE_GRADIENT = Kernel.of("pool2d_average_gradient");

  private Pool2d() {}

  /**
   * Windows.
   *
   * @param kernelH rows of a window, at least 1
   * @param kernelW columns of a window, at least 1
   * @param strideH rows from one window to the next, at least 1
   * @param strideW columns from one window to the next, at least 1
   * @param paddingH rows outside the image on each side, less than kernelH
   * @param paddingW columns outside the image on each side, less than kernelW
   */
  public record Geometry(
      int kernelH, int kernelW, int strideH, int strideW, int paddingH, int paddingW) {
    /** Checks the ranges. */
    public Geometry {
      Check.positive("pool2d", "kernelH", kernelH);
      Check.positive("pool2d", "kernelW", kernelW);
      Check.positive("pool2d", "strideH", strideH);
      Check.positive("pool2d", "strideW", strideW);
      if (paddingH < 0 || paddingH >= kernelH || paddingW < 0 || paddingW >= kernelW) {
        throw new ShapeException(
            "pool2d: padding is "
                + paddingH
                + "×"
                + paddingW
                + "; it must be at least 0 and less than the kernel, "
                + kernelH
                + "×"
                + kernelW);
      }
    }

    /** Square windows of k×k side by side. */
    public static Geometry of(int k) {
      return new Geometry(k, k, k, k, 0, 0);
    }

    /**
     * Shape of the output [N, C, P, Q] for an input [N, C, H, W].
     *
     * @throws ShapeException if no window fits
     */
    public Shape outputShape(Shape x) {
      if (x.rank() != 4) {
        throw new ShapeException("pool2d: x has shape " + x + "; [N, C, H, W] is needed");
      }
      long p = Math.floorDiv(x.size(2) + 2L * paddingH - kernelH, (long) strideH) + 1;
      long q = Math.floorDiv(x.size(3) + 2L * paddingW - kernelW, (long) strideW) + 1;
      if (p < 1 || q < 1) {
        throw new ShapeException(
            "pool2d: no " + kernelH + "×" + kernelW + " window fits in x " + x);
      }
      return Shape.of(x.size(0), x.size(1), p, q);
    }

    /** The kernels count positions of a plane in 32 bits. */
    private void requireSmall(String op, long h, long w, Shape y) {
      boolean positions =
          h + 2L * paddingH + kernelH < 1L << 30 && w + 2L * paddingW + kernelW < 1L << 30;
      if (!positions
          || (long) kernelH * kernelW > Integer.MAX_VALUE
          || y.size(2) > Integer.MAX_VALUE / y.size(3)) {
        throw new ShapeException(
            op
                + ": "
                + this
                + " over an image of "
                + h
                + "×"
                + w
                + " gives "
                + y
                + "; window, output plane and padded sizes must be below 2^30");
      }
    }

    /** All numbers that a kernel needs for planes of h×w and outputs of p×q. */
    int[] numbers(Shape x, Shape y) {
      return new int[] {
        (int) x.size(2),
        (int) x.size(3),
        (int) y.size(2),
        (int) y.size(3),
        kernelH,
        kernelW,
        strideH,
        strideW,
        paddingH,
        paddingW
      };
    }
  }

  /**
   * The largest element of each window.
   *
   * @param x [N, C, H, W], H·W below 2^31
   * @param y [N, C, P, Q]
   * @param argmax INT32 [N, C, P, Q], receives h·W + w of the chosen elements
   */
  public static void max(Tensor x, Geometry geometry, Tensor y, Tensor argmax) {
    check("max", "x", x, "y", y, geometry);
    Check.input("pool2d max", "x", x, y);
    checkArgmax("max", argmax, y, "x", x);
    Check.apart("pool2d max", "y", y, "argmax", argmax);
    int[] g = geometry.numbers(x.shape(), y.shape());
    long planes = x.size(0) * x.size(1);
    switch (y.device()) {
      case Device.Scalar d -> scalarMax(x.memory(), y.memory(), argmax.memory(), planes, g);
      case Device.Vector d ->
          Pool2dVector.on(d.bits())
              .max(x.memory(), y.memory(), argmax.memory(), planes, g, d.workers());
      case Device.Cuda d ->
          launch(d, MAX, y.elements(), g, planes)
              .arg(x.address())
              .arg(y.address())
              .arg(argmax.address())
              .what(() -> "pool2d max of " + x)
              .run();
    }
  }

  /**
   * Gradient of {@link #max}.
   *
   * @param dy [N, C, P, Q]
   * @param argmax of the forward pass, INT32 [N, C, P, Q]; an index outside the plane is an error
   *     on the CPU and adds nothing on CUDA
   * @param dx [N, C, H, W]
   */
  public static void maxGradient(Tensor dy, Tensor argmax, Geometry geometry, Tensor dx) {
    check("max gradient", "dx", dx, "dy", dy, geometry);
    Check.input("pool2d max gradient", "dy", dy, dx);
    checkArgmax("max gradient", argmax, dy, "dx", dx);
    int[] g = geometry.numbers(dx.shape(), dy.shape());
    long planes = dx.size(0) * dx.size(1);
    switch (dx.device()) {
      case Device.Scalar d -> {
        checkIndices(argmax.memory(), argmax.elements(), g);
        scalarMaxGradient(dy.memory(), argmax.memory(), dx.memory(), planes, g);
      }
      case Device.Vector d -> {
        Pool2dVector kernel = Pool2dVector.on(d.bits());
        long bad = kernel.firstOutside(argmax.memory(), argmax.elements(), g[0] * g[1]);
        if (bad >= 0) {
          throw outside(bad, argmax.memory(), g);
        }
        kernel.maxGradient(dy.memory(), argmax.memory(), dx.memory(), planes, g, d.workers());
      }
      // The kernel compares indices and never follows one.
      case Device.Cuda d ->
          launch(d, MAX_GRADIENT, dx.elements(), g, planes)
              .arg(dy.address())
              .arg(argmax.address())
              .arg(dx.address())
              .what(() -> "pool2d max gradient to " + dx)
              .run();
    }
  }

  /**
   * The mean of each window.
   *
   * @param x [N, C, H, W], H·W below 2^31
   * @param y [N, C, P, Q]
   */
  public static void average(Tensor x, Geometry geometry, Tensor y) {
    check("average", "x", x, "y", y, geometry);
    Check.input("pool2d average", "x", x, y);
    int[] g = geometry.numbers(x.shape(), y.shape());
    long planes = x.size(0) * x.size(1);
    switch (y.device()) {
      case Device.Scalar d -> scalarAverage(x.memory(), y.memory(), planes, g);
      case Device.Vector d ->
          Pool2dVector.on(d.bits()).average(x.memory(), y.memory(), planes, g, d.workers());
      case Device.Cuda d ->
          launch(d, AVERAGE, y.elements(), g, planes)
              .arg(x.address())
              .arg(y.address())
              .what(() -> "pool2d average of " + x)
              .run();
    }
  }

  /**
   * Gradient of {@link #average}: each window gives dy, divided once by the window's size, to all
   * its pixels.
   *
   * @param dy [N, C, P, Q]
   * @param dx [N, C, H, W]
   */
  public static void averageGradient(Tensor dy, Geometry geometry, Tensor dx) {
    check("average gradient", "dx", dx, "dy", dy, geometry);
    Check.input("pool2d average gradient", "dy", dy, dx);
    int[] g = geometry.numbers(dx.shape(), dy.shape());
    long planes = dx.size(0) * dx.size(1);
    switch (dx.device()) {
      case Device.Scalar d -> scalarAverageGradient(dy.memory(), dx.memory(), planes, g);
      case Device.Vector d ->
          Pool2dVector.on(d.bits())
              .averageGradient(dy.memory(), dx.memory(), planes, g, d.workers());
      case Device.Cuda d ->
          launch(d, AVERAGE_GRADIENT, dx.elements(), g, planes)
              .arg(dy.address())
              .arg(dx.address())
              .what(() -> "pool2d average gradient to " + dx)
              .run();
    }
  }

  // ---- definition -------------------------------------------------------------------------------

  private static void scalarMax(
      MemorySegment x, MemorySegment y, MemorySegment argmax, long planes, int[] g) {
    int h = g[0], w = g[1], p = g[2], q = g[3];
    for (long plane = 0; plane < planes; plane++) {
      for (int i = 0; i < p * q; i++) {
        int h0 = i / q * g[6] - g[8];
        int w0 = i % q * g[7] - g[9];
        float best = 0f;
        int at = -1;
        for (int r = Math.max(0, h0); r < Math.min(h, h0 + g[4]); r++) {
          for (int s = Math.max(0, w0); s < Math.min(w, w0 + g[5]); s++) {
            float value = f32(x, plane * h * w + r * w + s);
            if (at < 0 || beats(value, best)) {
              best = value;
              at = r * w + s;
            }
          }
        }
        f32(y, plane * p * q + i, best);
        i32(argmax, plane * p * q + i, at);
      }
    }
  }

  /** Whether maximum(best, value) is another number than best. */
  private static boolean beats(float value, float best) {
    return !Float.isNaN(best)
        && Float.floatToIntBits(Math.max(best, value)) != Float.floatToIntBits(best);
  }

  private static void scalarMaxGradient(
      MemorySegment dy, MemorySegment argmax, MemorySegment dx, long planes, int[] g) {
    int h = g[0], w = g[1], p = g[2], q = g[3];
    dx.fill((byte) 0);
    for (long plane = 0; plane < planes; plane++) {
      for (long i = plane * p * q; i < (plane + 1) * p * q; i++) {
        long at = plane * h * w + i32(argmax, i);
        f32(dx, at, f32(dx, at) + f32(dy, i));
      }
    }
  }

  private static void scalarAverage(MemorySegment x, MemorySegment y, long planes, int[] g) {
    int h = g[0], w = g[1], p = g[2], q = g[3];
    float size = g[4] * g[5];
    for (long plane = 0; plane < planes; plane++) {
      for (int i = 0; i < p * q; i++) {
        int h0 = i / q * g[6] - g[8];
        int w0 = i % q * g[7] - g[9];
        float sum = 0f;
        for (int r = h0; r < h0 + g[4]; r++) {
          for (int s = w0; s < w0 + g[5]; s++) {
            boolean inside = r >= 0 && r < h && s >= 0 && s < w;
            sum += inside ? f32(x, plane * h * w + r * w + s) : 0f;
          }
        }
        f32(y, plane * p * q + i, sum / size);
      }
    }
  }

  private static void scalarAverageGradient(
      MemorySegment dy, MemorySegment dx, long planes, int[] g) {
    int h = g[0], w = g[1], p = g[2], q = g[3];
    float size = g[4] * g[5];
    dx.fill((byte) 0);
    for (long plane = 0; plane < planes; plane++) {
      for (int i = 0; i < p * q; i++) {
        int h0 = i / q * g[6] - g[8];
        int w0 = i % q * g[7] - g[9];
        float share = f32(dy, plane * p * q + i) / size;
        for (int r = Math.max(0, h0); r < Math.min(h, h0 + g[4]); r++) {
          for (int s = Math.max(0, w0); s < Math.min(w, w0 + g[5]); s++) {
            long at = plane * h * w + r * w + s;
            f32(dx, at, f32(dx, at) + share);
          }
        }
      }
    }
  }

  // ---- checks and launch ------------------------------------------------------------------------

  private static void check(
      String pass, String imageName, Tensor image, String outName, Tensor out, Geometry geometry) {
    String op = "pool2d " + pass;
    Check.plain(op, imageName, image, DType.F32);
    Check.plain(op, outName, out, DType.F32);
    Shape needed = geometry.outputShape(image.shape());
    Check.notEmpty(op, imageName, image);
    geometry.requireSmall(op, image.size(2), image.size(3), needed);
    if (image.size(2) > Integer.MAX_VALUE / image.size(3)
        || image.size(2) + image.size(3) > 1 << 30) {
      throw new ShapeException(
          op + ": " + imageName + " has shape " + image.shape() + "; H·W must be below 2^31");
    }
    Check.shape(op, outName, out, needed.sizes());
    Check.apart(op, imageName, image, outName, out);
  }

  private static void checkArgmax(
      String pass, Tensor argmax, Tensor y, String imageName, Tensor image) {
    String op = "pool2d " + pass;
    Check.plain(op, "argmax", argmax, DType.I32);
    Check.device(op, "argmax", argmax, y.device());
    Check.shape(op, "argmax", argmax, y.shape());
    Check.apart(op, imageName, image, "argmax", argmax);
  }

  private static void checkIndices(MemorySegment argmax, long count, int[] g) {
    for (long i = 0; i < count; i++) {
      if (i32(argmax, i) < 0 || i32(argmax, i) >= g[0] * g[1]) {
        throw outside(i, argmax, g);
      }
    }
  }

  private static IndexException outside(long i, MemorySegment argmax, int[] g) {
    return new IndexException(
        "pool2d max gradient: argmax["
            + i
            + "] is "
            + i32(argmax, i)
            + "; it must be in [0, "
            + g[0] * g[1]
            + ")");
  }

  private static Launch launch(Device.Cuda d, Kernel kernel, long elements, int[] g, long planes) {
    Launch launch = d.context().launch(kernel).grid(Math.ceilDiv(elements, 256)).block(256);
    for (int number : g) {
      launch.arg(number);
    }
    return launch.arg(planes);
  }
}

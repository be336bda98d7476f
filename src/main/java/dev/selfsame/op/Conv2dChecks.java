package dev.selfsame.op;

import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Conv2dSizes;

/** What {@link Conv2d} checks before anything is written. */
final class Conv2dChecks {
  private Conv2dChecks() {}

  /** Outputs along one axis, at least 1. */
  static long output(
      String axis, long size, long kernel, long stride, long padding, long dilation) {
    if (size < 1 || kernel < 1) {
      throw new ShapeException(
          String.format(
              "conv2d: image %s %d and kernel %s %d; both must be at least 1",
              axis, size, axis, kernel));
    }
    long padded;
    long reach;
    try {
      padded = Math.addExact(size, 2 * padding);
      reach = Math.addExact(Math.multiplyExact(dilation, kernel - 1), 1);
    } catch (ArithmeticException e) {
      throw new ShapeException(
          String.format(
              "conv2d: image %s %d, kernel %s %d, padding %d and dilation %d overflow 64 bits",
              axis, size, axis, kernel, padding, dilation));
    }
    if (reach > padded) {
      throw new ShapeException(
          String.format(
              "conv2d: kernel %s %d with dilation %d reaches over %d pixels, but image %s %d with"
                  + " padding %d has %d; the output would be empty",
              axis, kernel, dilation, reach, axis, size, padding, padded));
    }
    return (padded - reach) / stride + 1;
  }

  /** Checks image, kernel and output of a pass, whichever of them is its destination. */
  static Conv2dSizes sizes(
      String op,
      String xName,
      Tensor x,
      String wName,
      Tensor w,
      String yName,
      Tensor y,
      Conv2d.Geometry g,
      Tensor destination) {
    checkOne(op, xName, x, "[N, C, H, W]", destination);
    checkOne(op, wName, w, "[K, C/groups, R, S]", destination);
    checkOne(op, yName, y, "[N, K, P, Q]", destination);
    long n = x.size(0);
    long c = x.size(1);
    long k = w.size(0);
    if (c % g.groups() != 0 || k % g.groups() != 0) {
      throw new ShapeException(
          String.format(
              "%s: groups is %d, which must divide C of %s %s and K of %s %s",
              op, g.groups(), xName, x.shape(), wName, w.shape()));
    }
    long h = x.size(2);
    long width = x.size(3);
    long r = w.size(2);
    long s = w.size(3);
    Check.shape(op, wName, w, k, c / g.groups(), r, s);
    long p = g.outputHeight(h, r);
    long q = g.outputWidth(width, s);
    Check.shape(op, yName, y, n, k, p, q);
    return new Conv2dSizes(
        n,
        c,
        h,
        width,
        k,
        r,
        s,
        p,
        q,
        g.strideH(),
        g.strideW(),
        g.paddingH(),
        g.paddingW(),
        g.dilationH(),
        g.dilationW(),
        g.groups());
  }

  private static void checkOne(String op, String name, Tensor t, String axes, Tensor destination) {
    Check.input(op, name, t, destination);
    Check.rank(op, name, t, 4, axes);
    Check.notEmpty(op, name, t);
  }
}

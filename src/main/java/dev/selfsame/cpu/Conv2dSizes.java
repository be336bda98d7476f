package dev.selfsame.cpu;

/**
 * The sizes of one convolution, checked by the op: x [n, c, h, w], w [k, c/groups, r, s], y [n, k,
 * p, q].
 *
 * @param n images
 * @param c input channels, of all groups
 * @param h input rows
 * @param w input columns
 * @param k output channels, of all groups
 * @param r kernel rows
 * @param s kernel columns
 * @param p output rows
 * @param q output columns
 * @param strideH output row p reads from input row p·strideH − paddingH on
 * @param strideW as strideH, for columns
 * @param paddingH rows of +0 above the image
 * @param paddingW columns of +0 left of the image
 * @param dilationH distance in rows between kernel rows
 * @param dilationW distance in columns between kernel columns
 * @param groups groups that channels are split into
 */
public record Conv2dSizes(
    long n,
    long c,
    long h,
    long w,
    long k,
    long r,
    long s,
    long p,
    long q,
    long strideH,
    long strideW,
    long paddingH,
    long paddingW,
    long dilationH,
    long dilationW,
    long groups) {
  /** Input channels of one group. */
  public long groupC() {
    return c / groups;
  }

  /** Output channels of one group. */
  public long groupK() {
    return k / groups;
  }

  /**
   * The same convolution with each image as one row, where a kernel of one tap reads every pixel in
   * its place; otherwise this.
   */
  Conv2dSizes flat() {
    boolean pointwise =
        r == 1 && s == 1 && strideH == 1 && strideW == 1 && paddingH == 0 && paddingW == 0;
    return pointwise
        ? new Conv2dSizes(n, c, 1, h * w, k, 1, 1, 1, h * w, 1, 1, 0, 0, 1, 1, groups)
        : this;
  }
}

package dev.selfsame.bench;

/**
 * A convolution layer: x is [n, c, h, w], w is [k, c / groups, r, s], y is [n, k, p(), q()].
 *
 * @param name what to call it in tables
 */
public record ConvShape(
    String name,
    int n,
    int c,
    int h,
    int w,
    int k,
    int r,
    int s,
    int stride,
    int padding,
    int dilation,
    int groups) {

  /** A dense square layer with "same" padding for stride 1, as ResNet's are. */
  public static ConvShape square(int n, int c, int size, int k, int filter, int stride) {
    String name =
        "%dx%d%s %d>%d @%d n%d"
            .formatted(filter, filter, stride > 1 ? " /" + stride : "", c, k, size, n);
    return new ConvShape(name, n, c, size, size, k, filter, filter, stride, filter / 2, 1, 1);
  }

  /** One filter a channel, stride 1, "same" padding. */
  public static ConvShape depthwise(int n, int channels, int size, int filter) {
    String name = "%dx%d depthwise %d @%d n%d".formatted(filter, filter, channels, size, n);
    return new ConvShape(
        name, n, channels, size, size, channels, filter, filter, 1, filter / 2, 1, channels);
  }

  /** The first layer of the shipped LeNet. */
  public static ConvShape lenet1(int n) {
    return new ConvShape("5x5 1>6 @28 n" + n, n, 1, 28, 28, 6, 5, 5, 1, 2, 1, 1);
  }

  /** The second. */
  public static ConvShape lenet2(int n) {
    return new ConvShape("5x5 6>16 @14 n" + n, n, 6, 14, 14, 16, 5, 5, 1, 0, 1, 1);
  }

  public int p() {
    return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1;
  }

  public int q() {
    return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1;
  }

  public long inputs() {
    return (long) n * c * h * w;
  }

  public long weights() {
    return (long) k * (c / groups) * r * s;
  }

  public long outputs() {
    return (long) n * k * p() * q();
  }

  /**
   * Multiplications and additions of one pass, padding counted as work, and both operands and the
   * result once; the same for all three passes.
   */
  public Work work() {
    return new Work(
        2.0 * outputs() * (c / groups) * r * s, 4.0 * (inputs() + weights() + outputs()));
  }
}

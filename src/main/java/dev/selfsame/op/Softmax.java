package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.SoftmaxVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Softmax and its logarithm over the rows of a matrix, and their gradients. exp and log are
 * correctly rounded ({@link ExactMath}), Σ is the contract's block sum along the row ({@link
 * OrderedSum}), every other operation below rounds once. For each row:
 *
 * <pre>
 *   m = maximum of the row (a NaN wins, +0 &gt; −0)
 *   s = Σ exp(x − m)
 *   softmax:              y = exp(x − m) / s
 *   logSoftmax:           y = (x − m) − log(s)
 *   softmaxGradient:      dx = y · (dy − Σ (y · dy)), products rounded before they are added
 *   logSoftmaxGradient:   dx = fma(−exp(y), Σ dy, dy)
 * </pre>
 *
 * A row that holds a NaN or +∞, or nothing but −∞, becomes NaN. Rows do not meet: a row alone has
 * the bits that it has in any batch. A row has at most 2³⁰ columns; an empty matrix is allowed, and
 * then nothing happens.
 */
public final class Softmax {
  /** Most columns of a row: what a CUDA block sums. */
  static final long MAX_COLUMNS = 1L << 30;

  /** Kernels of a function: for rows of at most {@link #WIDTHS} columns, and for any longer row. */
  private static final List<Kernel> SOFTMAX = kernels("softmax_forward");

  private static final List<Kernel> LOG_SOFTMAX = kernels("softmax_log");
  private static final List<Kernel> SOFTMAX_GRADIENT = kernels("softmax_gradient");
  private static final List<Kernel> LOG_SOFTMAX_GRADIENT = kernels("softmax_log_gradient");

  /** Columns that the short kernels hold in the registers of a warp. */
  private static final int[] WIDTHS = {32, 128, 512, 1024};

  private Softmax() {}

  /**
   * y = softmax(x) of each row (Goodfellow, Bengio &amp; Courville 2016, section 4.1).
   *
   * @param x [R, C]
   * @param y [R, C]; may be x itself
   */
  public static void softmax(Tensor x, Tensor y) {
    destination("softmax", "y", y);
    input("softmax", "x", x, "y", y);
    if (y.elements() == 0) {
      return;
    }
    long rows = y.size(0);
    long columns = y.size(1);
    switch (y.device()) {
      case Device.Scalar d -> scalarSoftmax(x.memory(), y.memory(), rows, columns);
      case Device.Vector d ->
          SoftmaxVector.on(d.bits()).softmax(x.memory(), y.memory(), rows, columns, d.workers());
      case Device.Cuda d ->
          run(
              launch(d.context(), SOFTMAX, columns).arg(x.address()).arg(y.address()),
              "softmax",
              y);
    }
  }

  /**
   * y = log(softmax(x)) of each row.
   *
   * @param x [R, C]
   * @param y [R, C]; may be x itself
   */
  public static void logSoftmax(Tensor x, Tensor y) {
    destination("logSoftmax", "y", y);
    input("logSoftmax", "x", x, "y", y);
    if (y.elements() == 0) {
      return;
    }
    long rows = y.size(0);
    long columns = y.size(1);
    switch (y.device()) {
      case Device.Scalar d -> scalarLogSoftmax(x.memory(), y.memory(), rows, columns);
      case Device.Vector d ->
          SoftmaxVector.on(d.bits()).logSoftmax(x.memory(), y.memory(), rows, columns, d.workers());
      case Device.Cuda d ->
          run(
              launch(d.context(), LOG_SOFTMAX, columns).arg(x.address()).arg(y.address()),
              "logSoftmax",
              y);
    }
  }

  /**
   * The gradient of {@link #softmax}.
   *
   * @param y softmax's output, [R, C]
   * @param dy gradient of y, [R, C]
   * @param dx gradient of x, [R, C]; may be y or dy itself
   */
  public static void softmaxGradient(Tensor y, Tensor dy, Tensor dx) {
    destination("softmaxGradient", "dx", dx);
    input("softmaxGradient", "y", y, "dx", dx);
    input("softmaxGradient", "dy", dy, "dx", dx);
    if (dx.elements() == 0) {
      return;
    }
    long rows = dx.size(0);
    long columns = dx.size(1);
    switch (dx.device()) {
      case Device.Scalar d ->
          scalarSoftmaxGradient(y.memory(), dy.memory(), dx.memory(), rows, columns);
      case Device.Vector d ->
          SoftmaxVector.on(d.bits())
              .softmaxGradient(y.memory(), dy.memory(), dx.memory(), rows, columns, d.workers());
      case Device.Cuda d ->
          run(
              launch(d.context(), SOFTMAX_GRADIENT, columns)
                  .arg(y.address())
                  .arg(dy.address())
                  .arg(dx.address()),
              "softmaxGradient",
              dx);
    }
  }

  /**
   * The gradient of {@link #logSoftmax}.
   *
   * @param y logSoftmax's output, [R, C]
   * @param dy gradient of y, [R, C]
   * @param dx gradient of x, [R, C]; may be y or dy itself
   */
  public static void logSoftmaxGradient(Tensor y, Tensor dy, Tensor dx) {
    destination("logSoftmaxGradient", "dx", dx);
    input("logSoftmaxGradient", "y", y, "dx", dx);
    input("logSoftmaxGradient", "dy", dy, "dx", dx);
    if (dx.elements() == 0) {
      return;
    }
    long rows = dx.size(0);
    long columns = dx.size(1);
    switch (dx.device()) {
      case Device.Scalar d ->
          scalarLogSoftmaxGradient(y.memory(), dy.memory(), dx.memory(), rows, columns);
      case Device.Vector d ->
          SoftmaxVector.on(d.bits())
              .logSoftmaxGradient(y.memory(), dy.memory(), dx.memory(), rows, columns, d.workers());
      case Device.Cuda d ->
          run(
              launch(d.context(), LOG_SOFTMAX_GRADIENT, columns)
                  .arg(y.address())
                  .arg(dy.address())
                  .arg(dx.address()),
              "logSoftmaxGradient",
              dx);
    }
  }

  // ---- the definition

  /** The maximum of the row that begins at element {@code row}. */
  static float maximum(MemorySegment x, long row, long columns) {
    float m = f32(x, row);
    for (long i = 1; i < columns; i++) {
      m = Math.max(m, f32(x, row + i));
    }
    return m;
  }

  /** Σ exp(x − m) over the row that begins at element {@code row}. */
  static float sumOfExp(MemorySegment x, long row, long columns, float m) {
    return OrderedSum.blockSum(i -> ExactMath.exp(f32(x, row + i) - m), columns);
  }

  static void scalarSoftmax(MemorySegment x, MemorySegment y, long rows, long columns) {
    for (long row = 0; row < rows * columns; row += columns) {
      float m = maximum(x, row, columns);
      float s = sumOfExp(x, row, columns, m);
      for (long i = row; i < row + columns; i++) {
        f32(y, i, ExactMath.exp(f32(x, i) - m) / s);
      }
    }
  }

  private static void scalarLogSoftmax(MemorySegment x, MemorySegment y, long rows, long columns) {
    for (long row = 0; row < rows * columns; row += columns) {
      float m = maximum(x, row, columns);
      float log = ExactMath.log(sumOfExp(x, row, columns, m));
      for (long i = row; i < row + columns; i++) {
        f32(y, i, (f32(x, i) - m) - log);
      }
    }
  }

  private static void scalarSoftmaxGradient(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long rows, long columns) {
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      float sum = OrderedSum.blockSum(i -> f32(y, row + i) * f32(dy, row + i), columns);
      for (long i = row; i < row + columns; i++) {
        f32(dx, i, f32(y, i) * (f32(dy, i) - sum));
      }
    }
  }

  private static void scalarLogSoftmaxGradient(
      MemorySegment y, MemorySegment dy, MemorySegment dx, long rows, long columns) {
    for (long row = 0; row < rows * columns; row += columns) {
      float sum = OrderedSum.blockSum(dy, row, columns);
      for (long i = row; i < row + columns; i++) {
        f32(dx, i, Math.fma(-ExactMath.exp(f32(y, i)), sum, f32(dy, i)));
      }
    }
  }

  // ---- CUDA

  /** The kernels {@code <symbol>_32}, _128, _512, _1024 and {@code <symbol>_long}. */
  static List<Kernel> kernels(String symbol) {
    return List.of(
        Kernel.of(symbol + "_32"),
        Kernel.of(symbol + "_128"),
        Kernel.of(symbol + "_512"),
        Kernel.of(symbol + "_1024"),
        Kernel.of(symbol + "_long"));
  }

  /** A launch of the kernel for rows of that many columns. */
  static Launch launch(CudaContext context, List<Kernel> kernels, long columns) {
    int width = 0;
    while (width < WIDTHS.length && columns > WIDTHS[width]) {
      width++;
    }
    return context.launch(kernels.get(width));
  }

  /** A warp for each short row, eight a block; a block for each long row. */
  static void run(Launch launch, String op, Tensor y) {
    long rows = y.size(0);
    long columns = y.size(1);
    launch
        .arg(rows)
        .arg(columns)
        .grid(columns <= Contract.BLOCK ? Math.ceilDiv(rows, 8) : rows)
        .block(256)
        .what(() -> op + " to " + y)
        .run();
  }

  // ---- checks

  private static void destination(String op, String name, Tensor t) {
    Check.plain(op, name, t, DType.F32);
    Check.rank(op, name, t, 2, "[R, C]");
    columns(op, t);
  }

  /** At most {@link #MAX_COLUMNS}. */
  static void columns(String op, Tensor x) {
    if (x.size(1) > MAX_COLUMNS) {
      throw new ShapeException(
          op + ": a row of " + x.size(1) + " columns; at most " + MAX_COLUMNS + " are allowed");
    }
  }

  private static void input(
      String op, String name, Tensor t, String destinationName, Tensor destination) {
    Check.input(op, name, t, destination);
    Check.shape(op, name, t, destination.shape());
    Check.sameOrApart(op, name, t, destinationName, destination);
  }
}

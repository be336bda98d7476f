package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.ElementaryKernel;
import dev.selfsame.cpu.ElementwiseVector;
import dev.selfsame.cpu.ElementwiseVectorGradient;
import dev.selfsame.cpu.VectorMath;
import dev.selfsame.cpu.Workers;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import java.lang.foreign.MemorySegment;

/**
 * Functions of the elements at one position: {@link Unary} and their gradients, {@link Binary}, a
 * product by a scalar, a scaled sum. The enum constants state each rounding; elements do not meet,
 * so there is no order.
 *
 * <p>All tensors have one shape, which may be empty (then nothing happens). The destination may be
 * any of the inputs itself; otherwise it shares no memory with them.
 */
public final class Elementwise {
  private static final Kernel SCALE = Kernel.of("elementwise_scale");
  private static final Kernel FMA = Kernel.of("elementwise_fma");

  /** Elements of a task on the CPU: enough to outweigh its hand-over. */
  private static final long PIECE = 8192;

  /** Elements of a CUDA block. */
  private static final long CUDA_PIECE = 1024;

  private Elementwise() {}

  /**
   * y = op(x).
   *
   * @param x any shape
   * @param y x's shape; may be x itself
   */
  public static void unary(Unary op, Tensor x, Tensor y) {
    Check.plain("elementwise", "y", y, DType.F32);
    input("x", x, "y", y);
    long n = y.elements();
    if (n == 0) {
      return;
    }
    switch (y.device()) {
      case Device.Scalar d -> {
        MemorySegment xs = x.memory();
        MemorySegment ys = y.memory();
        for (long i = 0; i < n; i++) {
          f32(ys, i, op.of(f32(xs, i)));
        }
      }
      case Device.Vector d -> vectorUnary(op, x.memory(), y.memory(), n, d.bits(), d.workers());
      case Device.Cuda d ->
          run(d.context().launch(op.kernel).arg(x.address()).arg(y.address()), n, op, y);
    }
  }

  private static void vectorUnary(
      Unary op, MemorySegment x, MemorySegment y, long n, int bits, Workers workers) {
    ElementwiseVector kernel = ElementwiseVector.on(bits);
    ElementaryKernel exact = VectorMath.on(bits);
    workers.ranges(
        n,
        PIECE,
        (from, count) -> {
          switch (op) {
            case RELU -> kernel.relu(x, y, from, count);
            case TANH -> exact.tanh(x, from, y, from, count);
            case SIGMOID -> exact.sigmoid(x, from, y, from, count);
            case GELU -> kernel.gelu(x, y, from, count);
            case EXP -> exact.exp(x, from, y, from, count);
            case LOG -> exact.log(x, from, y, from, count);
            case LOG1P -> exact.log1p(x, from, y, from, count);
            case EXPM1 -> exact.expm1(x, from, y, from, count);
            case ERF -> exact.erf(x, from, y, from, count);
            case SIN -> exact.sin(x, from, y, from, count);
            case COS -> exact.cos(x, from, y, from, count);
            case SQRT -> kernel.sqrt(x, y, from, count);
            case RSQRT -> exact.rsqrt(x, from, y, from, count);
            case NEG -> kernel.neg(x, y, from, count);
            case ABS -> kernel.abs(x, y, from, count);
            case SQUARE -> kernel.mul(x, x, y, from, count);
          }
        });
  }

  /**
   * The gradient of {@link #unary}: dx = dy · op′(x), as the constant of {@code op} defines it.
   * {@code x} and {@code y} must both be given; where the constant says that one of them is not
   * read, any tensor of the shape will do (after {@code unary(op, x, x)}, x is the output).
   *
   * @param x input, any shape
   * @param y output, x's shape
   * @param dy gradient of the output, x's shape
   * @param dx gradient of the input, x's shape; may be x, y or dy itself
   */
  public static void gradient(Unary op, Tensor x, Tensor y, Tensor dy, Tensor dx) {
    Check.plain("elementwise", "dx", dx, DType.F32);
    input("x", x, "dx", dx);
    input("y", y, "dx", dx);
    input("dy", dy, "dx", dx);
    long n = dx.elements();
    if (n == 0) {
      return;
    }
    switch (dx.device()) {
      case Device.Scalar d -> {
        MemorySegment xs = x.memory();
        MemorySegment ys = y.memory();
        MemorySegment dys = dy.memory();
        MemorySegment dxs = dx.memory();
        for (long i = 0; i < n; i++) {
          f32(dxs, i, op.gradient(f32(xs, i), f32(ys, i), f32(dys, i)));
        }
      }
      case Device.Vector d ->
          vectorGradient(
              op, x.memory(), y.memory(), dy.memory(), dx.memory(), n, d.bits(), d.workers());
      case Device.Cuda d ->
          run(
              d.context()
                  .launch(op.gradientKernel)
                  .arg(x.address())
                  .arg(y.address())
                  .arg(dy.address())
                  .arg(dx.address()),
              n,
              op,
              dx);
    }
  }

  private static void vectorGradient(
      Unary op,
      MemorySegment x,
      MemorySegment y,
      MemorySegment dy,
      MemorySegment dx,
      long n,
      int bits,
      Workers workers) {
    ElementwiseVector plain = ElementwiseVector.on(bits);
    ElementwiseVectorGradient kernel = ElementwiseVectorGradient.on(bits);
    workers.ranges(
        n,
        PIECE,
        (from, count) -> {
          switch (op) {
            case RELU -> kernel.reluGradient(y, dy, dx, from, count);
            case TANH -> kernel.tanhGradient(y, dy, dx, from, count);
            case SIGMOID -> kernel.sigmoidGradient(y, dy, dx, from, count);
            case GELU -> kernel.geluGradient(x, dy, dx, from, count);
            case EXP -> plain.mul(dy, y, dx, from, count);
            case LOG -> plain.div(dy, x, dx, from, count);
            case LOG1P -> kernel.log1pGradient(x, dy, dx, from, count);
            case EXPM1 -> kernel.expm1Gradient(x, dy, dx, from, count);
            case ERF -> kernel.erfGradient(x, dy, dx, from, count);
            case SIN -> kernel.sinGradient(x, dy, dx, from, count);
            case COS -> kernel.cosGradient(x, dy, dx, from, count);
            case SQRT -> kernel.sqrtGradient(y, dy, dx, from, count);
            case RSQRT -> kernel.rsqrtGradient(x, y, dy, dx, from, count);
            case NEG -> plain.neg(dy, dx, from, count);
            case ABS -> kernel.absGradient(x, dy, dx, from, count);
            case SQUARE -> kernel.squareGradient(x, dy, dx, from, count);
          }
        });
  }

  /**
   * y = op(a, b).
   *
   * @param a any shape
   * @param b a's shape
   * @param y a's shape; may be a or b itself
   */
  public static void binary(Binary op, Tensor a, Tensor b, Tensor y) {
    Check.plain("elementwise", "y", y, DType.F32);
    input("a", a, "y", y);
    input("b", b, "y", y);
    long n = y.elements();
    if (n == 0) {
      return;
    }
    switch (y.device()) {
      case Device.Scalar d -> {
        MemorySegment as = a.memory();
        MemorySegment bs = b.memory();
        MemorySegment ys = y.memory();
        for (long i = 0; i < n; i++) {
          f32(ys, i, op.of(f32(as, i), f32(bs, i)));
        }
      }
      case Device.Vector d ->
          vectorBinary(op, a.memory(), b.memory(), y.memory(), n, d.bits(), d.workers());
      case Device.Cuda d ->
          run(
              d.context().launch(op.kernel).arg(a.address()).arg(b.address()).arg(y.address()),
              n,
              op,
              y);
    }
  }

  private static void vectorBinary(
      Binary op,
      MemorySegment a,
      MemorySegment b,
      MemorySegment y,
      long n,
      int bits,
      Workers workers) {
    ElementwiseVector kernel = ElementwiseVector.on(bits);
    switch (op) {
      case ADD -> workers.ranges(n, PIECE, (from, count) -> kernel.add(a, b, y, from, count));
      case SUB -> workers.ranges(n, PIECE, (from, count) -> kernel.sub(a, b, y, from, count));
      case MUL -> workers.ranges(n, PIECE, (from, count) -> kernel.mul(a, b, y, from, count));
      case DIV -> workers.ranges(n, PIECE, (from, count) -> kernel.div(a, b, y, from, count));
      case MAX -> workers.ranges(n, PIECE, (from, count) -> kernel.max(a, b, y, from, count));
      case MIN -> workers.ranges(n, PIECE, (from, count) -> kernel.min(a, b, y, from, count));
    }
  }

  /**
   * y = x · c, one rounding.
   *
   * @param x any shape
   * @param c any value
   * @param y x's shape; may be x itself
   */
  public static void scale(Tensor x, float c, Tensor y) {
    Check.plain("elementwise", "y", y, DType.F32);
    input("x", x, "y", y);
    long n = y.elements();
    if (n == 0) {
      return;
    }
    switch (y.device()) {
      case Device.Scalar d -> {
        MemorySegment xs = x.memory();
        MemorySegment ys = y.memory();
        for (long i = 0; i < n; i++) {
          f32(ys, i, f32(xs, i) * c);
        }
      }
      case Device.Vector d -> {
        ElementwiseVector kernel = ElementwiseVector.on(d.bits());
        MemorySegment xs = x.memory();
        MemorySegment ys = y.memory();
        d.workers().ranges(n, PIECE, (from, count) -> kernel.scale(xs, c, ys, from, count));
      }
      case Device.Cuda d ->
          run(d.context().launch(SCALE).arg(x.address()).arg(c).arg(y.address()), n, "scale", y);
    }
  }

  /**
   * y = fma(a, c, b), one rounding.
   *
   * @param a any shape
   * @param c any value
   * @param b a's shape
   * @param y a's shape; may be a or b itself
   */
  public static void fma(Tensor a, float c, Tensor b, Tensor y) {
    Check.plain("elementwise", "y", y, DType.F32);
    input("a", a, "y", y);
    input("b", b, "y", y);
    long n = y.elements();
    if (n == 0) {
      return;
    }
    switch (y.device()) {
      case Device.Scalar d -> {
        MemorySegment as = a.memory();
        MemorySegment bs = b.memory();
        MemorySegment ys = y.memory();
        for (long i = 0; i < n; i++) {
          f32(ys, i, Math.fma(f32(as, i), c, f32(bs, i)));
        }
      }
      case Device.Vector d -> {
        ElementwiseVector kernel = ElementwiseVector.on(d.bits());
        MemorySegment as = a.memory();
        MemorySegment bs = b.memory();
        MemorySegment ys = y.memory();
        d.workers().ranges(n, PIECE, (from, count) -> kernel.fma(as, c, bs, ys, from, count));
      }
      case Device.Cuda d ->
          run(
              d.context().launch(FMA).arg(a.address()).arg(c).arg(b.address()).arg(y.address()),
              n,
              "fma",
              y);
    }
  }

  private static void input(String name, Tensor t, String destinationName, Tensor destination) {
    Check.input("elementwise", name, t, destination);
    Check.shape("elementwise", name, t, destination.shape());
    Check.sameOrApart("elementwise", name, t, destinationName, destination);
  }

  private static void run(Launch launch, long n, Object op, Tensor y) {
    launch
        .arg(n)
        .grid(Math.ceilDiv(n, CUDA_PIECE))
        .block(256)
        .what(() -> "elementwise " + op + " to " + y)
        .run();
  }
}

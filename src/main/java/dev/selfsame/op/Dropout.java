package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.cpu.DropoutVector;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/**
 * Dropout (Srivastava et al. 2014, in the inverted form): element i of x is kept where
 *
 * <pre>
 *   uniform(seed, stream, firstIndex + i) &gt;= p        {@link Philox#uniform}
 * </pre>
 *
 * and then y = x · scale, one product, with scale = (float) (1 / (1 − p)) from the host, the
 * division in double; elsewhere y = +0, whatever x is. No mask is stored: its numbers are a
 * function of their index, so the gradient draws them again, and any part of a tensor can be
 * computed alone.
 */
public final class Dropout {
  private static final Kernel APPLY = Kernel.of("dropout_apply");

  private Dropout() {}

  /**
   * Which elements are kept.
   *
   * @param p the share that is dropped, 0 ≤ p &lt; 1
   * @param seed of the generator
   * @param stream of the generator: one for each use of dropout in each step
   * @param firstIndex index of the first element, at least 0; 0 unless a part of a tensor is taken
   */
  public record Mask(float p, long seed, long stream, long firstIndex) {
    /** Checks the values. */
    public Mask {
      if (!(p >= 0 && p < 1)) {
        throw new IllegalArgumentException(
            "dropout: p is " + p + "; at least 0 and below 1 is needed");
      }
      if (firstIndex < 0) {
        throw new IllegalArgumentException(
            "dropout: firstIndex is " + firstIndex + "; at least 0 is needed");
      }
    }

    /** Of a whole tensor. */
    public Mask(float p, long seed, long stream) {
      this(p, seed, stream, 0);
    }

    /** Whether the element at {@code index} is kept. */
    public boolean keeps(long index) {
      return Philox.uniform(seed, stream, firstIndex + index) >= p;
    }

    /** What kept elements are multiplied by. */
    public float scale() {
      return (float) (1 / (1 - (double) p));
    }

    /** A uniform is a whole number of 2⁻²⁴; the least that is kept, in that unit: 0 … 2²⁴. */
    int threshold() {
      return (int) Math.ceil(p * 0x1p24);
    }
  }

  /**
   * Drops elements and scales the others.
   *
   * @param x any shape
   * @param mask which are kept
   * @param y x's shape; may be x itself
   */
  public static void dropout(Tensor x, Mask mask, Tensor y) {
    apply("dropout", "x", x, mask, "y", y);
  }

  /**
   * The gradient: the same function of dy.
   *
   * @param dy gradient of y
   * @param mask of the forward pass
   * @param dx gradient of x, dy's shape; may be dy itself
   */
  public static void gradient(Tensor dy, Mask mask, Tensor dx) {
    apply("dropout gradient", "dy", dy, mask, "dx", dx);
  }

  private static void apply(String op, String from, Tensor x, Mask mask, String to, Tensor y) {
    Check.plain(op, to, y, DType.F32);
    Check.input(op, from, x, y);
    Check.shape(op, to, y, x.shape());
    Check.sameOrApart(op, from, x, to, y);
    long n = y.elements();
    if (mask.firstIndex > Long.MAX_VALUE - n) {
      throw new IllegalArgumentException(
          op + ": firstIndex " + mask.firstIndex + " and " + n + " elements exceed 2^63");
    }
    if (n == 0) {
      return;
    }
    switch (y.device()) {
      case Device.Scalar d -> scalar(x.memory(), mask, y.memory(), n);
      case Device.Vector d ->
          DropoutVector.on(d.bits())
              .apply(
                  x.memory(),
                  mask.seed,
                  mask.stream,
                  mask.firstIndex,
                  mask.threshold(),
                  mask.scale(),
                  y.memory(),
                  n,
                  d.workers());
      case Device.Cuda d -> {
        long blocks = (mask.firstIndex + n - 1) / 4 - mask.firstIndex / 4 + 1;
        d.context()
            .launch(APPLY)
            .grid(Math.ceilDiv(blocks, 256))
            .block(256)
            .arg(x.address())
            .arg(mask.seed)
            .arg(mask.stream)
            .arg(mask.firstIndex)
            .arg(mask.threshold())
            .arg(mask.scale())
            .arg(y.address())
            .arg(n)
            .what(() -> op + " of " + x)
            .run();
      }
    }
  }

  /** The definition. */
  private static void scalar(MemorySegment x, Mask mask, MemorySegment y, long n) {
    float scale = mask.scale();
    for (long i = 0; i < n; i++) {
      f32(y, i, mask.keeps(i) ? f32(x, i) * scale : 0f);
    }
  }
}

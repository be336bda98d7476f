package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.GemmVector;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * General matrix multiplication: out[i, j] = activation(Σₖ a[i, k]·b[k, j] + bias[j]).
 *
 * <p>Shapes: a [M, K], b [K, N], out [M, N]; or batched, a [B, M, K], b [B, K, N] or one [K, N] for
 * all of the batch, out [B, M, N]. a and b may be transposed views: no copy of them is made beyond
 * the kernels' own packing. bias is [N]. All sizes are at least 1; all tensors are FP32 on one
 * device; out shares no memory with the others.
 *
 * <p>Order: k = 0 … K−1 is cut into chunks of {@link Contract#chunk} terms. A chunk's chain starts
 * at +0 and takes its terms in order, each by one fused multiply-add. The chains are added left to
 * right, from the first one. Then the bias is added, then the activation applied. An output depends
 * on its row of a, its column of b and its bias only, so a row gives the same bits alone and in any
 * batch.
 */
public final class Gemm {
  private static final String OP = "gemm";

  private Gemm() {}

  /** out = a·b. */
  public static void gemm(Tensor a, Tensor b, Tensor out) {
    gemm(a, b, null, Activation.NONE, out);
  }

  /**
   * out = activation(a·b + bias).
   *
   * @param bias one value a column of out, or null for none
   * @throws ShapeException if the shapes do not fit, a size is 0, or out shares memory with an
   *     input
   */
  public static void gemm(
      Tensor a, Tensor b, @Nullable Tensor bias, Activation activation, Tensor out) {
    Sizes s = check(a, b, bias, out);
    switch (out.device()) {
      case Device.Scalar scalar -> {
        MemorySegment am = memory(a);
        MemorySegment bm = memory(b);
        @Nullable MemorySegment biasm = bias == null ? null : bias.memory();
        scalar(s, am, bm, biasm, activation, out.memory());
      }
      case Device.Vector vector ->
          GemmVector.on(vector.bits())
              .gemm(
                  new GemmVector.Matrix(memory(a), layout(a), s.aStep()),
                  new GemmVector.Matrix(memory(b), layout(b), s.bStep()),
                  bias == null ? null : bias.memory(),
                  activation == Activation.RELU,
                  out.memory(),
                  new GemmVector.Extent(s.batch, s.m, s.n, s.k),
                  vector.workers());
      case Device.Cuda cuda ->
          GemmCuda.gemm(cuda.context(), s, addresses(a, b, bias, activation, out));
    }
  }

  /** What is computed: {@code batch} products of [m, k] by [k, n]. */
  record Sizes(
      long batch,
      long m,
      long n,
      long k,
      boolean aTransposed,
      boolean bTransposed,
      boolean bShared) {
    long aStep() {
      return m * k;
    }

    long bStep() {
      return bShared ? 0 : k * n;
    }

    @Override
    public String toString() {
      return "gemm of "
          + batch
          + " x ["
          + m
          + ", "
          + k
          + "]"
          + (aTransposed ? "ᵀ" : "")
          + "·["
          + k
          + ", "
          + n
          + "]"
          + (bTransposed ? "ᵀ" : "");
    }
  }

  static GemmCuda.Operands addresses(
      Tensor a, Tensor b, @Nullable Tensor bias, Activation activation, Tensor out) {
    return new GemmCuda.Operands(
        (a.isTransposed() ? a.transpose() : a).address(),
        (b.isTransposed() ? b.transpose() : b).address(),
        bias == null ? 0 : bias.address(),
        activation == Activation.RELU,
        out.address());
  }

  /** The definition. */
  private static void scalar(
      Sizes s,
      MemorySegment a,
      MemorySegment b,
      @Nullable MemorySegment bias,
      Activation activation,
      MemorySegment out) {
    long chunk = Contract.chunk(s.k);
    long aRow = s.aTransposed ? 1 : s.k;
    long aCol = s.aTransposed ? s.m : 1;
    long bRow = s.bTransposed ? 1 : s.n;
    long bCol = s.bTransposed ? s.k : 1;
    for (long g = 0; g < s.batch; g++) {
      for (long i = 0; i < s.m; i++) {
        for (long j = 0; j < s.n; j++) {
          long ai = g * s.aStep() + i * aRow;
          long bj = g * s.bStep() + j * bCol;
          float total = chain(a, ai, aCol, b, bj, bRow, 0, Math.min(chunk, s.k));
          for (long k = chunk; k < s.k; k += chunk) {
            total += chain(a, ai, aCol, b, bj, bRow, k, Math.min(k + chunk, s.k));
          }
          if (bias != null) {
            total += f32(bias, j);
          }
          f32(out, (g * s.m + i) * s.n + j, activation.apply(total));
        }
      }
    }
  }

  private static float chain(
      MemorySegment a,
      long ai,
      long aCol,
      MemorySegment b,
      long bj,
      long bRow,
      long from,
      long to) {
    float acc = 0f;
    for (long k = from; k < to; k++) {
      acc = Math.fma(f32(a, ai + k * aCol), f32(b, bj + k * bRow), acc);
    }
    return acc;
  }

  static Sizes check(Tensor a, Tensor b, @Nullable Tensor bias, Tensor out) {
    Check.plain(OP, "out", out, DType.F32);
    operand("a", a, out);
    operand("b", b, out);
    int rank = a.shape().rank();
    if (rank != 2 && rank != 3) {
      throw new ShapeException(
          "gemm: a has shape " + a.shape() + "; [M, K] or [B, M, K] is needed");
    }
    boolean bShared = rank == 3 && b.shape().rank() == 2;
    if (b.shape().rank() != rank && !bShared) {
      throw new ShapeException(
          "gemm: b has shape "
              + b.shape()
              + " beside a "
              + a.shape()
              + "; [K, N], or [B, K, N] if a is [B, M, K], is needed");
    }
    Check.notEmpty(OP, "a", a);
    Check.notEmpty(OP, "b", b);
    long batch = rank == 3 ? a.size(0) : 1;
    long m = a.size(-2);
    long k = a.size(-1);
    long n = b.size(-1);
    if (rank == 2 || bShared) {
      Check.shape(OP, "b", b, k, n);
    } else {
      Check.shape(OP, "b", b, batch, k, n);
    }
    if (rank == 2) {
      Check.shape(OP, "out", out, m, n);
    } else {
      Check.shape(OP, "out", out, batch, m, n);
    }
    Check.apart(OP, "a", a, "out", out);
    Check.apart(OP, "b", b, "out", out);
    if (bias != null) {
      Check.input(OP, "bias", bias, out);
      Check.shape(OP, "bias", bias, n);
      Check.apart(OP, "bias", bias, "out", out);
    }
    if (bShared && !a.isTransposed()) {
      // The batch's rows follow one another in memory: one tall product.
      return new Sizes(1, batch * m, n, k, false, b.isTransposed(), false);
    }
    return new Sizes(batch, m, n, k, a.isTransposed(), b.isTransposed(), bShared);
  }

  private static void operand(String name, Tensor t, Tensor out) {
    Check.plainOrTransposed(OP, name, t, DType.F32);
    Check.device(OP, name, t, out.device());
  }

  static GemmVector.Layout layout(Tensor t) {
    return t.isTransposed() ? GemmVector.Layout.TRANSPOSED : GemmVector.Layout.ROWS;
  }

  static MemorySegment memory(Tensor t) {
    return t.isTransposed() ? t.transpose().memory() : t.memory();
  }
}

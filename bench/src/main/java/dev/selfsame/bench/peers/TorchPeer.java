package dev.selfsame.bench.peers;

import dev.selfsame.bench.ConvShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch (ATen, with oneDNN inside) on memory of ours, shared without a copy.
 *
 * <p>A tensor that a method returns belongs to the caller, who closes it. Nothing else frees it:
 * run with {@code -Dorg.bytedeco.javacpp.nopointergc=true}, or JavaCPP frees pointers that are in
 * use.
 */
public final class TorchPeer {
  private static final TensorOptional NONE = new TensorOptional();
  private static final BoolPointer DATA_GRADIENT = mask(true, false);
  private static final BoolPointer WEIGHT_GRADIENT = mask(false, true);
  private static final Scalar ONE = new Scalar(1.0f);
  private static final Tensor UNDEFINED = new Tensor();
  private static final long[] NO_OUTPUT_PADDING = {0, 0};

  static {
    if (!Boolean.getBoolean("org.bytedeco.javacpp.nopointergc")) {
      throw new IllegalStateException("run with -Dorg.bytedeco.javacpp.nopointergc=true");
    }
  }

  private TorchPeer() {}

  /** Sets the number of threads of all later calls. */
  public static void threads(int n) {
    threads(n, n);
  }

  /** Likewise, with a number of its own for OpenBLAS, which does not follow libtorch's. */
  public static void threads(int n, int blas) {
    torch.set_num_threads(n);
    OpenBlasPeer.threads(blas);
  }

  /** Version, instruction set, BLAS and oneDNN as libtorch names them. */
  public static String describe() {
    return torch.show_config().getString().replaceAll("\\s*\\n\\s*(- )?", "; ");
  }

  /** The instruction set ATen's own kernels use. */
  public static String capability() {
    return torch.get_cpu_capability().getString();
  }

  /** A float tensor over the segment's memory. */
  public static Tensor floats(MemorySegment memory, long... shape) {
    return wrap(memory, torch.ScalarType.Float, shape);
  }

  /** An int32 tensor over the segment's memory. */
  public static Tensor ints(MemorySegment memory, long... shape) {
    return wrap(memory, torch.ScalarType.Int, shape);
  }

  /** An int64 tensor over the segment's memory. */
  public static Tensor longs(MemorySegment memory, long... shape) {
    return wrap(memory, torch.ScalarType.Long, shape);
  }

  /** The memory of a dense float tensor; valid until the tensor is closed. */
  public static MemorySegment memory(Tensor t) {
    if (!t.is_contiguous()) {
      throw new IllegalArgumentException("not contiguous");
    }
    return MemorySegment.ofAddress(t.data_ptr().address())
        .reinterpret(t.numel() * ValueLayout.JAVA_FLOAT.byteSize());
  }

  /** y = convolution of x by w, as {@code torch.nn.functional.conv2d} chooses to do it. */
  public static Tensor conv2d(Tensor x, Tensor w, ConvShape g) {
    return torch.conv2d(
        x, w, NONE, pair(g.stride()), pair(g.padding()), pair(g.dilation()), g.groups());
  }

  /** y = transposed convolution of x by w; the shape is that of the convolution turned round. */
  public static Tensor convTranspose2d(Tensor x, Tensor w, ConvShape g, long moreH, long moreW) {
    return torch.conv_transpose2d(
        x,
        w,
        NONE,
        pair(g.stride()),
        pair(g.padding()),
        new long[] {moreH, moreW},
        g.groups(),
        pair(g.dilation()));
  }

  /** y = convolution of x by w by oneDNN, also where {@code conv2d} would choose another way. */
  public static Tensor oneDnnConv2d(Tensor x, Tensor w, ConvShape g) {
    return torch.mkldnn_convolution(
        x, w, NONE, pair(g.padding()), pair(g.stride()), pair(g.dilation()), g.groups());
  }

  /** Filters as oneDNN packs them for images of a shape; for {@link #oneDnnConv2d}. */
  public static Tensor oneDnnFilters(Tensor w, ConvShape g) {
    try (Tensor own = w.to_mkldnn()) {
      return torch.mkldnn_reorder_conv2d_weight(
          own,
          pair(g.padding()),
          pair(g.stride()),
          pair(g.dilation()),
          g.groups(),
          g.n(),
          g.c(),
          g.h(),
          g.w());
    }
  }

  /** dx of {@link #conv2d}. Only the shape of x matters. */
  public static Tensor conv2dDataGradient(Tensor dy, Tensor x, Tensor w, ConvShape g) {
    try (var all = backward(dy, x, w, g, DATA_GRADIENT)) {
      return new Tensor(all.get0()); // the tuple owns the other
    }
  }

  /** dw of {@link #conv2d}. Only the shape of w matters. */
  public static Tensor conv2dWeightGradient(Tensor dy, Tensor x, Tensor w, ConvShape g) {
    try (var all = backward(dy, x, w, g, WEIGHT_GRADIENT)) {
      return new Tensor(all.get1()); // the tuple owns the other
    }
  }

  /** The bias gradient of {@link #conv2d}: the sums of dy [n, k, p, q] over all but k. */
  public static Tensor channelSums(Tensor dy) {
    return torch.sum(dy, 0, 2, 3);
  }

  /** out ← a·b for matrices; transposed operands are views from {@link Tensor#t()}. */
  public static void matmul(Tensor a, Tensor b, Tensor out) {
    release(torch.mm_out(out, a, b), out);
  }

  /** out[i] ← a[i]·b[i]. */
  public static void batchedMatmul(Tensor a, Tensor b, Tensor out) {
    release(torch.bmm_out(out, a, b), out);
  }

  /** dst[indices[i]] += src[i] along the outer axis. */
  public static void indexAdd(Tensor dst, Tensor indices, Tensor src) {
    release(dst.index_add_(0, indices, src, ONE), dst);
  }

  /** The gradient [rows, d] of an embedding from dy [n, d] and indices [n]. */
  public static Tensor embeddingGradient(Tensor dy, Tensor indices, long rows) {
    return torch.embedding_dense_backward(dy, indices, rows, -1, false);
  }

  /** out ← softmax over the last axis. */
  public static void softmax(Tensor x, Tensor out) {
    release(torch.softmax_out(out, x, -1), out);
  }

  /** out ← log-softmax over the last axis. */
  public static void logSoftmax(Tensor x, Tensor out) {
    release(torch.log_softmax_out(out, x, -1), out);
  }

  /** Mean cross-entropy of logits [n, classes] with int64 targets [n]. */
  public static Tensor crossEntropy(Tensor logits, Tensor targets) {
    return torch.cross_entropy_loss(logits, targets);
  }

  /** The gradient of {@link #crossEntropy} by the logits, by libtorch's autograd. */
  public static Tensor crossEntropyGradient(Tensor logits, Tensor targets) {
    try (Tensor leaf = logits.clone()) {
      leaf.set_requires_grad(true);
      try (Tensor loss = torch.cross_entropy_loss(leaf, targets)) {
        loss.backward();
      }
      return new Tensor(leaf.grad()); // leaf owns the other
    }
  }

  /** {@link #crossEntropy}, and its gradient anew in {@code logits}, which asks for it. */
  public static Tensor crossEntropyBackward(Tensor logits, Tensor targets) {
    logits.mutable_grad().put(UNDEFINED);
    Tensor loss = torch.cross_entropy_loss(logits, targets);
    loss.backward();
    return loss;
  }

  private static T_TensorTensorTensor_T backward(
      Tensor dy, Tensor x, Tensor w, ConvShape g, BoolPointer mask) {
    return torch.convolution_backward(
        dy,
        x,
        w,
        new long[] {g.k()},
        pair(g.stride()),
        pair(g.padding()),
        pair(g.dilation()),
        false,
        NO_OUTPUT_PADDING,
        g.groups(),
        mask);
  }

  private static Tensor wrap(MemorySegment memory, torch.ScalarType type, long... shape) {
    long bytes = type == torch.ScalarType.Long ? Long.BYTES : Float.BYTES;
    for (long extent : shape) {
      bytes = Math.multiplyExact(bytes, extent);
    }
    if (bytes != memory.byteSize() || !memory.isNative()) {
      throw new IllegalArgumentException(bytes + " bytes needed, not " + memory);
    }
    try (var options = new TensorOptions(type)) {
      return torch.from_blob(new Address(memory.address()), shape, options);
    }
  }

  /**
   * In-place operations return their destination: as the same object, or as another handle of it.
   */
  static void release(Tensor result, Tensor destination) {
    if (result != destination) {
      result.close();
    }
  }

  private static long[] pair(long v) {
    return new long[] {v, v};
  }

  private static BoolPointer mask(boolean data, boolean weight) {
    return new BoolPointer(3).put(0, data).put(1, weight).put(2, false);
  }

  /** A JavaCPP pointer to an address that we own. */
  private static final class Address extends Pointer {
    Address(long address) {
      super((Pointer) null);
      this.address = address;
    }
  }
}

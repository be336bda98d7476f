package dev.selfsame.bench.peers;

import static dev.selfsame.bench.peers.TorchPeer.release;

import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** libtorch's elementwise functions, pooling and sums, all into memory that the caller gives. */
public final class TorchFunctions {
  private static final long[] DENSE = {1, 1};

  private TorchFunctions() {}

  public static void add(Tensor a, Tensor b, Tensor y) {
    release(torch.add_out(y, a, b), y);
  }

  public static void mul(Tensor a, Tensor b, Tensor y) {
    release(torch.mul_out(y, a, b), y);
  }

  public static void relu(Tensor x, Tensor y) {
    release(torch.relu_out(y, x), y);
  }

  public static void exp(Tensor x, Tensor y) {
    release(torch.exp_out(y, x), y);
  }

  public static void log(Tensor x, Tensor y) {
    release(torch.log_out(y, x), y);
  }

  public static void tanh(Tensor x, Tensor y) {
    release(torch.tanh_out(y, x), y);
  }

  public static void sigmoid(Tensor x, Tensor y) {
    release(torch.sigmoid_out(y, x), y);
  }

  /** The form with erf. */
  public static void gelu(Tensor x, Tensor y) {
    release(torch.gelu_out(y, x), y);
  }

  /** dx of {@link #gelu} from its input. */
  public static void geluGradient(Tensor x, Tensor dy, Tensor dx) {
    release(torch.gelu_backward_out(dx, dy, x), dx);
  }

  /** dx of {@link #tanh} from its output. */
  public static void tanhGradient(Tensor y, Tensor dy, Tensor dx) {
    release(torch.tanh_backward_out(dx, dy, y), dx);
  }

  /** Largest element of each k×k window, and where it is (int64). */
  public static void maxPool(Tensor x, Window w, Tensor y, Tensor argmax) {
    torch
        .max_pool2d_with_indices_out(y, argmax, x, w.size(), w.step(), w.margin(), DENSE, false)
        .close();
  }

  /** The gradient of {@link #maxPool}. */
  public static void maxPoolGradient(Tensor dy, Tensor x, Window w, Tensor argmax, Tensor dx) {
    release(
        torch.max_pool2d_with_indices_backward_out(
            dx, dy, x, w.size(), w.step(), w.margin(), DENSE, false, argmax),
        dx);
  }

  /** Mean of each k×k window, positions outside counted as 0. */
  public static void averagePool(Tensor x, Window w, Tensor y) {
    release(
        torch.avg_pool2d_out(y, x, w.size(), w.step(), w.margin(), false, true, w.divisor()), y);
  }

  /** The gradient of {@link #averagePool}. */
  public static void averagePoolGradient(Tensor dy, Tensor x, Window w, Tensor dx) {
    release(
        torch.avg_pool2d_backward_out(
            dx, dy, x, w.size(), w.step(), w.margin(), false, true, w.divisor()),
        dx);
  }

  /** Sums over some axes, which vanish. */
  public static void sum(Tensor x, Tensor out, long... axes) {
    release(torch.sum_out(out, x, axes), out);
  }

  /** out[i] ← table[indices[i]]. */
  public static void indexSelect(Tensor table, Tensor indices, Tensor out) {
    release(torch.index_select_out(out, table, 0, indices), out);
  }

  /** Square windows: size, step and margin are the same along both axes. */
  public record Window(long[] size, long[] step, long[] margin, LongOptional divisor) {
    public static Window of(long k, long stride, long padding) {
      return new Window(
          new long[] {k, k},
          new long[] {stride, stride},
          new long[] {padding, padding},
          new LongOptional());
    }
  }
}

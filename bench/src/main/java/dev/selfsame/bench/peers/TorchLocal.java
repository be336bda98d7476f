package dev.selfsame.bench.peers;

import dev.selfsame.bench.ConvShape;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A locally connected layer by libtorch, which has no such operation: columns by {@code im2col},
 * and a batched product with one matrix for each position. Weights are [positions, terms, k], where
 * its products are fastest.
 */
public final class TorchLocal {
  private TorchLocal() {}

  /** y [n, k, positions] of x and w. */
  public static Tensor forward(Tensor x, Tensor w, ConvShape g) {
    try (Tensor columns = columns(x, g);
        Tensor byPosition = columns.permute(2, 0, 1);
        Tensor product = torch.bmm(byPosition, w);
        Tensor y = product.permute(1, 2, 0)) {
      return y.contiguous();
    }
  }

  /**
   * A layer with a bias [positions, 1, k] in a network: y [n, k, p, q].
   *
   * @param results keeps what is made on the way
   */
  static Tensor layer(Results results, Tensor x, Tensor w, Tensor bias, ConvShape g) {
    Tensor columns = results.keep(columns(x, g));
    Tensor byPosition = results.keep(columns.permute(2, 0, 1));
    Tensor product = results.keep(torch.baddbmm(bias, byPosition, w));
    Tensor turned = results.keep(product.permute(1, 2, 0));
    return results.keep(turned.reshape(-1, g.k(), g.p(), g.q()));
  }

  /** dx of {@link #forward} from dy [n, k, positions]. */
  public static Tensor dataGradient(Tensor dy, Tensor w, ConvShape g) {
    try (Tensor byPosition = dy.permute(2, 0, 1);
        Tensor turned = w.transpose(1, 2);
        Tensor product = torch.bmm(byPosition, turned);
        Tensor columns = product.permute(1, 2, 0)) {
      return torch.col2im(
          columns,
          new long[] {g.h(), g.w()},
          new long[] {g.r(), g.s()},
          pair(g.dilation()),
          pair(g.padding()),
          pair(g.stride()));
    }
  }

  /** dw of {@link #forward}, [positions, terms, k]. */
  public static Tensor weightGradient(Tensor x, Tensor dy, ConvShape g) {
    try (Tensor columns = columns(x, g);
        Tensor byPosition = columns.permute(2, 1, 0);
        Tensor gradients = dy.permute(2, 0, 1)) {
      return torch.bmm(byPosition, gradients);
    }
  }

  /** Weights [k, terms, positions] as they are taken here, or back again: the axes turned round. */
  public static Tensor turn(Tensor w) {
    try (Tensor turned = w.permute(2, 1, 0)) {
      return turned.contiguous();
    }
  }

  private static Tensor columns(Tensor x, ConvShape g) {
    return torch.im2col(
        x, new long[] {g.r(), g.s()}, pair(g.dilation()), pair(g.padding()), pair(g.stride()));
  }

  private static long[] pair(long v) {
    return new long[] {v, v};
  }
}

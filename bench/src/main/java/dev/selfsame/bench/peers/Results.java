package dev.selfsame.bench.peers;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Tensors on the way to a loss, which are given up together. */
final class Results implements AutoCloseable {
  private final List<Tensor> tensors = new ArrayList<>();

  Tensor keep(Tensor t) {
    tensors.add(t);
    return t;
  }

  @Override
  public void close() {
    tensors.forEach(Tensor::close);
  }
}

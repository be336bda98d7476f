package dev.selfsame.verify;

import dev.selfsame.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** Lists of tensors of several sizes, as updates take them. */
final class UpdateInputs {
  private UpdateInputs() {}

  /** Sizes of one to five tensors. */
  static long[] sizes(Draw d) {
    long[] sizes = new long[d.between(1, 5)];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = d.size(1100, 40_000);
    }
    return sizes;
  }

  /** One input a size. */
  static List<Draw.Input> list(
      long[] sizes, String name, BiFunction<String, Long, Draw.Input> make) {
    List<Draw.Input> inputs = new ArrayList<>();
    for (int i = 0; i < sizes.length; i++) {
      inputs.add(make.apply(name + i, sizes[i]));
    }
    return inputs;
  }

  static List<Tensor> in(Run run, List<Draw.Input> inputs) {
    return inputs.stream().map(run::in).toList();
  }

  static List<Tensor> inOut(Run run, List<Draw.Input> inputs) {
    return inputs.stream().map(run::inOut).toList();
  }
}

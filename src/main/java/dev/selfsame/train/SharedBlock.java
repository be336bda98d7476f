package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.EncoderBlock;
import dev.selfsame.nn.Initializer;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes the gradient of a shared block apart: the same model with a copy of the block for each
 * layer computes the same numbers, and each copy gets the gradient of its own use.
 */
final class SharedBlock {
  /** Of each parameter of the block, its gradient; then those of its copies, first layer first. */
  private final List<float[]> whole = new ArrayList<>();

  private final List<List<float[]>> uses = new ArrayList<>();

  private SharedBlock() {}

  /** For a run's next batch. */
  static SharedBlock of(AlbertRun run, AlbertModel.Sizes s) {
    var apart = new SharedBlock();
    AlbertModel model = run.model();
    EncoderBlock block = model.blocks().getFirst();
    try (Scope scope = Scope.open()) {
      run.gradients(model);
      block.parameters().forEach(p -> apart.whole.add(p.gradient().toFloatArray()));
      Initializer init = new Initializer(scope, run.device(), 0);
      Dropout none = new Dropout(0f, 0);
      List<EncoderBlock> copies = new ArrayList<>();
      for (int layer = 0; layer < model.blocks().size(); layer++) {
        var copy = EncoderBlock.of(init, "layer" + layer, s.width(), s.heads(), s.inner(), none);
        for (int i = 0; i < block.parameters().size(); i++) {
          copy.parameters().get(i).value().copyFrom(block.parameters().get(i).value());
        }
        copies.add(copy);
      }
      run.parameters().forEach(Parameter::clearGradient);
      run.gradients(model.with(copies));
      for (EncoderBlock copy : copies) {
        apart.uses.add(copy.parameters().stream().map(p -> p.gradient().toFloatArray()).toList());
      }
    } finally {
      run.parameters().forEach(Parameter::clearGradient);
    }
    return apart;
  }

  /** Whether the gradient is the left fold over the uses, last first; and what else it is not. */
  Finding finding() {
    boolean same = folded(true);
    boolean otherWay = folded(false);
    return new Finding(
        "the block's gradient is the left fold over its uses, last use first, in bits",
        uses.size()
            + " uses, "
            + whole.stream().mapToInt(g -> g.length).sum()
            + " numbers: "
            + (same ? "equal" : "different")
            + "; first use first: "
            + (otherWay ? "equal" : "different"),
        same);
  }

  private boolean folded(boolean lastFirst) {
    int n = uses.size();
    boolean equal = true;
    for (int p = 0; p < whole.size(); p++) {
      float[] sum = uses.get(lastFirst ? n - 1 : 0).get(p).clone();
      for (int k = 1; k < n; k++) {
        float[] term = uses.get(lastFirst ? n - 1 - k : k).get(p);
        for (int i = 0; i < sum.length; i++) {
          sum[i] += term[i];
        }
      }
      equal &= Bits.compare(whole.get(p), sum).isEmpty();
    }
    return equal;
  }
}
